"""Adjusted p-values against SciPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from lintel.monitoring.drift.multiplicity import benjamini_yekutieli


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_it_is_the_procedure_of_benjamini_and_yekutieli(p_values: list[float]) -> None:
    given_values = np.array(p_values)
    assert benjamini_yekutieli(given_values) == pytest.approx(false_discovery_control(given_values, method="by"))


def test_of_no_tests_nothing_is_found() -> None:
    assert len(benjamini_yekutieli(np.zeros(0))) == 0
