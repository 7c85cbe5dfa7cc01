"""States of versions: what may follow what, and that every step is on record."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp

import pytest
from hypothesis import settings as limits
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lintel.errors import IncompatibleError, InputError, NotFoundError
from lintel.registry.actor import machine, person
from lintel.registry.audit import AuditLog
from lintel.registry.gates import GateResult
from lintel.registry.lifecycle import NEXT, ModelStates, State, check_transition, crown, state_before_states
from lintel.registry.risk import Risk
from lintel.registry.traffic import Traffic, TrafficEntry

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NIGHTLY, EVA = machine("nightly"), person("eva")
SCOPE = "acme"


def gate(*, hard: bool = True, passed: bool | None = True, name: str = "a gate") -> GateResult:
    return GateResult(name, hard, passed, 1.0, 2.0, f"{name} says so.")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def states(url: str) -> Iterator[ModelStates]:
    with ModelStates.open(url) as states:
        yield states


@pytest.fixture
def log(url: str) -> Iterator[AuditLog]:
    with AuditLog.open(url) as log:
        yield log


def register(states: ModelStates, version: int = 1, risk: Risk = Risk.STANDARD) -> bool:
    digest = f"sha256:{version}"
    return states.register(SCOPE, version, digest, trained_by=EVA, risk=risk, actor=NIGHTLY, now=NOW)


def move(states: ModelStates, version: int, *path: State) -> None:
    for to in path:
        states.move(SCOPE, version, to, actor=EVA, reason="a test", now=NOW)


def test_the_way_of_the_book(states: ModelStates, log: AuditLog) -> None:
    assert register(states)
    assert not register(states)
    way = [State.VALIDATED, State.PENDING, State.APPROVED, State.ROLLING, State.CHAMPION, State.RETIRED]
    move(states, 1, *way)
    found = states.read(SCOPE, 1)
    assert (found.state, found.trained_by, found.digest) == (State.RETIRED, EVA, "sha256:1")
    lines = log.read(SCOPE, "model:acme/1")
    assert [line["act"] for line in reversed(lines)] == ["model.register", *(f"model.{one}" for one in way)]
    assert lines[0]["details"]["from"] == "champion"
    assert all(line["reason"] for line in lines)


def test_what_cannot_follow_is_refused_with_what_can(states: ModelStates, log: AuditLog) -> None:
    register(states)
    with pytest.raises(IncompatibleError, match="is draft and cannot become champion") as raised:
        move(states, 1, State.CHAMPION)
    assert "validated or rejected or retired" in str(raised.value)
    with pytest.raises(InputError):
        states.move(SCOPE, 1, State.VALIDATED, actor=EVA, reason="  ", now=NOW)
    with pytest.raises(NotFoundError):
        move(states, 2, State.VALIDATED)
    assert states.read(SCOPE, 1).state is State.DRAFT
    assert len(log.read(SCOPE)) == 1


def test_nobody_answers_who_was_not_approved() -> None:
    """Without the edge out of `approved` neither champion nor rolling can be reached; the way through `retired` is the
    next test's."""
    reached = {State.DRAFT}
    while True:
        further = {to for one in reached - {State.APPROVED} for to in NEXT[one] if one is not State.RETIRED}
        if further <= reached:
            break
        reached |= further
    assert not reached & {State.CHAMPION, State.ROLLING}
    assert State.APPROVED in reached
    assert NEXT.keys() == set(State)


@pytest.mark.parametrize(
    "way",
    [
        (),
        (State.REJECTED,),
        (State.VALIDATED, State.PENDING),
        (State.VALIDATED, State.APPROVED, State.REJECTED),
        (State.VALIDATED, State.APPROVED, State.CHAMPION, State.REJECTED),
    ],
)
def test_who_was_put_aside_unapproved_does_not_come_back(
    states: ModelStates, log: AuditLog, way: tuple[State, ...]
) -> None:
    register(states)
    move(states, 1, *way, State.RETIRED)
    before = log.head()
    for to in (State.ROLLING, State.CHAMPION):
        with pytest.raises(IncompatibleError, match="without having been approved"):
            move(states, 1, to)
    assert (states.read(SCOPE, 1).state, log.head()) == (State.RETIRED, before)


@pytest.mark.parametrize("last", [State.APPROVED, State.ROLLING, State.CHAMPION])
def test_who_was_approved_once_may_come_back(states: ModelStates, last: State) -> None:
    register(states)
    move(states, 1, State.VALIDATED, State.APPROVED)
    if last is not State.APPROVED:
        move(states, 1, last)
    move(states, 1, State.RETIRED, State.CHAMPION)
    assert states.read(SCOPE, 1).state is State.CHAMPION


def test_a_champion_of_before_states_may_come_back(states: ModelStates) -> None:
    states.adopt(SCOPE, 1, "sha256:1", State.RETIRED, risk=Risk.STANDARD, now=NOW)
    move(states, 1, State.CHAMPION)
    assert states.read(SCOPE, 1).state is State.CHAMPION


def test_a_move_of_what_was_looked_at_is_refused_once_it_is_another(states: ModelStates, log: AuditLog) -> None:
    register(states)
    move(states, 1, State.VALIDATED, State.APPROVED, State.CHAMPION)
    before = log.head()
    told = {"actor": EVA, "reason": "away with it", "now": NOW}
    with pytest.raises(IncompatibleError, match="became champion a moment ago"):
        states.move(SCOPE, 1, State.REJECTED, expected=State.APPROVED, **told)  # type: ignore[arg-type]
    assert (states.read(SCOPE, 1).state, log.head()) == (State.CHAMPION, before)
    assert states.move(SCOPE, 1, State.REJECTED, expected=State.CHAMPION, **told).state is State.REJECTED  # type: ignore[arg-type]


def test_a_rejected_version_is_judged_before_anything_else() -> None:
    for to in set(State) - {State.DRAFT, State.RETIRED}:
        with pytest.raises(IncompatibleError):
            check_transition("it", State.REJECTED, to)


@pytest.mark.parametrize(
    ("gates", "risk", "expected"),
    [
        ((gate(),), Risk.STANDARD, State.APPROVED),
        ((gate(), gate(hard=False, passed=None)), Risk.STANDARD, State.APPROVED),
        ((gate(), gate(hard=False, passed=False)), Risk.STANDARD, State.PENDING),
        ((gate(),), Risk.HIGH, State.PENDING),
        ((gate(passed=False),), Risk.STANDARD, State.REJECTED),
        ((gate(passed=False),), Risk.HIGH, State.REJECTED),
    ],
)
def test_gates_and_policy_decide_where_a_draft_goes(
    states: ModelStates, log: AuditLog, gates: tuple[GateResult, ...], risk: Risk, expected: State
) -> None:
    register(states)
    decided = states.judge(SCOPE, 1, gates, risk=risk, actor=NIGHTLY, now=NOW)
    found = states.read(SCOPE, 1)
    assert (found.state, found.gates, found.risk) == (expected, gates, risk)
    assert decided.ruling == expected
    acts = [line["act"] for line in reversed(log.read(SCOPE))]
    assert acts[:2] == ["model.register", "model.judge"]
    assert acts[-1] == f"model.{expected}"


def test_a_judgement_is_whole_or_not_at_all(states: ModelStates, log: AuditLog) -> None:
    register(states)
    move(states, 1, State.VALIDATED, State.PENDING)
    before = log.head()
    with pytest.raises(IncompatibleError):
        states.judge(SCOPE, 1, (gate(),), risk=Risk.STANDARD, actor=NIGHTLY, now=NOW)
    assert states.read(SCOPE, 1).gates == ()
    assert log.head() == before


def test_a_rejected_version_can_be_judged_anew(states: ModelStates) -> None:
    register(states)
    states.judge(SCOPE, 1, (gate(passed=False),), risk=Risk.STANDARD, actor=NIGHTLY, now=NOW)
    states.judge(SCOPE, 1, (gate(),), risk=Risk.STANDARD, actor=NIGHTLY, now=NOW)
    assert states.read(SCOPE, 1).state is State.APPROVED


def test_one_champion_retires_the_other(states: ModelStates, log: AuditLog) -> None:
    for version in (1, 2, 3):
        register(states, version)
        move(states, version, State.VALIDATED, State.APPROVED)
    move(states, 1, State.CHAMPION)
    move(states, 2, State.ROLLING)
    with states.writing() as connection:
        crown(connection, SCOPE, 3, actor=EVA, reason="better", now=NOW)
    assert [one.state for one in states.all(SCOPE)] == [State.CHAMPION, State.RETIRED, State.RETIRED]
    assert log.read(SCOPE, "model:acme/1", limit=1)[0]["reason"] == "version 3 took over"


def test_versions_of_before_states_are_what_the_traffic_says(tmp_path: Path, states: ModelStates) -> None:
    with Traffic.open(f"sqlite:///{tmp_path / 'state.db'}") as traffic:
        for version in (1, 2):
            entry = TrafficEntry(f"sha256:{version}", "lead-scoring.acme", version, 1.0, "champion")
            traffic.assign(SCOPE, [entry], actor=EVA, reason="test", now=NOW + timedelta(days=version))
        found = [state_before_states(traffic, SCOPE, version) for version in (1, 2, 3)]
    assert found == [State.RETIRED, State.CHAMPION, State.DRAFT]
    assert states.adopt(SCOPE, 2, "sha256:2", found[1], risk=Risk.STANDARD, now=NOW)
    assert not states.adopt(SCOPE, 2, "sha256:2", State.DRAFT, risk=Risk.STANDARD, now=NOW)
    assert states.read(SCOPE, 2).state is State.CHAMPION


@cache
def empty_database() -> bytes:
    """Of the newest schema; making one takes longer than a whole example."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "state.db"
        ModelStates.open(f"sqlite:///{file}").close()
        return file.read_bytes()


@limits(max_examples=20, stateful_step_count=25)
class Lifecycle(RuleBasedStateMachine):
    """Random acts on a few versions against a plain dictionary."""

    @initialize()
    def open(self) -> None:
        self.folder = mkdtemp()
        file = Path(self.folder) / "state.db"
        file.write_bytes(empty_database())
        url = f"sqlite:///{file}"
        self.states, self.log = ModelStates.open(url), AuditLog.open(url)
        self.expected: dict[int, State] = {}
        self.retired_from: dict[int, State] = {}
        self.lines = 0

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.states.close()
            self.log.close()
            rmtree(self.folder)

    @rule(version=st.integers(1, 4))
    def registers(self, version: int) -> None:
        made = register(self.states, version)
        assert made == (version not in self.expected)
        self.expected.setdefault(version, State.DRAFT)
        self.lines += made

    @precondition(lambda self: self.expected)
    @rule(data=st.data(), to=st.sampled_from(State))
    def moves(self, data: st.DataObject, to: State) -> None:
        version = data.draw(st.sampled_from(sorted(self.expected)))
        present = self.expected[version]
        let = {State.APPROVED, State.ROLLING, State.CHAMPION}
        if to in NEXT[present] and (present is not State.RETIRED or self.retired_from[version] in let):
            move(self.states, version, to)
            self.expected[version] = to
            if to is State.RETIRED:
                self.retired_from[version] = present
            self.lines += 1
        else:
            with pytest.raises(IncompatibleError):
                move(self.states, version, to)

    @precondition(lambda self: self.expected)
    @rule(data=st.data(), passed=st.booleans(), soft=st.sampled_from([True, False, None]), risk=st.sampled_from(Risk))
    def judges(self, data: st.DataObject, passed: bool, soft: bool | None, risk: Risk) -> None:
        version = data.draw(st.sampled_from(sorted(self.expected)))
        gates = (gate(passed=passed), gate(hard=False, passed=soft, name="soft"))
        asked = {"risk": risk, "actor": NIGHTLY, "now": NOW}
        if self.expected[version] not in {State.DRAFT, State.REJECTED}:
            with pytest.raises(IncompatibleError):
                self.states.judge(SCOPE, version, gates, **asked)  # type: ignore[arg-type]
            return
        self.lines += 1 + (self.expected[version] is State.REJECTED) + (2 if passed else 1)
        self.states.judge(SCOPE, version, gates, **asked)  # type: ignore[arg-type]
        waits = risk is Risk.HIGH or soft is False
        self.expected[version] = State.REJECTED if not passed else State.PENDING if waits else State.APPROVED

    @invariant()
    def states_and_lines_agree(self) -> None:
        if not hasattr(self, "states"):
            return
        assert {one.version: one.state for one in self.states.all(SCOPE)} == self.expected
        found = self.log.verify()
        assert (found.lines, found.fault) == (self.lines, None)


TestLifecycle = Lifecycle.TestCase
