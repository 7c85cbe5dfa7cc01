"""What follows from a suite's outcome: whether the run goes on, and which rows stay behind."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from expectations.rule import Consequence
from expectations.suite import RuleResult, SuiteResult

Mask = NDArray[np.bool_]
_NAMED = 5  # broken rules in an explanation


@dataclass(frozen=True, slots=True)
class Verdict:
    """`blocked`: nothing downstream is made. `at_fault`, (rows,): what is set aside unless the run is blocked."""

    result: SuiteResult
    blocked: bool
    at_fault: Mask
    explanation: str

    @property
    def set_aside(self) -> Mask:
        """(rows,) the rows that stay behind: none if the run is blocked, for then nothing goes on."""
        return np.zeros(len(self.at_fault), bool) if self.blocked else self.at_fault

    @property
    def warns(self) -> bool:
        return bool(self.result.broken(Consequence.WARN))


def verdict(result: SuiteResult, limit: float) -> Verdict:
    """Blocked if a blocking rule is broken, or if more than the share `limit` of the rows would have to stay behind."""
    found = [one.faulty for one in result.broken(Consequence.SET_ASIDE) if one.faulty is not None]
    at_fault = np.logical_or.reduce(found) if found else np.zeros(result.rows, bool)
    unjudged = [one for one in result.broken(Consequence.SET_ASIDE) if one.faulty is None]
    too_many = int(at_fault.sum()) > limit * result.rows
    blocked = bool(result.broken(Consequence.BLOCK) or unjudged or too_many)
    return Verdict(result, blocked, at_fault, _explanation(result, at_fault, blocked, too_many, limit))


def pardoned(result: SuiteResult, pardons: Mapping[str, Mask]) -> SuiteResult:
    """The outcome without the faults of rows that were released from a rule: name of the rule -> (rows,) mask."""
    return replace(result, results=tuple(_pardoned(one, pardons.get(one.rule.name)) for one in result.results))


def _pardoned(result: RuleResult, pardon: Mask | None) -> RuleResult:
    if pardon is None or result.faulty is None:
        return result
    faulty = result.faulty & ~pardon
    unexpected = int(faulty.sum())
    if result.rule.consequence is not Consequence.SET_ASIDE or unexpected == result.unexpected:
        return result
    observed = f"{unexpected} of {result.rows} values"
    return replace(result, success=unexpected == 0, unexpected=unexpected, observed=observed, faulty=faulty)


def _explanation(result: SuiteResult, at_fault: Mask, blocked: bool, too_many: bool, limit: float) -> str:
    if result.success:
        return f"All {result.evaluated} rules of {result.suite} hold over {result.rows:,} rows."
    broken = "; ".join(f"{one.rule.name} ({one.observed})" for one in result.failures[:_NAMED])
    more = len(result.failures) - _NAMED
    head = f"{len(result.failures)} of {result.evaluated} rules of {result.suite} are broken: {broken}"
    head += f" and {more} more." if more > 0 else "."
    if too_many:
        return f"{head} {int(at_fault.sum()):,} of {result.rows:,} rows are over the limit of {limit:.2%}: blocked."
    if blocked:
        return f"{head} Blocked."
    return f"{head} {int(at_fault.sum()):,} rows are set aside; the run goes on."
