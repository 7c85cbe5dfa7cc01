"""What came of a suite: per rule how many rows broke it, and by plain Great Expectations over a pandas frame."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import great_expectations as gx
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from expectations.rule import Consequence, Rule

_SHOWN = 20  # broken rules in a summary


@dataclass(frozen=True, slots=True)
class RuleResult:
    """How one rule came out. `unexpected` of `rows` rows broke it; no values of the data are kept.

    `faulty`, (rows,), marks them; None where the rule is about the table, or where plain GX judged it.
    """

    rule: Rule
    success: bool
    unexpected: int = 0
    rows: int = 0
    observed: str = ""
    faulty: NDArray[np.bool_] | None = field(default=None, compare=False, repr=False)

    @property
    def column(self) -> str:
        return self.rule.column

    @property
    def share(self) -> float:
        return self.unexpected / self.rows if self.rows else 0.0


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """Outcome of a suite over one data set of so many rows."""

    suite: str
    rows: int
    results: tuple[RuleResult, ...]

    @property
    def evaluated(self) -> int:
        return len(self.results)

    @property
    def failures(self) -> tuple[RuleResult, ...]:
        return tuple(one for one in self.results if not one.success)

    @property
    def success(self) -> bool:
        return not self.failures

    def broken(self, consequence: Consequence) -> tuple[RuleResult, ...]:
        """The rules with this consequence that did not hold."""
        return tuple(one for one in self.failures if one.rule.consequence is consequence)

    def markdown(self) -> str:
        """A summary for the asset check's metadata."""
        if self.success:
            return f"All {self.evaluated} expectations of **{self.suite}** hold."
        lines = [
            f"- `{one.rule.name}` on `{one.column}`: {one.observed} ({one.rule.consequence}): {one.rule.meaning}"
            for one in self.failures[:_SHOWN]
        ]
        more = [f"- and {len(self.failures) - _SHOWN} more"] if len(self.failures) > _SHOWN else []
        head = f"{len(self.failures)} of {self.evaluated} expectations of **{self.suite}** broken:"
        return "\n".join([head, *lines, *more])


def validate(frame: pd.DataFrame, name: str, rules: Sequence[Rule]) -> SuiteResult:
    """Check `frame` by Great Expectations itself, in a context of its own that leaves nothing behind.

    Minutes over a million rows: what `evaluate` is held against, in tests and in the benchmark.
    """
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    suite = gx.ExpectationSuite(name=name)
    by_name = {one.name: one for one in rules}
    for one in rules:
        suite.add_expectation(one.expectation)
    asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    found = {str(one.expectation_config.meta["rule"]): one for one in batch.validate(suite).results}
    results = tuple(_result(rule, found[name]) for name, rule in by_name.items())
    return SuiteResult(name, len(frame), results)


def _result(rule: Rule, result: gx.core.ExpectationValidationResult) -> RuleResult:
    unexpected, rows = result.result.get("unexpected_count", 0), result.result.get("element_count", 0)
    error = (result.exception_info or {}).get("exception_message")
    observed = error or (
        f"{unexpected} of {rows} values" if unexpected else f"observed {result.result.get('observed_value')}"
    )
    return RuleResult(rule, bool(result.success), int(unexpected), int(rows), str(observed))
