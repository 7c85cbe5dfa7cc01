"""`lintel predictions`: what is in the log, and whether it is all there."""

from pathlib import Path

import pytest

from lintel.home import Home
from lintel.settings import Settings
from lintel.store.segments import Loss
from lintel.store.tenants import Tenant
from tests.cli.conftest import Lintel
from tests.store.predicting import NOW, prediction, put_segment

KEEP = 36_500


@pytest.fixture
def logged(tmp_path: Path) -> Path:
    """A home with seven answers in the lake, three that are lost, and one in a segment; its lake."""
    with Home(Settings(home=tmp_path / "home")) as home:
        home.events.put_tenant(Tenant("acme", labels="crm"))
        folder = home.settings.prediction_segments_path
        lost = Loss("backlog_full", 3, prediction(9).answered_at, prediction(8).answered_at)
        put_segment(folder, [[prediction(number) for number in range(7)]], losses=[lost])
        put_segment(folder, [[]], closed=False, number=2)
        home.predictions.compact(now=NOW, keep_days=KEEP)
        put_segment(folder, [[prediction(7)]], number=3)
        return home.settings.lake_path


@pytest.mark.usefixtures("logged")
def test_answers_are_listed_newest_first(lintel: Lintel) -> None:
    answer = lintel("predictions", "list", "--tenant", "acme", "--limit", 3, "--json")
    assert answer.code == 0, answer.err
    assert [one["decision_id"] for one in answer.value["predictions"]] == ["D000000", "D000001", "D000002"]
    assert answer.value["predictions"][0]["answered_at"] == NOW.isoformat()
    assert "D000006" in lintel("predictions", "list", "--tenant", "acme").out


@pytest.mark.usefixtures("logged")
def test_they_are_chosen_by_lead_and_time(lintel: Lintel) -> None:
    found = lintel("predictions", "list", "--tenant", "acme", "--lead", "lead1", "--json").value["predictions"]
    assert [one["decision_id"] for one in found] == ["D000001", "D000006"]
    since = ("--since", "2026-03-01T11:59:58")
    found = lintel("predictions", "list", "--tenant", "acme", *since, "--json").value["predictions"]
    assert [one["decision_id"] for one in found] == ["D000000", "D000001", "D000002"]


@pytest.mark.usefixtures("logged")
def test_a_sound_log_tells_what_is_known_to_be_lost(lintel: Lintel) -> None:
    answer = lintel("predictions", "verify", "--json")
    assert (answer.code, answer.value) == (0, {"segments_waiting": 1, "lost": 3, "losses_without_count": 1})


def test_damage_is_an_error_that_names_the_file(lintel: Lintel, logged: Path) -> None:
    (part,) = logged.rglob("*.parquet")
    part.write_bytes(b"")
    answer = lintel("predictions", "verify", "--json")
    assert (answer.code, answer.fault) == (5, "unavailable")
    assert str(part) in answer.err
