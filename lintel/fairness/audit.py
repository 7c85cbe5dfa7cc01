"""The fairness audit of a bundle: from examples, the newest fold's forecasts and stated groups to a report."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError
from lintel.fairness.families import feature_families
from lintel.fairness.group_report import PRIORITY_SHARE, group_report
from lintel.fairness.groups import UNKNOWN, Groups, groups_of
from lintel.fairness.predictability import AuditSettings
from lintel.fairness.proxy_audit import FEATURE_TOLERANCE, SCORE_TOLERANCE, proxy_audit
from lintel.fairness.proxy_finding import ProxyAudit
from lintel.fairness.report import DimensionFairness, FairnessReport
from lintel.scoring.bundle import Bundle
from lintel.scoring.evaluation import Forecasts, TestedFold, forecast
from lintel.scoring.examples import Examples

Log = Callable[[str], None]

MOST_LEADS = 3_000
"""Leads whose features are audited: enough to tell an AUC of .60 from .55, and a minute's work."""
ROWS_A_LEAD = 3


def bundle_fairness(
    bundle: Bundle,
    examples: Examples,
    stated: Mapping[str, str],
    *,
    seed: int,
    selected_share: float = PRIORITY_SHARE,
    settings: AuditSettings | None = None,
    log: Log = lambda _: None,
) -> FairnessReport:
    """`fairness_audit` of a bundle's forecasts on the newest fold of `examples`.

    Raises IncompatibleError if features or labels are of other versions than the bundle's.
    """
    manifest = bundle.manifest
    if (manifest.feature_digest, manifest.label_digest) != (examples.feature_digest, examples.label_digest):
        raise IncompatibleError("the examples have other features or labels than the bundle.", mend="Build them again.")
    tested = forecast(bundle.scorer, examples, log=log)
    return fairness_audit(
        examples, tested, stated, seed=seed, selected_share=selected_share, settings=settings, log=log
    )


def fairness_audit(
    examples: Examples,
    tested: Mapping[str, TestedFold | str],
    stated: Mapping[str, str],
    *,
    seed: int,
    selected_share: float = PRIORITY_SHARE,
    settings: AuditSettings | None = None,
    log: Log = lambda _: None,
) -> FairnessReport:
    """Audit features and scores against stated groups.

    Parameters
    ----------
    tested: by dimension, as `evaluation.forecast` gives it; dimensions without a test fold are left out.
    stated: lead id -> protected group; leads that the examples do not know are passed over.
    selected_share: the best share of scores that a team has time for.
    log: told what is being done.

    Features are audited on at most MOST_LEADS leads and ROWS_A_LEAD of their decision points, drawn with `seed`.
    """
    groups = groups_of(examples.lead_ids, stated)
    log("features: can they tell the groups?")
    features = _features(examples, groups, seed=seed, settings=settings)
    dimensions = {}
    for name, one in tested.items():
        if isinstance(one, TestedFold):
            log(f"{name}: can its score tell the groups, and how do they differ?")
            dimensions[name] = _dimension(
                name, one.forecasts, groups, seed=seed, selected_share=selected_share, settings=settings
            )
    counts = np.bincount(groups.code[groups.code != UNKNOWN], minlength=len(groups.names))
    return FairnessReport(
        data=examples.data.name,
        simulated=examples.data.simulated,
        leads=dict(zip(groups.names, counts.tolist(), strict=True)),
        unknown=int((groups.code == UNKNOWN).sum()),
        features=features,
        dimensions=dimensions,
    )


def sampled_rows(lead: NDArray[np.int32], *, leads: int, rows_a_lead: int, seed: int) -> NDArray[np.intp]:
    """Ascending positions of at most `rows_a_lead` rows of each of at most `leads` leads, drawn at random."""
    random = np.random.default_rng(seed)
    known = np.unique(lead)
    chosen = random.choice(known, min(leads, len(known)), replace=False)
    shuffled = random.permutation(np.flatnonzero(np.isin(lead, chosen)))
    by_lead = shuffled[np.argsort(lead[shuffled], kind="stable")]
    _, first, count = np.unique(lead[by_lead], return_index=True, return_counts=True)
    rank = np.arange(len(by_lead)) - np.repeat(first, count)
    return np.sort(by_lead[rank < rows_a_lead])


def _features(examples: Examples, groups: Groups, *, seed: int, settings: AuditSettings | None) -> ProxyAudit:
    lead = examples.points.queries.lead
    known = np.flatnonzero(groups.code[lead] != UNKNOWN)
    rows = known[sampled_rows(lead[known], leads=MOST_LEADS, rows_a_lead=ROWS_A_LEAD, seed=seed)]
    return proxy_audit(
        examples.features[rows],
        examples.names,
        feature_families(examples.names),
        groups.take(lead[rows]),
        lead[rows],
        tolerance=FEATURE_TOLERANCE,
        seed=seed,
        settings=settings,
    )


def _dimension(
    name: str,
    found: Forecasts,
    groups: Groups,
    *,
    seed: int,
    selected_share: float,
    settings: AuditSettings | None,
) -> DimensionFairness:
    own = groups.take(found.lead.astype(np.intp))
    score = found.model.astype(np.float32)[:, None]
    audit = proxy_audit(
        score, (name,), (name,), own, found.lead, tolerance=SCORE_TOLERANCE, seed=seed, settings=settings
    )
    report = group_report(
        found.model, found.outcome, found.weight, own, found.lead, seed=seed, selected_share=selected_share
    )
    return DimensionFairness(audit, report)
