import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.audio.samples import SAMPLE_RATE
from lintel.voice.streaming.buffer import OpenBuffer

STEPS = st.lists(st.tuples(st.sampled_from(["add", "cut", "until"]), st.integers(0, 40_000)), max_size=20)


@given(STEPS, st.integers(0, 3))
def test_it_holds_what_a_plain_array_would(steps: list[tuple[str, int]], start: int) -> None:
    buffer, everything, first, views = OpenBuffer(start), np.zeros(0, np.float32), 0, []
    for step, size in steps:
        time = start + size / SAMPLE_RATE
        if step == "add":
            added = np.arange(len(everything), len(everything) + size, dtype=np.float32)
            everything = np.concatenate([everything, added])
            buffer.add(added)
        elif step == "cut":
            first = max(first, min(size, len(everything)))
            buffer.cut(time)
        else:
            expected = everything[first : max(first, size)]
            views.append((buffer.until(time), expected.copy()))
        assert buffer.start == pytest.approx(start + first / SAMPLE_RATE)
        assert buffer.end == pytest.approx(start + len(everything) / SAMPLE_RATE)
    for view, expected in views:
        np.testing.assert_array_equal(view, expected)


def test_what_was_cut_takes_no_memory() -> None:
    buffer = OpenBuffer(0.0)
    for _ in range(600):
        buffer.add(np.ones(SAMPLE_RATE, np.float32))
        buffer.cut(buffer.end - 1.0)
    assert len(buffer.until(buffer.end)) == SAMPLE_RATE
    assert buffer.held_bytes < 10 * SAMPLE_RATE * 4
