"""`lintel fairness`: the report as a table and as one JSON object."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

import cli.fairness
from lintel.fairness.audit import bundle_fairness
from lintel.fairness.predictability import AuditSettings
from lintel.home import Home
from lintel.sources.simulator import preset
from lintel.sources.simulator.protected import members, plant
from tests.cli.conftest import Lintel
from tests.orchestration.nightly_home import TENANT, NightlyHome


@pytest.fixture
def groups(nightly_home: NightlyHome, tmp_path: Path) -> Path:
    """A group of the simulated leads that their channel gives away."""
    with Home(nightly_home.settings) as home:
        leads = home.log(TENANT, now=datetime.now(UTC)).lead_ids
        group = members(preset("demo"), TENANT, home.lake.read(TENANT), leads, plant("channel"), seed=1)
    lines = [f"{lead},{'north' if one else 'south'}" for lead, one in zip(leads, group.tolist(), strict=True)]
    path = tmp_path / "groups.csv"
    path.write_text("\n".join(["lead_id,group", *lines]))
    return path


def test_the_report_names_what_gives_the_group_away(
    lintel_after_nightly: Lintel, groups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = AuditSettings(trees=15, permutations=19, draws=40, threads=1)
    monkeypatch.setattr(cli.fairness, "bundle_fairness", partial(bundle_fairness, settings=quick))
    answer = lintel_after_nightly("fairness", "--tenant", TENANT, "--groups", groups, "--share", 0.3, "--json")
    assert answer.code == 0, answer.err
    found = answer.value
    assert (found["tenant"], found["simulated"], found["unknown"]) == (TENANT, True, 0)
    assert sum(found["leads"].values()) == 300
    assert found["features"]["verdict"] == "proxy_found"
    assert found["features"]["families"][0]["name"] == "profile"
    assert any("the features tell group" in one for one in found["findings"])
    for one in found["dimensions"].values():
        assert one["groups"]["selected_share"] == 0.3
        assert one["proxy"]["tolerance"] == 0.55
    shown = lintel_after_nightly("fairness", "--tenant", TENANT, "--groups", groups)
    assert shown.code == 0
    assert "carries it" in shown.out
    assert "(simulated)" in shown.out


def test_a_missing_or_faulty_file_is_a_sentence(lintel_after_nightly: Lintel, tmp_path: Path) -> None:
    missing = lintel_after_nightly("fairness", "--tenant", TENANT, "--groups", tmp_path / "none.csv", "--json")
    assert (missing.code, missing.fault) == (3, "not-found")
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    faulty = lintel_after_nightly("fairness", "--tenant", TENANT, "--groups", tmp_path / "bad.csv", "--json")
    assert (faulty.code, faulty.fault) == (2, "invalid-input")
