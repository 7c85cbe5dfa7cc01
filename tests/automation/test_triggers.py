"""Triggers against a naive book of what was asked and granted."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lintel.automation.policy import Cause, Limits, obstacle
from lintel.automation.triggers import State, Triggers
from lintel.errors import InputError, NotFoundError
from lintel.home import Home
from lintel.registry.actor import person
from lintel.registry.audit import AuditLog
from lintel.settings import Settings

START = datetime(2026, 3, 1, tzinfo=UTC)
LIMITS = Limits(a_day=2, cool_down=timedelta(hours=5))
WORDS = "312 leads have new outcomes since version 4, 25 % of what it learnt from."


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home(Settings(home=tmp_path)) as home:
        yield home


class Asking(RuleBasedStateMachine):
    """The book: by tenant, cause and key, the moment of the grant or None."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        url = f"sqlite:///{self.folder.name}/state.db"
        self.triggers, self.audit = Triggers.open(url, LIMITS), AuditLog.open(url)
        self.book: dict[tuple[str, Cause, str], datetime | None] = {}
        self.launched: dict[tuple[str, Cause, str], str] = {}
        self.lines, self.now = 0, START

    def teardown(self) -> None:
        self.triggers.close()
        self.audit.close()
        self.folder.cleanup()

    @rule(minutes=st.integers(0, 24 * 60))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(tenant=st.sampled_from(["a", "b"]), cause=st.sampled_from(sorted(Cause)), key=st.sampled_from("xyz"))
    def ask(self, tenant: str, cause: Cause, key: str) -> None:
        place = tenant, cause, key
        granted = [moment for (owner, *_), moment in self.book.items() if owner == tenant and moment is not None]
        before = self.book.get(place)
        expected = before is None and obstacle(cause, granted, self.now, LIMITS) is None
        assert self.triggers.raise_(*place, WORDS, {"new": 312}, now=self.now) is expected
        self.lines += before is None and (expected or place not in self.book)
        self.book[place] = self.now if expected else before

    @rule(run=st.text("ab", min_size=1, max_size=3))
    def launch(self, run: str) -> None:
        for one in self.triggers.raised(list(Cause)):
            self.triggers.launched(one.trigger_id, run)
            self.launched[one.tenant, one.cause, one.key] = run

    @invariant()
    def the_table_is_the_book(self) -> None:
        found = [one for tenant in "ab" for one in self.triggers.newest(tenant)]
        assert len(found) == len(self.book)
        for one in found:
            place = one.tenant, one.cause, one.key
            assert (one.state is State.SUPPRESSED) == (self.book[place] is None)
            assert one.run_id == self.launched.get(place)
            assert one.explanation == WORDS
            assert one.why or one.state is not State.SUPPRESSED
            assert self.triggers.find(*place) == one

    @invariant()
    def every_judgement_is_on_record_once(self) -> None:
        verified = self.audit.verify()
        assert (verified.fault, verified.lines) == (None, self.lines)


TestAsking = Asking.TestCase
TestAsking.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


def test_two_who_ask_at_once_are_granted_one(home: Home) -> None:
    with ThreadPoolExecutor(4) as pool:
        asked = [
            pool.submit(home.triggers.raise_, "a", Cause.DRIFT, str(key % 2), WORDS, {}, now=START) for key in range(8)
        ]
    assert sum(one.result() for one in asked) == 1


def test_a_suppressed_one_says_why_and_is_judged_anew(home: Home) -> None:
    assert home.triggers.raise_("a", Cause.SCHEDULE, "2026-03-01", "It is 02:00.", {}, now=START)
    assert not home.triggers.raise_("a", Cause.DRIFT, "x", WORDS, {}, now=START + timedelta(hours=1))
    found = home.triggers.find("a", Cause.DRIFT, "x")
    assert found is not None
    assert (found.state, found.why) == (
        State.SUPPRESSED,
        "a training was begun 60 minutes ago; the next may follow after 6 hours",
    )
    assert home.triggers.raise_("a", Cause.DRIFT, "x", WORDS, {}, now=START + timedelta(hours=7))


def test_a_persons_wish_holds_no_address_or_number_of_a_person(home: Home) -> None:
    reason = "asked by jane.doe@example.com, (303) 555-0143"
    home.triggers.raise_("a", Cause.MANUAL, "x", reason, {}, now=START, actor=person("ann"))
    assert home.triggers.newest("a")[0].explanation == "asked by [email], [phone]"


def test_a_persons_wish_is_audited_under_their_name(home: Home) -> None:
    home.triggers.raise_("a", Cause.MANUAL, "x", "new label set", {}, now=START, actor=person("ann"))
    (line,) = home.audit.read("a")
    assert (line["act"], line["actor"], line["actor_kind"], line["reason"]) == (
        "trigger.raise",
        "ann",
        "person",
        "new label set",
    )


@pytest.mark.parametrize(("key", "words"), [("", "x"), ("k" * 201, "x"), ("k", " "), ("k", "x" * 1_001)])
def test_keys_and_explanations_are_held_to_a_length(home: Home, key: str, words: str) -> None:
    with pytest.raises(InputError):
        home.triggers.raise_("a", Cause.DRIFT, key, words, {}, now=START)


def test_an_unknown_trigger_cannot_be_launched(home: Home) -> None:
    with pytest.raises(NotFoundError):
        home.triggers.launched("none", "run")
