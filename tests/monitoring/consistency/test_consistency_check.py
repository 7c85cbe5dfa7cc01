"""What a real service answered and logged, against the lake: nothing differs, and what is made to differ is found."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import lintel.scoring.scorer
from lintel.features.catalogue import catalogue
from lintel.home import Home
from lintel.monitoring.consistency_check import check_consistency
from tests.bentos.conftest import TENANT, Brokerage
from tests.engine.conftest import WHEN
from tests.engine.service import Service
from tests.hot.logs_in_store import incoming

Serve = Callable[..., AbstractContextManager[Service]]
AFTER = WHEN + timedelta(hours=1)


def checked(home: Home) -> dict[str, Any]:
    """Everything that was logged, compacted and compared."""
    home.lake.advance(home.events, TENANT, now=datetime.now(UTC))
    home.predictions.compact(now=AFTER, keep_days=10_000)
    return check_consistency(home, TENANT, now=AFTER, since=WHEN - timedelta(days=1))


def test_what_was_served_comes_out_of_the_lake(serve: Serve, home: Home, brokerage: Brokerage) -> None:
    leads = brokerage.lead_ids[:80]
    with serve() as service:
        service.ask(*leads)
        end = service.home.events.newest_known_at(TENANT)
        assert end is not None
        for number, lead in enumerate(leads[:20]):
            service.append(lead, "email.opened", end + timedelta(minutes=1 + number))
            service.ask(*leads[:30])
        service.ask(*leads[:40])
    found = checked(home)
    assert not found["alarm"], found
    assert found["compared"] > 150
    assert found["digests"] == {"compared": found["compared"], "mismatched": 0}
    assert found["features"]["compared"] > 50
    assert found["features"]["by_feature"] == {}
    assert found["scores"]["compared"] == found["compared"]
    assert found["scores"]["worst"] <= 1.5e-6
    assert found["late"]["answers"] == 0
    assert found["answers"] == found["compared"] + sum(one["answers"] for one in found["apart"].values())


def test_a_skewed_feature_is_found_by_name(
    serve: Serve, home: Home, brokerage: Brokerage, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, skewed = lintel.scoring.scorer.compute, catalogue().names[17]

    def compute(*arguments: Any, **options: Any) -> Any:
        found = honest(*arguments, **options)
        found[:, 17] = np.nextafter(found[:, 17], np.float32(np.inf)) + np.float32(1e-20)
        return found

    with serve() as service, monkeypatch.context() as patch:
        patch.setattr(lintel.scoring.scorer, "compute", compute)
        service.ask(*brokerage.lead_ids[:60])
    found = checked(home)
    assert found["alarm"]
    assert list(found["features"]["by_feature"]) == [skewed]
    assert skewed in found["explanation"]
    assert found["digests"]["mismatched"] > 0


def test_events_that_came_late_are_a_figure_of_their_own(serve: Serve, home: Home, brokerage: Brokerage) -> None:
    with serve() as service:
        answers = service.ask(*brokerage.lead_ids[:60])
    moment = datetime.fromisoformat(answers[0]["as_of"])
    open_lead = next(one["lead_id"] for one in answers if "dimensions" in one)
    row = {"event_id": "late", "lead_id": open_lead, "kind": "email.opened", "occurred_at": moment - timedelta(hours=2)}
    home.events.append(TENANT, incoming([row]), now=datetime.now(UTC))
    found = checked(home)
    assert not found["alarm"], found["explanation"]
    assert found["late"]["answers"] == 1
    assert any("email" in name for name in found["late"]["by_feature"])


def test_leads_that_are_gone_or_others_are_counted_apart(serve: Serve, home: Home, brokerage: Brokerage) -> None:
    with serve() as service:
        answers = service.ask(*brokerage.lead_ids[:60])
    open_leads = [one["lead_id"] for one in answers if "dimensions" in one]
    end = home.events.newest_known_at(TENANT)
    assert end is not None
    merge = {
        "event_id": "merge",
        "lead_id": open_leads[0],
        "object_id": open_leads[1],
        "kind": "lead.merged",
        "occurred_at": end + timedelta(hours=1),
    }
    home.events.append(TENANT, incoming([merge]), now=datetime.now(UTC))
    found = checked(home)
    assert not found["alarm"], found["explanation"]
    assert found["apart"]["lead_merged_since"]["answers"] == 2
    assert found["compared"] == len(open_leads) - 2


def test_answers_of_other_features_and_of_no_features_are_counted_apart(
    serve: Serve, home: Home, brokerage: Brokerage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve() as service:
        service.ask(*brokerage.lead_ids[:40])
    read = home.predictions.read

    def other(*arguments: Any, **options: Any) -> pa.Table:
        table = read(*arguments, **options)
        column = table.schema.get_field_index("feature_version")
        return table.set_column(column, "feature_version", pa.array(["sha256:other"] * len(table), pa.string()))

    monkeypatch.setattr(home.predictions, "read", other)
    found = checked(home)
    assert (found["status"], found["compared"], found["alarm"]) == ("nothing_to_compare", 0, False)
    assert found["apart"]["other_feature_version"]["answers"] > 5
    assert sum(one["answers"] for one in found["apart"].values()) == found["answers"] == 40
