"""The page of all rules of the data gates, made from the suites."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from expectations import events, examples, features, scores, timeliness
from expectations.rule import Rule
from lintel.features.catalogue import catalogue
from lintel.labels.definition import DIMENSIONS

Row = tuple[str, str, str, str]
HEADINGS = ("rule", "column", "what must hold", "where it does not")


def suites() -> Iterator[tuple[str, str, list[Row]]]:
    """Name, what is judged, and the rows of the table of each suite."""
    yield events.NAME, "Every event of the tenant's log, as recorded.", _rows(events.rules())
    yield timeliness.NAME, "The pace of a tenant whose clock is live.", _rows(timeliness.rules())
    ranges = [one for one in features.rules(catalogue(), 1) if one.name.startswith("range_")]
    others = [one for one in features.rules(catalogue(), 1) if not one.name.startswith("range_")]
    bounded = ("range_*", f"{len(ranges)} features", "the feature lies where its definition puts it", "block")
    yield features.NAME, "Tonight's feature rows.", [*_rows(others), bounded]
    yield examples.NAME, "What models are trained on.", _rows(examples.rules(catalogue(), labelled()))
    yield scores.NAME, "Answers, before anyone sees them and as they are stored.", _by_dimension(scores.rules())


def labelled() -> pa.Table:
    """No examples, with the labels of all dimensions."""
    moment = pa.array([], pa.timestamp("us", tz="UTC"))
    return pa.table({f"label.{name}.known_from": moment for name in DIMENSIONS})


def _rows(rules: Sequence[Rule]) -> list[Row]:
    return [(f"`{one.name}`", _column(one.column), _meaning(one), str(one.consequence)) for one in rules]


def _column(name: str) -> str:
    return "the table" if name == "(table)" else f"`{name}`"


def _by_dimension(rules: Sequence[Rule]) -> list[Row]:
    """The rules of one dimension stand for those of all."""
    first, *others = DIMENSIONS
    shown = [one for one in rules if not one.name.startswith(tuple(f"{name}_" for name in others))]
    told = _rows(shown)
    return [(name.replace(f"{first}_", "*_"), column.replace(f"{first}.", "*."), *rest) for name, column, *rest in told]


def _meaning(rule: Rule) -> str:
    mostly = rule.expectation.configuration.kwargs.get("mostly", 1.0)
    return rule.meaning if mostly == 1.0 else f"{rule.meaning} (at least {mostly:.0%} of those it is about)"
