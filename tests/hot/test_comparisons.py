"""Comparisons from memory are those of the store, whatever nightly runs wrote before and between."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintel.scoring.comparison import Comparison, stored_comparison
from lintel.store.scores import ScoreRow, ScoreStore
from serving.hot.comparisons import HotComparisons
from tests.hot.logs_in_store import START, TENANT

LEADS = ("ann", "bob", "cy")
BUNDLES = ("sha256:a", "sha256:b")
days = st.integers(0, 40)

puts = st.tuples(st.just("put"), st.sampled_from(LEADS), days, st.sampled_from(BUNDLES), st.booleans())
ranks = st.tuples(st.just("rank"), days, st.sampled_from(BUNDLES), st.integers(1, 5))
forgets = st.tuples(st.just("forget"), st.integers(150, 230))
erases = st.tuples(st.just("erase"), st.sampled_from(LEADS))
asks = st.tuples(
    st.just("ask"), st.sampled_from(BUNDLES), st.lists(st.sampled_from((*LEADS, "nobody")), max_size=4), days
)
steps = st.lists(st.one_of(puts, puts, ranks, forgets, erases, asks, asks, asks), min_size=4, max_size=25)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "state.db"
    ScoreStore.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def scores(template: Path, tmp_path: Path) -> Iterator[ScoreStore]:
    with ScoreStore.open(f"sqlite:///{shutil.copy(template, tmp_path / 'state.db')}") as opened:
        yield opened


def at(day: int) -> datetime:
    return START + timedelta(days=day)


def row(lead: str, day: int, bundle: str = BUNDLES[0], *, scored: bool = True) -> ScoreRow:
    probabilities = {"conversion": 0.01 * (day + 1)} if scored else {"churn": 0.5}
    return ScoreRow(lead, at(day), 7, bundle, 3, 0.5, probabilities, {"lead_id": lead}, at(day))


def ranked(leads: int) -> dict[str, Any]:
    return {"priorities": [0.1 * one for one in range(leads)], "leads": leads, "today": 0.4, "week": 0.2, "likely": 0.3}


def do(scores: ScoreStore, step: tuple[Any, ...]) -> None:
    name, *told = step
    if name == "put":
        lead, day, bundle, scored = told
        scores.put(TENANT.id, [row(lead, day, bundle, scored=scored)])
    elif name == "rank":
        day, bundle, leads = told
        scores.put_ranking(TENANT.id, at(day), bundle, ranked(leads))
    elif name == "forget":
        scores.forget(TENANT.id, at(told[0]))
    elif name == "erase":
        scores.erase(TENANT.id, told[0])


def assert_equal_comparisons(found: Comparison, expected: Comparison) -> None:
    assert (found.ranked_at, found.unranked) == (expected.ranked_at, expected.unranked)
    assert (found.ranking is None) == (expected.ranking is None)
    if found.ranking and expected.ranking:
        assert found.ranking.to_json() == expected.ranking.to_json()
    assert found.past.keys() == expected.past.keys()
    for lead, past in expected.past.items():
        for name in ("as_of", "probability"):
            left, right = getattr(found.past[lead], name), getattr(past, name)
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)


@settings(max_examples=40)
@given(told=steps, max_bytes=st.sampled_from((0, 2_000, 1_000_000)))
def test_comparisons_from_memory_are_those_of_the_store(
    template: Path, told: list[tuple[Any, ...]], max_bytes: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{shutil.copy(template, Path(folder) / 'state.db')}"
        with ScoreStore.open(url) as mine, ScoreStore.open(url) as theirs:
            hot = HotComparisons(mine, max_bytes)
            for step in told:
                if step[0] != "ask":
                    do(theirs, step)
                    continue
                _, bundle, leads, day = step
                moment = at(day) + timedelta(hours=day % 2)
                found = hot.comparison(TENANT, bundle, moment, leads, version=mine.version(TENANT.id))
                assert_equal_comparisons(found, stored_comparison(theirs, TENANT, bundle, moment, leads))


def test_a_second_time_nothing_is_read(scores: ScoreStore, monkeypatch: pytest.MonkeyPatch) -> None:
    scores.put(TENANT.id, [row("ann", day) for day in range(5)])
    scores.put_ranking(TENANT.id, at(4), BUNDLES[0], ranked(3))
    hot = HotComparisons(scores)

    def ask(day: int) -> Comparison:
        return hot.comparison(TENANT, BUNDLES[0], at(day), ["ann", "nobody"], version=2)

    first = ask(5)
    assert len(first.past["ann"].as_of) == 5
    assert first.ranking is not None
    for name in ("past", "ranking", "ranking_times"):
        monkeypatch.setattr(scores, name, refuse)
    assert_equal_comparisons(ask(5), first)
    assert len(ask(16).past["ann"].as_of) == 3  # later moments ask for no older scores


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("the store was read")
