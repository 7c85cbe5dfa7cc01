from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lintel.events.moments import time_text
from lintel.registry.promotion import Contest, compare, contest, gate
from lintel.scoring.bundle import Bundle, Report
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.examples import Examples
from lintel.scoring.folds import Fold
from lintel.scoring.paired import PairedLosses
from tests.scoring.conftest import Trained, synthetic_events, trained

__all__ = ["synthetic_events", "trained"]


def evaluation(**log_losses: tuple[float, float]) -> dict[str, Any]:
    return {
        "dimensions": {
            name: {"log_loss": ours, "baselines": {"base_rate": {"log_loss": base}}}
            for name, (ours, base) in log_losses.items()
        }
    }


def test_a_candidate_that_beats_the_base_rate_everywhere_passes() -> None:
    verdict = gate(evaluation(conversion=(0.5, 0.6), churn=(0.4, 0.41)))
    assert verdict.passed
    assert "conversion: log loss 0.5000, base rate's 0.6000" in verdict.reasons


def test_one_dimension_that_is_no_better_than_the_base_rate_fails_the_gate() -> None:
    verdict = gate(evaluation(conversion=(0.5, 0.6), churn=(0.41, 0.41)))
    assert not verdict.passed
    assert any("churn" in reason and "not better" in reason for reason in verdict.reasons)


def test_a_candidate_that_scores_nothing_fails_and_says_why() -> None:
    missing = {"status": "not_enough_data", "needs": "28 more mature outcomes"}
    verdict = gate({"dimensions": {"conversion": missing, "budget": {"status": "not_defined_for_source"}}})
    assert not verdict.passed
    assert verdict.reasons == (
        "conversion: not_enough_data: 28 more mature outcomes",
        "budget: not_defined_for_source",
    )
    assert not gate({}).passed


def losses(shift: float, *, rows: int = 600, noise: float = 0.05, seed: int = 1) -> PairedLosses:
    """Rows of 200 leads; the challenger's losses lie `shift` above the champion's .5, give or take."""
    random = np.random.default_rng(seed)
    lead = np.arange(rows, dtype=np.int32) % 200
    theirs = np.full(rows, 0.5)
    return PairedLosses(theirs + shift + random.normal(0.0, noise, 200)[lead], theirs, np.ones(rows), lead)


def shifted(**shifts: float) -> Contest:
    return Contest({name: losses(shift, seed=number) for number, (name, shift) in enumerate(shifts.items())})


@pytest.mark.parametrize(("shift", "passed"), [(-0.03, True), (0.0, False), (0.03, False)])
def test_the_champion_is_only_replaced_by_one_that_is_better_beyond_noise(shift: float, passed: bool) -> None:
    verdict = compare(shifted(conversion=shift), seed=1)
    assert verdict.passed is passed
    assert "champion's 0.5000 on the same newest fold (conversion): difference " in verdict.reasons[0]
    assert verdict.reasons[1].startswith("conversion: log loss ")


def test_a_gain_within_noise_is_called_so() -> None:
    barely = Contest({"conversion": losses(-0.003, rows=200, noise=0.2)})
    verdict = compare(barely, seed=1)
    assert not verdict.passed
    assert "no more than noise" in verdict.reasons[0]


def test_no_dimension_may_be_worse_beyond_noise() -> None:
    verdict = compare(shifted(conversion=-0.2, churn=0.03), seed=1)
    assert not verdict.passed
    assert "better beyond noise, but worse beyond noise in churn" in verdict.reasons[0]


def test_noise_in_one_dimension_does_not_hold_up_a_gain_in_another() -> None:
    assert compare(shifted(conversion=-0.05, churn=0.0), seed=1).passed


def test_a_dimension_more_counts_where_nothing_gets_worse() -> None:
    more = ("churn",)
    same, worse = shifted(conversion=0.0), shifted(conversion=0.03)
    assert compare(replace(same, gained=more), seed=1).passed
    assert not compare(replace(worse, gained=more), seed=1).passed
    assert compare(Contest({}, gained=more), seed=1).reasons == ("it also scores churn, the champion does not",)


def test_a_candidate_that_lost_a_dimension_does_not_take_over() -> None:
    verdict = compare(replace(shifted(conversion=-0.3), lost=("churn",)), seed=1)
    assert not verdict.passed
    assert "churn" in verdict.reasons[0]


def test_what_cannot_be_compared_does_not_pass() -> None:
    verdict = compare(Contest({}, notes=("churn: not compared",)), seed=1)
    assert not verdict.passed
    assert verdict.reasons == (
        "no dimension can be compared on rows that are new to the champion",
        "churn: not compared",
    )


# the rows that are compared


def learnt_until(bundle: Bundle, moments: Mapping[str, int]) -> Bundle:
    """As if the newest fold that judged the bundle had begun at other moments."""
    dimensions = {
        name: {**values, "folds": {"test_from": time_text(moments[name])}} if name in moments else values
        for name, values in bundle.metrics["dimensions"].items()
    }
    return replace(bundle, report=Report({**bundle.metrics, "dimensions": dimensions}, ""))


def test_both_are_judged_on_the_whole_newest_fold_if_neither_has_learnt_from_it(trained: Trained) -> None:
    found = contest(trained.bundle, trained.bundle, trained.examples)
    assert found.notes == ()
    assert found.paired.keys() == trained.bundle.scorer.ready.keys()
    for name, one in found.paired.items():
        rows = fold_rows(trained.examples, name).rows(Fold.TEST)
        np.testing.assert_array_equal(one.lead, trained.examples.points.queries.lead[rows])
        assert one.mean(one.ours) == pytest.approx(trained.bundle.metrics["dimensions"][name]["log_loss"], abs=1e-6)
        np.testing.assert_array_equal(one.ours, one.theirs)


def test_rows_that_the_champion_has_learnt_from_are_left_out(trained: Trained) -> None:
    examples: Examples = trained.examples
    first, *_ = sorted(trained.bundle.scorer.ready)
    rows = fold_rows(examples, first).rows(Fold.TEST)
    as_of = examples.points.queries.as_of[rows]
    border = int(np.sort(as_of)[len(rows) // 2])
    found = contest(trained.bundle, learnt_until(trained.bundle, {first: border}), examples)
    assert len(found.paired[first].lead) == int((as_of >= border).sum()) < len(rows)
    (note,) = found.notes
    assert note.startswith(f"{first}: judged on the {int((as_of >= border).sum())} later of {len(rows)} rows")
    none = contest(trained.bundle, learnt_until(trained.bundle, {first: int(as_of.max()) + 1}), examples)
    assert first not in none.paired
    assert "not compared" in none.notes[0]


def test_what_the_pool_judges_is_compared_on_rows_that_are_new_to_the_pool(trained: Trained) -> None:
    """A model lent as it is may have learnt from the tenant's own newest fold, if the tenant is in the pool."""
    examples, bundle = trained.examples, trained.bundle
    first, *_ = sorted(bundle.scorer.ready)
    as_of = examples.points.queries.as_of[fold_rows(examples, first).rows(Fold.TEST)]
    border = int(np.sort(as_of)[len(as_of) // 2])
    lent = replace(bundle.scorer.ready[first], judged_from=None)
    scorer = replace(bundle.scorer, dimensions={**bundle.scorer.dimensions, first: lent})
    found = contest(replace(learnt_until(bundle, {first: border}), scorer=scorer), bundle, examples)
    assert len(found.paired[first].lead) == int((as_of >= border).sum()) < len(as_of)


def test_a_champion_judged_by_its_pool_has_learnt_its_level_from_the_tenant(trained: Trained) -> None:
    examples, bundle = trained.examples, trained.bundle
    first, *_ = sorted(bundle.scorer.ready)
    as_of = examples.points.queries.as_of[fold_rows(examples, first).rows(Fold.TEST)]
    later, metrics = int(np.sort(as_of)[len(as_of) // 2]), bundle.metrics
    shown = {**metrics["dimensions"][first], "own": {"folds": {"test_from": time_text(later)}}}
    report = Report({**metrics, "dimensions": {**metrics["dimensions"], first: shown}}, "")
    found = contest(bundle, replace(bundle, report=report), examples)
    assert len(found.paired[first].lead) == int((as_of >= later).sum()) < len(as_of)


def test_a_champion_without_folds_has_learnt_all_that_was_known(trained: Trained) -> None:
    bare = replace(trained.bundle, report=Report({}, ""))
    found = contest(trained.bundle, bare, trained.examples)
    assert found.paired == {}
    assert len(found.notes) == len(trained.bundle.scorer.ready)
    assert not compare(found, seed=1).passed
