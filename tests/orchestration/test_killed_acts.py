"""A candidate on its way to traffic, whose process is killed at each named point: what is there holds together at once,
and the same steps again lead to exactly one champion, one version a bundle, and an audit log that is whole."""

import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from lintel.home import Home
from lintel.registry.lifecycle import State
from lintel.rollouts.plan import Strategy
from lintel.scoring.bundle import Bundle
from lintel.settings import Settings
from tests.orchestration.killed_act import POINTS, ROLLOUT_POINTS, take_over
from tests.orchestration.nightly_home import TENANT, NightlyHome, copied

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(nightly_home: NightlyHome, tmp_path: Path) -> Path:
    """A home with a champion, and a candidate that is not registered yet."""
    own = copied(nightly_home, tmp_path / "home")
    with Home(own.settings) as home:
        bundle = Bundle.load(home.work(TENANT, "bundle"))
        replace(bundle, manifest=replace(bundle.manifest, seed=99)).save(home.work(TENANT, "candidate"))
    return own.path


def killed(path: Path, *words: str) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "tests.orchestration.killed_act", str(path), *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


def check_consistent(home: Home, *, candidates: tuple[int, ...]) -> None:
    """What holds at every moment; `candidates`: how many versions there may be beside the first."""
    entries = home.traffic.read(TENANT)
    (champion,) = [one for one in entries if one.mode == "champion"]
    assert sum(one.weight for one in entries if one.mode != "shadow") == 1
    for entry in entries:
        assert Bundle.load(home.registry.bundle_path(entry.digest)).digest == entry.digest
    counted = Counter(one.digest for one in home.registry.versions(TENANT))
    assert set(counted.values()) == {1}
    assert len(counted) - 1 in candidates
    crowned = [one.version for one in home.states.all(TENANT) if one.state is State.CHAMPION]
    assert crowned in ([], [champion.model_version])
    assert home.audit.verify().fault is None


def check_whole(home: Home) -> None:
    """Besides: the alias mirrors the table, the states and tags tell it, and no half of a bundle lies about."""
    check_consistent(home, candidates=(1,))
    (champion,) = [one for one in home.traffic.read(TENANT) if one.mode == "champion"]
    (aliased,) = [one for one in home.registry.versions(TENANT) if "champion" in one.aliases]
    assert aliased.version == champion.model_version == home.registry.mirrored(TENANT)
    assert not [one.name for one in home.settings.bundles_path.iterdir() if one.name.startswith(".")]
    told = {one.version: (one.tags or {}).get("lintel.state") for one in home.registry.versions(TENANT)}
    assert all(told[one.version] == one.state for one in home.states.all(TENANT))


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_one_champion_wherever_it_is_killed(path: Path, point: str) -> None:
    killed(path, point)
    with Home(Settings(home=path)) as home:
        check_consistent(home, candidates=(0, 1))
        take_over(home)
        check_whole(home)
        states = {one.version: one.state for one in home.states.all(TENANT)}
        assert states == {1: State.RETIRED, 2: State.CHAMPION}
        acts = Counter(one["act"] for one in home.audit.read(TENANT, "model:sim-denver/2"))
        assert set(acts.values()) == {1}
        assert len(home.traffic.history(TENANT)) == 2


@pytest.mark.slow
@pytest.mark.parametrize("point", ROLLOUT_POINTS)
def test_one_rollout_wherever_its_beginning_is_killed(path: Path, point: str) -> None:
    killed(path, point, "canary")
    with Home(Settings(home=path, rollout_strategy=Strategy.CANARY)) as home:
        check_consistent(home, candidates=(1,))
        assert home.rollouts.live(TENANT) is None
        take_over(home)
        take_over(home)
        check_consistent(home, candidates=(1,))
        assert len(home.rollouts.list(TENANT)) == 1
        assert {one.version: one.state for one in home.states.all(TENANT)}[2] is State.ROLLING
