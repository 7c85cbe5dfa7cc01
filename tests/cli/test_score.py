"""`lintel score`: the endpoint's own object, moments that make no sense, and leads that are not there."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from lintel.home import Home
from lintel.store.tenants import Tenant
from serving.application import application
from tests.cli.conftest import Lintel, run
from tests.orchestration.nightly_home import TENANT, NightlyHome
from tests.serving.clients import Client, opened

IN = ("--tenant", TENANT, "--json")


@pytest.fixture
def home(nightly_home: NightlyHome) -> Iterator[Home]:
    with Home(nightly_home.settings) as home:
        yield home


@pytest.fixture
def leads(home: Home) -> list[str]:
    return home.events.lead_ids(TENANT)


@pytest.fixture
def client(own_nightly_home: NightlyHome) -> Iterator[Client]:
    with Home(own_nightly_home.settings) as home:
        key = home.keys.create(TENANT, "tests", "read")
    with opened(application(own_nightly_home.settings), key) as client:
        yield client


def without_id(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "decision_id"}


@pytest.mark.parametrize("explain", [False, True])
@pytest.mark.parametrize("as_of", [None, "2023-08-01T12:00:00+02:00"])
def test_the_command_and_the_endpoint_give_one_object(
    client: Client, lintel_after_nightly: Lintel, leads: list[str], explain: bool, as_of: str | None
) -> None:
    asked = leads[:6]
    options = [*(["--explain"] if explain else []), *(["--as-of", as_of] if as_of else [])]
    served = client.score(*asked, explain=explain, as_of=as_of).json()["scores"]
    kinds = set()
    for lead, answer in zip(asked, served, strict=True):
        printed = lintel_after_nightly("score", "--lead", lead, *options, *IN)
        if "error" in answer:
            assert (printed.code, printed.fault) == (3, answer["error"]["type"])
            continue
        kinds.add(answer["status"])
        assert list(printed.value) == list(answer)
        assert without_id(printed.value) == without_id(answer)
        assert printed.value["decision_id"] != answer["decision_id"]
    assert kinds


def test_answers_are_what_the_endpoint_describes(client: Client, leads: list[str]) -> None:
    content = client.app.openapi()["paths"]["/v1/score"]["post"]["responses"]["200"]["content"]["application/json"]
    served = client.score(*leads[:30], "nobody", explain=True).json()
    Draft202012Validator(content["schema"]).validate(served)
    described = content["schema"]["properties"]["scores"]["items"]["properties"]
    seen = {name for one in served["scores"] for name in one}
    assert seen <= described.keys()
    scored = next(one for one in served["scores"] if "dimensions" in one)
    assert scored["overall"].keys() <= described["overall"]["properties"].keys()
    assert "trend" in scored["overall"]


@pytest.mark.parametrize(
    ("as_of", "said"),
    [
        ("2023-08-01T12:00:00", "no time zone"),
        ("2023-08-01", "no time zone"),
        ("yesterday", "not an ISO 8601 time"),
        ("", "not an ISO 8601 time"),
    ],
)
def test_a_moment_that_makes_no_sense_is_refused(
    lintel_after_nightly: Lintel, leads: list[str], as_of: str, said: str
) -> None:
    answer = lintel_after_nightly("score", "--lead", leads[0], "--as-of", as_of, *IN)
    assert (answer.code, answer.fault) == (2, "invalid-input")
    assert said in answer.err


def test_an_unknown_lead_is_not_found(lintel_after_nightly: Lintel) -> None:
    answer = lintel_after_nightly("score", "--lead", "nobody", *IN)
    assert answer.code == 3
    assert answer.value["error"].keys() == {"type", "lead_id", "message"}
    assert (answer.fault, answer.value["error"]["lead_id"]) == ("unknown-lead", "nobody")
    assert "nobody" in answer.err


@pytest.mark.parametrize("lead", ["", "  "])
def test_no_lead_at_all_is_a_wrong_use(lintel_after_nightly: Lintel, lead: str) -> None:
    answer = lintel_after_nightly("score", "--lead", lead, *IN)
    assert (answer.code, answer.fault) == (2, "invalid-input")
    assert "--lead is empty" in answer.err


def test_people_get_all_that_the_answer_says(lintel_after_nightly: Lintel, leads: list[str]) -> None:
    seen = set()
    for lead in leads[:12]:
        answer = lintel_after_nightly("score", "--lead", lead, "--explain", *IN)
        if answer.code or answer.value["status"] in seen:
            continue
        seen.add(answer.value["status"])
        shown = " ".join(lintel_after_nightly("score", "--lead", lead, "--explain", "--tenant", TENANT).out.split())
        for words in ("version 1", "served by: champion", answer.value["as_of"], f"clock: {answer.value['clock']}"):
            assert words in shown
        if answer.value["status"] == "closed":
            assert f"Lead {lead} is closed and not scored: {answer.value['outcome']}" in shown
            assert answer.value["closed_at"] in shown
            continue
        overall = answer.value["overall"]
        worth = (
            f"{overall['priority']:.2f} ({overall['formula']})" if "priority" in overall else "not enough data: needs"
        )
        assert f"priority: {worth}" in shown
        assert all(name in shown for name in answer.value["dimensions"])
        assert answer.value["reasons"]
        if "grade" in overall:
            assert f"grade: {overall['grade']}, {overall['band']}" in shown
        assert f"trend: {overall['trend'].replace('_', ' ')}" in shown
        for reason in answer.value["reasons"]:
            told = answer.value["dimensions"][reason["dimension"]]
            assert f"{reason['dimension']} {told['probability']:.2f}, base rate {told['base_rate']:.0%}:" in shown
            assert f"{reason['log_odds']:+.2f} {reason['text']}" in shown
        for gap in (*answer.value["missing"], *answer.value["out_of_range"]):
            assert gap["text"] in shown
    assert seen == {"open", "closed"}


def test_without_explain_there_are_no_reasons(lintel_after_nightly: Lintel, leads: list[str]) -> None:
    assert "reasons" not in lintel_after_nightly("score", "--lead", leads[0], "--tenant", TENANT).out


def test_nothing_is_known_before_the_first_event(lintel_after_nightly: Lintel, home: Home, leads: list[str]) -> None:
    first: datetime = min(home.events.lead_events(TENANT, [leads[0]]).column("known_at").to_pylist())
    before, at = (first - timedelta(seconds=1)).isoformat(), first.isoformat()
    answer = lintel_after_nightly("score", "--lead", leads[0], "--as-of", before, *IN)
    assert (answer.code, answer.fault) == (3, "not-enough-history")
    assert lintel_after_nightly("score", "--lead", leads[0], "--as-of", at, *IN).code == 0


def test_anothers_lead_is_unknown(own_nightly_home: NightlyHome, leads: list[str]) -> None:
    with Home(own_nightly_home.settings) as home:
        home.events.put_tenant(Tenant("other", labels="simulator"))
    answer = run(own_nightly_home.path, "score", "--lead", leads[0], "--tenant", "other", "--json")
    assert answer.code == 3
