"""The same suites, judged over Arrow columns: the answers of Great Expectations without its minutes.

Great Expectations stays the definition: what is judged here are its own expectation objects. Over pandas it turns
every string into a Python object and walks each column several times; here each expectation is one vectorised pass
over the columns that it names. A property test holds both against each other on frames with injected faults.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import great_expectations.expectations as gxe
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from great_expectations.expectations import Expectation
from numpy.typing import NDArray

from expectations.rule import Rule
from expectations.suite import RuleResult, SuiteResult

Mask = NDArray[np.bool_]
Kwargs = Mapping[str, Any]
_OF_ANOTHER_TYPE = (pa.ArrowInvalid, pa.ArrowNotImplementedError, TypeError)


def evaluate(table: pa.Table, suite: str, rules: Sequence[Rule]) -> SuiteResult:
    """Judge all rules over a table. A rule about a column that is not there is broken.

    Raises KeyError for a kind of expectation that has no evaluator here; a test asks for every suite's.
    """
    return SuiteResult(suite, len(table), tuple(_judged(table, rule) for rule in rules))


def _judged(table: pa.Table, rule: Rule) -> RuleResult:
    kwargs = rule.expectation.configuration.kwargs
    named = [kwargs[name] for name in ("column", "column_A", "column_B") if name in kwargs]
    missing = [name for name in (*named, *kwargs.get("column_list", ())) if name not in table.column_names]
    if missing:
        return RuleResult(rule, False, rows=len(table), observed=f"the column {missing[0]} is not there")
    try:
        return _answered(table, rule, kwargs)
    except _OF_ANOTHER_TYPE:
        return RuleResult(rule, False, rows=len(table), observed="the column has another type than the rule is about")


def _answered(table: pa.Table, rule: Rule, kwargs: Kwargs) -> RuleResult:
    of_table = _OF_TABLE.get(type(rule.expectation))
    if of_table is not None:
        success, observed = of_table(table, kwargs)
        return RuleResult(rule, success, rows=len(table), observed=f"observed {observed}")
    faulty, ignored = _BY_ROW[type(rule.expectation)](table, kwargs)
    return _by_row(rule, faulty, ignored)


def _by_row(rule: Rule, faulty: Mask, ignored: int) -> RuleResult:
    """`ignored` rows say nothing, as with a null; a rule may bear a share of faults among the others (`mostly`)."""
    unexpected, rows = int(np.count_nonzero(faulty)), len(faulty)
    asked, mostly = rows - ignored, float(rule.expectation.configuration.kwargs.get("mostly", 1.0))
    success = unexpected == 0 or (asked - unexpected) / asked >= mostly
    return RuleResult(rule, success, unexpected, rows, f"{unexpected} of {rows} values", faulty)


def _numpy(mask: pa.ChunkedArray) -> Mask:
    found: Mask = pc.fill_null(mask, False).to_numpy().astype(bool, copy=False)
    return found


def _absent(column: pa.ChunkedArray) -> Mask:
    return _numpy(pc.is_null(column, nan_is_null=True))


def _silent(table: pa.Table) -> tuple[Mask, int]:
    """A column without any value, of which Arrow does not know the type, breaks no rule about values."""
    return np.zeros(len(table), bool), len(table)


def _not_null(table: pa.Table, kwargs: Kwargs) -> tuple[Mask, int]:
    return _absent(table.column(kwargs["column"])), 0


def _in_set(table: pa.Table, kwargs: Kwargs) -> tuple[Mask, int]:
    column = table.column(kwargs["column"])
    if pa.types.is_null(column.type):
        return _silent(table)
    plain = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    allowed = pa.array(kwargs["value_set"], plain)
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
        known = pc.is_in(column.chunk(0).dictionary, allowed) if column.num_chunks else pa.array([], pa.bool_())
        codes = [chunk.indices for chunk in column.chunks]
        inside = pa.chunked_array([known.take(one) for one in codes], pa.bool_())
    else:
        inside = pc.is_in(column, allowed)
    absent = _absent(column)
    return ~_numpy(inside) & ~absent, int(absent.sum())


def _between(table: pa.Table, kwargs: Kwargs) -> tuple[Mask, int]:
    values = table.column(kwargs["column"])
    if pa.types.is_null(values.type):
        return _silent(table)
    absent, faulty = _absent(values), np.zeros(len(table), bool)
    numbers = pc.fill_null(values, 0).to_numpy()
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    with np.errstate(invalid="ignore"):
        if low is not None:
            faulty |= ~(numbers > low if kwargs.get("strict_min") else numbers >= low)
        if high is not None:
            faulty |= ~(numbers < high if kwargs.get("strict_max") else numbers <= high)
    return faulty & ~absent, int(absent.sum())


def _greater(table: pa.Table, kwargs: Kwargs) -> tuple[Mask, int]:
    """A row in which both are absent says nothing; one in which one is absent breaks the rule."""
    first, second = table.column(kwargs["column_A"]), table.column(kwargs["column_B"])
    ordered = (pc.greater_equal if kwargs.get("or_equal") else pc.greater)(first, second)
    both = _absent(first) & _absent(second)
    return ~_numpy(ordered) & ~both, int(both.sum())


def _unique(table: pa.Table, kwargs: Kwargs) -> tuple[Mask, int]:
    codes = _codes(table.column(kwargs["column"]))
    absent = codes < 0
    return _repeated(codes) & ~absent, int(absent.sum())


def _compound_unique(table: pa.Table, kwargs: Kwargs) -> tuple[Mask, int]:
    columns = [_codes(table.column(name)) for name in kwargs["column_list"]]
    together = np.zeros(len(table), np.int64)
    for codes in columns:  # coded anew at every step, so that the products stay within 64 bits
        together = np.unique(together * (codes.max(initial=0) + 2) + codes + 1, return_inverse=True)[1]
    absent = np.logical_and.reduce([codes < 0 for codes in columns])
    return _repeated(together) & ~absent, int(absent.sum())


def _codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """One number a value, -1 for an absent one."""
    plain = pa.array(column.to_numpy(), from_pandas=True) if pa.types.is_floating(column.type) else column
    encoded = pa.chunked_array([plain]) if isinstance(plain, pa.Array) else plain
    encoded = encoded.combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = pa.concat_arrays(encoded.chunks)
    if not pa.types.is_dictionary(encoded.type):
        encoded = encoded.dictionary_encode()
    found: NDArray[np.int64] = pc.fill_null(encoded.indices.cast(pa.int64()), -1).to_numpy()
    return found


def _repeated(codes: NDArray[np.int64]) -> Mask:
    if not len(codes):
        return np.zeros(0, bool)
    repeated: Mask = np.bincount(codes + 1)[codes + 1] > 1
    return repeated


def _row_count(table: pa.Table, kwargs: Kwargs) -> tuple[bool, int]:
    return _lies_between(len(table), kwargs), len(table)


def _distinct(table: pa.Table, kwargs: Kwargs) -> tuple[bool, int]:
    codes = _codes(table.column(kwargs["column"]))
    count = len(np.unique(codes[codes >= 0]))
    return _lies_between(count, kwargs), count


def _column_set(table: pa.Table, kwargs: Kwargs) -> tuple[bool, str]:
    """The names that are missing or too many; no names of columns that nobody declared, which may say anything."""
    there, wanted = set(table.column_names), set(kwargs["column_set"])
    surplus = there - wanted if kwargs.get("exact_match", True) else set()
    missing = sorted(wanted - there)
    return not missing and not surplus, f"{len(surplus)} columns too many, missing: {', '.join(missing) or 'none'}"


def _lies_between(value: float, kwargs: Kwargs) -> bool:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    return (low is None or value >= low) and (high is None or value <= high)


_BY_ROW: Mapping[type[Expectation], Callable[[pa.Table, Kwargs], tuple[Mask, int]]] = {
    gxe.ExpectColumnValuesToNotBeNull: _not_null,
    gxe.ExpectColumnValuesToBeInSet: _in_set,
    gxe.ExpectColumnValuesToBeBetween: _between,
    gxe.ExpectColumnPairValuesAToBeGreaterThanB: _greater,
    gxe.ExpectColumnValuesToBeUnique: _unique,
    gxe.ExpectCompoundColumnsToBeUnique: _compound_unique,
}
_OF_TABLE: Mapping[type[Expectation], Callable[[pa.Table, Kwargs], tuple[bool, object]]] = {
    gxe.ExpectTableRowCountToBeBetween: _row_count,
    gxe.ExpectColumnUniqueValueCountToBeBetween: _distinct,
    gxe.ExpectTableColumnsToMatchSet: _column_set,
}
