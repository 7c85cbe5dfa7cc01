"""A bundle calibrated anew on newer outcomes: members and stacks stay as they are, to the bit.

Members learnt before the calibration fold of their training, so that everything asked since then is new to them. Of
these rows the newest fold judges, as it judges any candidate; the calibration and its doubt are fitted on the others.
"""

from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.events.moments import time_text, to_microseconds
from lintel.fairness.section import fairness_section
from lintel.labels.outcomes import Status
from lintel.scoring.bundle import Bundle, Report
from lintel.scoring.calibrated_stack import calibrated
from lintel.scoring.dimension import Dimension, MissingDimension
from lintel.scoring.drift_reference import drift_reference
from lintel.scoring.evaluation import fold_rows, forecast, metrics_of
from lintel.scoring.evaluation_plots import evaluation_plots
from lintel.scoring.evidence import Rung
from lintel.scoring.examples import Examples
from lintel.scoring.fitting import LEAST_OUTCOMES
from lintel.scoring.inputs import Inputs
from lintel.scoring.model_card import model_card
from lintel.scoring.venn_abers import fit_venn_abers

Rows = NDArray[np.intp]
_COMPARED = 1_000
"""Rows on which the margins of two bundles are held against each other."""


def recalibrated(champion: Bundle, examples: Examples, *, seed: int) -> Bundle | None:
    """The champion with every dimension calibrated anew that has enough newer outcomes; None if none has.

    Dimensions that are borrowed from a pool stay as they are: their level is the tenant's own already.
    """
    found: dict[str, Dimension | MissingDimension] = dict(champion.scorer.dimensions)
    for name, one in champion.scorer.ready.items():
        rows = calibration_rows(champion, name, examples)
        if rows is not None:
            found[name] = _calibrated(one, examples, rows, seed)
    changed = [name for name, one in found.items() if one is not champion.scorer.dimensions[name]]
    if not changed:
        return None
    scorer = replace(champion.scorer, dimensions=found)
    manifest = replace(
        champion.manifest,
        known_until=time_text(examples.data.log_end),
        data_digest=examples.digest,
        seed=seed,
        recalibrated_from=champion.digest,
    )
    bundle = Bundle(manifest, scorer, Report({"dimensions": {}}, ""), light=champion.light)
    tested = forecast(scorer, examples)
    metrics = metrics_of(bundle, examples, tested)
    told = f"\n\nCalibrated anew from {champion.digest[:19]}: {', '.join(changed)}. No member learnt anything.\n"
    report = Report(
        metrics,
        model_card(manifest, found, metrics, fairness=fairness_section(None)).rstrip() + told,
        evaluation_plots(examples.data, tested, seed=seed),
    )
    return replace(bundle, report=report, reference=drift_reference(scorer, examples, seed=seed))


def is_recalibration(candidate: Bundle, champion: Bundle, examples: Examples) -> bool:
    """Whether a bundle is the champion calibrated anew: it says so, and scores the same dimensions, whose members and
    stacks give the champion's margins to the bit."""
    ours, theirs = candidate.scorer.ready, champion.scorer.ready
    if candidate.manifest.recalibrated_from != champion.digest or ours.keys() != theirs.keys():
        return False
    inputs = examples.inputs(np.arange(min(len(examples), _COMPARED)))
    return all(np.array_equal(_stacked(ours[name], inputs), _stacked(theirs[name], inputs)) for name in ours)


def calibration_rows(champion: Bundle, name: str, examples: Examples) -> Rows | None:
    """Rows that the members have not learnt from and the newest fold does not judge; None if too few leads among them
    are new to the champion's calibration, too, or the dimension is not the tenant's own."""
    borders = champion.metrics["dimensions"].get(name, {}).get("folds")
    if borders is None or champion.scorer.ready[name].evidence_rung is not Rung.TENANT:
        return None
    try:
        folds = fold_rows(examples, name)
    except InputError:
        return None
    learnt_from, judged_from = (_moment(borders[border]) for border in ("calibration_from", "test_from"))
    outcome, as_of = examples.outcomes[name], examples.points.queries.as_of
    later = outcome.mature & (as_of >= learnt_from) & (outcome.known_from <= folds.test_from)
    newer = later & (outcome.known_from > judged_from)
    lead, status = examples.points.queries.lead, outcome.status
    rarer = min(len(np.unique(lead[newer & (status == answer)])) for answer in (Status.YES, Status.NO))
    return np.flatnonzero(later) if rarer >= LEAST_OUTCOMES else None


def _calibrated(one: Dimension, examples: Examples, rows: Rows, seed: int) -> Dimension:
    outcome = examples.outcomes[one.name].status[rows] == Status.YES
    weight, lead = examples.points.weight[rows].astype(np.float64), examples.points.queries.lead[rows]
    stack, margins = one.calibrated.stack, one.margins(examples.inputs(rows))
    found = calibrated(stack, margins, outcome, weight, lead, seed=seed)
    if not found.increasing:
        return one
    return replace(
        one,
        calibrated=found,
        venn_abers=fit_venn_abers(stack.margin(margins), outcome, weight, lead),
        calibration_n=len(rows),
        judged_from=fold_rows(examples, one.name).test_from,
    )


def _stacked(one: Dimension, inputs: Inputs) -> NDArray[np.float64]:
    return one.calibrated.stack.margin(one.margins(inputs))


def _moment(text: str) -> int:
    return to_microseconds(datetime.fromisoformat(text))
