"""Rules as data: what ships is whole, and an operator's file changes, adds and ends rules."""

from datetime import timedelta
from pathlib import Path

import pytest

from lintel.alerts.rule import Source, parse_rule
from lintel.alerts.rulebook import RuleBook
from lintel.alerts.signal import INSTALLATION, Severity
from lintel.errors import InputError, NotFoundError

ROOT = Path(__file__).parents[2]
RULES = RuleBook.load().rules(INSTALLATION)


def write(folder: Path, text: str) -> Path:
    path = folder / "rules.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", [*RULES, "test"])
def test_every_shipped_rule_has_a_runbook_that_says_what_to_do(name: str) -> None:
    runbook = RULES[name].runbook if name in RULES else name
    page = (ROOT / "docs" / "runbooks" / f"{runbook}.md").read_text()
    assert page.startswith("# ")
    assert "**What it says.**" in page
    assert name == "test" or all(part in page for part in ("**Look.**", "**Do.**", "**Clears**"))


def test_every_runbook_belongs_to_a_rule() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert pages == {rule.runbook for rule in RULES.values()} | {"test"}


def test_what_ships_covers_every_source() -> None:
    assert {rule.source for rule in RULES.values()} == set(Source)
    assert {rule.area for rule in RULES.values() if rule.source is Source.FINDING} == {
        "data",
        "drift",
        "performance",
        "consistency",
        "automation",
    }


def test_a_file_changes_fields_of_a_rule_for_all_or_for_some(tmp_path: Path) -> None:
    text = """
[[rule]]
name = "drift"
severity = "info"

[[rule]]
name = "drift"
tenants = ["acme"]
severity = "critical"
sinks = ["slack"]
"""
    book = RuleBook.load(write(tmp_path, text))
    assert (book.rules("acme")["drift"].severity, book.rules("zenith")["drift"].severity) == ("critical", "info")
    assert book.rules("acme")["drift"].repeat_after == timedelta(days=1)
    assert book.rules("acme")["drift"].sinks_at(0, ("log", "slack")) == ("slack",)
    assert book.rules("zenith")["drift"].sinks_at(0, ("log", "slack")) == ("log", "slack")
    assert book.tenants() == ["acme"]


def test_a_file_ends_and_adds_rules(tmp_path: Path) -> None:
    text = """
[[rule]]
name = "data"
enabled = false

[[rule]]
name = "few-rows"
source = "finding"
area = "data"
where = {gate = "volume"}
severity = "info"
owner = "me"
runbook = "data"

[[rule.escalation]]
after_minutes = 30
severity = "critical"
sinks = ["email"]
"""
    rules = RuleBook.load(write(tmp_path, text)).rules("acme")
    assert "data" not in rules
    assert rules["few-rows"].escalation[0].after == timedelta(minutes=30)
    assert rules["few-rows"].sinks_at(1, ("log", "email")) == ("email",)
    assert rules["few-rows"].escalation[0].severity is Severity.CRITICAL


BASE = {"name": "x", "source": "finding", "area": "drift", "severity": "info", "owner": "o", "runbook": "drift"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"severity": "terrible"}, "terrible"),
        ({"source": "tea leaves"}, "tea leaves"),
        ({"area": "kitchen"}, "area"),
        ({"owner": ""}, "lacks owner"),
        ({"colour": "red"}, "colour"),
        ({"repeat_after_minutes": -1}, "negative"),
        ({"sinks": "log"}, "lists"),
        ({"source": "rollout"}, "states"),
        ({"escalation": [{"after_minutes": 9}, {"after_minutes": 3}]}, "order"),
        ({"escalation": [{"severity": "info"}]}, "after_minutes"),
    ],
)
def test_a_wrong_rule_is_named_with_what_is_wrong(change: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said) as told:
        parse_rule(BASE | change)
    assert "'x'" in str(told.value)


@pytest.mark.parametrize("text", ["[[rule]", "rules = 3", "[rule]\nname = 'x'", "[[rule]]\nname='drift'\ntenants='a'"])
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError):
        RuleBook.load(write(tmp_path, text))


def test_a_wrong_rule_of_one_tenant_is_found_when_the_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="drift"):
        RuleBook.load(write(tmp_path, "[[rule]]\nname = 'drift'\ntenants = ['acme']\nseverity = 'terrible'"))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="LINTEL_ALERT_RULES"):
        RuleBook.load(tmp_path / "nothing.toml")
