"""Amounts: asked for, stated, offered, seen."""

from collections.abc import Iterator

from lintel.features.declarations.declare import Quantity, counts, recency, statistics
from lintel.features.feature import Aggregation, Feature, Unit
from lintel.features.selectors import OFFER_AMOUNTS, Selector, select

_FORM = select("form.submitted")
_BUDGET = select("budget.stated")
_PREAPPROVED = select("financing.preapproved")
_VIEWS = select("web.listing_view")
_MIN, _MAX, _MEAN, _SUM = Aggregation.MIN, Aggregation.MAX, Aggregation.MEAN, Aggregation.SUM
_FIRST, _LAST = Aggregation.FIRST, Aggregation.LAST


def money_features() -> Iterator[Feature]:
    yield from statistics(Quantity("asked_amount", _FORM, "value", Unit.CURRENCY, "amount asked for"), (_LAST,))
    yield from counts("form", _FORM, "forms submitted", (None,))
    yield recency("form", _FORM, "form submitted")
    yield from statistics(Quantity("budget", _BUDGET, "value", Unit.CURRENCY, "stated budget"), (_LAST,))
    yield recency("budget", _BUDGET, "stated budget", {"intent": -1})
    yield from statistics(
        Quantity("preapproved", _PREAPPROVED, "value", Unit.CURRENCY, "pre-approved amount"), (_LAST,)
    )
    calculator = select("web.calculator_used")
    yield from statistics(Quantity("calculator_amount", calculator, "value", Unit.CURRENCY, "loan entered"), (_LAST,))
    expected = select("deal.value_changed")
    yield from statistics(
        Quantity("expected_value", expected, "value", Unit.CURRENCY, "expected value of the deal"), (_LAST,)
    )
    yield from _offers()
    yield from _listings()


def _offers() -> Iterator[Feature]:
    words = "offered amount"
    yield from statistics(
        Quantity("offer_amount", OFFER_AMOUNTS, "value", Unit.CURRENCY, words), (_FIRST, _LAST, _MIN, _MAX, _MEAN)
    )
    yield _ratio("offer_to_asked", OFFER_AMOUNTS, _FORM, "last offered amount divided by the amount asked for")
    yield _ratio("preapproved_to_budget", _PREAPPROVED, _BUDGET, "pre-approved amount divided by the stated budget")


def _listings() -> Iterator[Feature]:
    price = "price of listings seen"
    yield from statistics(Quantity("listing_price", _VIEWS, "attribute_1", Unit.CURRENCY, price), (_MAX, _MEAN))
    yield from statistics(
        Quantity("listing_price", _VIEWS, "attribute_1", Unit.CURRENCY, price), (_MEAN,), windows=(30,)
    )
    yield from statistics(
        Quantity("listing_bedrooms", _VIEWS, "attribute_2", Unit.NUMBER, "bedrooms of listings seen"), (_MEAN,)
    )
    minutes = "minutes on listings"
    yield from statistics(Quantity("listing_minutes", _VIEWS, "value", Unit.MINUTES, minutes), (_SUM,))
    yield from statistics(Quantity("listing_minutes", _VIEWS, "value", Unit.MINUTES, minutes), (_SUM,), windows=(30,))
    pages = select("web.page_view")
    yield from statistics(
        Quantity("page_minutes", pages, "value", Unit.MINUTES, "minutes on other pages"), (_SUM,), windows=(30,)
    )
    yield Feature(
        "listing_price_to_budget",
        Aggregation.RATIO,
        _VIEWS,
        Unit.NUMBER,
        "price of the last listing seen divided by the stated budget",
        "price of the last listing seen divided by the stated budget",
        measure="attribute_1",
        against=_BUDGET,
        against_measure="value",
    )


def _ratio(name: str, above: Selector, below: Selector, words: str) -> Feature:
    return Feature(
        name,
        Aggregation.RATIO,
        above,
        Unit.NUMBER,
        words,
        words,
        measure="value",
        against=below,
        against_measure="value",
    )
