from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.streaming.pressure import Pressure, PressureSettings, Rung, ladder

SETTINGS = PressureSettings(late_s=1.0, punctual_s=0.4, patience=3, calm_s=10.0, calm_most_s=40.0)


def late(pressure: Pressure, at: float) -> Rung:
    for _ in range(SETTINGS.patience):
        rung = pressure.observe(2.0, at)
    return rung


def test_chunks_grow_before_the_model_shrinks() -> None:
    assert [rung.model for rung in ladder(2)] == [0, 0, 0, 1, 1]
    chunks = [rung.chunk_seconds for rung in ladder(2)]
    assert chunks == sorted(chunks)
    assert [rung.model for rung in ladder(1)] == [0, 0, 0, 0]
    assert [rung.beam_size for rung in ladder(1)] == [5, 5, 1, 1]


def test_one_late_window_is_no_pressure_but_three_in_a_row_are() -> None:
    pressure = Pressure(ladder(1), SETTINGS)
    lags = [2.0, 0.1, 2.0, 2.0]
    assert {pressure.observe(lag, at) for at, lag in enumerate(lags)} == {ladder(1)[0]}
    assert pressure.observe(2.0, 5.0) == ladder(1)[1]


def test_it_climbs_after_a_calm_that_nothing_interrupted() -> None:
    pressure = Pressure(ladder(1), SETTINGS)
    late(pressure, 0.0)
    assert pressure.observe(0.1, 1.0) == ladder(1)[1]
    assert pressure.observe(0.6, 9.0) == ladder(1)[1], "neither late nor punctual: the calm begins again"
    assert pressure.observe(0.1, 10.0) == ladder(1)[1]
    assert pressure.observe(0.1, 19.9) == ladder(1)[1]
    assert pressure.observe(0.1, 20.0) == ladder(1)[0]


def test_a_climb_that_did_not_hold_doubles_the_calm_asked_for() -> None:
    pressure = Pressure(ladder(1), SETTINGS)
    late(pressure, 0.0)
    pressure.observe(0.1, 1.0)
    assert pressure.observe(0.1, 11.0) == ladder(1)[0]
    assert late(pressure, 12.0) == ladder(1)[1]
    pressure.observe(0.1, 13.0)
    assert pressure.observe(0.1, 24.0) == ladder(1)[1]
    assert pressure.observe(0.1, 33.0) == ladder(1)[0]


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.6, 2.0]), st.integers(0, 15)), max_size=80))
def test_it_moves_one_rung_at_a_time_and_only_with_cause(observations: list[tuple[float, int]]) -> None:
    rungs, at, lags = ladder(2), 0.0, list[float]()
    pressure = Pressure(rungs, SETTINGS)
    place = 0
    for lag, wait in observations:
        at += wait
        lags.append(lag)
        new = rungs.index(pressure.observe(lag, at))
        assert abs(new - place) <= 1
        if new > place:
            assert lags[-3:] == [2.0] * 3
        if new < place:
            assert lag == 0.1
        place = new
