"""Evidence on real stores: pairs and matured outcomes, each against what the library says of one lead alone."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from lintel.events.moments import from_microseconds
from lintel.rollouts import maturing
from lintel.rollouts.evidence import Evidence, Matured
from lintel.rollouts.observed import SAMPLE, answered_tenants, observe
from lintel.scoring.answers import score_leads
from lintel.scoring.bundle import Bundle
from lintel.store.events import EventStore
from lintel.store.tenants import Tenant
from tests.bentos.conftest import TENANT
from tests.hot.logs_in_store import incoming
from tests.rollout_runtime.stage import Stage


def evidence(stage: Stage) -> Evidence:
    return observe(stage.home, stage.rollout, stage.now).evidence


def log_end(stage: Stage) -> datetime:
    newest = stage.home.events.state(TENANT).newest_known_at
    assert newest is not None
    return from_microseconds(newest) if isinstance(newest, int) else newest


def append(stage: Stage, *rows: tuple[str, str, datetime]) -> None:
    found = [
        {"event_id": f"{lead} {kind} {at}", "lead_id": lead, "kind": kind, "occurred_at": at} for lead, kind, at in rows
    ]
    stage.home.events.append(TENANT, incoming(found), now=datetime.now(UTC))


def answered(stage: Stage) -> Stage:
    """A rollout at its first step, and an answer about every lead."""
    stage.begin(steps=(0.5, 1.0))
    stage.workers()
    stage.advance()
    stage.workers()
    stage.now += timedelta(seconds=1)
    stage.answer()
    return stage


def said(stage: Stage, as_of: datetime) -> dict[str, dict[str, float]]:
    """What the champion says of every lead that is open then."""
    bundle = Bundle.load(stage.registry.fetch(TENANT, 1))
    answers = score_leads(
        stage.home.events,
        bundle,
        stage.home.events.tenant(TENANT),
        stage.lead_ids,
        as_of,
        explain=False,
        model_version=1,
        served_by="champion",
    )
    return {
        answer["lead_id"]: {
            name: one["probability"] for name, one in answer["dimensions"].items() if "probability" in one
        }
        for answer in answers
        if "dimensions" in answer
    }


def test_pairs_are_what_both_say_of_the_leads_answered_last(stage: Stage) -> None:
    answered(stage)
    end = log_end(stage)
    before = said(stage, end)
    append(stage, *((lead, "email.opened", end) for lead in stage.lead_ids))  # late: was not in the log then
    found = evidence(stage)
    assert found.candidate.asked + found.champion.asked == len(stage.lead_ids)
    for pairs in found.pairs.values():
        assert len(pairs.champion) == SAMPLE
        assert np.array_equal(pairs.candidate, pairs.champion)  # twins
    newest = sorted(stage.lead_ids[-SAMPLE:])
    ours = dict(zip(newest, found.pairs["churn"].champion, strict=True))
    compared = [(ours[lead], before[lead]["churn"]) for lead in newest if lead in before]
    assert len(compared) > 30
    assert np.allclose(*zip(*compared, strict=True), atol=1e-6)


def test_outcomes_come_in_the_order_in_which_they_are_known_and_are_never_changed(stage: Stage) -> None:
    answered(stage)
    assert evidence(stage).matured == {}
    end = log_end(stage)
    before = said(stage, end)
    open_leads = sorted(before)
    won, late = open_leads[:4], open_leads[4:6]
    append(stage, *((lead, "deal.won", end + timedelta(days=3)) for lead in won))
    append(stage, *((lead, "web.listing_view", end + timedelta(days=40)) for lead in late))
    first = evidence(stage).matured
    assert "churn" in first
    append(stage, (open_leads[7], "web.listing_view", end + timedelta(days=400)))
    second = evidence(stage).matured
    for name, one in first.items():
        count = len(one.outcome)
        assert 0 < count <= len(second[name].outcome)
        for field in ("candidate", "champion", "outcome"):
            assert np.array_equal(getattr(one, field), getattr(second[name], field)[:count]), name
    churn = second["churn"]
    assert len(churn.outcome) == len(open_leads)
    assert np.count_nonzero(churn.outcome == 0) == len(won)  # all others went silent
    expected = sorted(before[lead]["churn"] for lead in won)
    assert sorted(churn.champion[churn.outcome == 0]) == pytest.approx(expected, abs=1e-6)
    assert np.array_equal(churn.candidate, churn.champion)


def test_answers_about_what_a_bundle_has_learnt_from_are_no_evidence(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(stage)
    end = log_end(stage)
    append(stage, (stage.lead_ids[0], "web.listing_view", end + timedelta(days=400)))
    assert evidence(stage).matured
    monkeypatch.setattr(maturing, "_learnt_until", lambda _: round((end + timedelta(seconds=1)).timestamp() * 1e6))
    assert not any(len(one.outcome) for one in evidence(stage).matured.values())


def test_a_lead_counts_once_and_a_bounded_number_of_them(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    answered(stage)
    stage.now += timedelta(seconds=1)
    stage.answer()
    append(stage, (stage.lead_ids[0], "web.listing_view", log_end(stage) + timedelta(days=400)))
    whole = evidence(stage).matured
    assert all(len(one.outcome) <= len(stage.lead_ids) for one in whole.values())
    monkeypatch.setattr(maturing, "MOST", 20)
    assert all(len(one.outcome) <= 20 for one in evidence(stage).matured.values())


def test_nothing_is_gathered_where_nobody_serves(stage: Stage) -> None:
    stage.begin()
    found = evidence(stage)
    assert (found.workers, found.candidate.asked, found.champion.asked, found.candidate_loads) == (0, 0, 0, True)


def test_a_candidate_whose_files_are_broken_does_not_load(stage: Stage) -> None:
    stage.begin()
    stage.workers()
    (stage.registry.fetch(TENANT, 2) / "metrics.json").write_text("{}")
    assert not evidence(stage).candidate_loads


def test_a_scope_of_everyone_is_judged_by_those_without_traffic_of_their_own(stage: Stage) -> None:
    stage.home.events.put_tenant(Tenant("other", labels="crm"))
    assert [one.id for one in answered_tenants(stage.home, TENANT)] == [TENANT]
    assert [one.id for one in answered_tenants(stage.home, "global")] == ["other"]
    assert isinstance(stage.home.events, EventStore)


def test_matured_parts_of_several_tenants_are_put_in_order() -> None:
    def rows(known: list[int], leads: list[str]) -> maturing.MaturedRows:
        values = np.array(known, float)
        return maturing.MaturedRows(np.array(known), np.array(leads, object), values, values + 0.5, values % 2)

    found = maturing.in_order([{"churn": rows([3, 1], ["b", "a"])}, {"churn": rows([2, 3], ["c", "a"])}, {}])
    assert isinstance(found["churn"], Matured)
    assert found["churn"].candidate.tolist() == [1, 2, 3, 3]
    assert found["churn"].outcome.tolist() == [1, 0, 1, 1]
