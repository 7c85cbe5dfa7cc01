"""Rank and trend: from the nightly run that was there at the as-of time, the same alone as in the batch."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lintel.events.moments import time_text, to_microseconds
from lintel.scoring.answers import score_batch, score_leads, store_batch
from lintel.scoring.comparison import (
    MAX_RANKING_DAYS,
    Comparison,
    nightly_comparison,
    past_scores,
    stored_comparison,
)
from lintel.store.events import EventStore
from lintel.store.scores import ScoreRow, ScoreStore
from lintel.store.tenants import Clock, Tenant

NOW = datetime(2026, 3, 10, 2, tzinfo=UTC)
TEAM = Tenant("acme", labels="simulator", capacity_per_day=2)
MODEL = "sha256:a"
RANKED = ("grade", "band", "percentile", "ranked_among")


@pytest.fixture
def scores(tmp_path: Path) -> Iterator[ScoreStore]:
    with ScoreStore.open(f"sqlite:///{tmp_path / 'state.db'}") as scores:
        yield scores


def answer(lead: str, chance: float, as_of: datetime = NOW, digest: str = MODEL) -> dict[str, Any]:
    """An answer in the endpoint's form, as far as it is compared."""
    conversion = {"probability": chance, "interval": [chance * 0.9, chance * 1.1], "base_rate": 0.2}
    return {
        "lead_id": lead,
        "as_of": time_text(to_microseconds(as_of)),
        "seq": 1,
        "model": {"digest": digest, "version": 1},
        "overall": {"priority": chance / 2, "formula": "P(win)"},
        "dimensions": {"conversion": conversion},
    }


def run(scores: ScoreStore, chances: dict[str, float], as_of: datetime, digest: str = MODEL) -> Comparison:
    """A nightly run, stored."""
    answers = [answer(lead, chance, as_of, digest) for lead, chance in chances.items()]
    found = nightly_comparison(answers, TEAM, as_of, past_scores(scores, TEAM.id, digest, as_of))
    scores.put(TEAM.id, [ScoreRow.of(one, as_of) for one in answers])
    assert found.ranking is not None
    scores.put_ranking(TEAM.id, as_of, digest, found.ranking.to_json())
    return found


CHANCES = {"a": 0.6, "b": 0.5, "c": 0.4, "d": 0.1}


def test_a_request_is_ranked_as_the_nightly_run_was(scores: ScoreStore) -> None:
    nightly = run(scores, CHANCES, NOW)
    later = NOW + timedelta(hours=9)
    asked = stored_comparison(scores, TEAM, MODEL, later, list(CHANCES))
    for lead, chance in CHANCES.items():
        ranked = {name: asked.of(answer(lead, chance, later))[name] for name in RANKED}
        assert ranked == {name: nightly.of(answer(lead, chance))[name] for name in RANKED}
    assert asked.of(answer("a", 0.6, later)) == {
        "grade": "A",
        "band": "call today",
        "percentile": 75.0,
        "ranked_among": {"open_leads": 4, "as_of": "2026-03-10T02:00:00Z"},
        "trend": "not_enough_history",
    }
    assert asked.of(answer("new", 0.45, later))["grade"] == "B"


def test_only_runs_that_were_there_and_of_the_same_model_count(scores: ScoreStore) -> None:
    run(scores, CHANCES, NOW)
    for moment, model in ((NOW - timedelta(seconds=1), MODEL), (NOW, "sha256:b")):
        shown = stored_comparison(scores, TEAM, model, moment, ["a"]).of(answer("a", 0.6, moment))
        assert set(shown) == {"not_ranked", "trend"}
        assert "no nightly run" in shown["not_ranked"]


def test_an_old_run_says_nothing_of_today(scores: ScoreStore) -> None:
    run(scores, CHANCES, NOW)
    later = NOW + timedelta(days=MAX_RANKING_DAYS)
    assert stored_comparison(scores, TEAM, MODEL, later, ["a"]).ranking is not None
    stale = stored_comparison(scores, TEAM, MODEL, later + timedelta(seconds=1), ["a"])
    assert "days older" in stale.of(answer("a", 0.6))["not_ranked"]


def test_the_trend_is_told_from_the_runs_before(scores: ScoreStore) -> None:
    for day in range(5):
        run(scores, {"up": 0.2 + 0.1 * day, "flat": 0.4, "down": 0.6 - 0.1 * day}, NOW + timedelta(days=day))
    moment = NOW + timedelta(days=5)
    asked = stored_comparison(scores, TEAM, MODEL, moment, ["up", "flat", "down", "new"])
    told = {"up": 0.6, "flat": 0.4, "down": 0.2, "new": 0.9}
    assert {lead: asked.of(answer(lead, chance, moment))["trend"] for lead, chance in told.items()} == {
        "up": "improving",
        "flat": "steady",
        "down": "declining",
        "new": "not_enough_history",
    }
    other = stored_comparison(scores, TEAM, "sha256:b", moment, ["up"])
    assert other.of(answer("up", 0.6, moment))["trend"] == "not_enough_history"  # a change of models is no trend


def test_without_a_chance_of_winning_there_is_nothing_to_compare(scores: ScoreStore) -> None:
    found = nightly_comparison([], TEAM, NOW, {})
    assert "no lead" in found.of(answer("a", 0.5))["not_ranked"]
    poor = answer("a", 0.5) | {"overall": {"status": "not_enough_data"}, "dimensions": {}}
    run(scores, CHANCES, NOW)
    assert stored_comparison(scores, TEAM, MODEL, NOW, ["a"]).of(poor) == {"trend": "not_enough_history"}
    assert "no store" in stored_comparison(None, TEAM, MODEL, NOW, ["a"]).of(answer("a", 0.5))["not_ranked"]


def test_alone_as_in_the_nightly_run_grade_and_trend_included(trained, scores: ScoreStore, tmp_path: Path) -> None:
    """Five nights of a real log, then one lead at a time at the end of it."""
    tenant = replace(trained.log.tenant, clock=Clock.LOG_END, capacity_per_day=5)
    told = {"model_version": 1, "served_by": "champion", "scores": scores}
    batch: list[dict[str, Any]] = []
    for day in (4, 3, 2, 1, 0):
        log = replace(trained.log, tenant=tenant, as_of=trained.log.as_of - timedelta(days=day))
        batch = score_batch(trained.bundle, log, seq=1, now=log.as_of, **told)
        store_batch(scores, log, trained.bundle.digest, batch, log.as_of)
    with EventStore.open(f"sqlite:///{tmp_path / 'events.db'}") as store:
        store.put_tenant(tenant)
        store.append(tenant.id, trained.events, now=NOW)
        leads = [one["lead_id"] for one in batch]
        alone = score_leads(store, trained.bundle, tenant, leads, trained.log.as_of, explain=False, **told)
    assert [one["overall"] for one in alone] == [one["overall"] for one in batch]
    grades = [one["overall"]["grade"] for one in batch]
    assert grades == sorted(grades)
    assert grades.count("A") == 5
    assert len({one["overall"]["trend"] for one in batch}) > 1
    assert len(scores.page(tenant.id, limit=200).leads) == len(batch)
