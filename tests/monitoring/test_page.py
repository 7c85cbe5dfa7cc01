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
    home.monitoring.write("acme", "performance", NOW, finding)
    home.monitoring.write("acme", "data", NOW, {"alarm": False, "explanation": "All rows <are> sound."})
    page = monitoring_html(overview(home, "acme", now=NOW))
    assert finding["explanation"] in page
    assert "too few" in page
    assert "All rows &lt;are&gt; sound." in page
    assert len(re.findall(r'src="data:image/png;base64,', page)) == 2
    assert set(performance_pictures(finding)) == {"intent"}


def test_it_asks_nothing_of_a_network(home: Home) -> None:
    home.monitoring.write("acme", "performance", NOW, performance_finding([cohort(1)], {}, seed=1))
    page = monitoring_html(overview(home, "acme", now=NOW))
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", page)
