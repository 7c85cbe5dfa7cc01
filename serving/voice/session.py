"""One live call: audio of its channels in, words, turns, cards and measures out, each told to whoever watches."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lintel.errors import InputError
from lintel.voice.audio.samples import SAMPLE_RATE, Samples, seconds
from lintel.voice.consent import Consent, Policy
from lintel.voice.streaming.turns import Turns
from lintel.voice.streaming.utterance import Stretch
from lintel.voice.transcript import AGENT, LEAD, Segment, Turn, Word
from lintel.voice.transcription.engine import Hypothesis, Window
from lintel.voice.transcription.guards import LOOPS, accepted, refusal
from serving.voice.channel import Arrival, Channel
from serving.voice.commentary import Commentary
from serving.voice.decoder import Decoder, Outcome, Ticket
from serving.voice.history import History
from serving.voice.live_event import LiveEvent

LAST_WAIT_S = 0.3
OTHER_WAIT_S = 0.6
"""How long a window may wait: one that completes what was said goes before one that will be heard again."""
STARVED_S = 1.0
"""Speech of which nothing arrives for so long is taken to be over."""
DRAIN_S = 10.0
"""How long a call that has ended waits for its last words."""
LAG_EVERY_S = 2.0
TOLD_GAP_S = 0.1


@dataclass(frozen=True, slots=True)
class CallStart:
    """Who talks to whom. `speakers` by channel; `language` is a two-letter code."""

    tenant: str
    lead_id: str | None = None
    agent_id: str | None = None
    speakers: tuple[str, ...] = (AGENT, LEAD)
    language: str = "en"
    consent_policy: Policy = "all_party"


@dataclass(slots=True)
class _Asked:
    ticket: Ticket
    stretch: Stretch


class CallSession:
    """Lives on one event loop; only the decoder has a thread of its own.

    Parameters
    ----------
    channels: one a speaker of `start`.
    commentary: what understanding and coaching make of the words.
    clock: seconds, monotonic; the decoder's.
    post: runs a call on the session's loop (`loop.call_soon_threadsafe`).
    """

    def __init__(
        self,
        call_id: str,
        start: CallStart,
        channels: Sequence[Channel],
        decoder: Decoder,
        *,
        commentary: Commentary,
        clock: Callable[[], float],
        post: Callable[..., object],
    ) -> None:
        self.call_id = call_id
        self.start = start
        self.consent = Consent.unknown(start.speakers, start.consent_policy)
        self.history = History()
        self.ended: str | None = None
        self.unheard_s = 0.0
        """Seconds of audio that were dropped because consent was missing."""
        self._channels = tuple(channels)
        self._decoder = decoder
        self._commentary = commentary
        self._clock = clock
        self._post = post
        self._turns = Turns(start.speakers)
        self._segments: list[Segment] = []
        self._asked: dict[int, _Asked] = {}
        self._lag: dict[int, float] = dict.fromkeys(range(len(self._channels)), 0.0)
        self._granted_at = 0.0
        self._ending: str | None = None
        self._opened = self._pushed = self._lag_told = clock()
        self._arrived = [self._opened] * len(self._channels)
        self._drained_by = 0.0
        self._gone = asyncio.Event()
        self._tell_consent(0.0)

    @property
    def tenant(self) -> str:
        return self.start.tenant

    @property
    def speakers(self) -> tuple[str, ...]:
        """By channel."""
        return self.start.speakers

    @property
    def now(self) -> float:
        """How far the call has come, in seconds of its own clock."""
        return max(channel.end for channel in self._channels)

    @property
    def idle_s(self) -> float:
        """Seconds since the last audio of any channel arrived."""
        return self._clock() - self._pushed

    @property
    def age_s(self) -> float:
        return self._clock() - self._opened

    def push(self, channel: int, samples: Samples, at: float) -> None:
        """Audio of one channel at 16 kHz whose first sample belongs at `at`, seconds of the call's clock.

        Without consent it is dropped. What comes after the end is ignored. Raises InputError for a channel that the
        call does not have.
        """
        if not 0 <= channel < len(self._channels):
            raise InputError(f"The call has no channel {channel}.", mend=f"Channels: 0 to {len(self._channels) - 1}.")
        if self._ending:
            return
        self._pushed = self._arrived[channel] = self._clock()
        samples, at = self._consented(channel, samples, at)
        if len(samples):
            self._arrival(channel, self._channels[channel].push(samples, at))
            self._ask(channel)

    def set_consent(self, speaker: str, state: str, at: float) -> None:
        """What a speaker said about being heard. A withdrawal ends the call at once; nothing that waits is heard.

        Raises InputError for a speaker or a state that does not exist.
        """
        before = self.consent
        self.consent = before.said(speaker, state)
        if self.consent == before or self.ended:
            return
        if self.consent.granted and not before.granted:
            self._granted_at = at
        self._tell_consent(at)
        if self.consent.state == "withdrawn":
            self._finish("consent_withdrawn")
        elif before.granted and not self.consent.granted:
            self._silence()

    def disclose(self, at: float) -> None:
        """The speakers were told that the call is listened to."""
        if not self.consent.disclosed:
            self.consent = self.consent.told()
            self._tell_consent(at)

    def judge(self, card_id: str, verdict: Literal["dismissed", "useful"]) -> None:
        """The agent's word on a card."""
        if self._commentary.judge(card_id, verdict):
            self._tell("card", {"card_id": card_id, "state": verdict})

    def end(self, reason: str) -> None:
        """Take no more audio; the last words are still heard. `reason` as in the event `ended`. Ending twice is ending
        once."""
        if reason == "consent_withdrawn":
            self._finish(reason)
        if self._ending:
            return
        self._ending = reason
        self._drained_by = self._clock() + DRAIN_S
        for number, channel in enumerate(self._channels):
            channel.pause()
            self._ask(number)
        self._finish_when_drained()

    async def wait_ended(self) -> None:
        """Until the last word is known and the `ended` event was told."""
        await self._gone.wait()

    def watch(self, after: int = 0) -> AsyncIterator[LiveEvent]:
        """The events with a number above `after`, then those to come, until the call has ended."""
        return self.history.watch(after)

    def transcript(self) -> list[Segment]:
        """The committed words in turns, by when they began; turns that may still grow come as far as they are known."""
        still_open = [turn for speaker in self.speakers if (turn := self._turns.open(speaker)) is not None]
        segments = [*self._segments, *map(self._segment, still_open)]
        return sorted(segments, key=lambda segment: (segment.start, segment.channel))

    def tick(self) -> None:
        """What time alone brings: call it every second or so."""
        if self.ended:
            return
        if self._ending:
            self._finish_when_drained()
            return
        now = self._clock()
        for number, channel in enumerate(self._channels):
            if channel.speaking and self._starved(number):
                channel.pause()
            self._ask(number)
        self._close_turns()
        for kind, data in self._commentary.measure(self.now):
            self._tell(kind, data)
        if now - self._lag_told >= LAG_EVERY_S:
            self._tell_lag()

    def lag_ms(self) -> dict[int, float]:
        """By channel: how long its words were or are known after they were due."""
        now = self._clock()
        waiting = {number: now - asked.ticket.due for number, asked in self._asked.items()}
        return {number: 1000 * max(lag, waiting.get(number, 0.0)) for number, lag in self._lag.items()}

    def _consented(self, channel: int, samples: Samples, at: float) -> tuple[Samples, float]:
        """What of the samples may be heard: nothing without consent, nothing from before it was given."""
        early = len(samples)
        if self.consent.granted:
            early = min(max(0, round((self._granted_at - at) * SAMPLE_RATE)), len(samples))
        if early:
            self.unheard_s += early / SAMPLE_RATE
            self._channels[channel].skip(samples[:early], at)
        return samples[early:], at + early / SAMPLE_RATE

    def _arrival(self, channel: int, arrival: Arrival) -> None:
        if arrival.gap >= TOLD_GAP_S:
            self._tell("gap", {"channel": channel, "seconds": round(arrival.gap, 3), "reason": "network"})
        if arrival.given_up:
            self._tell("gap", {"channel": channel, "seconds": round(arrival.given_up, 3), "reason": "overload"})
        for begin, end in arrival.speech:
            self._commentary.speech(self.speakers[channel], begin, end)

    def _ask(self, channel: int) -> None:
        """Have the decoder hear what the channel wants heard, or put the fuller window in the waiting one's place."""
        stretch = self._channels[channel].wanted(self._decoder.rung.chunk_seconds)
        asked = self._asked.get(channel)
        if stretch is None or (asked and asked.stretch.end == stretch.end and asked.stretch.last == stretch.last):
            return
        now = self._clock()
        due = asked.ticket.due if asked else now
        ticket = Ticket(
            Window(stretch.samples, self._channels[channel].prompt()),
            self.start.language,
            due,
            (now + LAST_WAIT_S) if stretch.last else (due + OTHER_WAIT_S),
            self._delivery(channel),
        )
        if asked is None:
            self._decoder.submit(ticket)
        elif not self._decoder.replace(asked.ticket, ticket):
            return
        self._asked[channel] = _Asked(ticket, stretch)

    def _delivery(self, channel: int) -> Callable[[Outcome], None]:
        """Hands an outcome from the decoder's thread to this loop."""

        def deliver(outcome: Outcome) -> None:
            self._post(self._decoded, channel, outcome)

        return deliver

    def _decoded(self, channel: int, outcome: Outcome) -> None:
        asked = self._asked.pop(channel, None)
        if asked is None:  # the call ended, or consent was withdrawn, while the decoder was at it
            return
        self._lag[channel] = outcome.lag
        words = _believed(outcome.hypothesis, seconds(asked.stretch.samples))
        before = self._channels[channel].tentative
        update = self._channels[channel].hear(asked.stretch, words)
        self._ask(channel)
        if update is not None:
            self._told(channel, update.committed, before, update.tentative)
        self._finish_when_drained()

    def _told(
        self, channel: int, committed: tuple[Word, ...], before: tuple[Word, ...], tentative: tuple[Word, ...]
    ) -> None:
        if committed:
            self._tell("committed", self._words(channel, committed))
            self._turns.add(self.speakers[channel], committed)
        if tentative != before:
            self._tell("tentative", self._words(channel, tentative))
        if committed:
            self._comment(self.speakers[channel])
        self._close_turns()

    def _comment(self, speaker: str) -> None:
        turn = self._turns.open(speaker)
        if turn is not None:
            for kind, data in self._commentary.grown(turn, self.now):
                self._tell(kind, data)

    def _close_turns(self) -> None:
        known = {speaker: self._known(number) for number, speaker in enumerate(self.speakers)}
        self._tell_turns(self._turns.close(known))

    def _known(self, channel: int) -> float:
        """Up to when all words of a channel are there; one that sends nothing keeps nobody waiting."""
        known = self._channels[channel].known
        silent = not self._channels[channel].waiting_s and channel not in self._asked
        return max(known, self.now) if silent and self._starved(channel) else known

    def _starved(self, channel: int) -> bool:
        return self._clock() - self._arrived[channel] > STARVED_S

    def _tell_turns(self, turns: list[Turn]) -> None:
        for turn in turns:
            self._segments.append(self._segment(turn))
            insights, said = self._commentary.complete(turn, self.now)
            self._tell(
                "turn",
                {
                    "speaker": turn.speaker,
                    "start": turn.start,
                    "end": turn.end,
                    "text": turn.text,
                    "insights": insights,
                },
            )
            for kind, data in said:
                self._tell(kind, data)

    def _finish_when_drained(self) -> None:
        if not self._ending or self.ended:
            return
        if not self._asked or self._clock() >= self._drained_by:
            self._finish(self._ending)

    def _finish(self, reason: str) -> None:
        if self.ended:
            return
        self._ending = self.ended = reason
        self._silence()
        self._tell_turns(self._turns.close_all())
        self._tell_lag()
        for kind, data in self._commentary.last(self.now):
            self._tell(kind, data)
        self._tell("ended", {"reason": reason})
        self.history.close()
        self._gone.set()

    def _silence(self) -> None:
        """Forget what is being heard and what waits to be."""
        for asked in self._asked.values():
            self._decoder.withdraw(asked.ticket)
        self._asked.clear()
        for number, channel in enumerate(self._channels):
            if channel.tentative:
                self._tell("tentative", self._words(number, ()))
            channel.clear()

    def _segment(self, turn: Turn) -> Segment:
        return Segment(self.speakers.index(turn.speaker), turn.words)

    def _words(self, channel: int, words: tuple[Word, ...]) -> dict[str, Any]:
        return {"channel": channel, "speaker": self.speakers[channel], "words": [asdict(word) for word in words]}

    def _tell_consent(self, at: float) -> None:
        consent = self.consent
        data = {"state": consent.state, "disclosed": consent.disclosed, "missing": list(consent.missing)}
        self.history.append(at, "consent", data)

    def _tell_lag(self) -> None:
        self._lag_told = self._clock()
        rung = self._decoder.rung
        lag = {str(channel): round(value) for channel, value in self.lag_ms().items()}
        self._tell("lag", {"lag_ms": lag, "model": self._decoder.model, "chunk_seconds": rung.chunk_seconds})

    def _tell(self, kind: Any, data: dict[str, Any]) -> None:
        self.history.append(self.now, kind, data)


def _believed(hypothesis: Hypothesis | None, length_s: float) -> tuple[Word, ...] | None:
    """The words that the guards let pass; None where the decoder failed or went round in circles, which says nothing
    about what was said."""
    if hypothesis is None or refusal(hypothesis, seconds=length_s) in LOOPS:
        return None
    return accepted(hypothesis, seconds=length_s)
