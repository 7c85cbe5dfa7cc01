"""Market series from the CSV files that FRED and Zillow Research publish.

FRED: one row a date, one column a series; missing values are "." or empty. A file with the columns
`realtime_start_date` (ALFRED's archive "by real-time period") holds every vintage and when it came out. Zillow: one row
a region, one column a date. Files without vintages get `published_at` from the usual delay of their publisher.
"""

import csv
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path

from lintel.errors import InputError, NotFoundError
from lintel.events.validation import Rejection
from lintel.market.metrics import METRICS, NATIONAL
from lintel.market.observations import MarketBatch, Observation
from lintel.sources.publication_delays import DELAYS

_DATES = ("observation_date", "date", "period_start_date")
_VINTAGES = ("realtime_start_date", "realtime_start")
_VINTAGE_ENDS = ("realtime_end_date", "realtime_end")
_MISSING = ("", ".")
_ZILLOW_HEADING = ("RegionID", "SizeRank", "RegionName", "RegionType", "StateName")
_REGION_TYPES = ("country", "state", "msa", "county", "city")
"""Without ZIP codes and neighbourhoods: so small an area stands for who lives there (fair housing)."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_A_DAY = timedelta(days=1)


def read_fred(
    path: Path, metric: str, *, area: str = NATIONAL, series: str | None = None, delay_days: int | None = None
) -> MarketBatch:
    """Observations of one series of a FRED or ALFRED file.

    Parameters
    ----------
    series: the column, where the file has several.
    delay_days: from a date to its publication, where the file has no vintages; the publisher's usual one by default.
        A vintage counts from the end of the day on which it came out.

    Raises NotFoundError without the file, InputError if it has another layout.
    """
    _check_metric(metric)
    records = _records(path)
    heading = next(records)[1]
    columns = _FredColumns.of(path, heading, series)
    delay = None if columns.vintage is not None else _delay("fred", metric, delay_days)
    found = _Found(metric)
    for place, cells in records:
        if len(cells) != len(heading):
            found.reject(place, "(row)", f"has {len(cells)} cells, the heading has {len(heading)}")
        elif cells[columns.value] not in _MISSING:
            vintage = None if columns.vintage is None else (heading[columns.vintage], cells[columns.vintage])
            dated = (heading[columns.date], cells[columns.date])
            found.add(place, area, dated, cells[columns.value], vintage=vintage, delay=delay)
    return found.batch()


def read_zillow(
    path: Path, metric: str, *, areas: Collection[str] = (NATIONAL,), delay_days: int | None = None
) -> MarketBatch:
    """Observations of some regions of a Zillow Research file. The country is the area `national`, a state or metro goes
    by its name ("Denver, CO"), a county or city by name and state.

    Raises NotFoundError without the file, InputError if it has another layout or none of the areas.
    """
    _check_metric(metric)
    records = _records(path)
    heading = next(records)[1]
    dates = _zillow_dates(path, heading)
    delay = _delay("zillow", metric, delay_days)
    found = _Found(metric)
    names: set[str | None] = set()
    for place, cells in records:
        if len(cells) != len(heading):
            found.reject(place, "(row)", f"has {len(cells)} cells, the heading has {len(heading)}")
            continue
        name = _region(heading, cells)
        names.add(name)
        if name is not None and name in areas:
            for position in dates:
                if cells[position] not in _MISSING:
                    dated = ("(heading)", heading[position])
                    found.add(f"{place}, {heading[position]}", name, dated, cells[position], delay=delay)
    if not set(areas) & names:
        raise InputError(f"{path} has none of the areas {', '.join(sorted(areas))}.", mend=_near(areas, names))
    return found.batch()


@dataclass(frozen=True, slots=True)
class _FredColumns:
    """Positions of a FRED file's columns; `vintage` is None without one."""

    date: int
    value: int
    vintage: int | None

    @classmethod
    def of(cls, path: Path, heading: Sequence[str], series: str | None) -> "_FredColumns":
        lower = [name.lower() for name in heading]
        if lower[0] not in _DATES:
            raise InputError(f"{path} is no FRED file: its first column is none of {', '.join(_DATES)}.")
        own = [i for i, name in enumerate(lower) if name not in (*_DATES, *_VINTAGES, *_VINTAGE_ENDS)]
        if series is not None:
            own = [i for i in own if heading[i] == series]
        if len(own) != 1:
            fault = f"has {len(own)} columns of series" if series is None else f"has no series {series!r}"
            raise InputError(f"{path} {fault}.", mend="Name one column of its heading with --series.")
        return cls(0, own[0], next((i for i, name in enumerate(lower) if name in _VINTAGES), None))


@dataclass(slots=True)
class _Found:
    """Collects observations of one file and what could not be read of it."""

    metric: str
    observations: list[Observation] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)

    def add(
        self,
        place: str,
        area: str,
        dated: tuple[str, str],
        value: str,
        *,
        vintage: tuple[str, str] | None = None,
        delay: timedelta | None = None,
    ) -> None:
        """One cell; `dated` and `vintage` are (column, date). The number is checked for its range by the store."""
        column, text = dated
        try:
            observed_at = _day(text)
            if vintage is None:
                published_at = observed_at + (delay or timedelta())
            else:
                column, text = vintage
                published_at = _day(text) + _A_DAY
        except (ValueError, OverflowError):
            self.reject(place, column, "is not a date as in 2026-01-31")
            return
        try:
            number = float(value)
        except ValueError:
            self.reject(place, "value", "is not a number")
            return
        self.observations.append(
            Observation(area, self.metric, observed_at, published_at, number, assumed=vintage is None)
        )
        self.places.append(place)

    def reject(self, place: str, column: str, reason: str) -> None:
        self.rejected.append(Rejection(place, column, reason))

    def batch(self) -> MarketBatch:
        return MarketBatch(tuple(self.observations), tuple(self.places), tuple(self.rejected))


def _check_metric(metric: str) -> None:
    if metric not in METRICS:
        raise InputError(f"{metric!r} is no market metric.", mend=f"There are: {', '.join(METRICS)}.")


def _delay(layout: str, metric: str, days: int | None) -> timedelta:
    if days is not None:
        return timedelta(days=days)
    if (layout, metric) not in DELAYS:
        mend = "Say how many days after its date a number comes out: --delay-days."
        raise InputError(f"No usual delay is known of {metric} in the layout {layout}.", mend=mend)
    return DELAYS[layout, metric].length


def _zillow_dates(path: Path, heading: Sequence[str]) -> list[int]:
    """Positions of the columns that are dates."""
    if tuple(heading[: len(_ZILLOW_HEADING)]) != _ZILLOW_HEADING:
        raise InputError(f"{path} is no file of Zillow Research: its heading does not begin with RegionID,SizeRank,...")
    if "BaseDate" in heading:
        raise InputError(f"{path} is a forecast.", mend="Take the index itself: a forecast is not an observation.")
    dates = [position for position, name in enumerate(heading) if _DATE.fullmatch(name)]
    if not dates:
        raise InputError(f"{path} has no column of a date.", mend="Its dates are headings as in 2026-01-31.")
    return dates


def _region(heading: Sequence[str], cells: Sequence[str]) -> str | None:
    """The area that a row is about; None if it is none that is taken."""
    row = dict(zip(heading, cells, strict=True))
    kind, name = row["RegionType"], row["RegionName"]
    if kind not in _REGION_TYPES:
        return None
    if kind == "country":
        return NATIONAL
    return f"{name}, {row.get('State') or row['StateName']}" if kind in {"county", "city"} else name


def _near(areas: Iterable[str], names: Iterable[str | None]) -> str:
    known = sorted(name for name in names if name)
    near = [name for area in areas for name in get_close_matches(area, known, 3)]
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"Areas are of the types {', '.join(_REGION_TYPES)}, and named as in the file."


def _day(text: str) -> datetime:
    """The beginning of a day, UTC. Raises ValueError."""
    if not _DATE.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _records(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Place and cells of each row, the heading first; blank lines are left out. Never empty."""
    empty = True
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            for cells in reader:
                if any(cells):
                    yield f"line {reader.line_num}", [cell.strip() for cell in cells]
                    empty = False
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as CSV: {type(error).__name__}.") from None
    if empty:
        raise InputError(f"{path} is empty.", mend="A CSV file begins with a line of column headings.")
