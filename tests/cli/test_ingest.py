"""`lintel ingest`: good rows in, bad rows in quarantine, bad files a sentence, and nothing lost."""

import gzip
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from lintel.home import Home
from lintel.settings import Settings
from lintel.store.tenants import Clock, Tenant
from tests.cli.conftest import Lintel
from tests.orchestration.nightly_home import environment

ROOT = Path(__file__).parents[2]
CSV_MAPPING = """
format = "csv"
source = "export"
[columns]
lead_id = "Lead"
occurred_at = "When"
kind = "What"
"""
XES_MAPPING = """
format = "xes"
source = "funnel"
[[event]]
activity = "Won"
kind = "deal.won"
[[ignore]]
activity = "Archive"
"""
GOOD = "L1,2026-01-01T09:00:00Z,web.visit"
BAD_TIME = "L2,yesterday,web.visit"
NO_TIME = "L3,,web.visit"
BAD_KIND = "L4,2026-01-02T09:00:00Z,no.such_kind"
IN = ("--tenant", "acme", "--json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "csv.toml").write_text(CSV_MAPPING)
    (tmp_path / "xes.toml").write_text(XES_MAPPING)
    return tmp_path


def csv(folder: Path, *rows: str) -> tuple[str, ...]:
    (folder / "rows.csv").write_text("\n".join(["Lead,When,What", *rows]) + "\n")
    return ("ingest", "csv", str(folder / "rows.csv"), "--mapping", str(folder / "csv.toml"), *IN)


def trace(lead: str, activity: str = "Won") -> str:
    return (
        f'<trace><string key="concept:name" value="{lead}"/><event>'
        f'<string key="concept:name" value="{activity}"/>'
        '<date key="time:timestamp" value="2026-01-05T09:00:00Z"/></event></trace>'
    )


def xes(folder: Path, content: bytes, name: str = "log.xes") -> tuple[str, ...]:
    (folder / name).write_bytes(content)
    return ("ingest", "xes", str(folder / name), "--mapping", str(folder / "xes.toml"), *IN)


def log(*traces: str) -> bytes:
    return f"<log>{''.join(traces)}</log>".encode()


def count(folder: Path) -> int:
    with Home(Settings(home=folder / "home")) as home:
        return home.events.count("acme")


def test_good_rows_go_in_and_bad_rows_into_quarantine(lintel: Lintel, folder: Path) -> None:
    answer = lintel(*csv(folder, GOOD, BAD_TIME, NO_TIME, BAD_KIND))
    assert answer.code == 0, answer.err
    value = answer.value
    assert (value["read"], value["appended"], value["quarantined"]) == (4, 1, 3)
    assert sum(value["reasons"].values()) == 3
    assert "3 rows are in quarantine: `lintel quarantine --tenant acme`" in answer.err
    with Home(Settings(home=folder / "home")) as home:
        places = {one.place: one.reason for one in home.events.quarantined("acme")}
    assert places.keys() == {"line 3", "line 4", "line 5"}


def test_a_clock_that_a_stray_event_moved_is_told(lintel: Lintel, folder: Path) -> None:
    with Home(Settings(home=folder / "home")) as home:
        home.events.put_tenant(Tenant("acme", labels="crm", clock=Clock.LOG_END))
    assert lintel(*csv(folder, "L1,2012-01-01T09:00:00Z,web.visit")).value["clock_moved_days"] is None
    answer = lintel(*csv(folder, GOOD))
    assert answer.value["clock_moved_days"] == 5114
    assert "moved the clock of acme 5114 days on" in answer.err


def test_the_quarantine_tells_place_column_and_reason(lintel: Lintel, folder: Path) -> None:
    assert "1 row is in quarantine" in lintel(*csv(folder, GOOD, BAD_TIME)).err
    lintel(*csv(folder, GOOD, BAD_TIME, BAD_KIND))
    rows = lintel("quarantine", *IN).value["rows"]
    assert {row["place"] for row in rows} == {"line 3", "line 4"}
    said = {"source", "place", "column", "reason", "seq", "rule", "state", "quarantined_at"}
    assert all(row.keys() == said for row in rows)
    assert all(row["reason"] for row in rows)
    assert len(lintel("quarantine", *IN, "--limit", 1).value["rows"]) == 1
    shown = lintel("quarantine", "--tenant", "acme").out
    assert "line 3" in shown
    assert "line 4" in shown


@pytest.mark.parametrize(
    ("option", "value"),
    [("--time-zone", "Mars/Olympus"), ("--labels", "nonsense"), ("--labels", "absent.toml")],
)
def test_a_tenant_that_could_never_be_scored_is_not_made(lintel: Lintel, folder: Path, option: str, value: str) -> None:
    answer = lintel(*csv(folder, GOOD), option, value)
    assert (answer.code, answer.fault) == (2, "invalid-input")
    assert value in answer.err
    assert not (folder / "home" / "events.db").exists()


def test_reading_again_adds_nothing(lintel: Lintel, folder: Path) -> None:
    lintel(*csv(folder, GOOD, BAD_TIME))
    value = lintel(*csv(folder, GOOD, BAD_TIME, "L9,2026-01-03T09:00:00Z,web.visit")).value
    assert (value["appended"], value["duplicates"], value["quarantined"]) == (1, 1, 1)
    assert count(folder) == 2


def test_a_file_of_which_nothing_can_be_taken_is_an_error(lintel: Lintel, folder: Path) -> None:
    answer = lintel(*csv(folder, BAD_TIME, BAD_KIND))
    assert answer.code == 2
    assert answer.fault == "invalid-input"
    assert len(answer.out.splitlines()) == 1
    assert "Check the mapping" in answer.err


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ("format = ", "csv.toml"),
        (CSV_MAPPING.replace("lead_id", "leadid"), "leadid"),
        (CSV_MAPPING.replace('"When"', '"Whenever"'), "Whenever"),
        (CSV_MAPPING.replace('"csv"', '"xes"'), "format"),
    ],
)
def test_a_mistake_in_the_mapping_stops_before_the_first_row(
    lintel: Lintel, folder: Path, mapping: str, said: str
) -> None:
    arguments = csv(folder, GOOD)
    (folder / "csv.toml").write_text(mapping)
    answer = lintel(*arguments)
    assert (answer.code, answer.fault) == (2, "invalid-input")
    assert said in answer.err


@pytest.mark.parametrize("missing", ["rows.csv", "csv.toml"])
def test_a_missing_file_is_named(lintel: Lintel, folder: Path, missing: str) -> None:
    arguments = csv(folder, GOOD)
    (folder / missing).unlink()
    answer = lintel(*arguments)
    assert (answer.code, answer.fault) == (3, "not-found")
    assert missing in answer.err


@pytest.mark.parametrize("packed", [False, True])
def test_xes_goes_in_plain_and_packed(lintel: Lintel, folder: Path, packed: bool) -> None:
    content = log(trace("1"), trace("2"), trace("3", "Archive"), trace("4", "Unheard of"))
    arguments = xes(folder, gzip.compress(content), "log.xes.gz") if packed else xes(folder, content)
    answer = lintel(*arguments)
    assert answer.code == 0, answer.err
    assert (answer.value["appended"], answer.value["quarantined"]) == (2, 1)
    assert any("Unheard of" in reason for reason in answer.value["reasons"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (gzip.compress(log(*(trace(str(lead)) for lead in range(500))))[:-40], "log.xes.gz"),
        (b"\x1f\x8b" + bytes(60), "log.xes.gz"),
        (b"not gzip at all", "log.xes.gz"),
    ],
)
def test_a_damaged_archive_is_named_and_what_came_before_is_kept(
    lintel: Lintel, folder: Path, content: bytes, said: str
) -> None:
    answer = lintel(*xes(folder, content, "log.xes.gz"))
    assert (answer.code, answer.fault) == (2, "invalid-input")
    assert said in answer.err
    before = count(folder)
    assert lintel(*xes(folder, gzip.compress(log(*(trace(str(lead)) for lead in range(500)))), "log.xes.gz")).code == 0
    assert count(folder) == 500 >= before


def test_broken_xml_keeps_what_came_before_it(lintel: Lintel, folder: Path) -> None:
    answer = lintel(*xes(folder, log(trace("1"), trace("2"))[:-30]))
    assert (answer.code, answer.fault) == (2, "invalid-input")
    assert count(folder) >= 1


@pytest.mark.parametrize("tenant", ["../elsewhere", "a/b", "o'hara", "", "x" * 300])
def test_a_tenant_id_that_is_no_name_is_refused_at_the_door(lintel: Lintel, folder: Path, tenant: str) -> None:
    arguments = [tenant if one == "acme" else one for one in csv(folder, GOOD)]
    answer = lintel(*arguments)
    assert (answer.code, answer.fault) == (2, "invalid-input")
    assert not list((folder / "home").rglob("*elsewhere*"))


def test_a_full_disk_ends_with_5_and_loses_nothing(folder: Path) -> None:
    command = [sys.executable, "-m", "cli.main", "ingest", "simulator", "--leads", "300", "--json"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(folder / "home"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, 700_000)),
    )
    assert done.returncode == 5, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["error"]["type"] == "storage-full"
    assert "full" in done.stderr
    assert "Traceback" not in done.stderr
    again = subprocess.run(command, cwd=ROOT, env=environment(folder / "home"), capture_output=True, check=False)
    value = json.loads(again.stdout.splitlines()[-1])
    assert again.returncode == 0
    assert value["appended"] + value["duplicates"] == value["read"] > value["duplicates"]
