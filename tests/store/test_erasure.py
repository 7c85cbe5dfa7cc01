"""What `Home.erase` leaves of a person: nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lintel.errors import NotFoundError
from lintel.home import Home
from lintel.settings import Settings
from lintel.store.state import ScoreRow
from lintel.store.tenants import Tenant
from lintel.store.work_tables import erase_rows
from tests.store.predicting import NOW, prediction, put_segment


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home(Settings(home=tmp_path / "home", prediction_log_days=36_500)) as home:
        home.events.put_tenant(Tenant("acme", labels="crm"))
        yield home


def score(lead: str) -> ScoreRow:
    return ScoreRow(lead, NOW, 7, "sha256:a", 3, 0.5, {"conversion": 0.5}, {"lead_id": lead}, NOW)


def test_a_merged_person_is_gone_everywhere(
    home: Home, row: Callable[..., dict[str, Any]], table: Callable[..., pa.Table]
) -> None:
    merge = row(50, kind="lead.merged", lead_id="lead2", object_id="lead1")
    home.events.append("acme", table([row(1), row(2), row(3), merge]), now=NOW)
    home.lake.advance(home.events, "acme", now=NOW)
    scores = [score("lead1"), score("lead2"), score("lead3")]
    home.scores.put("acme", scores)
    home.last_scores.write("acme", [one.answer for one in scores], NOW)
    folder = home.settings.prediction_segments_path
    put_segment(folder, [[prediction(number) for number in range(5)]])
    home.predictions.compact(now=NOW, keep_days=36_500)
    put_segment(folder, [[prediction(6), prediction(8)]], number=2)

    assert set(home.erase("acme", "lead2", now=NOW).leads) == {"lead1", "lead2"}

    assert home.events.lead_ids("acme") == home.lake.lead_ids("acme") == ["lead3"]
    assert [answer["lead_id"] for answer in home.scores.page("acme").leads] == ["lead3"]
    assert [home.last_scores.read("acme", f"lead{number}") is None for number in (1, 2, 3)] == [True, True, False]
    found = home.predictions.read("acme").column("lead_id").to_pylist()
    assert sorted(found) == ["lead0", "lead3", "lead3", "lead4"]
    assert home.predictions.waiting() == []


def test_a_tenant_that_is_not_known_has_nobody_to_erase(home: Home) -> None:
    with pytest.raises(NotFoundError, match="nobody"):
        home.erase("nobody", "lead1", now=NOW)


def test_what_a_run_writes_after_an_erasure_is_removed_again(
    home: Home, row: Callable[..., dict[str, Any]], table: Callable[..., pa.Table]
) -> None:
    home.events.append("acme", table([row(1), row(2)]), now=NOW)
    home.erase("acme", "lead1", now=NOW)
    scores = [score("lead1"), score("lead2")]
    home.scores.put("acme", scores)
    home.last_scores.write("acme", [one.answer for one in scores], NOW)
    features = home.work("acme", "lead_features.parquet")
    pq.write_table(pa.table({"lead_id": ["lead1", "lead2"]}), features)

    assert home.erase_late("acme", ["lead1", "lead2"]) == {"lead1"}

    assert home.scores.history("acme", "lead1") == []
    assert home.scores.history("acme", "lead2") == scores[1:]
    assert home.last_scores.read("acme", "lead1") is None
    assert pq.read_table(features).column("lead_id").to_pylist() == ["lead2"]


def test_a_table_does_not_name_whom_none_of_its_rows_is_of(tmp_path: Path) -> None:
    """A dictionary keeps the names of rows that were filtered out, and of leads that never had a row."""
    path = tmp_path / "examples.parquet"
    leads = pa.DictionaryArray.from_arrays(pa.array([0, 1, 1], pa.int32()), pa.array(["lead1", "lead2", "lead3"]))
    pq.write_table(pa.table({"lead_id": leads, "x": [1, 2, 3]}).replace_schema_metadata({"kept": "yes"}), path)

    assert [erase_rows(tmp_path, ["lead1"]), erase_rows(tmp_path, ["lead3"])] == [1, 0]

    table = pq.read_table(path)
    assert (table.schema.field("lead_id").type, table.schema.metadata[b"kept"]) == (leads.type, b"yes")
    assert table.to_pydict() == {"lead_id": ["lead2", "lead2"], "x": [2, 3]}
    assert not any(lead in path.read_bytes() for lead in (b"lead1", b"lead3"))
