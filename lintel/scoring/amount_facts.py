"""Which missing facts would narrow the band of a lead's amount, and by how much."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.scoring.amount import AmountModel
from lintel.scoring.inputs import Float32, Inputs

Float64 = NDArray[np.float64]

ASKABLE = ("asked_amount_last", "budget_last", "preapproved_last")
"""Features that stand for a fact that an agent can ask for."""
LEAST_NARROWING = 0.05
"""Of the band; less is not worth asking for."""
_DONORS, _NEAREST = 200, 7
_LEAST_KNOWN = 40


@dataclass(frozen=True, slots=True)
class Fact:
    """Features that are known or missing together, and what they are in d training rows that know them."""

    feature: str  # the one that it is named by
    columns: tuple[str, ...]
    values: Float32  # (d, columns)
    middle: Float64  # (d,) log of the median amount of the same rows, ascending


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Knowing `feature` would take `share` of the width (of its logarithm) off the band, in the mean."""

    feature: str
    share: float


@dataclass(frozen=True, slots=True)
class AmountFacts:
    """The facts about money that leads of the training fold had, or had not."""

    facts: tuple[Fact, ...]

    def narrowings(self, model: AmountModel, inputs: Inputs) -> list[list[Narrowing]]:
        """Of each of n leads, the facts it lacks that would narrow its band, the most helpful first.

        The fact is given to the lead as it is in the training rows whose median amount is nearest to the lead's: the
        model then answers as for leads that have told it.
        """
        found: list[list[Narrowing]] = [[] for _ in range(len(inputs))]
        for fact in self.facts:
            rows, share = _shares(model, inputs, fact)
            for row, one in zip(rows.tolist(), share.tolist(), strict=True):
                if one >= LEAST_NARROWING:
                    found[row].append(Narrowing(fact.feature, one))
        return [sorted(one, key=lambda narrowing: -narrowing.share) for one in found]

    def to_json(self) -> list[dict[str, Any]]:
        return [
            {
                "feature": one.feature,
                "columns": list(one.columns),
                "values": [[None if np.isnan(x) else x for x in row] for row in one.values.astype(float).tolist()],
                "middle": one.middle.tolist(),
            }
            for one in self.facts
        ]

    @classmethod
    def from_json(cls, content: Sequence[Mapping[str, Any]]) -> "AmountFacts":
        """Read what `to_json` wrote."""
        facts = (
            Fact(one["feature"], tuple(one["columns"]), np.array(one["values"], np.float32), np.array(one["middle"]))
            for one in content
        )
        return cls(tuple(facts))


def find_facts(model: AmountModel, inputs: Inputs, money: Sequence[str] = ASKABLE) -> AmountFacts:
    """The facts of `money`, names of features, that some of these training rows (n,) know and some do not.

    Those that would not narrow the band of the rows without them, in the mean, are left out: what they do to the band
    of single leads is noise.
    """
    missing = np.isnan(inputs.features)
    middle = model.log_quantiles(inputs)[:, 1]
    facts: dict[bytes, Fact] = {}
    for name in (one for one in money if one in inputs.names):
        own = missing[:, inputs.names.index(name)]
        if own.tobytes() in facts or min(int(own.sum()), int((~own).sum())) < _LEAST_KNOWN:
            continue
        fact = _fact(name, inputs, np.flatnonzero((missing == own[:, None]).all(axis=0)), middle)
        _, share = _shares(model, inputs, fact)
        if share.mean() >= LEAST_NARROWING:
            facts[own.tobytes()] = fact
    return AmountFacts(tuple(facts.values()))


def _fact(name: str, inputs: Inputs, together: NDArray[np.intp], middle: Float64) -> Fact:
    """The fact of the columns `together`, as evenly spread rows know it."""
    known = np.flatnonzero(~np.isnan(inputs.features[:, together[0]]))
    known = known[np.argsort(middle[known], kind="stable")]
    donors = known[np.unique(np.linspace(0, len(known) - 1, _DONORS).astype(np.intp))]
    columns = tuple(inputs.names[column] for column in together.tolist())
    return Fact(name, columns, inputs.features[np.ix_(donors, together)], middle[donors])


def _shares(model: AmountModel, inputs: Inputs, fact: Fact) -> tuple[NDArray[np.intp], Float64]:
    """The rows that lack the fact, and by which share of its width knowing it would narrow each one's band."""
    columns = [inputs.names.index(name) for name in fact.columns]
    rows = np.flatnonzero(np.isnan(inputs.features[:, columns]).all(axis=1))
    if not len(rows):
        return rows, np.zeros(0)
    lacking = inputs.take(rows)
    before = model.log_quantiles(lacking)
    after = model.log_quantiles(_told(lacking, columns, fact, before[:, 1]))
    width = (after[:, 2] - after[:, 0]).reshape(len(rows), -1).mean(axis=1)
    return rows, 1.0 - width / np.maximum(before[:, 2] - before[:, 0], 1e-9)


def _told(inputs: Inputs, columns: list[int], fact: Fact, middle: Float64) -> Inputs:
    """Each lead as many times as there are donors near its median amount, with the fact of each."""
    count = min(_NEAREST, len(fact.middle))
    first = np.searchsorted(fact.middle, middle) - count // 2
    donors = np.clip(first, 0, len(fact.middle) - count)[:, None] + np.arange(count)
    features = np.repeat(inputs.features, count, axis=0)
    features[:, columns] = fact.values[donors.ravel()]
    return Inputs(features, inputs.names)
