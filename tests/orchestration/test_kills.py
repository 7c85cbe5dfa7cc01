"""A nightly run that is killed outright at any point leaves a home that the next run makes whole.

The parent watches files and databases, and kills the child with SIGKILL at the first sight of the point. MLflow's alias
is held back by a lock on its database, so that the kill lies surely between the traffic table and the alias.
"""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import dagster as dg
import pytest

from cli.nightly import run_nightly
from lintel.errors import UnavailableError
from lintel.home import Home
from lintel.registry.champion import champion_bundle, champion_entry
from lintel.settings import Settings
from orchestration.instance import open_instance
from tests.orchestration.nightly_home import TENANT, NightlyHome, at_home, copied, nightly, take_in

ROOT = Path(__file__).parents[2]
SECONDS = 240
Sight = Callable[[Path], bool]


def file(name: str) -> Sight:
    return lambda home: (home / "work" / TENANT / name).exists()


def row(database: str, query: str) -> Sight:
    def seen(home: Path) -> bool:
        path = home / database
        if not path.exists():
            return False
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as connection:
            try:
                return connection.execute(query).fetchone() is not None
            except sqlite3.OperationalError:  # the table is not there yet
                return False

    return seen


REGISTERED = row("mlflow.db", "SELECT 1 FROM model_versions")
DECIDED = row("mlflow.db", "SELECT 1 FROM model_version_tags WHERE key = 'lintel.decision'")
ASSIGNED = row("state.db", "SELECT 1 FROM traffic")
SCORED = row("state.db", "SELECT 1 FROM scores")


@contextmanager
def running(home: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.orchestration.killed_run", str(home)]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def await_sight(child: subprocess.Popen[str], home: Path, sight: Sight) -> None:
    deadline = time.monotonic() + SECONDS
    while not sight(home):
        assert child.poll() is None, f"the run ended before it came to this point: {child.communicate()[1][-2000:]}"
        assert time.monotonic() < deadline
        time.sleep(0.003)


def killed_at(home: Path, sight: Sight) -> None:
    with running(home) as child:
        await_sight(child, home, sight)


def killed_before_the_alias(home: Path) -> None:
    with running(home) as child:
        await_sight(child, home, DECIDED)
        with closing(sqlite3.connect(home / "mlflow.db", timeout=30, isolation_level=None)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            await_sight(child, home, ASSIGNED)
            child.kill()
            child.wait()
            lock.execute("ROLLBACK")


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A home with events and no run yet."""
    take_in(tmp_path / "home")
    return tmp_path / "home"


def check_whole(path: Path, events: int) -> None:
    """One champion, one version of each digest, an alias that says the same, every event, and every file."""
    with Home(Settings(home=path)) as home:
        assert home.events.count(TENANT) == len(home.lake.read(TENANT)) == events
        versions = home.registry.versions(TENANT)
        assert len({one.digest for one in versions}) == len(versions)
        (champion,) = [one for one in versions if "champion" in one.aliases]
        (entry,) = home.traffic.read(TENANT)
        assert (entry.mode, entry.weight, entry.digest) == ("champion", 1.0, champion.digest)
        assert champion_bundle(home.traffic, home.settings.bundles_path, TENANT).bundle.digest == champion.digest
        assert home.scores.page(TENANT, limit=1).leads
    statuses = runs(path)
    assert statuses.count(dg.DagsterRunStatus.SUCCESS) >= 1
    assert not set(statuses) & {dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING}


def runs(path: Path) -> list[dg.DagsterRunStatus]:
    with open_instance(Settings(home=path)) as instance:
        return [run.status for run in instance.get_runs()]


def events_in(path: Path) -> int:
    with Home(Settings(home=path)) as home:
        return home.events.count(TENANT)


@pytest.mark.slow
@pytest.mark.parametrize(
    "sight",
    [
        pytest.param(file("examples.parquet"), id="examples"),
        pytest.param(file("bundle/bundle.sha256"), id="bundle"),
        pytest.param(REGISTERED, id="registered"),
        pytest.param(ASSIGNED, id="assigned"),
        pytest.param(SCORED, id="scored"),
    ],
)
def test_a_run_killed_at_any_point_is_made_good_by_the_next(fresh: Path, sight: Sight) -> None:
    events = events_in(fresh)
    killed_at(fresh, sight)
    assert runs(fresh) == [dg.DagsterRunStatus.STARTED]
    nightly(fresh)
    check_whole(fresh, events)
    assert sorted(runs(fresh), key=str) == [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS]


@pytest.mark.slow
def test_a_kill_between_the_table_and_the_alias_leaves_a_champion_that_serves(fresh: Path) -> None:
    events = events_in(fresh)
    killed_before_the_alias(fresh)
    with Home(Settings(home=fresh)) as home:
        entry = champion_entry(home.traffic, TENANT)
        assert entry is not None
        assert champion_bundle(home.traffic, home.settings.bundles_path, TENANT).bundle.digest == entry.digest
        assert [one.aliases for one in home.registry.versions(TENANT)] == [()]
    nightly(fresh)
    check_whole(fresh, events)


def test_a_killed_run_leaves_the_old_champion_serving(nightly_home: NightlyHome, tmp_path: Path) -> None:
    own = copied(nightly_home, tmp_path / "home")
    (own.path / "work" / TENANT / "examples.parquet").unlink()
    with Home(own.settings) as home:
        before = champion_bundle(home.traffic, home.settings.bundles_path, TENANT).bundle.digest
    killed_at(own.path, file("examples.parquet"))
    with Home(own.settings) as home:
        assert champion_bundle(home.traffic, home.settings.bundles_path, TENANT).bundle.digest == before
        assert home.registry.versions(TENANT)[0].aliases == ("champion",)
        assert home.scores.page(TENANT, limit=1).leads


def test_a_second_run_of_a_tenant_is_refused_while_one_is_at_work(nightly_home: NightlyHome, tmp_path: Path) -> None:
    own = copied(nightly_home, tmp_path / "home")
    (own.path / "work" / TENANT / "examples.parquet").unlink()
    with running(own.path) as child:
        await_sight(child, own.path, file("examples.parquet"))
        with at_home(own.path), pytest.raises(UnavailableError, match="is at work"):
            run_nightly(TENANT)
        assert child.poll() is None
