"""The light model: small, calibrated, its own figures told, and an answer of the same shape without what it lacks."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from lintel.events.columns import Queries
from lintel.events.moments import to_microseconds
from lintel.events.timezones import utc_offsets
from lintel.features.catalogue import catalogue
from lintel.labels.outcomes import Status
from lintel.scoring import bundle as bundle_module
from lintel.scoring import opt_out
from lintel.scoring.bundle import Bundle
from lintel.scoring.dimension import LEAST_PROBABILITY, Dimension, Gap, MissingDimension
from lintel.scoring.light import light_scorer
from lintel.scoring.light_fitting import MOST_FEATURES, fit_light


def test_every_dimension_that_has_a_model_has_a_small_one(trained) -> None:
    bundle = trained.bundle
    assert bundle.light.keys() == bundle.scorer.ready.keys()
    for light in bundle.light.values():
        assert isinstance(light, Dimension)
        (member,) = light.ensemble.members
        assert member.kind == "lightgbm"
        assert 1 <= len(member.names) <= MOST_FEATURES
        assert member.trees <= 60
        assert member._forest is not None, "too large to be asked all at once"


def test_reads_neither_events_nor_a_curve(trained) -> None:
    lighter = trained.bundle.lighter
    assert lighter is not None
    assert lighter.scorer.encoders == ()
    scored = _scored(lighter, trained)
    assert scored.inputs.sequences is None
    assert all(one.curve is None and one.amount is None for one in scored.dimensions.values())


def test_a_lead_is_scored_alone_as_in_a_batch(trained) -> None:
    lighter = trained.bundle.lighter
    together = _scored(lighter, trained)
    for lead in (0, 7, 20):
        alone = _scored(lighter, trained, lead)
        for name, one in together.dimensions.items():
            assert alone.dimensions[name].probability[0] == one.probability[lead]


def test_tells_leads_apart_on_the_newest_fold_nearly_as_well_as_the_full_model(trained) -> None:
    for name in trained.bundle.light:
        values = trained.bundle.metrics["dimensions"][name]
        light = values["light_model"]
        assert light["n"] == values["n"]
        assert light["auc"] > max(0.5, values["auc"] - 0.1)
        assert light["log_loss"] < values["log_loss"] + 0.1
    assert "| light model |" in trained.bundle.model_card


def test_is_calibrated_on_the_fold_that_it_has_not_learnt_from(trained) -> None:
    light = trained.bundle.light["conversion"]
    full = trained.bundle.scorer.ready["conversion"]
    assert (light.calibration_n, light.base_rate, light.horizon_days) == (
        full.calibration_n,
        full.base_rate,
        full.horizon_days,
    )
    low, high = light.calibrated.interval(np.zeros((1, 1)))
    assert low[0] < light.calibrated.probability(np.zeros((1, 1)))[0] < high[0]


def test_an_answer_has_the_shape_of_a_full_one_but_for_days_and_amounts(trained) -> None:
    as_of = trained.log.as_of - timedelta(days=40)
    full, light = (one.score(trained.events, as_of) for one in (trained.bundle, trained.bundle.lighter))
    told = next(at for at, card in enumerate(full) if card.get("status") == "open")
    assert [card.get("status") for card in full] == [card.get("status") for card in light]
    for name, one in full[told]["dimensions"].items():
        lost = one.keys() - light[told]["dimensions"][name].keys()
        assert lost <= {"median_days", "band_days", "p_within", "p_within_by_cause", "amount"}


def test_whoever_opted_out_answers_nothing_by_the_light_model_either(trained) -> None:
    light = trained.bundle.light["conversion"]  # any model, for this source has no touches
    scorer = light_scorer(trained.bundle.scorer, trained.bundle.light)
    ruled = replace(scorer, dimensions={opt_out.DIMENSION: replace(light, name=opt_out.DIMENSION)})
    at = trained.bundle.golden
    lead = np.unique(at.columns.lead)
    found = ruled.score(at.columns, Queries(lead, np.full(len(lead), at.as_of)), utc_offsets("UTC"))
    silent = opt_out.opted_out(found.inputs)
    assert silent.any()
    assert not silent.all()
    np.testing.assert_array_equal(found.dimensions[opt_out.DIMENSION].probability[silent], LEAST_PROBABILITY)


def test_without_enough_outcomes_there_is_none_and_it_says_why(trained) -> None:
    examples, full = trained.examples, trained.bundle.scorer.ready["conversion"]
    outcome = examples.outcomes["conversion"]
    never = replace(outcome, status=np.where(outcome.status == Status.YES, Status.NO, outcome.status))
    poor = replace(examples, outcomes={**examples.outcomes, "conversion": never})
    found = fit_light(full, poor, catalogue(), seed=1)
    assert isinstance(found, MissingDimension)
    assert found.gap is Gap.NO_LIGHT_MODEL
    assert "0 of them yes" in found.explanation


def test_a_dimension_without_a_light_model_says_so_and_one_without_a_score_stays_as_it_is(trained) -> None:
    scorer = light_scorer(trained.bundle.scorer, {"conversion": trained.bundle.light["conversion"]})
    assert list(scorer.ready) == ["conversion"]
    for name, one in trained.bundle.scorer.dimensions.items():
        other = scorer.dimensions[name]
        if isinstance(one, MissingDimension):
            assert other == one
        elif name != "conversion":
            assert other.to_json()["status"] == "no_light_model"


def test_a_bundle_of_before_there_were_light_models_is_read_without_one(trained, tmp_path: Path) -> None:
    folder = _of_format_2(trained, tmp_path)
    bundle = Bundle.load(folder)
    assert (bundle.light, bundle.lighter, bundle.golden) == ({}, None, None)
    bundle.check_golden()
    as_of = trained.log.as_of - timedelta(days=40)
    assert bundle.score(trained.events, as_of) == trained.bundle.score(trained.events, as_of)


def _of_format_2(trained, tmp_path: Path) -> Path:
    folder = tmp_path / "old"
    replace(trained.bundle, light={}).save(folder)
    (folder / "golden.npz").unlink()
    content = json.loads((folder / "bundle.json").read_bytes())
    content["manifest"]["format"] = 2
    del content["light"], content["files"]["golden.npz"]
    (folder / "bundle.json").write_text(json.dumps(content))
    (folder / "bundle.sha256").write_text(bundle_module._bundle_digest(folder))
    return folder


def _scored(bundle: Bundle, trained, lead: int | None = None):
    leads = np.arange(40, dtype=np.int32) if lead is None else np.array([lead], np.int32)
    as_of = to_microseconds(trained.log.as_of - timedelta(days=40))
    return bundle.scorer.score(trained.log.columns, Queries(leads, np.full(len(leads), as_of)), utc_offsets("UTC"))
