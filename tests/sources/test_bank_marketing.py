import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lintel.errors import InputError, NotFoundError
from lintel.sources.bank_marketing import CALLS, FILE, MACRO, bank_calls, months

ROOT = Path(__file__).parents[2]
TABLE = Path(os.environ.get("LINTEL_DATA_MIRROR", ROOT.parent / "shared" / "data")) / FILE

HEADER = (
    '"age";"job";"marital";"education";"default";"housing";"loan";"contact";"month";"day_of_week";"duration";"campaign";'
    '"pdays";"previous";"poutcome";"emp.var.rate";"cons.price.idx";"cons.conf.idx";"euribor3m";"nr.employed";"y"'
)
ROWS = (
    '56;"housemaid";"married";"basic.4y";"no";"no";"no";"telephone";"may";"mon";261;1;999;0;"nonexistent";'
    '1.1;93.994;-36.4;4.857;5191;"no"',
    '37;"services";"single";"high.school";"unknown";"yes";"no";"cellular";"jun";"tue";226;3;6;2;"success";'
    '1.4;94.465;-41.8;4.864;5228.1;"yes"',
    '40;"services";"married";"high.school";"no";"no";"yes";"cellular";"may";"fri";0;1;999;0;"failure";'
    '-1.8;92.893;-46.2;1.313;5099.1;"no"',
)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    path = tmp_path / "bank-additional-full.csv"
    path.write_text("\n".join((HEADER, *ROWS)) + "\n")
    return path


def test_categories_become_columns_and_never_is_missing(published: Path) -> None:
    calls = bank_calls(published, macro=False)
    assert len(calls) == 3
    assert calls.features.shape == (3, len(calls.names))
    values = dict(zip(calls.names, calls.features.T.tolist(), strict=True))
    assert values["campaign"] == [1, 3, 1]
    assert values["previous"] == [0, 2, 0]
    assert np.isnan(values["pdays"]).tolist() == [True, False, True]
    assert values["pdays"][1] == 6
    assert values["job=services"] == [0, 1, 1]
    assert values["poutcome=success"] == [0, 1, 0]
    assert calls.positive.tolist() == [False, True, False]
    assert calls.age.tolist() == [56, 37, 40]
    assert calls.marital.tolist() == ["married", "single", "married"]


@pytest.mark.parametrize("macro", [False, True])
def test_nobody_is_scored_by_what_is_known_later_or_protected(published: Path, macro: bool) -> None:
    names = bank_calls(published, macro=macro).names
    parents = {name.partition("=")[0] for name in names}
    assert not parents & {"duration", "age", "marital", "month", "y"}
    assert (set(MACRO) <= parents) is macro


def test_the_same_name_of_a_month_comes_again_a_year_later(published: Path) -> None:
    calls = bank_calls(published, macro=False)
    assert calls.month.tolist() == [0, 1, 2]
    assert calls.month_names == ("may", "jun", "may")
    number, names = months(np.array(["may", "may", "jun", "may"]))
    assert number.tolist() == [0, 0, 1, 2]
    assert names == ("may", "jun", "may")
    assert months(np.array([], np.str_))[1] == ()


def test_parquet_gives_the_same(published: Path, tmp_path: Path) -> None:
    from pyarrow import csv

    table = csv.read_csv(published, parse_options=csv.ParseOptions(delimiter=";"))
    encoded = table.set_column(1, "job", table.column("job").dictionary_encode())
    pq.write_table(encoded, tmp_path / "bank.parquet")
    ours, theirs = bank_calls(tmp_path / "bank.parquet", macro=True), bank_calls(published, macro=True)
    assert ours.names == theirs.names
    assert ours.features.tobytes() == theirs.features.tobytes()


def test_another_table_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"age": [1], "marital": ["single"]}), tmp_path / "bank.parquet")
    with pytest.raises(InputError, match="no column 'campaign'"):
        bank_calls(tmp_path / "bank.parquet", macro=True)
    with pytest.raises(NotFoundError, match="mirror"):
        bank_calls(tmp_path / "none.parquet", macro=True)


@pytest.mark.skipif(not TABLE.is_file(), reason="the published table is not at hand (LINTEL_DATA_MIRROR)")
def test_the_published_table_has_26_months() -> None:
    calls = bank_calls(TABLE, macro=True)
    assert len(calls) == CALLS
    assert len(calls.month_names) == calls.month.max() + 1 == 26
    assert int(calls.positive.sum()) == 4_640
    rates = [float(calls.positive[calls.month == number].mean()) for number in (0, 25)]
    assert rates == pytest.approx([0.031, 0.453], abs=0.001)
    assert np.isfinite(calls.features[:, [name != "pdays" for name in calls.names]]).all()
