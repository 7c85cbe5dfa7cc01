"""The suites pass what a nightly run made, and each breach of what they promise fails them."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations import events, examples, features
from expectations.evaluation import evaluate
from expectations.suite import SuiteResult
from lintel.features.catalogue import catalogue
from lintel.features.feature import Aggregation
from lintel.home import Home
from tests.orchestration.nightly_home import NOW, TENANT, NightlyHome

Frames = dict[str, pd.DataFrame]
LEADS = 50


@pytest.fixture(scope="module")
def frames(nightly_home: NightlyHome) -> Frames:
    """The first rows of what the run of the fixture wrote."""
    with Home(nightly_home.settings) as home:
        clock = home.log(TENANT, now=NOW).as_of
        rows = features.frame(pq.read_table(home.work(TENANT, "lead_features.parquet")), catalogue(), clock)
        tables = {
            "events": events.frame(home.lake.recorded(TENANT), NOW).slice(0, 200),
            "features": rows.slice(0, LEADS),
            "examples": examples.read(home.work(TENANT, "examples.parquet"), catalogue(), clock).slice(0, 50),
        }
    return {name: table.to_pandas() for name, table in tables.items()}


def checked(suite: str, frame: pd.DataFrame) -> SuiteResult:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    made = {
        "events": events.rules,
        "features": lambda: features.rules(catalogue(), LEADS),
        "examples": lambda: examples.rules(catalogue(), table),
    }
    return evaluate(table, suite, made[suite]())


@pytest.mark.parametrize("suite", ["events", "features", "examples"])
def test_what_a_nightly_run_makes_is_sound(frames: Frames, suite: str) -> None:
    result = checked(suite, frames[suite])
    assert result.success, result.markdown()
    assert result.evaluated > 10


def put(column: str, value: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """One cell of the second row is another."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        broken = frame.astype({column: object}) if value is None or isinstance(value, str) else frame.copy()
        broken.iloc[1, broken.columns.get_loc(column)] = value
        return broken

    return change


def moved(column: str, days: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.assign(**{column: frame[column] + pd.Timedelta(days=days)})


def twice(column: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: put(column, frame[column].iloc[0])(frame)


BREACHES = [
    ("events", "event_id", twice("event_id")),
    ("events", "seq", twice("seq")),
    ("events", "lead_id", put("lead_id", None)),
    ("events", "tenant", put("tenant", "another")),
    ("events", "kind", put("kind", "no.such_kind")),
    ("events", "actor", put("actor", "ghost")),
    ("events", "known_at", moved("known_at", -1)),
    ("events", "value", lambda frame: frame.assign(value=1e13)),
    ("events", "(table)", lambda frame: frame.drop(columns="channel")),
    ("events", "(table)", lambda frame: frame.head(0)),
    ("features", "(table)", lambda frame: frame.drop(columns=catalogue().names[0])),
    ("features", "(table)", lambda frame: pd.concat([frame, frame.head(1)])),
    ("examples", "weight", put("weight", 0.0)),
    ("examples", "label.conversion.status", put("label.conversion.status", 7)),
    ("examples", "label.conversion.known_from", moved("label.conversion.known_from", -400)),
    ("examples", "(table)", lambda frame: pd.concat([frame, frame.head(1)])),
]


@pytest.mark.parametrize(("suite", "column", "breach"), BREACHES)
def test_each_breach_is_found_and_named(
    frames: Frames, suite: str, column: str, breach: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    result = checked(suite, breach(frames[suite]))
    assert column in {one.column for one in result.failures}


@pytest.mark.parametrize("aggregation", features.BOUNDS)
def test_a_negative_count_and_a_share_over_one_are_found(frames: Frames, aggregation: Aggregation) -> None:
    name = next(one.name for one in catalogue().features if one.aggregation == aggregation)
    _, high = features.BOUNDS[aggregation]
    bad = -1.0 if high is None else high + 0.5
    result = checked("features", frames["features"].assign(**{name: bad}))
    assert [one.column for one in result.failures] == [name]
