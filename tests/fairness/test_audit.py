"""Which rows of the examples are audited."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lintel.fairness.audit import sampled_rows


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 12), st.integers(1, 4), st.integers(0, 3))
def test_at_most_so_many_rows_of_so_many_leads(leads, most: int, rows_a_lead: int, seed: int) -> None:
    lead = np.array(leads, np.int32)
    rows = sampled_rows(lead, leads=most, rows_a_lead=rows_a_lead, seed=seed)
    assert np.array_equal(rows, np.unique(rows))
    chosen = np.unique(lead[rows])
    assert len(chosen) == min(most, len(np.unique(lead)))
    for one in chosen:
        assert (lead[rows] == one).sum() == min(rows_a_lead, (lead == one).sum())
    assert np.array_equal(rows, sampled_rows(lead, leads=most, rows_a_lead=rows_a_lead, seed=seed))
