"""Wants and facts of people who look for a home, a turn of the user each, train to dev: the service Homes_1 of the
Schema-Guided Dialogue set (Rastogi et al. 2020)."""

import gzip
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.understanding_lab.scores import found
from lintel.voice.transcript import AGENT, LEAD, Turn, Word
from lintel.voice.understanding.classifier import most_likely
from lintel.voice.understanding.features import Embeds, Sample
from lintel.voice.understanding.insights import Fact, Insights
from lintel.voice.understanding.training import train
from lintel.voice.understanding.understanding import Understanding

SLOTS = ("area", "number_of_beds", "number_of_baths", "visit_date", "pets_allowed", "furnished")
_SLOT_OF = {
    "area": "area",
    "bedrooms": "number_of_beds",
    "bathrooms": "number_of_baths",
    "appointment": "visit_date",
    "feature.pets": "pets_allowed",
    "feature.furnished": "furnished",
}
_INTENT_OF = {"find_home": "FindApartment", "rent": "FindApartment", "buy": "FindApartment", "viewing": "ScheduleVisit"}
_KEYWORDS = {
    "area": re.compile(r"\b(?:in|near) [A-Z]"),
    "number_of_beds": re.compile(r"bed", re.I),
    "number_of_baths": re.compile(r"bath", re.I),
    "visit_date": re.compile(r"\b\d+(?:st|nd|rd|th)\b|day\b|tomorrow|next week|March", re.I),
    "pets_allowed": re.compile(r"\bpets?\b", re.I),
    "furnished": re.compile(r"furnish", re.I),
    "FindApartment": re.compile(r"apartment|place|home|house", re.I),
    "ScheduleVisit": re.compile(r"visit|tour|schedule|appointment", re.I),
}


@dataclass(frozen=True, slots=True)
class Heard:
    """A user's turn in a Homes frame: what it says by the publisher's marks, and the turns before it."""

    turn: Turn
    before: tuple[Turn, ...]
    intents: frozenset[str]
    """Those it announces."""
    active: frozenset[str]
    """Those it is about."""
    slots: dict[str, str]


def heard(folder: Path, part: str) -> list[Heard]:
    with gzip.open(folder / f"{part}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [one for line in lines for one in _dialogue(json.loads(line)["turns"])]


def _dialogue(turns: list[dict[str, Any]]) -> Iterator[Heard]:
    before: list[Turn] = []
    for said in turns:
        turn = spoken(said["utterance"], LEAD if said["speaker"] == "USER" else AGENT)
        frames = [frame for frame in said["frames"] if frame["service"].startswith("Homes")]
        if said["speaker"] == "USER" and frames:
            acts = [action for frame in frames for action in frame["actions"]]
            slots = {a["slot"]: _marked(a) for a in acts if a["act"] == "INFORM" and a["slot"] in SLOTS}
            intents = frozenset(a["canonical_values"][0] for a in acts if a["act"] == "INFORM_INTENT")
            active = frozenset(frame["state"]["active_intent"] for frame in frames)
            yield Heard(turn, tuple(before), intents, active, slots)
        before.append(turn)


def _marked(act: dict[str, Any]) -> str:
    """Days as they were said, for ours are words too; all else in the publisher's form."""
    return str(act["values" if act["slot"] == "visit_date" else "canonical_values"][0])


def spoken(text: str, speaker: str) -> Turn:
    """A written turn with made-up times: .3 s a word."""
    return Turn(speaker, tuple(Word(word, i * 0.3, i * 0.3 + 0.25, 1.0) for i, word in enumerate(text.split())))


def measured(folder: Path, embedder: Embeds) -> dict[str, Any]:
    training, tests = heard(folder, "train"), heard(folder, "dev")
    rules, near = Understanding(), Understanding(embedder)
    by_rules = [rules.turn(one.turn, one.before) for one in tests]
    by_meaning = [near.turn(one.turn, one.before) for one in tests]
    learnt = _Trained(training, tests, embedder)
    intents = {name: _intent(name, tests, by_rules, by_meaning, learnt) for name in ("FindApartment", "ScheduleVisit")}
    slots = {name: _slot(name, tests, by_rules, learnt) for name in SLOTS}
    values = [{f"{k}={_canonical(v)}" for k, v in one.slots.items()} for one in tests]
    said = [{f"{k}={_matched(k, v, one)}" for k, v in _slots(mine)} for one, mine in zip(tests, by_rules, strict=True)]
    return {
        "turns": {"train": len(training), "dev": len(tests)},
        "intents": intents,
        "slots": slots,
        "values_by_rules": found(values, said),
    }


def _intent(
    name: str, tests: Sequence[Heard], rules: Sequence[Insights], near: Sequence[Insights], learnt: "_Trained"
) -> dict[str, Any]:
    """Recall of the turns that announce the intent; precision by the intent that a turn is about, for people repeat
    what they want."""
    systems = {
        "keyword": [_keyword(name, one) for one in tests],
        "rules": [{name} & _intents(one) for one in rules],
        "rules_and_phrases": [{name} & _intents(one) for one in near],
        "trained": learnt.said(name, lambda one: name in one.intents),
    }
    announced, about = [{name} & one.intents for one in tests], [{name} & one.active for one in tests]
    return {system: _recalled(found(announced, said), found(about, said)) for system, said in systems.items()}


def _recalled(announced: dict[str, float], about: dict[str, float]) -> dict[str, float]:
    recall, precision = announced["recall"], about["precision"]
    both = round(2 * precision * recall / (precision + recall), 3) if precision + recall else 0.0
    return {"marked": announced["marked"], "precision": precision, "recall": recall, "f1": both}


def _slot(name: str, tests: Sequence[Heard], rules: Sequence[Insights], learnt: "_Trained") -> dict[str, Any]:
    truth = [{name} & one.slots.keys() for one in tests]
    return {
        "keyword": found(truth, [_keyword(name, one) for one in tests]),
        "rules": found(truth, [{name} & {slot for slot, _ in _slots(one)} for one in rules]),
        "trained": found(truth, learnt.said(name, lambda one: name in one.slots)),
    }


class _Trained:
    """Whether a turn says something, learnt from the training part; one reader a question."""

    def __init__(self, training: Sequence[Heard], tests: Sequence[Heard], embedder: Embeds) -> None:
        self._training, self._embedder = training, embedder
        self._samples = [_sample(one) for one in training]
        self._tests = [_sample(one) for one in tests]

    def said(self, name: str, says: Callable[[Heard], bool]) -> list[set[str]]:
        labels = ["yes" if says(one) else "no" for one in self._training]
        model = train(name, self._samples, labels, self._embedder, iterations=60)
        answers = most_likely(model, model.probabilities(self._tests, self._embedder))
        return [{name} if answer == "yes" else set() for answer in answers]


def _sample(one: Heard) -> Sample:
    return Sample.of(one.turn.text, LEAD, one.before)


def _keyword(name: str, one: Heard) -> set[str]:
    return {name} if _KEYWORDS[name].search(one.turn.text) else set()


def _intents(insights: Insights) -> set[str]:
    return {_INTENT_OF[one.name] for one in insights.intents if one.name in _INTENT_OF}


def _slots(insights: Insights) -> Iterator[tuple[str, str]]:
    for fact in insights.facts:
        name = f"feature.{fact.value}" if fact.name == "feature" else fact.name
        if name in _SLOT_OF:
            yield _SLOT_OF[name], _value(fact)


def _value(fact: Fact) -> str:
    if fact.name == "feature":
        return "True"
    return f"{fact.value:g}" if isinstance(fact.value, float) else fact.value


def _canonical(value: str) -> str:
    return re.sub(r"^(?:on|the|this|for|by) ", "", value.lower().strip())


def _matched(slot: str, value: str, one: Heard) -> str:
    """A city said whole and a city said short are one; so are dates with and without their hour."""
    mine, gold = _canonical(value), _canonical(one.slots.get(slot, ""))
    return gold if gold and slot in ("area", "visit_date") and (gold in mine or mine in gold) else mine
