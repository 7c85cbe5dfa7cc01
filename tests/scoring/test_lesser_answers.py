"""Answers of the lower rungs: labelled, of the described shape, and silent about what they do not know."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from lintel.errors import UnavailableError
from lintel.market.context import NO_CONTEXT
from lintel.scoring.answers import Histories, answer_leads
from lintel.scoring.comparison import Comparison
from lintel.scoring.lesser_answers import last_score_answer, light_answers, prior_answer
from lintel.store.last_scores import LastScore
from serving.lead_answer import LeadAnswer

NOW = datetime(2026, 3, 1, tzinfo=UTC)
UNRANKED = Comparison(None, None, {}, "no run")


@pytest.fixture(scope="session")
def moment(trained) -> datetime:
    return trained.log.as_of - timedelta(days=20)


@pytest.fixture(scope="session")
def histories(trained) -> Histories:
    leads = trained.log.lead_ids
    survivors = {**{lead: lead for lead in leads}, "old-name": leads[0]}
    return Histories(leads, trained.log.columns, survivors, 77, NO_CONTEXT)


@pytest.fixture(scope="session")
def full(trained, histories: Histories, moment: datetime) -> list[dict[str, Any]]:
    return answer_leads(
        trained.bundle,
        trained.log.tenant,
        histories,
        histories.lead_ids,
        moment,
        explain=True,
        model_version=3,
        served_by="champion",
        comparison=UNRANKED,
        now=NOW,
    ).answers


def test_the_light_model_says_so_and_what_it_does_not_tell(trained, histories, moment, full) -> None:
    asked = [*histories.lead_ids, "old-name"]
    answered = light_answers(trained.bundle, trained.log.tenant, histories, asked, moment, model_version=3, now=NOW)
    assert [one["lead_id"] for one in answered.answers] == asked
    assert answered.answers[-1]["merged_into"] == asked[0]
    for light, whole in zip(answered.answers, full, strict=False):
        msgspec.convert(light, LeadAnswer, strict=True)
        assert light.get("status") == whole.get("status")
        if "dimensions" not in whole:
            continue
        assert light["served_by"] == "light-model"
        assert (light["model"], light["seq"], light["as_of"]) == (whole["model"], whole["seq"], whole["as_of"])
        assert {"reasons", "counterfactual", "overall.grade"} <= set(light["not_told"])
        assert not {"reasons", "counterfactual", "budget_narrowed_by"} & light.keys()
        assert "trend" not in light["overall"]
        assert "not_ranked" in light["overall"]
        low, high = light["dimensions"]["conversion"]["interval"]
        assert low <= light["dimensions"]["conversion"]["probability"] <= high
    assert answered.rows.keys() <= set(histories.lead_ids)
    assert len(answered.features) == len(answered.rows)


def test_a_bundle_without_a_light_model_leaves_the_rung_to_the_next(trained, histories, moment) -> None:
    with pytest.raises(UnavailableError, match="light model"):
        light_answers(
            replace(trained.bundle, light={}), trained.log.tenant, histories, [], moment, model_version=None, now=NOW
        )


def test_the_last_score_keeps_its_time_and_says_its_age(full) -> None:
    stored = next(one for one in full if "dimensions" in one)
    plain = {name: value for name, value in stored.items() if name not in {"reasons", "counterfactual"}}
    told = last_score_answer(LastScore(plain, NOW - timedelta(hours=5, milliseconds=1)), "asked", NOW)
    msgspec.convert(told, LeadAnswer, strict=True)
    assert told["age_seconds"] == 5 * 3600
    assert (told["lead_id"], told["served_by"], told["as_of"]) == ("asked", "last-score", stored["as_of"])
    assert told["decision_id"] != stored["decision_id"]
    assert told["dimensions"] == stored["dimensions"]
    assert "reasons" in told["not_told"]
    assert last_score_answer(LastScore(plain, NOW + timedelta(seconds=9)), "asked", NOW)["age_seconds"] == 0


def test_the_prior_is_the_base_rate_and_says_that_nothing_was_read(trained, moment) -> None:
    told = prior_answer(trained.bundle, trained.log.tenant, "anyone", moment, model_version=None, now=NOW)
    msgspec.convert(told, LeadAnswer, strict=True)
    assert (told["served_by"], told["status"], told["overall"]) == ("prior", "unread", {"status": "base_rate_only"})
    assert "seq" not in told
    for name, one in trained.bundle.scorer.dimensions.items():
        answer = told["dimensions"][name]
        assert "interval" not in answer
        if name in trained.bundle.scorer.ready:
            assert answer["probability"] == answer["base_rate"] == round(one.base_rate, 6)
            assert answer["status"] == "base_rate_only"
        else:
            assert answer == one.to_json()


def test_the_prior_can_be_told_when_not_even_the_log_s_end_is_known(trained) -> None:
    told = prior_answer(trained.bundle, trained.log.tenant, "anyone", None, model_version=2, now=NOW)
    assert "as_of" not in told
    assert told["model"]["version"] == 2
    msgspec.convert(told, LeadAnswer, strict=True)
