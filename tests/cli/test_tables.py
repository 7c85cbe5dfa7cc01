"""Tables of a hundred and twenty columns, in which nothing is cut."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from cli.evaluate import _table
from lintel.home import Home
from lintel.registry.actor import machine
from tests.cli.conftest import Lintel, run
from tests.orchestration.nightly_home import TENANT, NightlyHome

IN = ("--tenant", TENANT)
FIGURES = {
    "auc": 0.7431,
    "average_precision": 0.6182,
    "log_loss": 0.5213,
    "brier": 0.1714,
    "ece": 0.0315,
    "ece_band": [0.0116, 0.0617],
    "lift_top_decile": 2.4118,
    "base_rate": 0.3519,
    "n": 123456,
}


def test_evaluate_cuts_neither_headings_nor_bands() -> None:
    one = {**FIGURES, "baselines": {"base_rate": FIGURES, "logistic_regression": FIGURES}}
    value = {"dimensions": {"engagement": one, "budget": {"status": "not_defined_for_source"}}, "model_version": 3}
    console = Console(width=120, file=io.StringIO())
    console.print(_table("acme", value))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown
    for words in ("AP", "lift", "base", "ECE (band)", "0.032 (0.012-0.062)", "logistic regression", "123456"):
        assert words in shown


@pytest.mark.parametrize("words", ["list", "traffic"])
def test_models_are_shown_with_whole_digests(lintel_after_nightly: Lintel, words: str) -> None:
    digest = lintel_after_nightly("models", "traffic", *IN, "--json").value["traffic"][0]["digest"]
    shown = lintel_after_nightly("models", words, *IN).out
    assert digest.removeprefix("sha256:") in shown
    assert "['" not in shown
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown


def test_the_list_of_models_says_their_aliases_in_words(lintel_after_nightly: Lintel) -> None:
    assert "champion" in lintel_after_nightly("models", "list", *IN).out


def test_traffic_shows_every_change_newest_first(own_nightly_home: NightlyHome) -> None:
    with Home(own_nightly_home.settings) as home:
        entries = home.traffic.read(TENANT)
        home.traffic.assign(
            TENANT, entries, actor=machine("me"), reason="once more", now=datetime(2026, 3, 2, tzinfo=UTC)
        )
    shown = run(own_nightly_home.path, "models", "traffic", *IN).out
    assert shown.index("once more") < shown.index("the first champion of this scope")
    assert "version 1 (champion, 100%)" in shown
