"""Work inside the case: how much of it, how long it took, how long it waited in the queue, and what is open."""

from collections.abc import Iterator

from lintel.features.declarations.declare import (
    Quantity,
    counts,
    distinct_days,
    excess,
    recency,
    statistics,
    tenure,
)
from lintel.features.feature import Aggregation, Feature, Unit
from lintel.features.selectors import COMPLETED, SCHEDULED, STARTED, select

_WORDS = {
    "intake": ("round of handling the fresh lead", "handling the fresh lead"),
    "application": ("round of work on the application", "work on the application"),
    "call": ("call", "calls"),
    "validation": ("round of validation", "validation"),
    "dossier": ("call about missing papers", "calls about missing papers"),
    "fraud": ("fraud assessment", "fraud assessment"),
}
"""Of each family one piece of work, and the work as a whole."""
_SUM, _MEAN, _MAX, _LAST = Aggregation.SUM, Aggregation.MEAN, Aggregation.MAX, Aggregation.LAST


def work_features() -> Iterator[Feature]:
    yield from _all_work()
    for family, (piece, whole) in _WORDS.items():
        yield from _family(family, piece, whole)
    yield from statistics(
        Quantity("call_length", select("call.inbound"), "value", Unit.MINUTES, "length of calls from the lead"), (_SUM,)
    )


def _all_work() -> Iterator[Feature]:
    yield from counts("work_started", STARTED, "pieces of work taken up", (1, 7, None))
    yield from counts("work_completed", COMPLETED, "pieces of work finished", (7, None))
    yield from statistics(Quantity("work_minutes", COMPLETED, "value", Unit.MINUTES, "minutes worked"), (_SUM,))
    yield from statistics(
        Quantity("work_minutes", COMPLETED, "value", Unit.MINUTES, "minutes of a piece of work"), (_MEAN, _MAX, _LAST)
    )
    yield from statistics(
        Quantity("work_minutes", COMPLETED, "value", Unit.MINUTES, "minutes worked"), (_SUM,), windows=(7,)
    )
    yield from statistics(
        Quantity("queue_wait", STARTED, "waited", Unit.DAYS, "wait in the queue"), (_SUM, _MEAN, _LAST)
    )
    yield from statistics(Quantity("work_gap", STARTED, "gap", Unit.DAYS, "gap between pieces of work"), (_MEAN,))
    yield from distinct_days("work", COMPLETED, "work", (None,))
    yield recency("work_started", STARTED, "piece of work taken up")
    yield recency("work_completed", COMPLETED, "piece of work finished")
    yield excess("work_open", STARTED, COMPLETED, "pieces of work taken up and not finished")
    yield Feature(
        "queue_pending",
        Aggregation.PENDING,
        SCHEDULED,
        Unit.DAYS,
        "days since the first work was listed that no work followed",
        "time that listed work has been waiting",
        against=STARTED,
    )


def _family(family: str, piece: str, whole: str) -> Iterator[Feature]:
    started, completed = select(f"{family}.started"), select(f"{family}.completed")
    finished = f"{_plural(piece)} finished"
    yield from counts(f"{family}_completed", completed, finished, (None,))
    yield from statistics(
        Quantity(f"{family}_minutes", completed, "value", Unit.MINUTES, f"minutes of {whole}"), (_SUM,)
    )
    if family in {"application", "call", "validation", "dossier"}:
        yield recency(f"{family}_scheduled", select(f"{family}.scheduled"), f"{piece} put on the list")
        yield from counts(f"{family}_completed", completed, finished, (7,))
        yield from statistics(Quantity(f"{family}_wait", started, "waited", Unit.DAYS, f"wait for {whole}"), (_LAST,))
        yield recency(f"{family}_completed", completed, f"{piece} finished")
        yield tenure(f"{family}_started", started, f"{piece} taken up")


def _plural(piece: str) -> str:
    """Of "call about missing papers": "calls about missing papers"."""
    noun, of, rest = piece.partition(" of " if " of " in piece else " about ")
    return f"{noun}s{of}{rest}"
