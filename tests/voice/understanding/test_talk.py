"""The meter against an oracle that walks over a grid of eighths of a second."""

from statistics import median

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lintel.voice.understanding.talk import BACKCHANNEL_S, OVERLAP_S, PAUSE_S, TalkMeasures, TalkMeter

SPEAKERS = ("agent", "lead", "partner")
GRID = 8
"""Cells a second; every time below is a whole number of cells, and exact in binary."""

Said = list[tuple[str, int, int]]
said_strategy = st.lists(
    st.tuples(st.sampled_from(SPEAKERS), st.integers(0, 200), st.integers(0, 60)).map(
        lambda said: (said[0], said[1], said[1] + said[2])
    ),
    max_size=25,
)
CELLS = {"backchannel": round(BACKCHANNEL_S * GRID), "overlap": round(OVERLAP_S * GRID), "pause": round(PAUSE_S * GRID)}


def meter(said: Said) -> TalkMeter:
    got = TalkMeter()
    for speaker, start, end in said:
        got.speech(speaker, start / GRID, end / GRID)
    return got


def naive_stretches(said: Said, speaker: str, at: int) -> list[tuple[int, int]]:
    """Runs of cells in which a speaker is heard."""
    cells = [any(who == speaker and start <= cell < end for who, start, end in said) for cell in range(at)]
    begins = [cell for cell in range(at) if cells[cell] and (cell == 0 or not cells[cell - 1])]
    return [(begin, next((cell for cell in range(begin, at) if not cells[cell]), at)) for begin in begins]


def naive_monologue(stretches: dict[str, list[tuple[int, int]]], speaker: str) -> int:
    own, longest = stretches[speaker], 0
    others = [one for who, all_of in stretches.items() if who != speaker for one in all_of]
    begins = [one[0] for one in others if one[1] - one[0] >= CELLS["backchannel"]]
    for first in range(len(own)):
        last = first
        while last + 1 < len(own) and own[last + 1][0] - own[last][1] <= CELLS["pause"]:
            if any(own[last][0] < begin < own[last + 1][0] for begin in begins):
                break
            last += 1
        longest = max(longest, own[last][1] - own[first][0])
    return longest


def naive_interruptions(stretches: dict[str, list[tuple[int, int]]], speaker: str) -> int:
    others = [one for who, all_of in stretches.items() if who != speaker for one in all_of]
    return sum(
        end - start >= CELLS["backchannel"]
        and any(begin < start and stop - start >= CELLS["overlap"] for begin, stop in others)
        for start, end in stretches[speaker]
    )


def naive_patience(stretches: dict[str, list[tuple[int, int]]], speaker: str) -> float | None:
    """At each own beginning in silence: how long since anyone spoke, if it was another who spoke last."""
    gaps = []
    every = [(start, end, who) for who, all_of in stretches.items() for start, end in all_of]
    for start, _ in stretches[speaker]:
        before = [one for one in every if one[0] < start]
        if not before or max(end for _, end, _ in before) > start:
            continue
        last_end = max(end for _, end, _ in before)
        if speaker not in {who for _, end, who in before if end == last_end}:
            gaps.append(start - last_end)
    return median(gaps) if gaps else None


def distinct_ends(said: Said) -> bool:
    """Two who begin or stop in the same cell leave it open who was last; the oracle leaves these cases out."""
    merged = [one for who in SPEAKERS for one in naive_stretches(said, who, 300)]
    starts, ends = [start for start, _ in merged], [end for _, end in merged]
    return len(set(starts)) == len(starts) and len(set(ends)) == len(ends)


@given(said=said_strategy, at=st.integers(1, 260))
def test_shares_and_silence_are_counts_of_cells(said: Said, at: int) -> None:
    measures = meter(said).measures(at / GRID)
    cells = {who: sum(end - start for start, end in naive_stretches(said, who, at)) for who in SPEAKERS}
    heard = {who: count for who, count in cells.items() if count}
    assert measures.talk_share == pytest.approx({who: count / sum(heard.values()) for who, count in heard.items()})
    spoken = [cell for cell in range(at) if any(start <= cell < end for _, start, end in said)]
    assert measures.silence_s == pytest.approx((at - 1 - max(spoken, default=-1)) / GRID)


@given(said=said_strategy.filter(distinct_ends), at=st.integers(1, 260))
def test_monologues_interruptions_and_patience_are_as_looking_shows(said: Said, at: int) -> None:
    stretches = {who: naive_stretches(said, who, at) for who in SPEAKERS}
    assume(len({end for one in stretches.values() for _, end in one}) == sum(len(one) for one in stretches.values()))
    measures, heard = meter(said).measures(at / GRID), [who for who in SPEAKERS if stretches[who]]
    assert measures.longest_monologue_s == pytest.approx({who: naive_monologue(stretches, who) / GRID for who in heard})
    assert measures.interruptions == {who: naive_interruptions(stretches, who) for who in heard}
    patience = {who: naive_patience(stretches, who) for who in heard}
    assert measures.patience_s == pytest.approx({who: gap / GRID for who, gap in patience.items() if gap is not None})


@given(said=said_strategy, order=st.randoms(use_true_random=False), at=st.integers(1, 260))
def test_the_order_and_the_pieces_of_reports_do_not_matter(said: Said, order, at: int) -> None:
    halves = [(who, cut, end) for who, start, end in said for cut in ((start + end) // 2,)]
    shuffled = [*said, *halves, *said[:3]]
    order.shuffle(shuffled)
    assert meter(shuffled).measures(at / GRID) == meter(said).measures(at / GRID)


def test_nobody_has_spoken_yet() -> None:
    assert TalkMeter().measures(4.0) == TalkMeasures({}, {}, 4.0, {}, {}, {})


def test_a_conversation() -> None:
    talk = TalkMeter()
    talk.speech("agent", 0.0, 4.0)
    talk.speech("lead", 5.0, 7.0)
    talk.speech("agent", 6.0, 9.0)  # cuts in
    talk.speech("lead", 7.5, 8.0)  # mm-hm
    talk.speech("agent", 10.0, 12.0)
    talk.question("agent", 3.9)
    talk.question("agent", 11.9)
    assert talk.measures(12.0) == TalkMeasures(
        talk_share={"agent": 9.0 / 11.5, "lead": 2.5 / 11.5},
        longest_monologue_s={"agent": 6.0, "lead": 2.0},
        silence_s=0.0,
        interruptions={"agent": 1, "lead": 0},
        patience_s={"lead": 1.0},
        questions={"agent": 2, "lead": 0},
    )
    assert talk.measures(10.0).questions == {"agent": 1, "lead": 0}


def test_speech_in_progress_counts_as_far_as_it_has_come() -> None:
    talk = TalkMeter()
    for second in range(1, 91):
        talk.speech("agent", 0.0, second)
    assert talk.measures(90.0).longest_monologue_s == {"agent": 90.0}
    assert talk.measures(30.0).longest_monologue_s == {"agent": 30.0}
    assert talk.measures(93.5).silence_s == 3.5


def test_what_ends_before_it_begins_is_nothing() -> None:
    assert meter([("lead", 50, 50), ("lead", 60, 40)]).measures(10.0).talk_share == {}
