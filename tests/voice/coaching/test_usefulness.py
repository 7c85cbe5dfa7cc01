import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from lintel.voice.coaching.usefulness import Usefulness, muted


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_wilsons(counts: tuple[int, int]) -> None:
    expected = binomtest(*counts).proportion_ci(method="wilson")
    assert Usefulness("a", *counts).interval == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_a_card_is_muted_only_on_evidence() -> None:
    records = [Usefulness("new", 0, 19), Usefulness("poor", 0, 20), Usefulness("fair", 4, 20), Usefulness("none", 0, 0)]
    assert muted(records) == {"poor"}
    assert Usefulness("none", 0, 0).share is None
