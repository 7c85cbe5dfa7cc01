"""Calls whose audio says its words: a word is a stretch of one amplitude, so that an engine can be obviously right."""

import threading
from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from lintel.voice.activity.framing import Frames
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.streaming.agreement import spoken
from lintel.voice.streaming.pressure import Pressure
from lintel.voice.transcript import Word
from lintel.voice.transcription.engine import Hypothesis, Window
from serving.voice.channel import Channel
from serving.voice.commentary import Coach, Commentary, Understanding
from serving.voice.decoder import Decoder
from serving.voice.live_event import LiveEvent
from serving.voice.session import CallSession, CallStart

WORDS = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "yes.", "no.")
PIECE = SAMPLE_RATE // 50


def pause(length_s: float) -> Samples:
    return np.zeros(round(length_s * SAMPLE_RATE), np.float32)


def said(text: str, length_s: float = 0.3) -> Samples:
    """Each word in so many seconds, with a short dip after it."""
    words = [np.full(round((length_s - 0.02) * SAMPLE_RATE), WORDS.index(word) / 64) for word in text.split()]
    dip = pause(0.02)
    return np.concatenate([part for word in words for part in (word, dip)]).astype(np.float32)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class ToldDetector:
    """Speech is whatever is not zero."""

    def __init__(self) -> None:
        self.heard = 0.0
        self.reset()

    def probabilities(self, samples: Samples) -> NDArray[np.float32]:
        self.heard = max(self.heard, float(samples.max(initial=0.0)))
        frames = self._frames.take(samples)
        return (frames != 0).any(axis=1).astype(np.float32)

    def reset(self) -> None:
        self._frames = Frames()


class ReadingEngine:
    """Reads the words off the amplitudes. `during` is called at each decoding; an amplitude above .9 makes it fail; of
    more than `loops_after` words in a window it says that it went round in circles."""

    def __init__(
        self, name: str = "reading", during: Callable[[], None] = lambda: None, loops_after: int = 1_000
    ) -> None:
        self.name = name
        self.multilingual = False
        self.window_seconds = 1.0
        self.batches: list[list[Window]] = []
        self._during = during
        self._loops_after = loops_after

    def decode(self, windows: Sequence[Window], *, language: str, beam_size: int = 1) -> list[Hypothesis]:
        self._during()
        self.batches.append(list(windows))
        if any(window.samples.max(initial=0.0) > 0.9 for window in windows):
            raise RuntimeError("poison")
        heard = [tuple(read(window.samples)) for window in windows]
        ratios = [9.0 if len(words) > self._loops_after else 1.0 for words in heard]
        return [Hypothesis(words, 0.0, -0.1, ratio, language, 5) for words, ratio in zip(heard, ratios, strict=True)]

    @property
    def loudest(self) -> float:
        return max((float(window.samples.max()) for batch in self.batches for window in batch), default=0.0)


def read(samples: Samples) -> list[Word]:
    words, at = [], 0
    for value, run in groupby(samples.tolist()):
        length = len(list(run))
        if value and length > SAMPLE_RATE // 20:
            words.append(Word(WORDS[round(value * 64)], at / SAMPLE_RATE, (at + length) / SAMPLE_RATE, 0.9))
        at += length
    return words


class Stage:
    """A session on a clock that the test moves, with a decoder that decodes when `decode` is called."""

    def __init__(
        self,
        *,
        start: CallStart | None = None,
        engine: ReadingEngine | None = None,
        coach: Coach | None = None,
        understanding: Understanding | None = None,
        pressure: Pressure | None = None,
        agreed: bool = True,
    ) -> None:
        self.clock = Clock()
        self.engine = engine or ReadingEngine()
        self.decoder = Decoder([self.engine], clock=self.clock, pressure=pressure)
        start = start or CallStart("acme")
        self.detectors = [ToldDetector() for _ in start.speakers]
        self.channels = [Channel(one) for one in self.detectors]
        self.session = CallSession(
            "c1",
            start,
            self.channels,
            self.decoder,
            commentary=Commentary(understanding, coach),
            clock=self.clock,
            post=lambda function, *arguments: function(*arguments),
        )
        if agreed:
            for speaker in start.speakers:
                self.session.set_consent(speaker, "granted", 0.0)

    def play(self, *channels: Samples, at: float = 0.0, decode: bool = True) -> None:
        """All channels side by side in pieces of 20 ms, in real time; a tick every half second."""
        for first in range(0, max(map(len, channels)), PIECE):
            self.clock.now = max(self.clock.now, at + first / SAMPLE_RATE)
            for channel, samples in enumerate(channels):
                if first < len(samples):
                    self.session.push(channel, samples[first : first + PIECE], at + first / SAMPLE_RATE)
            if decode:
                self.decode()
            if first % (SAMPLE_RATE // 2) == 0:
                self.session.tick()

    def decode(self) -> None:
        while self.decoder.step():
            pass

    def events(self, kind: str) -> list[LiveEvent]:
        return [event for event in self.session.history.since(0) if event.kind == kind]

    def text(self, channel: int = 0) -> str:
        """The committed words of a channel, without punctuation."""
        events = [event for event in self.events("committed") if event.data["channel"] == channel]
        return " ".join(spoken(word["text"]) for event in events for word in event.data["words"])


def voice_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "voice-decoder"]
