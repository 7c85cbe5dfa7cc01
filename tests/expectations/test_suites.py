"""The suites pass what a nightly run made, and each breach of what they promise fails them."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from expectations import events, examples, features
from expectations.suite import SuiteResult, validate
from lintel.features.catalogue import catalogue
from lintel.features.feature import Aggregation
from lintel.home import Home
from tests.orchestration.nightly_home import TENANT, NightlyHome

Frames = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def frames(nightly_home: NightlyHome) -> Frames:
    """The first rows of what the run of the fixture wrote."""
    with Home(nightly_home.settings) as home:
        return {
            "events": home.lake.read(TENANT).to_pandas().head(200),
            "features": pd.read_parquet(home.work(TENANT, "lead_features.parquet")).head(50),
            "examples": examples.read(home.work(TENANT, "examples.parquet")).head(50),
        }


def checked(suite: str, frame: pd.DataFrame) -> SuiteResult:
    made = {
        "events": events.expectations,
        "features": lambda: features.expectations(catalogue()),
        "examples": lambda: examples.expectations(catalogue(), frame),
    }
    return validate(frame, suite, made[suite]())


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
