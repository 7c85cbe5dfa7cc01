"""How a conversation is going: who speaks how much, for how long at a stretch, who interrupts, who lets others finish.

The measures are those that sales-coaching products name (talk ratio, longest monologue, patience, question rate); none
of them publishes its arithmetic, so ours is written here.
"""

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

BACKCHANNEL_S = 1.0
"""Shorter speech ("mm-hm", "right") neither interrupts nor ends another's monologue."""
OVERLAP_S = 0.25
"""People often begin while the other's last word dies away; only a longer overlap is an interruption."""
PAUSE_S = 2.0
"""A longer pause of one's own ends a monologue."""

Stretch = tuple[float, float, str]
"""Start, end, speaker."""


@dataclass(frozen=True, slots=True)
class TalkMeasures:
    """Of the call's first `at` seconds; speech in progress counts as far as it has come.

    A speaker is a key where the measure is defined for them: everyone heard so far, for `patience_s` everyone who has
    answered, and nobody in `talk_share` before the first word.
    """

    talk_share: dict[str, float]
    """Own speech / everybody's speech, 0..1. Overlapping speech counts for each."""
    longest_monologue_s: dict[str, float]
    """From the first to the last word, own pauses of up to PAUSE_S included. Another's speech of more than a
    backchannel ends it at the speaker's next pause."""
    silence_s: float
    """Since the last word of anyone (since the call's beginning if there was none); 0 while somebody speaks."""
    interruptions: dict[str, int]
    """How often one began, and went on for BACKCHANNEL_S, while another still spoke for OVERLAP_S or more."""
    patience_s: dict[str, float]
    """Median time from another's last word to one's first; what was begun over another's speech is no answer."""
    questions: dict[str, int]


@dataclass
class TalkMeter:
    """Collects who spoke when. Reports of one speaker may touch or overlap (speech in progress, reported again with a
    later end), and those of different speakers may come in any order. Asking costs time in proportion to the stretches
    so far: about a millisecond for an hour of talk."""

    _speech: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """By speaker, ascending, disjoint and not touching."""
    _questions: dict[str, list[float]] = field(default_factory=dict)

    def speech(self, speaker: str, start: float, end: float) -> None:
        """`speaker` was heard from `start` to `end`, in seconds of the call. Nothing happens where end <= start."""
        if end <= start:
            return
        stretches = self._speech.setdefault(speaker, [])
        first = bisect.bisect_left(stretches, start, key=lambda stretch: stretch[1])
        last = bisect.bisect_right(stretches, end, key=lambda stretch: stretch[0])
        touched = stretches[first:last]
        if touched:
            start, end = min(start, touched[0][0]), max(end, touched[-1][1])
        stretches[first:last] = [(start, end)]

    def question(self, speaker: str, at: float) -> None:
        """`speaker` had asked a question at `at`."""
        self._questions.setdefault(speaker, []).append(at)

    def measures(self, at: float) -> TalkMeasures:
        """The measures of what was said up to `at`, seconds of the call; later speech is not looked at."""
        stretches = sorted(self._until(at))
        speakers = sorted({speaker for _, _, speaker in stretches})
        asked = {speaker: sum(time <= at for time in times) for speaker, times in self._questions.items()}
        return TalkMeasures(
            talk_share=_shares(stretches, speakers),
            longest_monologue_s={speaker: _longest_monologue(stretches, speaker) for speaker in speakers},
            silence_s=at - max((end for _, end, _ in stretches), default=0.0),
            interruptions={speaker: _interruptions(stretches, speaker) for speaker in speakers},
            patience_s=_patience(stretches),
            questions={speaker: asked.get(speaker, 0) for speaker in sorted({*speakers, *asked})},
        )

    def _until(self, at: float) -> Iterator[Stretch]:
        for speaker, stretches in self._speech.items():
            for start, end in stretches:
                if start < at:
                    yield start, min(end, at), speaker


def _shares(stretches: list[Stretch], speakers: list[str]) -> dict[str, float]:
    total = sum(end - start for start, end, _ in stretches)
    own = {speaker: sum(end - start for start, end, who in stretches if who == speaker) for speaker in speakers}
    return {speaker: seconds / total for speaker, seconds in own.items()}


def _longest_monologue(stretches: list[Stretch], speaker: str) -> float:
    longest, began, ended = 0.0, 0.0, float("-inf")
    for start, end, who in stretches:
        if who == speaker:
            if start - ended > PAUSE_S:
                began = start
            ended = end
            longest = max(longest, ended - began)
        elif end - start >= BACKCHANNEL_S:
            ended = float("-inf")
    return longest


def _interruptions(stretches: list[Stretch], speaker: str) -> int:
    count, others_end = 0, float("-inf")
    for start, end, who in stretches:
        if who != speaker:
            others_end = max(others_end, end)
        elif end - start >= BACKCHANNEL_S and others_end - start >= OVERLAP_S:
            count += 1
    return count


def _patience(stretches: list[Stretch]) -> dict[str, float]:
    gaps: dict[str, list[float]] = {}
    last_end, last_speaker = float("inf"), None
    for start, end, speaker in stretches:
        if speaker != last_speaker and start >= last_end:
            gaps.setdefault(speaker, []).append(start - last_end)
        if last_speaker is None or end >= last_end:
            last_end, last_speaker = end, speaker
    return {speaker: median(times) for speaker, times in gaps.items()}
