"""The pool: examples of all tenants that allow it, as those of one, and how its models' levels differ between them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, InputError
from lintel.events.columns import Queries
from lintel.labels.outcomes import Outcome, Status
from lintel.labels.points import DecisionPoints
from lintel.scoring.bundle import Bundle
from lintel.scoring.dimension import Dimension, MissingDimension
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.evidence import Rung
from lintel.scoring.examples import DataDescription, Examples
from lintel.scoring.folds import Fold
from lintel.scoring.inputs import Sequences
from lintel.scoring.partial_pooling import Shift, TenantSpread, fit_shift, fit_spread
from lintel.store.tenants import Tenant

SCOPE = "global"
_BETWEEN = "/"
"""Between tenant and lead; no tenant id has one."""


def pooled_examples(offered: Iterable[tuple[Tenant, Examples]]) -> Examples:
    """The examples of all offered tenants that allow it, in the order of their ids; of the others nothing is read.

    Leads keep their own rows and are named `tenant/lead`. Amounts are left out, because tenants count in their own
    currencies and prices; so is when and how leads answer, which each tenant learns for itself. Folds are cut by the
    calendar, for all of them at once.

    Raises InputError if fewer than two tenants allow it, if simulated and real ones are mixed, or if a tenant comes
    with examples of another; IncompatibleError for other features or labels than the first's.
    """
    chosen = sorted(((one, its) for one, its in offered if one.pooled), key=lambda pair: pair[0].id)
    _check(chosen)
    parts = [its for _, its in chosen]
    first = parts[0]
    return replace(
        first,
        data=DataDescription(
            name=f"a pool of {len(parts)} tenants",
            tenants=tuple(one.id for one, _ in chosen),
            log_end=max(its.data.log_end for its in parts),
            simulated=first.data.simulated,
            typical_amount=None,
        ),
        lead_ids=tuple(f"{one.id}{_BETWEEN}{lead}" for one, its in chosen for lead in its.lead_ids),
        points=_points(parts),
        features=np.concatenate([its.features for its in parts]),
        sequences=_sequences([its.sequences for its in parts]),
        outcomes={name: _outcome([its.outcomes[name] for its in parts]) for name in first.outcomes},
        contact=None,
    )


def with_spreads(bundle: Bundle, examples: Examples) -> Bundle:
    """The pool's bundle, whose dimensions also know how far tenants' levels lie apart: what others need to borrow."""
    dimensions = {name: _spreading(one, examples) for name, one in bundle.scorer.dimensions.items()}
    light = {name: _spreading(one, examples) for name, one in bundle.light.items()}
    return replace(bundle, scorer=replace(bundle.scorer, dimensions=dimensions), light=light)


def _spreading(found: Dimension | MissingDimension, examples: Examples) -> Dimension | MissingDimension:
    if isinstance(found, MissingDimension):
        return found
    return replace(found, evidence_rung=Rung.POOLED, spread=_spread(found, examples))


def _spread(dimension: Dimension, examples: Examples) -> TenantSpread | None:
    """From the calibration fold, of which the members know nothing; None if no tenant has both outcomes there."""
    rows = fold_rows(examples, dimension.name).rows(Fold.CALIBRATION)
    log_odds = dimension.log_odds(examples.inputs(rows))
    positive = examples.outcomes[dimension.name].status[rows] == Status.YES
    weight, lead = examples.points.weight[rows], examples.points.queries.lead[rows]
    tenant = _tenant_of_lead(examples)[lead]
    shifts: list[Shift] = []
    for own in (tenant == one for one in np.unique(tenant)):
        if positive[own].any() and not positive[own].all():
            shifts.append(fit_shift(log_odds[own], positive[own], weight[own], lead[own]))
    return fit_spread(shifts) if shifts else None


def _tenant_of_lead(examples: Examples) -> NDArray[np.intp]:
    """(L,) position of each lead's tenant in `examples.data.tenants`."""
    position = {tenant: index for index, tenant in enumerate(examples.data.tenants)}
    return np.array([position[lead.partition(_BETWEEN)[0]] for lead in examples.lead_ids], np.intp)


def _check(chosen: Sequence[tuple[Tenant, Examples]]) -> None:
    if len(chosen) < 2:
        fault = f"{len(chosen)} of the tenants with these labels allow pooling; a pool is of at least 2"
        raise InputError(f"{fault}.", mend="`lintel tenants pool --tenant TENANT --allow` allows it.")
    if len({its.data.simulated for _, its in chosen}) > 1:
        raise InputError("simulated tenants cannot be pooled with real ones.", mend="Pool them apart.")
    versions = {(its.feature_digest, its.label_digest) for _, its in chosen}
    if len(versions) > 1:
        raise IncompatibleError("the tenants' examples have different features or labels.", mend="Build them again.")
    for one, its in chosen:
        if its.data.tenants != (one.id,):
            raise InputError(f"the examples offered for tenant {one.id!r} are not its own.", mend="Build them again.")


def _points(parts: Sequence[Examples]) -> DecisionPoints:
    begins = accumulate((len(its.lead_ids) for its in parts[:-1]), initial=0)
    lead = [its.points.queries.lead + np.int32(begin) for its, begin in zip(parts, begins, strict=True)]
    as_of = [its.points.queries.as_of for its in parts]
    columns = ([getattr(its.points, name) for its in parts] for name in ("origin", "weight", "episode"))
    return DecisionPoints(Queries(np.concatenate(lead), np.concatenate(as_of)), *map(np.concatenate, columns))


def _sequences(parts: Sequence[Sequences]) -> Sequences:
    size = np.concatenate([np.diff(one.offset) for one in parts])
    columns = ([getattr(one, name) for one in parts] for name in ("kind", "actor", "hours_before", "value"))
    return Sequences(np.concatenate(([0], np.cumsum(size))), *map(np.concatenate, columns))


def _outcome(parts: Sequence[Outcome]) -> Outcome:
    columns: Mapping[str, list[NDArray[np.generic] | None]] = {
        field.name: [getattr(one, field.name) for one in parts] for field in fields(Outcome) if field.name != "amount"
    }
    found = {name: [one for one in its if one is not None] for name, its in columns.items()}
    return Outcome(**{name: np.concatenate(its) for name, its in found.items() if len(its) == len(parts)})
