"""A backfill over several tenants, as a person asks Dagster for it: queued, and launched by the daemon in turn."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.tags import PARTITION_NAME_TAG

from assets.tenants import TENANTS
from lintel.home import Home
from lintel.registry.lifecycle import State
from lintel.settings import Settings
from lintel.sources.simulator import Simulator, preset
from lintel.store.ingest import ingest
from orchestration.instance import dagster_home, open_instance
from tests.orchestration.nightly_home import LEADS, NOW, environment

ROOT = Path(__file__).parents[2]
WORKSPACE = {
    "load_from": [
        {"python_module": {"module_name": "tests.orchestration.quick_definitions", "location_name": "lintel"}}
    ]
}
PARTITIONS = ("sim-denver", "sim-austin")
SECONDS = 1_500
ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home(Settings(home=tmp_path / "home")) as home:
        for seed, tenant in enumerate(PARTITIONS):
            source = Simulator(preset("demo"), tenant, seed=seed + 7, leads=LEADS)
            home.events.put_tenant(source.tenant_settings())
            ingest(home.events, source, tenant, now=NOW)
        yield home


@contextmanager
def daemon(workspace: Path, variables: dict[str, str]) -> Iterator[None]:
    """Dagster's daemon with its code server, in a session of their own, gone afterwards."""
    command = [sys.executable, "-W", "ignore", "-m", "dagster._daemon", "run", "-w", str(workspace)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def ended(instance: dg.DagsterInstance, tags: dict[str, str]) -> dict[str, dg.DagsterRunStatus]:
    """Partition -> status, once all runs have ended."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        runs = instance.get_runs(dg.RunsFilter(tags=tags))
        found = {one.tags[PARTITION_NAME_TAG]: one.status for one in runs}
        if len(runs) == len(PARTITIONS) and set(found.values()) <= ENDED:
            return found
        time.sleep(0.5)
    raise AssertionError(f"the backfill has not ended: {found}")


@pytest.mark.slow
def test_a_backfill_ends_with_one_champion_for_each_tenant(home: Home, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace.yaml"
    workspace.write_text(json.dumps(WORKSPACE))  # YAML is a superset of it
    variables = environment(home.settings.home) | {"DAGSTER_HOME": str(dagster_home(home.settings))}
    tags = {"asked": "by-hand"}
    with open_instance(home.settings) as instance:
        instance.add_dynamic_partitions(TENANTS.name or "", PARTITIONS)
        command = [sys.executable, "-W", "ignore", "-m", "dagster", "job", "backfill", "-w", str(workspace)]
        command += ["-j", "nightly", "--partitions", ",".join(PARTITIONS), "--noprompt", "--tags", json.dumps(tags)]
        asked = subprocess.run(
            command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert asked.returncode == 0, asked.stdout + asked.stderr
        with daemon(workspace, variables):
            found = ended(instance, tags)
    assert found == dict.fromkeys(PARTITIONS, dg.DagsterRunStatus.SUCCESS)
    for tenant in PARTITIONS:
        states = home.states.all(tenant)
        (entry,) = home.traffic.read(tenant)
        assert [(one.version, one.state) for one in states] == [(entry.model_version, State.CHAMPION)]
        (version,) = home.registry.versions(tenant)
        assert (version.digest, version.aliases) == (entry.digest, ("champion",))
        assert home.scores.page(tenant, limit=1).leads
    assert home.audit.verify().fault is None
