from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.automation.new_outcomes import NewOutcomes, count_new_outcomes, counted, enough
from lintel.events.moments import to_microseconds
from lintel.home import Home
from lintel.labels.definition import load_label_set
from lintel.labels.outcomes import Outcome, Status
from lintel.scoring.examples import build_examples
from lintel.settings import Settings
from lintel.sources.simulator import Simulator, preset
from lintel.store.ingest import ingest
from tests.orchestration.nightly_home import NOW

ROWS = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(sorted(Status)), st.integers(0, 20)), max_size=40)


@given(ROWS, st.integers(0, 20))
def test_leads_are_counted_as_one_would_by_hand(rows: list[tuple[int, int, int]], until: int) -> None:
    lead, status, known = (np.array([row[column] for row in rows], int) for column in range(3))
    (found,) = counted({"a": Outcome(status.astype(np.int8), known)}, lead.astype(np.int32), until)
    mature = [(who, moment) for who, answer, moment in rows if answer in (Status.YES, Status.NO)]
    learnt = {who for who, moment in mature if moment <= until}
    assert (found.new, found.learnt) == (len({who for who, _ in mature} - learnt), len(learnt))


@pytest.mark.parametrize(
    ("counts", "chosen"),
    [
        ([("a", 400, 1_000), ("b", 90, 100)], "a"),
        ([("a", 400, 4_000)], None),
        ([("a", 120, 0)], "a"),
        ([], None),
    ],
)
def test_it_takes_both_a_number_and_a_share(counts: list[tuple[str, int, int]], chosen: str | None) -> None:
    found = enough([NewOutcomes(*one) for one in counts], least=100, share=0.25)
    assert (found and found.dimension) == chosen


def test_it_says_what_it_counted() -> None:
    assert NewOutcomes("conversion", 312, 1_248).sentence(4) == (
        "312 leads have new outcomes of conversion since version 4, 25% of the 1,248 that it learnt from."
    )
    assert NewOutcomes("intent", 2, 0).sentence(1).endswith("the first.")


def test_what_is_counted_is_what_would_be_learnt_from(tmp_path: Any) -> None:
    source = Simulator(preset("demo"), "acme", seed=3, leads=120)
    with Home(Settings(home=tmp_path)) as home:
        home.events.put_tenant(source.tenant_settings())
        ingest(home.events, source, "acme", now=NOW)
        home.lake.advance(home.events, "acme", now=NOW)
        log = home.log("acme", now=NOW)
        examples = build_examples(log, seed=7)
        until = int(np.median(examples.points.queries.as_of))
        told: dict[str, Any] = {"time_zone": log.tenant.time_zone, "learnt_until": until, "seed": 7}
        labels = load_label_set(log.tenant.labels)
        found = count_new_outcomes(home.lake.read("acme"), labels, now=to_microseconds(log.as_of), **told)
    assert found == counted(examples.outcomes, examples.points.queries.lead, until)
    assert any(one.new and one.learnt for one in found)
