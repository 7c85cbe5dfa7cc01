"""Listens to a call through its committed words and says little: cards and ticked steps."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from lintel.voice.coaching.card import SEVERITIES, Card, StepDone, Verdict
from lintel.voice.coaching.listening import Embedder, Heard, Meanings, Noticed, heard
from lintel.voice.coaching.playbook import CardRule, Measure, Playbook, Step
from lintel.voice.coaching.rate import Limiter
from lintel.voice.phrases import Spoken
from lintel.voice.transcript import Turn
from lintel.voice.understanding.talk import TalkMeasures


@dataclass(frozen=True, slots=True)
class _Trigger:
    rule: CardRule
    heard: Heard


class Coach:
    """The coach of one call.

    `muted` names cards whose record says that nobody finds them useful; critical ones cannot be muted. Not safe for
    several threads.
    """

    def __init__(self, playbook: Playbook, *, embedder: Embedder | None = None, muted: Collection[str] = ()) -> None:
        self.playbook = playbook
        self._cards = [card for card in playbook.cards if card.id not in muted or card.severity == "critical"]
        self._cards.sort(key=lambda card: -SEVERITIES.index(card.severity))
        self._open: dict[str, Step] = {step.id: step for step in playbook.steps}
        self._limiter = Limiter(playbook.rates)
        self._meanings = Meanings(embedder)
        self._answered: dict[str, float] = {}
        self._said: dict[str, str] = {}
        self._shown: dict[str, Card] = {}
        self._verdicts: dict[str, Verdict] = {}

    def hear(self, turn: Turn, noticed: Iterable[Noticed], at: float) -> list[Card | StepDone]:
        """What the words of a turn call for. A turn may be heard again when it has grown: nothing comes twice.

        `at` is now, in seconds of the call.
        """
        if not turn.words:
            return []
        spoken, notices = Spoken.of(turn.words), list(noticed)
        steps = list(self._steps(turn, spoken, notices, at))
        triggers = list(self._triggers(turn, spoken, notices))
        for trigger in triggers:
            self._answered[trigger.rule.id] = trigger.heard.end
        cards = [self._card(one.rule, one.heard, at) for one in triggers if self._limiter.admits(one.rule, at)]
        return [*cards, *steps]

    def measure(self, measures: TalkMeasures, at: float) -> list[Card]:
        """Cards that the measures of the talk so far call for; the same figure is told once."""
        cards = []
        for rule in self._cards:
            left = _left_its_range(rule.measure, measures, at) if rule.measure else None
            if left is not None and left != self._said.get(rule.id) and self._limiter.admits(rule, at):
                self._said[rule.id] = left
                cards.append(self._card(rule, Heard(left, at, at), at))
        return cards

    def judge(self, card_id: str, verdict: Verdict) -> Card | None:
        """Keep the agent's word on a card; the last one counts. None for a card that was never shown."""
        card = self._shown.get(card_id)
        if card is not None:
            self._verdicts[card_id] = verdict
        return card

    def shown(self) -> list[tuple[Card, Verdict | None]]:
        """Every card of the call in order, with the agent's word on it."""
        return [(card, self._verdicts.get(card.card_id)) for card in self._shown.values()]

    def open_steps(self) -> list[Step]:
        """Steps that have not been done yet, in the playbook's order."""
        return list(self._open.values())

    def _steps(self, turn: Turn, spoken: Spoken, noticed: list[Noticed], at: float) -> Iterator[StepDone]:
        for step in list(self._open.values()):
            found = heard(step.done, turn.speaker, spoken, noticed, self._meanings)
            if found:
                del self._open[step.id]
                yield StepDone(self.playbook.name, step.id, step.title, found[0].quote, at)

    def _triggers(self, turn: Turn, spoken: Spoken, noticed: list[Noticed]) -> Iterator[_Trigger]:
        """For each rule the latest words that call for it and have not been answered yet."""
        for rule in self._cards:
            if rule.when is None:
                continue
            past = self._answered.get(rule.id, float("-inf"))
            found = [
                one for one in heard(rule.when, turn.speaker, spoken, noticed, self._meanings) if one.start >= past
            ]
            if found:
                yield _Trigger(rule, found[-1])

    def _card(self, rule: CardRule, found: Heard, at: float) -> Card:
        card = Card(
            card_id=f"{rule.id}.{len(self._shown) + 1}",
            rule=rule.id,
            severity=rule.severity,
            category=rule.category,
            title=rule.title,
            suggestion=rule.suggestion,
            quote=found.quote,
            start=found.start,
            end=found.end,
            at=at,
            link=rule.link,
        )
        self._shown[card.card_id] = card
        return card


def _left_its_range(measure: Measure, measures: TalkMeasures, at: float) -> str | None:
    """The measure in words if it is out of its range, else None."""
    value = measure.value(measures) if at >= measure.after_s else None
    if value is None:
        return None
    high = measure.above is not None and value > measure.above
    low = measure.below is not None and value < measure.below
    if not (high or low):
        return None
    who = f" of the {measure.speaker}" if measure.speaker else ""
    return f"{measure.name}{who} is {value:.2g}"
