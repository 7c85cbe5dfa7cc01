import numpy as np
import pytest
from numpy.typing import NDArray

from lintel.learning.cumulative_sum import CumulativeSum
from lintel.learning.prequential import Course, Policy, Rows, Stream, always, never, on_alarm, prequential

Learnt = tuple[int, int]
"""The first and the last row that a model has learnt from."""


def stream(*, delay: int = 0, begin: int = 5) -> Stream:
    """Blocks 0 to 4 of 3 rows each; forecasts begin inside block 1."""
    return Stream(np.arange(15) % 2 == 0, np.repeat(np.arange(5, dtype=np.int32), 3), begin, delay)


def run(
    chosen: Stream, policy: Policy, window: int | None = None
) -> tuple[Course, list[tuple[Learnt, NDArray[np.intp]]]]:
    """Each forecast is the last row that its model has learnt from, in hundredths."""
    asked: list[tuple[Learnt, NDArray[np.intp]]] = []

    def learn(rows: Rows, before: Learnt | None) -> Learnt:
        kept = rows if window is None or before is None else rows[-window:]
        return int(kept[0]), int(kept[-1])

    def forecast(model: Learnt, rows: Rows) -> NDArray[np.float64]:
        asked.append((model, rows))
        return np.full(len(rows), model[1] / 100)

    return prequential(chosen, policy, learn, forecast), asked


@pytest.mark.parametrize("policy", [never, always])
@pytest.mark.parametrize("delay", [0, 1, 2])
def test_no_model_has_seen_what_it_forecasts_nor_what_is_not_yet_known(policy: Policy, delay: int) -> None:
    chosen = stream(delay=delay)
    course, asked = run(chosen, policy)
    forecast = np.concatenate([rows for _, rows in asked])
    assert forecast.tolist() == list(range(5, 15))
    for (_, last), rows in asked:
        assert last < rows[0]
        assert last < chosen.begin or chosen.block[last] < chosen.block[rows[0]] - delay
    assert np.isnan(course.probability[:5]).all()
    assert np.isfinite(course.probability[5:]).all()


def test_outcomes_are_known_after_the_delay() -> None:
    course, _ = run(stream(), always)
    assert course.learnt == (2, 3, 4)
    assert course.probability[5:].tolist() == pytest.approx([0.04, *[0.05] * 3, *[0.08] * 3, *[0.11] * 3])
    late, _ = run(stream(delay=1), always)
    assert late.learnt == (3, 4)
    assert late.probability[5:].tolist() == pytest.approx([*[0.04] * 4, *[0.05] * 3, *[0.08] * 3])


def test_the_frozen_model_never_learns() -> None:
    course, asked = run(stream(), never)
    assert course.learnt == ()
    assert {model for model, _ in asked} == {(0, 4)}


def test_a_window_leaves_out_old_rows() -> None:
    _, asked = run(stream(), always, window=3)
    assert [model for model, _ in asked] == [(0, 4), (3, 5), (6, 8), (9, 11)]


def test_a_policy_sees_the_forecasts_of_the_present_model_that_have_matured() -> None:
    seen = []

    def watching(matured: object) -> bool:
        seen.append((matured.outcome.tolist(), matured.probability.tolist()))  # type: ignore[attr-defined]
        return len(seen) == 2

    run(stream(), watching)
    positive = stream().positive
    assert seen[0] == (positive[5:6].tolist(), [0.04])
    assert seen[1] == (positive[5:9].tolist(), [0.04] * 4)
    assert seen[2] == (positive[9:12].tolist(), [0.08] * 3)  # of the new model alone


def test_an_alarm_is_a_reason_to_learn() -> None:
    chosen = Stream(np.arange(200) >= 100, np.repeat(np.arange(4, dtype=np.int32), 50), 50)
    test = CumulativeSum(threshold=10.0)

    def learn(rows: Rows, _: float | None) -> float:
        return float(np.clip(chosen.positive[rows[-50:]].mean(), 0.05, 0.95))

    course = prequential(chosen, on_alarm(test), learn, lambda model, rows: np.full(len(rows), model))
    assert course.learnt == (3,)  # all of block 2 were yes, against a promise of .05
    assert course.probability[[149, 150]].tolist() == [0.05, 0.95]


def test_blocks_without_new_outcomes_ask_nobody() -> None:
    course, _ = run(stream(delay=4), always)
    assert course.learnt == ()
