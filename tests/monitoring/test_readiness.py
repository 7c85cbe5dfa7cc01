"""Counts of outcomes against the numbers that the evidence ladder uses."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from lintel.labels.outcomes import Status
from lintel.monitoring.readiness import MINIMA, Counts, outcome_counts, readiness
from lintel.scoring.evidence import Rung, rung


@given(st.integers(0, 2_000), st.integers(0, 2_000))
def test_what_comes_next_is_where_the_ladder_has_its_next_rung(yes: int, no: int) -> None:
    found = {one["dimension"]: one for one in readiness({"conversion": Counts(yes, no)}, {})}["conversion"]
    assert found["rarer"] == min(yes, no)
    if found["next"] is None:
        assert rung(found["rarer"], has_pool=True) is Rung.TENANT
    else:
        assert found["rarer"] < found["next"] in MINIMA
        assert any(
            rung(found["next"], has_pool=pool) is not rung(found["next"] - 1, has_pool=pool) for pool in (True, False)
        )
        assert f"{found['rarer']:,} leads" in found["sentence"]


def test_the_sentence_names_the_rarer_outcome() -> None:
    (found,) = (one for one in readiness({"conversion": Counts(61, 900)}, {}) if one["dimension"] == "conversion")
    assert found["sentence"].startswith("61 leads with a yes of the 300 that")


def test_what_a_source_cannot_answer_says_why() -> None:
    found = {one["dimension"]: one for one in readiness({}, {"budget": "no amounts here"})}
    assert found["budget"] == {
        "dimension": "budget",
        "status": "not_defined_for_source",
        "sentence": "no amounts here",
    }
    assert found["intent"]["rarer"] == 0
    assert len(found) == 6


def test_leads_are_counted_once_from_the_labels_alone(tmp_path: Path) -> None:
    status = np.array([Status.YES, Status.YES, Status.NO, Status.CENSORED, Status.NO, Status.NOT_ASKED], np.int8)
    leads = pa.DictionaryArray.from_arrays(np.array([0, 0, 0, 1, 2, 2], np.int32), pa.array(["a", "b", "c"]))
    pq.write_table(pa.table({"lead_id": leads, "label.churn.status": status}), tmp_path / "examples.parquet")
    assert outcome_counts(tmp_path / "examples.parquet") == {"churn": Counts(yes=1, no=2)}
    assert outcome_counts(tmp_path / "none.parquet") == {}
