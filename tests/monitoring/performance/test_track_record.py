"""What became of a tenant's answers, from a real bundle, its log and both places in which answers are kept."""

import shutil
from dataclasses import replace

import numpy as np

from lintel.events.moments import to_microseconds
from lintel.home import Home
from lintel.labels.outcomes import Status
from lintel.monitoring.performance import performance_finding
from lintel.monitoring.track_record import served_answers, track_record
from lintel.scoring.bundle import Bundle
from tests.hot.logs_in_store import incoming
from tests.monitoring.performance.conftest import NOW, TENANT, Past, answers_of, log_answers


def test_nightly_scores_are_judged_where_no_service_ran(home: Home, past: Past) -> None:
    record = track_record(home, TENANT, now=NOW, days=7)
    assert {one.version for one in record.cohorts} == {1}
    assert {one.rung for one in record.cohorts} == {"model"}
    assert {one.of_service for one in record.cohorts} == {0}
    won = [one for one in record.cohorts if one.dimension == "intent"]
    assert len(won) == len(past.nights)
    old, new = won[0], won[-1]
    asked = old.status != Status.NOT_ASKED
    assert (old.status[asked] >= Status.NO).all()
    assert not (new.status >= Status.NO).any()
    assert old.doubt is not None
    assert old.doubt.shape == (len(old.doubt), len(old.probability))
    assert (old.low <= old.probability + 1e-6).all()
    assert (old.high >= old.probability - 1e-6).all()
    assert np.median(np.abs(old.doubt - old.probability).mean(axis=0)) < 0.2


def test_an_answer_of_the_service_goes_before_a_nightly_one(home: Home, past: Past) -> None:
    bundle = Bundle.load(home.settings.bundles_path / past.digest.removeprefix("sha256:"))
    told = answers_of(home, bundle, past.nights[2])[:40]
    changed = [{**one, "dimensions": {"intent": {"probability": 0.123}}} for one in told]
    log_answers(home, [*changed[:30], *changed[:30]])
    log_answers(home, [{**one, "served_by": "prior"} for one in changed[30:]], number=2)
    record = track_record(home, TENANT, now=NOW, days=7)
    own = [one for one in record.cohorts if one.dimension == "intent" and one.of_service and one.rung == "model"]
    assert [one.of_service for one in own] == [30]
    assert (own[0].probability == 0.123).sum() == 30
    assert len(own[0].probability) > 30
    lesser = [one for one in record.cohorts if one.rung == "prior"]
    assert [(one.dimension, len(one.probability), one.doubt) for one in lesser] == [("intent", 10, None)]


def test_what_callers_got_is_that_of_the_service_alone(home: Home, past: Past) -> None:
    bundle = Bundle.load(home.settings.bundles_path / past.digest.removeprefix("sha256:"))
    told = answers_of(home, bundle, past.nights[2])[:40]
    log_answers(home, [*told, *told[:10]])
    begin = to_microseconds(past.nights[2])
    found = served_answers(home, TENANT, begin=begin, days=7, now=NOW)
    assert found.of_service.all()
    assert sorted(found.lead_ids.tolist()) == sorted({one["lead_id"] for one in told})
    assert len(served_answers(home, TENANT, begin=to_microseconds(NOW), days=7, now=NOW)) == 0


def test_what_the_model_had_learnt_from_is_left_out_and_counted(home: Home, past: Past) -> None:
    before = track_record(home, TENANT, now=NOW, days=7)
    early = answers_of(home, Bundle.load(home.settings.bundles_path / past.digest[7:]), past.nights[0])[:20]
    log_answers(home, [{**one, "as_of": "2020-01-01T00:00:00+00:00"} for one in early])
    earlier = past.nights[1].isoformat()
    assert sum(track_record(home, TENANT, now=NOW, days=7).left_out.values()) == sum(before.left_out.values())
    log_answers(home, [{**one, "as_of": earlier, "lead_id": f"gone-{one['lead_id']}"} for one in early], number=2)
    after = track_record(home, TENANT, now=NOW, days=7)
    assert after.left_out["lead_merged_or_erased"] == before.left_out["lead_merged_or_erased"] + 20


def test_a_model_that_answers_the_wrong_way_round_is_found(home: Home) -> None:
    record = track_record(home, TENANT, now=NOW, days=28)
    turned = [replace(one, probability=1.0 - one.probability, doubt=None) for one in record.cohorts]
    finding = performance_finding(turned, {}, seed=1)
    assert finding["alarm"]
    assert "intent" in {one["dimension"] for one in finding["worse"]}
    assert finding["explanation"].count("promised") >= 1


def test_a_tenant_without_answers_has_no_cohorts(home: Home) -> None:
    empty = replace(home.events.tenant(TENANT), id="fresh")
    home.events.put_tenant(empty)
    row = {"event_id": "one", "lead_id": "a", "kind": "email.opened", "occurred_at": NOW}
    home.events.append("fresh", incoming([row]), now=NOW)
    home.lake.advance(home.events, "fresh", now=NOW)
    record = track_record(home, "fresh", now=NOW)
    assert (record.cohorts, record.rungs) == ([], {})
    assert performance_finding(record.cohorts, {}, seed=1)["status"] == "too_few"


def test_answers_of_a_bundle_that_is_gone_are_judged_without_its_doubt(home: Home, past: Past) -> None:
    folder = home.settings.bundles_path / past.digest.removeprefix("sha256:")
    (folder / "bundle.json").write_text("{}")
    record = track_record(home, TENANT, now=NOW, days=28)
    assert record.cohorts
    assert {one.doubt is None for one in record.cohorts} == {True}
    shutil.rmtree(folder)
    assert {one.doubt is None for one in track_record(home, TENANT, now=NOW, days=28).cohorts} == {True}
