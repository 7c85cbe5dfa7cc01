"""What a call came to, once it is over: who said what, what it means, how they talked, what a coach would have said."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lintel.voice.affect.customer import ABOUT, CustomerVoice, TurnAffect, by_turn, changes
from lintel.voice.coaching.card import Card, StepDone
from lintel.voice.coaching.coach import Coach
from lintel.voice.coaching.listening import noticed
from lintel.voice.redacted import redacted_turns
from lintel.voice.streaming.turns import Turns
from lintel.voice.summary.abstractive import Ask, summarise
from lintel.voice.summary.claims import Summary
from lintel.voice.transcript import AGENT, Segment, Turn
from lintel.voice.understanding.insights import Insights
from lintel.voice.understanding.talk import TalkMeasures, TalkMeter
from lintel.voice.understanding.understanding import TURNS_BEFORE, Understanding


@dataclass(frozen=True, slots=True)
class CallAnalysis:
    """Everything of one call, redacted. `understood` has one entry a turn; `open_steps` are the playbook's that nobody
    did, none where it is not known who the agent is. `affect` has one entry a turn, None for those of others than the
    lead; it is empty where affect is off. Times are seconds of the call."""

    speakers: tuple[str, ...]
    seconds: float
    turns: tuple[Turn, ...]
    understood: tuple[Insights, ...]
    talk: TalkMeasures
    moments: tuple[Card | StepDone, ...]
    open_steps: tuple[str, ...]
    summary: Summary
    affect: tuple[TurnAffect | None, ...] = ()

    def to_json(self) -> dict[str, Any]:
        turns = [
            {
                "speaker": turn.speaker,
                "start": turn.start,
                "end": turn.end,
                "text": turn.text,
                "words": [asdict(word) for word in turn.words],
                "insights": insights.to_json(),
            }
            for turn, insights in zip(self.turns, self.understood, strict=True)
        ]
        for said, affect in zip(turns, self.affect, strict=False):
            if affect:
                said["affect"] = affect.to_json()
        whole = {"affect": {"about": ABOUT, "changes": changes(self.turns, self.affect)}} if self.affect else {}
        return {
            "speakers": list(self.speakers),
            "seconds": round(self.seconds, 3),
            "turns": turns,
            "talk": asdict(self.talk),
            "moments": [{"at": one.at, "kind": _kind(one), **one.to_json()} for one in self.moments],
            "open_steps": list(self.open_steps),
            "summary": self.summary.to_json(),
            **whole,
        }


def analyse(
    segments: Iterable[Segment],
    speakers: Sequence[str],
    seconds: float,
    *,
    understanding: Understanding,
    coach: Coach,
    ask: Ask | None = None,
    model: str = "",
    voice: CustomerVoice | None = None,
) -> CallAnalysis:
    """Analyse the segments of a call that lasted `seconds`, `speakers` by channel.

    Personal data is taken out first: nothing behind it, the language model last of all, sees any.
    """
    turns = conversation(segments, speakers)
    understood = tuple(understanding.turn(turn, turns[max(0, i - TURNS_BEFORE) : i]) for i, turn in enumerate(turns))
    meter = TalkMeter()
    moments = tuple(_moments(turns, understood, meter, coach))
    return CallAnalysis(
        speakers=tuple(speakers),
        seconds=seconds,
        turns=turns,
        understood=understood,
        talk=meter.measures(seconds),
        moments=moments,
        open_steps=tuple(step.title for step in coach.open_steps()) if AGENT in speakers else (),
        summary=summarise(turns, understood, ask, model),
        affect=by_turn(voice, turns) if voice else (),
    )


def conversation(segments: Iterable[Segment], speakers: Sequence[str]) -> tuple[Turn, ...]:
    """Segments of all channels as redacted turns, in order."""
    turns = Turns(speakers)
    for segment in sorted(segments, key=lambda one: one.start):
        turns.add(speakers[segment.channel], segment.words)
    return redacted_turns(turns.close_all())


def _moments(
    turns: Sequence[Turn], understood: Sequence[Insights], meter: TalkMeter, coach: Coach
) -> Iterable[Card | StepDone]:
    """What the coach would have said, turn by turn; the meter is filled on the way."""
    for turn, insights in zip(turns, understood, strict=True):
        meter.speech(turn.speaker, turn.start, turn.end)
        for question in insights.questions:
            meter.question(turn.speaker, question.end)
        yield from coach.hear(turn, noticed(insights), turn.end)
        yield from coach.measure(meter.measures(turn.end), turn.end)


def _kind(moment: Card | StepDone) -> str:
    return "card" if isinstance(moment, Card) else "step"
