"""Numbers as people say and write them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.understanding.numbers import numbers

_UNITS = ["", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_UNITS += ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def spoken(value: int) -> str:
    """A number in English words, the plain way."""
    if value >= 1_000_000:
        return f"{spoken(value // 1_000_000)} million {spoken(value % 1_000_000)}".strip()
    if value >= 1_000:
        return f"{spoken(value // 1_000)} thousand {spoken(value % 1_000)}".strip()
    if value >= 100:
        return f"{_UNITS[value // 100]} hundred {spoken(value % 100)}".strip()
    return _UNITS[value] if value < 20 else f"{_TENS[value // 10]} {_UNITS[value % 10]}".strip()


@given(st.integers(1, 99_999_999))
def test_reads_every_number_in_words(value: int) -> None:
    text = spoken(value)
    (number,) = numbers(text)
    assert (number.value, number.start, number.end) == (value, 0, len(text))


@given(st.integers(1, 99_999_999))
def test_reads_every_number_in_digits(value: int) -> None:
    for text in (f"{value}", f"{value:,}", f"${value:,}"):
        (number,) = numbers(text)
        assert number.value == value


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("450 k", [450_000]),
        ("450k dollars", [450_000]),
        ("four fifty", [450]),
        ("four twenty five", [425]),
        ("half a million", [500_000]),
        ("a quarter of a million", [250_000]),
        ("two and a half million", [2_500_000]),
        ("one point two five million", [1_250_000]),
        ("twelve hundred", [1_200]),
        ("four hundred and fifty thousand and change", [450_000]),
        ("between 400 and 450k", [400, 450_000]),
        ("five five five", [5, 5, 5]),
        ("at 10:30", []),
        ("a k and a point of hundred", []),
        ("", []),
    ],
)
def test_colloquial_numbers(text: str, values: list[float]) -> None:
    assert [number.value for number in numbers(text)] == values


@given(st.text(alphabet="a 0123456789.,$k:-andhundreoftus", max_size=60))
def test_spans_ascend_and_hold_something(text: str) -> None:
    found = list(numbers(text))
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
