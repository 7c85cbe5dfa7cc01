"""Calibrating a frozen bundle anew, on a simulated log that went on after the bundle was trained."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from lintel.events.columns import columns_from_table
from lintel.events.moments import from_microseconds, to_microseconds
from lintel.events.validation import check
from lintel.features.catalogue import catalogue
from lintel.labels.definition import load_label_set
from lintel.registry.promotion import Contest, contest, no_worse
from lintel.scoring.bundle import Bundle
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.examples import Examples, build_examples
from lintel.scoring.folds import Fold
from lintel.scoring.paired import PairedLosses
from lintel.scoring.recalibration import calibration_rows, is_recalibration, recalibrated
from lintel.scoring.training import train
from lintel.sources.simulator import Simulator, preset
from lintel.store.log import TenantLog
from tests.scoring.small import small_ensemble


@dataclass(frozen=True)
class Grown:
    frozen: Bundle
    early: Examples
    late: Examples


@pytest.fixture(scope="module")
def grown() -> Grown:
    world = preset("demo")
    source = Simulator(world, world.tenants[0].id, seed=3, leads=900)
    tenant = source.tenant_settings()
    now = datetime(2030, 1, 1, tzinfo=UTC)
    events = pa.concat_tables(check(one.events, tenant=tenant.id, now=now).events for one in source.batches())
    leads = tuple(sorted(events.column("lead_id").unique().to_pylist()))
    columns, known = columns_from_table(events, pa.array(leads)), events.column("known_at").to_pylist()
    first, last = to_microseconds(min(known)), to_microseconds(max(known))
    then = from_microseconds(first + int(0.6 * (last - first)))
    early, late = (build_examples(TenantLog(tenant, leads, columns, end), seed=1) for end in (then, max(known)))
    told: dict[str, Any] = {"scope": tenant.id, "seed": 1, "hyperparameters": small_ensemble(15, patience=5)}
    return Grown(train(early, load_label_set(tenant.labels), catalogue(), **told), early, late)


def test_members_and_stack_stay_and_the_rest_is_fitted_on_rows_that_nothing_saw(grown: Grown, tmp_path: Path) -> None:
    frozen = grown.frozen.save(tmp_path / "frozen")
    anew = recalibrated(frozen, grown.late, seed=1)
    assert anew is not None
    assert anew.manifest.recalibrated_from == frozen.digest
    changed = [name for name, one in anew.scorer.ready.items() if one is not frozen.scorer.ready[name]]
    assert changed
    for name in changed:
        before, after = frozen.scorer.ready[name], anew.scorer.ready[name]
        assert after.ensemble is before.ensemble
        assert after.calibrated.stack is before.calibrated.stack
        rows, folds = calibration_rows(frozen, name, grown.late), fold_rows(grown.late, name)
        assert rows is not None
        assert not np.intersect1d(rows, folds.rows(Fold.TEST)).size
        assert (grown.late.points.queries.as_of[rows] >= fold_rows(grown.early, name).calibration_from).all()
        assert after.judged_from == folds.test_from
        assert "auc" in anew.metrics["dimensions"][name]
    saved = anew.save(tmp_path / "anew")
    assert is_recalibration(Bundle.load(tmp_path / "anew"), frozen, grown.late)
    assert Bundle.load(tmp_path / "anew").manifest == saved.manifest
    assert "Calibrated anew from" in saved.model_card
    assert no_worse(contest(saved, frozen, grown.late), seed=1).reasons


def test_a_bundle_with_another_stack_is_none_whatever_it_says(grown: Grown) -> None:
    frozen = replace(grown.frozen, digest="sha256:frozen")
    manifest = replace(frozen.manifest, recalibrated_from=frozen.digest)
    assert not is_recalibration(frozen, frozen, grown.late)  # it does not say so
    assert is_recalibration(replace(frozen, manifest=manifest), frozen, grown.late)
    name, one = next(iter(frozen.scorer.ready.items()))
    stack = replace(one.calibrated.stack, intercept=one.calibrated.stack.intercept + 1e-9)
    other = frozen.scorer.dimensions | {name: replace(one, calibrated=replace(one.calibrated, stack=stack))}
    fewer = {key: value for key, value in frozen.scorer.dimensions.items() if key != name}
    for dimensions in (other, fewer):
        claimed = replace(frozen, manifest=manifest, scorer=replace(frozen.scorer, dimensions=dimensions))
        assert not is_recalibration(claimed, frozen, grown.late)


def test_nothing_is_made_without_newer_outcomes(grown: Grown) -> None:
    assert recalibrated(grown.frozen, grown.early, seed=1) is None


def paired(shift: float) -> PairedLosses:
    theirs = np.random.default_rng(1).gamma(2, 0.2, 400)
    return PairedLosses(theirs + shift, theirs, np.ones(400), np.arange(400))


@pytest.mark.parametrize(("shift", "passed"), [(0.0, True), (-0.1, True), (0.1, False)])
def test_it_need_not_be_better_but_must_not_be_worse(shift: float, passed: bool) -> None:
    assert no_worse(Contest({"intent": paired(shift)}), seed=1).passed is passed


def test_what_cannot_be_compared_does_not_pass() -> None:
    assert not no_worse(Contest({}), seed=1).passed
    assert not no_worse(replace(Contest({"intent": paired(0.0)}), lost=("churn",)), seed=1).passed
