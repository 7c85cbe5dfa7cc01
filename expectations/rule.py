"""Rules: an expectation, what it means, and what happens when it does not hold."""

from dataclasses import dataclass
from enum import StrEnum

from great_expectations.expectations import Expectation
from great_expectations.expectations.metadata_types import FailureSeverity


class Consequence(StrEnum):
    """What happens where a rule is broken."""

    BLOCK = "block"
    """Nothing downstream is made of this data set tonight."""
    SET_ASIDE = "set aside"
    """The rows at fault are left out of everything until they are mended; too many of them block."""
    WARN = "warn"
    """It is told; the run goes on with all rows."""


_SEVERITY = {
    Consequence.BLOCK: FailureSeverity.CRITICAL,
    Consequence.SET_ASIDE: FailureSeverity.CRITICAL,
    Consequence.WARN: FailureSeverity.WARNING,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a suite. `name` is unique in it; `meaning` is a sentence without data, shown wherever it breaks."""

    name: str
    expectation: Expectation
    meaning: str
    consequence: Consequence

    @property
    def column(self) -> str:
        """The column that it is about; `(table)` if it is about the whole."""
        kwargs = self.expectation.configuration.kwargs
        named = kwargs.get("column") or kwargs.get("column_A")
        return str(named) if named else "(table)"


def rule(name: str, expectation: Expectation, meaning: str, consequence: Consequence = Consequence.BLOCK) -> Rule:
    """The rule, with its name, meaning and consequence in the expectation too, where the Data Docs show them."""
    told = expectation.model_copy if hasattr(expectation, "model_copy") else expectation.copy
    stated = told(
        update={
            "description": f"{name}: {meaning} ({consequence})",
            "severity": _SEVERITY[consequence],
            "meta": {"rule": name, "consequence": consequence.value},
        }
    )
    return Rule(name, stated, meaning, consequence)
