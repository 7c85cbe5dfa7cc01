"""`lintel rollouts`: a version is begun, held, stepped, taken back and completed, each act with its reason."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lintel.home import Home
from lintel.registry.acts import state_of
from lintel.registry.lifecycle import State
from lintel.registry.risk import Risk
from lintel.scoring.bundle import Bundle
from lintel.settings import Settings
from tests.cli.conftest import Answer, run
from tests.orchestration.nightly_home import TENANT, NightlyHome, copied

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PLAN = ("--steps", "0.1,1", "--step-seconds", 0, "--step-answers", 0)


@pytest.fixture(scope="module")
def second(nightly_home: NightlyHome, tmp_path_factory: pytest.TempPathFactory) -> NightlyHome:
    """With version 2, approved, that differs from the champion in what it says of itself; nothing is rolled out when a
    test ends."""
    made = copied(nightly_home, tmp_path_factory.mktemp("rollouts") / "home")
    with Home(Settings(home=made.path)) as home:
        champion = Bundle.load(home.registry.fetch(TENANT, 1))
        folder = made.path / "twin"
        replace(champion, manifest=replace(champion.manifest, seed=77)).save(folder)
        version = home.registry.register(folder, scope=TENANT, tags={})
        home.states.adopt(TENANT, 2, version.digest, State.APPROVED, risk=Risk.STANDARD, now=NOW)
        assert state_of(home, TENANT, 2, now=NOW).state is State.APPROVED
    return made


def rollouts(home: NightlyHome, *words: object) -> Answer:
    answer = run(home.path, "rollouts", *words, "--tenant", TENANT, "--json")
    assert answer.code == 0, answer.err
    return answer


def test_people_get_words(second: NightlyHome) -> None:
    for words in (
        ("start", 2, "--reason", "it is better", *PLAN),
        ("advance",),
        ("status",),
        ("list",),
        ("rollback", "--reason", "r"),
    ):
        answer = run(second.path, "rollouts", *words, "--tenant", TENANT)
        assert answer.code == 0, answer.err
        assert "{" not in answer.out
        assert answer.out.strip()


def test_refusals_are_sentences_with_their_codes(second: NightlyHome) -> None:
    for words, code in (
        (("advance",), 3),
        (("hold", "--reason", "r"), 3),
        (("hold",), 2),
        (("start", 2, "--reason", "r", "--steps", "0.5"), 2),
        (("start", 2, "--reason", "r", "--steps", "many"), 2),
        (("start", 9, "--reason", "r"), 3),
        (("start", 2, "--reason", "r", "--strategy", "sideways"), 2),
    ):
        answer = run(second.path, "rollouts", *words, "--tenant", TENANT, "--json")
        assert answer.code == code, (words, answer.err)
        assert answer.value["error"]["message"]


def test_a_rollout_from_the_command_line(second: NightlyHome) -> None:
    begun = rollouts(second, "start", 2, "--reason", "it is better", "--as", "ann", *PLAN).value["rollout"]
    assert (begun["state"], begun["share"], begun["strategy"]) == ("running", 0.0, "canary")
    assert rollouts(second, "status").value["rollout"]["rollout_id"] == begun["rollout_id"]
    judged = rollouts(second, "advance").value
    assert (judged["decision"]["action"], judged["rollout"]["step"]) == ("hold", None)  # no worker runs
    assert rollouts(second, "hold", "--reason", "a busy day").value["rollout"]["state"] == "held"
    assert rollouts(second, "resume", "--reason", "it is over").value["rollout"]["state"] == "running"
    stepped = rollouts(second, "advance", "--reason", "we know it").value
    assert (stepped["decision"]["action"], stepped["rollout"]["share"]) == ("step", 0.1)
    back = rollouts(second, "rollback", "--reason", "complaints").value["rollout"]
    assert (back["state"], back["share"]) == ("rolled-back", None)
    again = rollouts(second, "start", 2, "--strategy", "blue-green", "--reason", "mended").value["rollout"]
    assert again["steps"] == [1.0]
    assert rollouts(second, "complete", "--reason", "on").value["rollout"]["state"] == "completed"
    listed = rollouts(second, "list").value["rollouts"]
    assert [one["state"] for one in listed] == ["completed", "rolled-back", "rolled-back"]
    lines = run(second.path, "audit", "list", "--tenant", TENANT, "--json").value["lines"]
    acts = [one["act"] for one in reversed(lines) if one["act"].startswith("rollout.")]
    assert acts[-7:] == [
        f"rollout.{one}" for one in ("begin", "hold", "resume", "step", "roll-back", "begin", "complete")
    ]
    assert (
        next(one for one in lines if one["act"] == "rollout.begin" and one["reason"] == "it is better")["actor"]
        == "ann"
    )
