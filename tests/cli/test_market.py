"""`lintel market`: series in, revisions kept, bad numbers in quarantine, and an area for the tenant."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from lintel.features.drivers import nightly_features, request_features
from lintel.home import Home
from lintel.settings import Settings
from lintel.store.tenants import Tenant
from tests.cli.conftest import Answer, Lintel, run
from tests.sources.test_market import FRED, ZILLOW

IN = ("--tenant", "acme")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with Home(Settings(home=tmp_path / "home")) as opened:
        opened.events.put_tenant(Tenant("acme", labels="crm"))
    return tmp_path / "home"


def load(home: Path, text: str, *options: object, layout: str = "fred", metric: str = "mortgage_rate") -> Answer:
    path = home.parent / "market.csv"
    path.write_text(text, encoding="utf-8")
    return run(home, "market", "load", path, *IN, "--layout", layout, "--metric", metric, *options, "--json")


def test_loading_twice_is_a_no_op_and_a_changed_value_is_a_revision(home: Path) -> None:
    first = load(home, FRED).value
    assert first.keys() >= {"tenant", "metric", "areas", "read", "reasons"}
    assert (first["appended"], first["revised"], first["duplicates"], first["quarantined"]) == (2, 0, 0, 0)
    assert (load(home, FRED).value["appended"], load(home, FRED).value["duplicates"]) == (0, 2)
    changed = load(home, FRED.replace("6.61", "6.62")).value
    assert (changed["appended"], changed["revised"], changed["duplicates"]) == (0, 1, 1)
    (series,) = run(home, "market", "list", *IN, "--json").value["series"]
    assert (series["observations"], series["vintages"], series["read"]) == (2, 3, True)
    assert (series["first"], series["last"]) == ("2026-01-01", "2026-01-22")


def test_bad_numbers_are_in_quarantine_and_good_ones_are_in(home: Path) -> None:
    answer = load(home, FRED + "2026-01-29,x\n2026-02-05,650\n")
    assert (answer.value["appended"], answer.value["quarantined"]) == (2, 2)
    assert "2 in quarantine" in answer.err
    rows = run(home, "quarantine", *IN, "--json").value["rows"]
    assert {(row["place"], row["column"]) for row in rows} == {("line 6", "value"), ("line 7", "value")}
    assert {row["source"] for row in rows} == {"market fred mortgage_rate"}


def test_a_tenant_has_an_area(home: Path) -> None:
    asked = {"layout": "zillow", "metric": "inventory"}
    before = load(home, ZILLOW, **asked)
    assert before.value["areas"] == ["national"]
    assert run(home, "market", "area", "Denver, CO", *IN, "--json").value == {"tenant": "acme", "area": "Denver, CO"}
    after = load(home, ZILLOW, **asked)
    assert (after.value["areas"], after.value["appended"]) == (["Denver, CO", "national"], 1)
    other = load(home, ZILLOW, "--area", "Boise, ID", **asked)
    assert "Features read Boise, ID once it is the area of acme" in other.err
    listed = run(home, "market", "list", *IN, "--json").value
    assert listed["area"] == "Denver, CO"
    assert [(one["area"], one["read"]) for one in listed["series"]] == [
        ("Boise, ID", False),
        ("Denver, CO", True),
        ("national", True),
    ]
    assert run(home, "market", "area", "national", *IN, "--json").value["area"] == "national"
    with Home(Settings(home=home)) as opened:
        assert opened.events.tenant("acme").area is None


def test_an_area_without_numbers_is_told(home: Path) -> None:
    assert (
        "nothing of the area Bend, OR"
        in load(home, ZILLOW, "--area", "national", "--area", "Bend, OR", layout="zillow", metric="inventory").err
    )


@pytest.mark.parametrize(
    ("text", "options", "code", "said"),
    [
        (FRED, {"layout": "zillow"}, 2, "no file of Zillow"),
        (ZILLOW, {}, 2, "no FRED file"),
        (FRED, {"metric": "rents"}, 2, "no market metric"),
        (FRED, {"layout": "redfin"}, 2, "redfin"),
        ("DATE,VALUE\n2026-01-01,x\n", {}, 2, "No number could be taken: value: is not a number"),
        ("DATE,VALUE\n2026-01-01,.\n", {}, 2, "the file holds no numbers"),
    ],
)
def test_what_cannot_be_loaded_is_a_sentence(home: Path, text: str, options: dict, code: int, said: str) -> None:
    answer = load(home, text, **options)
    assert answer.code == code
    assert said in answer.err


def test_what_is_loaded_is_read_by_night_and_by_request_alike(home: Path) -> None:
    """From the file to the feature rows of all leads, and of one."""
    assert run(home, "ingest", "simulator", "--leads", 12, *IN).code == 0
    night = datetime(2026, 1, 24, tzinfo=UTC)
    assert load(home, FRED).code == 0
    assert load(home, ZILLOW, layout="zillow", metric="inventory").code == 0
    with Home(Settings(home=home)) as opened:
        opened.lake.advance(opened.events, "acme", now=night)
        log = opened.log("acme", now=night)
        zone = log.tenant.time_zone
        rows = nightly_features(log.columns, log.lead_ids, as_of=night, time_zone=zone, context=log.context)
        lead = log.lead_ids[7]
        events, context = opened.events.lead_events("acme", [lead]), opened.events.context.columns("acme")
        asked = request_features(events, [lead], night, time_zone=zone, context=context)
    assert rows.matrix[7].tobytes() == asked.matrix[0].tobytes()
    assert rows.column("market_mortgage_rate").tolist() == [pytest.approx(6.61)] * len(log.lead_ids)
    assert np.isnan(rows.column("market_inventory")).all()  # January's is out in February


def test_wrong_areas_and_tenants_are_sentences(home: Path, lintel: Lintel) -> None:
    assert "Give --area once" in load(home, FRED, "--area", "a", "--area", "b").err
    blank = run(home, "market", "area", " ", *IN)
    assert (blank.code, "is empty" in blank.err) == (2, True)
    for words in (("list",), ("area", "national"), ("load", "x.csv", "--layout", "fred", "--metric", "inventory")):
        answer = lintel("market", *words, "--tenant", "nobody")
        assert (answer.code, "nobody" in answer.err) == (3, True)
