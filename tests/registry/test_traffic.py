from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lintel.errors import InputError
from lintel.registry.actor import machine, person
from lintel.registry.audit import AuditLog
from lintel.registry.traffic import Traffic, TrafficEntry

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def entry(digest: str, weight: float = 1.0, mode: str = "champion") -> TrafficEntry:
    return TrafficEntry(f"sha256:{digest}", "lead-scoring.acme", 1, weight, mode)


@pytest.fixture
def traffic(tmp_path: Path) -> Iterator[Traffic]:
    with Traffic.open(f"sqlite:///{tmp_path / 'state.db'}") as traffic:
        yield traffic


def assign(traffic: Traffic, scope: str, *entries: TrafficEntry) -> int:
    return traffic.assign(scope, entries, actor=machine("someone"), reason="because", now=NOW)


def test_an_assignment_replaces_the_whole_scope_and_no_other(traffic: Traffic) -> None:
    assert (traffic.version(), traffic.read("acme"), traffic.scopes()) == (0, [], [])
    assert assign(traffic, "acme", entry("a")) == 1
    assert assign(traffic, "other", entry("a")) == 2
    assert assign(traffic, "acme", entry("s", 0.5, "shadow"), entry("c", 0.1, "canary"), entry("b", 0.9)) == 3
    assert traffic.version() == 3
    assert traffic.scopes() == ["acme", "other"]
    assert traffic.read("other") == [replace(entry("a"), version=2)]
    assert traffic.read("acme") == [
        replace(entry("b", 0.9), version=3),
        replace(entry("c", 0.1, "canary"), version=3),
        replace(entry("s", 0.5, "shadow"), version=3),
    ]


def test_a_persons_reason_holds_no_address_or_number_of_a_person(traffic: Traffic) -> None:
    reason = "asked by jane.doe@example.com, (303) 555-0143"
    traffic.assign("acme", [entry("a")], actor=person("eva"), reason=reason, now=NOW)
    assert traffic.history("acme")[0]["reason"] == "asked by [email], [phone]"


def test_every_change_is_kept_with_its_reason(traffic: Traffic) -> None:
    assign(traffic, "acme", entry("a"))
    assign(traffic, "other", entry("a"))
    assign(traffic, "acme", entry("b"))
    history = traffic.history("acme")
    assert [(change["version"], change["entries"][0]["digest"]) for change in history] == [
        (3, "sha256:b"),
        (1, "sha256:a"),
    ]
    assert history[0] | {"entries": None} == {
        "version": 3,
        "scope": "acme",
        "assigned_at": "2026-03-01T12:00:00+00:00",
        "actor": "someone",
        "reason": "because",
        "entries": None,
    }
    assert len(traffic.history("acme", limit=1)) == 1


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [entry("a", 0.9)],
        [entry("a", 0.9), entry("b", 0.2, "canary")],
        [entry("a", 0.5), entry("b", 0.5)],
        [entry("a", 1.0, "canary")],
        [entry("a", 1.0, "shadow")],
        [entry("a", 1.5), entry("b", -0.5, "canary")],
        [entry("a"), entry("b", 1.5, "shadow")],
        [entry("a", 0.8), entry("b", 0.1, "canary"), entry("b", 0.1, "canary")],
        [entry("a", float("nan"))],
        [entry("a", 1.0, "boss")],
        [entry("a", 0.5), entry("b", 0.5, "standby")],
        [entry("a"), entry("b", 0.2, "standby")],
        [entry("a"), entry("b", 0.5, "rolling")],
        [entry("a", 0.4), entry("b", 0.5, "rolling"), entry("c", 0.1, "canary")],
    ],
)
def test_traffic_that_does_not_add_up_is_refused_and_changes_nothing(
    traffic: Traffic, entries: Sequence[TrafficEntry]
) -> None:
    assign(traffic, "acme", entry("old"))
    with pytest.raises(InputError):
        assign(traffic, "acme", *entries)
    assert traffic.version() == 1
    assert traffic.read("acme")[0].digest == "sha256:old"


def test_what_answers_nobody_stands_beside_what_answers(traffic: Traffic) -> None:
    assign(traffic, "acme", entry("a", 0.5), entry("b", 0.5, "rolling"), entry("c", 0.0, "standby"))
    assign(traffic, "acme", entry("a"), entry("c", 0.7, "shadow"), entry("d", 0.0, "standby"))
    assert [one.mode for one in traffic.read("acme")] == ["champion", "standby", "shadow"]


def test_shares_that_sum_to_one_but_for_rounding_are_taken(traffic: Traffic) -> None:
    shares = [entry("a", 0.7), entry("b", 0.1, "canary"), entry("c", 0.1, "canary"), entry("d", 0.1, "canary")]
    assert assign(traffic, "acme", *shares) == 1


@pytest.mark.parametrize(("scope", "reason"), [("", "r"), ("s", ""), ("s", " ")])
def test_an_assignment_says_where_and_why(traffic: Traffic, scope: str, reason: str) -> None:
    with pytest.raises(InputError):
        traffic.assign(scope, [entry("a")], actor=machine("someone"), reason=reason, now=NOW)


def test_an_assignment_and_its_line_in_the_audit_log_are_one(tmp_path: Path, traffic: Traffic) -> None:
    assign(traffic, "acme", entry("a"))
    with pytest.raises(InputError):
        assign(traffic, "acme", entry("a", 0.5))
    with AuditLog.open(f"sqlite:///{tmp_path / 'state.db'}") as log:
        (line,) = log.read("acme", "traffic:acme")
        assert log.verify().fault is None
    assert (line["act"], line["actor"], line["actor_kind"]) == ("traffic.assign", "someone", "machine")
    assert line["details"]["version"] == 1
    assert line["details"]["entries"][0]["digest"] == "sha256:a"
