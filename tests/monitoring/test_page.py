"""The page shows what there is and says what there is not, for any state of a tenant."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from lintel.home import Home
from lintel.monitoring.overview import overview
from lintel.monitoring.page import monitoring_html, performance_pictures
from lintel.monitoring.performance import performance_finding
from lintel.settings import Settings
from lintel.store.tenants import Tenant
from tests.monitoring.performance.test_performance import cohort

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def home(make_home: Callable[[], Settings]) -> Any:
    with Home(make_home()) as home:
        home.events.put_tenant(Tenant("acme", "crm", simulated=True))
        yield home


def test_a_tenant_of_whom_nothing_is_known_has_a_page(home: Home) -> None:
    found = overview(home, "acme", now=NOW)
    page = monitoring_html(found)
    assert "No model serves this tenant yet." in page
    assert page.count("Never judged") == 3
    assert "Simulated data." in page
    assert found["traffic"] == []
    assert {one["status"] for one in found["readiness"]} <= {"counted", "not_defined_for_source"}
    json.dumps(found, allow_nan=False)


def test_findings_come_with_their_pictures_and_alarms(home: Home) -> None:
    cohorts = [cohort(seed, 300) for seed in range(3)]
    finding = performance_finding([*cohorts, cohort(9, 60), cohort(8, 500, truth=-1.0)], {}, seed=1)
    assert finding["alarm"]
    judged = [one for one in finding["cohorts"] if one["status"] == "judged"]
    for one, (share, cells) in zip(judged, ((0.5, 2), (1.0, 1)), strict=False):
        one["figures"]["coverage"] = {"share": share, "cells": cells}
    home.monitoring.write("acme", "performance", NOW, finding)
    home.monitoring.write(
        "acme", "data", NOW, {"suite": "scores", "alarm": False, "explanation": "All rows <are> sound."}
    )
    page = monitoring_html(overview(home, "acme", now=NOW))
    assert finding["explanation"] in page
    assert "too few" in page
    assert "All rows &lt;are&gt; sound." in page
    assert len(re.findall(r'src="data:image/png;base64,', page)) == 2
    assert "held the observed rate in 2 of 3 cells of all cohorts (67%)" in page
    assert '<td class="num">1 of 2</td>' in page
    assert set(performance_pictures(finding)) == {"intent"}


def test_one_gate_that_passes_hides_no_other_that_alarms(home: Home) -> None:
    told = {"events": (True, "3 rows were set aside. They name no lead."), "scores": (False, "All rules hold.")}
    for minute, (suite, (alarm, words)) in enumerate(told.items()):
        finding = {"suite": suite, "alarm": alarm, "explanation": words}
        home.monitoring.write("acme", "data", NOW.replace(minute=minute), finding)
    found = overview(home, "acme", now=NOW)
    assert found["findings"]["data"]["suite"] == "events"
    page = monitoring_html(found)
    for words in ("3 rows were set aside. They name no lead.", "All rules hold.", '<a href="#data">More</a>'):
        assert words in page
    home.monitoring.write("acme", "data", NOW.replace(hour=1), {"suite": "events", "alarm": False, "explanation": "x"})
    assert overview(home, "acme", now=NOW)["findings"]["data"]["alarm"] is False


def test_a_rollout_is_shown_gate_by_gate(home: Home) -> None:
    gates = [
        {"gate": "failures", "standing": "good", "figure": 0.0, "bound": 0.01, "sentence": "None failed."},
        {"gate": "score_shift:intent", "standing": "bad", "figure": 0.4, "bound": 0.15, "sentence": "They <differ>."},
    ]
    decision = {"action": "roll-back", "reason": "They <differ>.", "findings": gates}
    rollout = {
        "strategy": "canary",
        "candidate": {"version": 3},
        "champion": {"version": 2},
        "state": "rolled-back",
        "share": None,
        "began_at": NOW.isoformat(),
    }
    found = overview(home, "acme", now=NOW)
    page = monitoring_html(found | {"rollout": rollout | {"decision": decision}})
    assert page.count("They &lt;differ&gt;.") == 1
    assert "score shift: intent" in page
    by_hand = decision | {"reason": "eva: complaints", "by": "eva"}
    assert "Last: roll-back, eva: complaints." in monitoring_html(found | {"rollout": rollout | {"decision": by_hand}})
    assert monitoring_html(found | {"rollout": rollout | {"decision": None}})


def test_it_asks_nothing_of_a_network(home: Home) -> None:
    home.monitoring.write("acme", "performance", NOW, performance_finding([cohort(1)], {}, seed=1))
    page = monitoring_html(overview(home, "acme", now=NOW))
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", page)
