"""The prediction log after a clean stop: every decision once, with what it rested on and how long it took."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from lintel.home import Home
from lintel.scoring.answers import answer_leads, read_histories
from lintel.scoring.bundle import Bundle
from lintel.scoring.comparison import Comparison
from lintel.store.prediction import features_digest, is_sampled
from tests.bentos.conftest import TENANT, Brokerage
from tests.engine.faults import Models
from tests.engine.service import Service, logged
from tests.engine.test_deadlines import asking, busy, until
from tests.serving.clients import Clock

Serve = Callable[..., AbstractContextManager[Service]]
ROUNDING = 1e-3  # ms; the log keeps float32


def test_every_decision_that_was_delivered_is_in_the_log_once(
    serve: Serve, home: Home, brokerage: Brokerage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = Models().put_in(monkeypatch)
    models.poison = {brokerage.lead_ids[7]}
    leads, classes = brokerage.lead_ids, ("interactive", "event", "bulk")
    delivered: list[tuple[str, dict[str, Any]]] = []
    with serve() as service:

        def ask(turn: int) -> None:
            urgency = classes[turn % 3]
            chosen = [*leads[turn % 9 : turn % 9 + 6], "nobody", leads[turn % 9]]
            delivered.extend(
                (urgency, one)
                for one in service.ask(*chosen, explain=turn % 4 == 0, headers={"Lintel-Urgency": urgency})
            )

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(ask, range(48)))
        service.append(leads[3], "email.opened", service.home.events.newest_known_at(TENANT) + timedelta(hours=1))
        ask(3)
    decisions = {one["decision_id"]: (urgency, one) for urgency, one in delivered if "error" not in one}
    assert not any("decision_id" in one for _, one in delivered if "error" in one)
    assert len(decisions) == 7 * 49
    rows = logged(home)
    assert Counter(row["decision_id"] for row in rows) == Counter(list(decisions))
    for row in rows:
        urgency, answer = decisions[row["decision_id"]]
        assert (row["tenant"], row["lead_id"], row["urgency"]) == (TENANT, answer["lead_id"], urgency)
        assert (row["served_by"], row["seq"]) == (answer["served_by"], answer["seq"])
        assert (row["model_digest"], row["model_version"]) == (brokerage.digest, 1)
        assert row["as_of"] == datetime.fromisoformat(answer["as_of"])
        assert row["answered_at"] == clock()
        assert row["principal"] == "tests"
        said = {name: one["probability"] for name, one in answer.get("dimensions", {}).items() if "probability" in one}
        assert dict(row["probabilities"]) == said
        assert_parts_add_up(row)
    assert {row["served_by"] for row in rows} == {"champion", "light-model"}
    assert {row["cached"] for row in rows} == {True, False}


def assert_parts_add_up(row: dict[str, Any]) -> None:
    assert min(row["queue_ms"], row["compute_ms"]) >= 0
    assert row["total_ms"] > 0
    assert row["queue_ms"] + row["compute_ms"] <= row["total_ms"] + ROUNDING
    assert (row["compute_ms"] > 0) == (not row["cached"])


def test_features_are_those_that_the_library_computes_and_are_kept_for_a_share(
    serve: Serve, home: Home, bundle: Bundle, brokerage: Brokerage, clock: Clock
) -> None:
    with serve() as service:
        answers = service.ask(*brokerage.lead_ids[:200])
    moment = datetime.fromisoformat(answers[0]["as_of"])
    own = features(home, bundle, moment, [one["lead_id"] for one in answers], clock())
    kept = 0
    for row in logged(home):
        features_row = own.get(row["lead_id"])
        assert row["features_digest"] == (None if features_row is None else features_digest(features_row))
        expected = features_row if is_sampled(row["decision_id"], 0.5) else None
        assert row["features"] == expected
        kept += expected is not None
    assert 0.2 * len(own) < kept < 0.8 * len(own)


def features(home: Home, bundle: Bundle, moment: datetime, leads: list[str], now: datetime) -> dict[str, bytes]:
    """The rows that scores of open leads are made of."""
    tenant = home.events.tenant(TENANT)
    answered = answer_leads(
        bundle,
        tenant,
        read_histories(home.events, tenant, leads, moment),
        leads,
        moment,
        explain=False,
        model_version=1,
        served_by="champion",
        comparison=Comparison(None, None, {}, "not asked"),
        now=now,
    )
    return {lead: np.ascontiguousarray(answered.features[row]).tobytes() for lead, row in answered.rows.items()}


def test_a_request_that_joins_a_computation_counts_only_what_it_waited(
    serve: Serve, home: Home, brokerage: Brokerage, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = brokerage.lead_ids[0]
    with serve() as service, busy(monkeypatch) as released, asking(service, lead) as first:
        until(lambda: service.inference.batcher.computing_seconds() > 0.5)
        with asking(service, lead) as second:
            until(lambda: sum(service.inference.batcher.counts.joined) == 1)
            released.set()
    ids = [found[0].json()["scores"][0]["decision_id"] for found in (first, second)]
    rows = {row["decision_id"]: row for row in logged(home)}
    early, late = (rows[decision] for decision in ids)
    assert early["compute_ms"] > 500
    assert late["compute_ms"] < early["compute_ms"] - 400
    assert_parts_add_up(early)
    assert_parts_add_up(late)
