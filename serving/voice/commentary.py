"""What is made of a call's committed words: insights, cards and steps, and the measures of the talk."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, Protocol

from lintel.voice.coaching.card import Card, StepDone
from lintel.voice.coaching.listening import Noticed, noticed
from lintel.voice.streaming.utterance import SENTENCE_ENDS
from lintel.voice.transcript import Turn
from lintel.voice.understanding.insights import Insights
from lintel.voice.understanding.talk import TalkMeasures, TalkMeter
from lintel.voice.understanding.understanding import TURNS_BEFORE
from serving.voice.live_event import Kind

MEASURED_EVERY_S = 5.0
Said = Iterator[tuple[Kind, dict[str, Any]]]


class Understanding(Protocol):
    """`lintel.voice.understanding`: what a turn means."""

    def turn(self, turn: Turn, before: Sequence[Turn]) -> Insights: ...


class Coach(Protocol):
    """`lintel.voice.coaching.coach.Coach`."""

    def hear(self, turn: Turn, noticed: Iterable[Noticed], at: float) -> list[Card | StepDone]: ...

    def measure(self, measures: TalkMeasures, at: float) -> list[Card]: ...

    def judge(self, card_id: str, verdict: Literal["dismissed", "useful"]) -> Card | None: ...


class Commentary:
    """Of one call. Without understanding or coach the rest still works.

    The coach hears a turn whenever words are added, so that a card comes within a phrase; understanding, which costs
    more, only when a sentence is complete.
    """

    def __init__(self, understanding: Understanding | None = None, coach: Coach | None = None) -> None:
        self._understanding = understanding
        self._coach = coach
        self._meter = TalkMeter()
        self._before: list[Turn] = []
        self._noticed: dict[float, list[Noticed]] = {}
        self._measured_at = 0.0

    def speech(self, speaker: str, start: float, end: float) -> None:
        """There was speech on a speaker's channel; words or not."""
        self._meter.speech(speaker, start, end)

    def grown(self, turn: Turn, at: float) -> Said:
        """The turn that a speaker is in has new words."""
        if self._coach is None:
            return
        if turn.text.endswith(SENTENCE_ENDS):
            self._noticed = {turn.start: noticed(self._insights(turn))}
        yield from self._cards(turn, self._noticed.get(turn.start, []), at)

    def complete(self, turn: Turn, at: float) -> tuple[dict[str, Any] | None, list[tuple[Kind, dict[str, Any]]]]:
        """A turn is over: its insights, and what the coach says to them."""
        insights = self._insights(turn)
        self._before = [*self._before, turn][-TURNS_BEFORE:]
        for end in _questions(turn, insights):
            self._meter.question(turn.speaker, end)
        cards = list(self._cards(turn, noticed(insights), at))
        return (insights.to_json() if insights else None), cards

    def measure(self, at: float) -> Said:
        """The measures of the talk, every few seconds, and what the coach says to them."""
        if at - self._measured_at >= MEASURED_EVERY_S:
            yield from self.last(at)
            if self._coach is not None:
                for card in self._coach.measure(self._meter.measures(at), at):
                    yield "card", {"card": card.to_json()}

    def last(self, at: float) -> Said:
        """The measures as they are now."""
        self._measured_at = at
        measures = self._meter.measures(at)
        yield (
            "meter",
            {
                "talk_share": measures.talk_share,
                "longest_monologue_s": measures.longest_monologue_s,
                "silence_s": measures.silence_s,
                "interruptions": measures.interruptions,
                "patience_s": measures.patience_s,
                "questions": measures.questions,
            },
        )

    def judge(self, card_id: str, verdict: Literal["dismissed", "useful"]) -> bool:
        """Pass on the agent's word; whether there was such a card."""
        return self._coach is not None and self._coach.judge(card_id, verdict) is not None

    def _insights(self, turn: Turn) -> Insights | None:
        return self._understanding.turn(turn, self._before) if self._understanding else None

    def _cards(self, turn: Turn, noticed: list[Noticed], at: float) -> Said:
        for said in self._coach.hear(turn, noticed, at) if self._coach else ():
            if isinstance(said, StepDone):
                yield "step", said.to_json()
            else:
                yield "card", {"card": said.to_json()}


def _questions(turn: Turn, insights: Insights | None) -> list[float]:
    """When the questions of a turn were complete; by their mark where nothing understands them."""
    if insights is not None:
        return [question.end for question in insights.questions]
    return [word.end for word in turn.words if word.text.endswith("?")]
