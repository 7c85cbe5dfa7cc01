"""Running a Great Expectations suite over a data frame and saying what failed, in plain data."""

from collections.abc import Sequence
from dataclasses import dataclass

import great_expectations as gx
import pandas as pd
from great_expectations.expectations import Expectation


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that did not hold. `unexpected` of `rows` values broke it; no values are kept."""

    expectation: str
    column: str
    unexpected: int
    rows: int
    observed: str


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """Outcome of a suite over one data set."""

    suite: str
    evaluated: int
    failures: tuple[Failure, ...]

    @property
    def success(self) -> bool:
        return not self.failures

    def markdown(self) -> str:
        """A table for the asset check's metadata."""
        if self.success:
            return f"All {self.evaluated} expectations of **{self.suite}** hold."
        lines = [f"- `{one.expectation}` on `{one.column}`: {one.observed}" for one in self.failures]
        return f"{len(self.failures)} of {self.evaluated} expectations of **{self.suite}** broken:\n" + "\n".join(lines)


def validate(frame: pd.DataFrame, name: str, expectations: Sequence[Expectation]) -> SuiteResult:
    """Check `frame` against `expectations`, in a context of its own that leaves nothing behind."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    suite = gx.ExpectationSuite(name=name, expectations=list(expectations))
    asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    outcome = batch.validate(suite)
    failures = tuple(_failure(result) for result in outcome.results if not result.success)
    return SuiteResult(name, len(outcome.results), failures)


def _failure(result: gx.core.ExpectationValidationResult) -> Failure:
    kwargs = result.expectation_config.kwargs
    column = kwargs.get("column") or kwargs.get("column_A") or "(table)"
    unexpected, rows = result.result.get("unexpected_count", 0), result.result.get("element_count", 0)
    error = (result.exception_info or {}).get("exception_message")
    observed = error or (
        f"{unexpected} of {rows} values" if unexpected else f"observed {result.result.get('observed_value')}"
    )
    return Failure(result.expectation_config.type, str(column), int(unexpected), int(rows), str(observed))
