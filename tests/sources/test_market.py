"""Market files in the publishers' layouts. All numbers are invented."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lintel.errors import InputError, NotFoundError
from lintel.market.metrics import METRICS
from lintel.market.observations import Observation
from lintel.sources.market import read_fred, read_zillow
from lintel.sources.publication_delays import DELAYS

FRED = "observation_date,INVENTED30US\n2026-01-01,6.50\n2026-01-08,.\n2026-01-15,\n2026-01-22,6.61\n"
ALFRED = """period_start_date,INVENTED,realtime_start_date,realtime_end_date
2026-01-01,100,2026-02-05,2026-03-04
2026-01-01,103,2026-03-05,9999-12-31
2026-02-01,104,2026-03-05,9999-12-31
"""
ZILLOW = """RegionID,SizeRank,RegionName,RegionType,StateName,2026-01-31,2026-02-28
102001,0,United States,country,,1000,1010.5
394530,19,"Denver, CO",msa,CO,200,
394405,90,"Boise, ID",msa,ID,50,55
"""
COUNTIES = """RegionID,SizeRank,RegionName,RegionType,StateName,State,Metro,2026-01-31
1,5,Washington County,county,OR,OR,"Portland, OR",70
2,9,Washington County,county,UT,UT,"St. George, UT",30
3,9,80202,zip,CO,CO,"Denver, CO",3
"""

Write = Callable[..., Path]


@pytest.fixture
def file(tmp_path: Path) -> Write:
    def write(text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / "market.csv"
        path.write_text(text, encoding=encoding)
        return path

    return write


def day(year: int, month: int, date: int) -> datetime:
    return datetime(year, month, date, tzinfo=UTC)


@pytest.mark.parametrize("heading", ["observation_date,INVENTED30US", "DATE,INVENTED30US", "DATE,VALUE", "date,value"])
def test_fred_with_an_old_or_a_new_heading(file: Write, heading: str) -> None:
    batch = read_fred(file(FRED.replace("observation_date,INVENTED30US", heading)), "mortgage_rate")
    rate = ("national", "mortgage_rate")
    assert batch.observations == (
        Observation(*rate, day(2026, 1, 1), day(2026, 1, 2), 6.5, assumed=True),
        Observation(*rate, day(2026, 1, 22), day(2026, 1, 23), 6.61, assumed=True),
    )
    assert batch.places == ("line 2", "line 5")
    assert batch.rejected == ()


def test_a_byte_order_mark_and_windows_line_ends_are_read(file: Write) -> None:
    batch = read_fred(file(FRED.replace("\n", "\r\n"), "utf-8-sig"), "mortgage_rate")
    assert [one.value for one in batch.observations] == [6.5, 6.61]


def test_vintages_say_when_they_came_out(file: Write) -> None:
    batch = read_fred(file(ALFRED), "inventory", area="Denver, CO")
    assert [(one.observed_at, one.published_at, one.value) for one in batch.observations] == [
        (day(2026, 1, 1), day(2026, 2, 6), 100.0),
        (day(2026, 1, 1), day(2026, 3, 6), 103.0),
        (day(2026, 2, 1), day(2026, 3, 6), 104.0),
    ]
    assert not any(one.assumed for one in batch.observations)
    assert {one.area for one in batch.observations} == {"Denver, CO"}


def test_of_several_series_one_is_named(file: Write) -> None:
    path = file("observation_date,A,B\n2026-01-01,1,2\n")
    assert [one.value for one in read_fred(path, "mortgage_rate", series="B").observations] == [2.0]
    with pytest.raises(InputError, match=r"2 columns of series.*--series"):
        read_fred(path, "mortgage_rate")
    with pytest.raises(InputError, match="no series 'C'"):
        read_fred(path, "mortgage_rate", series="C")


def test_zillow_areas_and_the_country(file: Write) -> None:
    batch = read_zillow(file(ZILLOW), "inventory", areas=("national", "Denver, CO"))
    assert [(one.area, one.observed_at, one.value) for one in batch.observations] == [
        ("national", day(2026, 1, 31), 1000.0),
        ("national", day(2026, 2, 28), 1010.5),
        ("Denver, CO", day(2026, 1, 31), 200.0),
    ]
    assert [one.published_at for one in batch.observations] == [day(2026, 2, 20), day(2026, 3, 20), day(2026, 2, 20)]
    assert batch.places[2] == "line 3, 2026-01-31"
    assert all(one.assumed for one in batch.observations)


def test_counties_go_by_name_and_state_and_zip_codes_are_not_taken(file: Write) -> None:
    (found,) = read_zillow(file(COUNTIES), "inventory", areas=("Washington County, UT",)).observations
    assert found.value == 30.0
    with pytest.raises(InputError, match="none of the areas"):
        read_zillow(file(COUNTIES), "inventory", areas=("80202",))


def test_an_area_that_is_not_there_gets_near_names(file: Write) -> None:
    with pytest.raises(InputError, match="Did you mean Denver, CO"):
        read_zillow(file(ZILLOW), "inventory", areas=("Denver CO",))


def test_a_delay_can_be_said(file: Write) -> None:
    (first, _) = read_fred(file(FRED), "mortgage_rate", delay_days=9).observations
    assert first.published_at - first.observed_at == timedelta(days=9)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("2026-02-30,6.5", "observation_date"),
        ("01/05/2026,6.5", "observation_date"),
        ("20260105,6.5", "observation_date"),
        ("2026-01-29,n/a", "value"),
        ("2026-01-29", "(row)"),
        ("2026-01-29,6.5,1", "(row)"),
    ],
)
def test_a_bad_row_of_fred_is_set_aside(file: Write, row: str, column: str) -> None:
    batch = read_fred(file(f"{FRED}{row}\n2026-02-05,6.7\n"), "mortgage_rate")
    assert [(one.place, one.column) for one in batch.rejected] == [("line 6", column)]
    assert [one.value for one in batch.observations] == [6.5, 6.61, 6.7]


def test_a_bad_vintage_and_a_bad_cell_of_zillow_are_set_aside(file: Write) -> None:
    batch = read_fred(file(ALFRED + "2026-03-01,5,soon,\n"), "inventory")
    assert [(one.place, one.column) for one in batch.rejected] == [("line 5", "realtime_start_date")]
    batch = read_zillow(file(ZILLOW.replace("1010.5", "many")), "inventory")
    assert [(one.place, one.column) for one in batch.rejected] == [("line 2, 2026-02-28", "value")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("<!DOCTYPE html><html>\n", "no FRED file"),
        (ZILLOW, "no FRED file"),
        ("observation_date\n2026-01-01\n", "0 columns"),
    ],
)
def test_another_file_is_not_taken_for_one_of_fred(file: Write, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_fred(file(text), "mortgage_rate")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FRED, "no file of Zillow"),
        (ZILLOW.replace("2026-0", "x"), "no column of a date"),
        (ZILLOW.replace("StateName", "StateName,BaseDate"), "forecast"),
    ],
)
def test_another_file_is_not_taken_for_one_of_zillow(file: Write, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_zillow(file(text), "inventory")


def test_files_that_cannot_be_read(file: Write, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        read_fred(tmp_path / "absent.csv", "mortgage_rate")
    with pytest.raises(InputError, match="cannot be read"):
        read_fred(tmp_path, "mortgage_rate")
    with pytest.raises(InputError, match="UnicodeDecodeError"):
        read_fred(file("observation_date,Ä\n", "latin-1"), "mortgage_rate")


def test_metrics_and_delays_must_be_known(file: Write) -> None:
    with pytest.raises(InputError, match=r"no market metric.*median_price"):
        read_fred(file(FRED), "rents")
    with pytest.raises(InputError, match="no market metric"):
        read_fred(file(ALFRED), "rents")
    with pytest.raises(InputError, match=r"No usual delay.*--delay-days"):
        read_zillow(file(ZILLOW), "mortgage_rate")


def test_every_delay_has_a_reason_and_is_shorter_than_the_reach_of_its_metric() -> None:
    assert {metric for _, metric in DELAYS} == set(METRICS)
    for (_, metric), delay in DELAYS.items():
        assert delay.reason
        assert 0 < delay.days < METRICS[metric].reach_days


def test_every_metric_and_delay_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "market.md").read_text(encoding="utf-8")
    for metric in METRICS.values():
        assert f"| `{metric.name}` | {metric.meaning} | {metric.unit} | {metric.reach_days} |" in page
    for (layout, metric), delay in DELAYS.items():
        assert f"| {layout} | `{metric}` | {delay.days} | {delay.reason} |" in page
