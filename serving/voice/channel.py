"""One speaker's side of a live call: samples to stretches of speech, and those to windows that want hearing."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from lintel.voice.activity.detector import Detector
from lintel.voice.activity.endpointing import USUAL, Endpointer, EndpointSettings, SpeechEnded, SpeechStarted
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.streaming.agreement import Update
from lintel.voice.streaming.buffer import OpenBuffer
from lintel.voice.streaming.timeline import Timeline
from lintel.voice.streaming.utterance import Limits, Stretch, Utterance
from lintel.voice.transcript import Word, joined

BEFORE_SPEECH_S = 0.4
"""Audio before a start of speech that is heard with it: detectors miss soft beginnings."""
PIECE = SAMPLE_RATE // 10
"""Samples looked at in one go: a start or an end is placed no worse than this in what arrives at once."""
PROMPT_CHARACTERS = 200
PROMPT_S = 30.0
"""Words older than this say nothing about what comes next."""


@dataclass(slots=True)
class Arrival:
    """What a piece of audio brought: `gap` lost and `cut` twice, in seconds; the stretches in which there was speech;
    and what had to be given up because too much waited."""

    gap: float = 0.0
    cut: float = 0.0
    speech: list[tuple[float, float]] = field(default_factory=list)
    given_up: float = 0.0


class Channel:
    """Times are seconds on the call's clock.

    Audio without speech is not kept; audio with speech is kept until it was heard. `backlog_s` is how much of it may
    wait: what is older is given up, and `Arrival.given_up` says so.
    """

    def __init__(
        self,
        detector: Detector,
        *,
        endpoints: EndpointSettings = USUAL,
        limits: Limits | None = None,
        backlog_s: float = 120.0,
    ) -> None:
        self._detector = detector
        self._endpoints = endpoints
        self._limits = limits or Limits()
        self._backlog_s = backlog_s
        self._timeline = Timeline()
        self._utterances: deque[Utterance] = deque()
        self._said: deque[Word] = deque(maxlen=60)
        self._floor = 0.0
        self._begin(0.0)

    @property
    def end(self) -> float:
        """How far the channel has come."""
        return self._timeline.end or 0.0

    @property
    def speaking(self) -> bool:
        return bool(self._utterances) and not self._utterances[-1].closed

    @property
    def known(self) -> float:
        """Up to when all words are committed: a start of speech is told a little after it happened."""
        start = self._utterances[0].start if self._utterances else self.end - 2 * BEFORE_SPEECH_S
        return max(start, self._floor)

    @property
    def waiting_s(self) -> float:
        """Seconds of speech that no window has covered yet."""
        return sum(utterance.unheard for utterance in self._utterances)

    @property
    def held_bytes(self) -> int:
        """Memory that audio takes."""
        return self._recent.held_bytes + sum(utterance.held_bytes for utterance in self._utterances)

    @property
    def tentative(self) -> tuple[Word, ...]:
        return self._utterances[0].tentative if self._utterances else ()

    def prompt(self) -> str:
        """The words before the next window, as the decoder's prompt; what the window holds is not among them, or the
        decoder would take it for said."""
        start = self._utterances[0].start if self._utterances else self.end
        before = [word for word in self._said if start - PROMPT_S <= word.end and _middle(word) < start]
        return joined(before)[-PROMPT_CHARACTERS:]

    def push(self, samples: Samples, at: float) -> Arrival:
        """Samples at 16 kHz, the first of which was heard at `at`."""
        if self._timeline.end is None:
            self._begin(at)
        placed = self._timeline.place(samples, at)
        arrival = Arrival(placed.gap, placed.cut)
        self._listen(placed.silence, arrival)
        if placed.anew:
            self.pause()
            self._begin(placed.start)
        self._listen(placed.samples, arrival)
        arrival.given_up = self._give_up()
        return arrival

    def skip(self, samples: Samples, at: float) -> None:
        """Samples that nobody may listen to: they are dropped, and only their time passes."""
        self._timeline.skip(samples, at)
        self._begin(self.end)

    def pause(self) -> None:
        """Nothing arrives any more, for now: what was said so far is all of it."""
        if self.speaking:
            self._utterances[-1].close()
            self._begin(self._now)

    def clear(self) -> None:
        """Forget all audio and every word that is not committed."""
        self._utterances.clear()
        self._begin(self.end)

    def wanted(self, chunk_seconds: float) -> Stretch | None:
        """What to hear next, once `chunk_seconds` of it are new or speech has ended."""
        return self._utterances[0].wanted(chunk_seconds) if self._utterances else None

    def hear(self, stretch: Stretch, words: Sequence[Word] | None) -> Update | None:
        """Take the words of a stretch, their times from its beginning, or None if the decoder made nothing of it.
        Returns None if the stretch was given up meanwhile."""
        if not self._utterances or self._utterances[0].start != stretch.start:
            return None
        utterance = self._utterances[0]
        update = utterance.miss(stretch) if words is None else utterance.hear(stretch, _moved(words, stretch.start))
        self._said.extend(update.committed)
        self._floor = max(self._floor, utterance.words_end)
        if utterance.done:
            self._utterances.popleft()
            self._hand_on_floor()
        return update

    def _hand_on_floor(self) -> None:
        if self._utterances:
            self._utterances[0].begin_after(self._floor)

    def _begin(self, at: float) -> None:
        """Listen from `at` on as if nothing had been before."""
        self._detector.reset()
        self._endpointer = Endpointer(self._endpoints)
        self._began = self._now = at
        self._recent = OpenBuffer(at)

    def _listen(self, samples: Samples, arrival: Arrival) -> None:
        for piece in _pieces(samples):
            self._now += len(piece) / SAMPLE_RATE
            self._keep(piece)
            for event in self._endpointer.feed(self._detector.probabilities(piece)):
                self._happened(event, arrival)
            if self.speaking:
                arrival.speech.append((self._speech_from, self._now))

    def _keep(self, piece: Samples) -> None:
        if self.speaking:
            self._utterances[-1].add(piece)
            return
        self._recent.add(piece)
        if self._recent.seconds > 4 * BEFORE_SPEECH_S:
            self._recent.cut(self._now - 2 * BEFORE_SPEECH_S)

    def _happened(self, event: SpeechStarted | SpeechEnded, arrival: Arrival) -> None:
        at = self._began + event.at
        if isinstance(event, SpeechStarted):
            self._speech_from = at
            self._recent.cut(at - BEFORE_SPEECH_S)
            utterance = Utterance(self._recent.start, self._floor, self._limits)
            utterance.add(self._recent.until(self._now))
            self._utterances.append(utterance)
        elif self.speaking:
            arrival.speech.append((self._speech_from, at))
            self._utterances[-1].close()
            self._recent = OpenBuffer(self._now)

    def _give_up(self) -> float:
        """Drop the oldest speech while more than the backlog waits; how many seconds of it went unheard."""
        given_up = 0.0
        while self.waiting_s > self._backlog_s and len(self._utterances) > 1:
            given_up += self._utterances.popleft().unheard
        if self.waiting_s > self._backlog_s:
            given_up += self._utterances[0].skip_to(self._now - self._backlog_s / 2)
        return given_up


def _moved(words: Sequence[Word], by: float) -> list[Word]:
    return [replace(word, start=word.start + by, end=word.end + by) for word in words]


def _middle(word: Word) -> float:
    return (word.start + word.end) / 2


def _pieces(samples: Samples) -> Iterator[Samples]:
    for first in range(0, len(samples), PIECE):
        yield samples[first : first + PIECE]
