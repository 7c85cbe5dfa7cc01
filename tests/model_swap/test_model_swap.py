"""Real bundles change place while requests are answered: nobody waits, nothing wrong serves, memory comes back."""

import gc
import os
import resource
import shutil
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from lintel.errors import UnavailableError
from lintel.registry.actor import machine
from lintel.registry.traffic import Traffic, TrafficEntry
from lintel.scoring import bundle as bundle_module
from lintel.scoring.bundle import Bundle
from lintel.scoring.golden import GoldenRequest
from serving.model import Models, ServedModel
from serving.problems import RequestError
from tests.scoring.conftest import synthetic_events, trained  # noqa: F401

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TENANT = "acme"
MEBIBYTE = 1024 * 1024


@dataclass
class Stage:
    """A folder of bundles, a traffic table, and the models that follow it."""

    traffic: Traffic
    folder: Path
    baked: Path
    models: Models
    changes: list[list[tuple[str, str]]]  # digest and rung: it holds no model

    def put(self, bundle: Bundle, seed: int) -> str:
        """Save a bundle that differs from its like in what it says of itself only; its digest."""
        saved = replace(bundle, manifest=replace(bundle.manifest, seed=seed)).save(self.folder / "new")
        (self.folder / "new").rename(self.folder / saved.digest.removeprefix("sha256:"))
        return saved.digest

    def path(self, digest: str) -> Path:
        return self.folder / digest.removeprefix("sha256:")

    def assign(self, digest: str, *canaries: tuple[str, float], scope: str = TENANT) -> None:
        shares = [(digest, 1.0 - sum(weight for _, weight in canaries), "champion")]
        shares += [(canary, weight, "canary") for canary, weight in canaries]
        entries = [TrafficEntry(one, f"lead-scoring.{scope}", 1, weight, mode) for one, weight, mode in shares]
        self.traffic.assign(scope, entries, actor=machine("test"), reason="test", now=NOW)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    traffic = Traffic.open(f"sqlite:///{tmp_path / 'state.db'}")
    changes: list[list[tuple[str, str]]] = []

    def changed(models: list[ServedModel]) -> None:
        changes.append([(one.digest, one.served_by) for one in models])

    folder = tmp_path / "bundles"
    folder.mkdir()
    models = Models(traffic, folder, tmp_path / "baked", on_change=changed)
    yield Stage(traffic, folder, tmp_path / "baked", models, changes)
    traffic.close()


@pytest.fixture
def two(stage: Stage, trained) -> tuple[str, str]:  # noqa: F811
    """Two bundles on disk; the first is the champion and loaded."""
    first, second = (stage.put(trained.bundle, seed) for seed in (101, 102))
    stage.assign(first)
    stage.models.refresh()
    return first, second


class SlowLoads:
    """Bundles are read when the gate is open; `begun` tells that somebody waits there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, models: Models) -> None:
        self.gate, self.begun, self.count = threading.Event(), threading.Event(), 0
        read = models._loader._read

        def slow(path: Path) -> Bundle:
            self.count += 1
            self.begun.set()
            assert self.gate.wait(30)
            return read(path)

        monkeypatch.setattr(models._loader, "_read", slow)


def spoil(folder: Path, change: Callable[[GoldenRequest], GoldenRequest]) -> None:
    """Change the golden request of a bundle so that its files still belong together."""
    golden = change(GoldenRequest.load(folder / "golden.npz"))
    content = (folder / "bundle.json").read_text()
    old = bundle_module.sha256((folder / "golden.npz").read_bytes()).hexdigest()
    golden.save(folder / "golden.npz")
    new = bundle_module.sha256((folder / "golden.npz").read_bytes()).hexdigest()
    (folder / "bundle.json").write_text(content.replace(old, new))
    (folder / "bundle.sha256").write_text(bundle_module._bundle_digest(folder) + "\n")


def other_numbers(golden: GoldenRequest) -> GoldenRequest:
    moved = {
        name: values + (0.01 if name.endswith("conversion.low") else 0.0) for name, values in golden.numbers.items()
    }
    return replace(golden, numbers=moved)


def put_spoilt(stage: Stage, digest: str) -> str:
    """A bundle like `digest` that remembers other numbers than it computes."""
    folder = Path(shutil.copytree(stage.path(digest), stage.folder / "spoilt"))
    spoil(folder, other_numbers)
    spoilt = (folder / "bundle.sha256").read_text().strip()
    folder.rename(stage.path(spoilt))
    return spoilt


def test_requests_never_wait_for_a_load(stage: Stage, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    loads = SlowLoads(monkeypatch, stage.models)
    stage.assign(two[1])
    refreshing = threading.Thread(target=stage.models.refresh)
    refreshing.start()
    assert loads.begun.wait(30)
    began_with = stage.models.serving(TENANT)
    assert began_with.digest == two[0]
    assert stage.models.faults(TENANT) == []
    loads.gate.set()
    refreshing.join(30)
    assert stage.models.serving(TENANT).digest == two[1]
    assert began_with.digest == two[0]
    began_with.bundle.check_golden()
    assert (stage.models.swaps, stage.models.refused) == (1, 0)
    assert stage.changes == [[(two[0], "champion")], [(two[1], "champion")]]


def test_every_request_gets_one_model_or_the_other_while_models_change(stage: Stage, two: tuple[str, str]) -> None:
    seen: list[str] = []
    failed: list[Exception] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                served = stage.models.serving(TENANT)
                seen.append(served.digest if served.bundle.digest == served.digest else "torn")
            except Exception as error:
                failed.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    for turn in range(6):
        stage.assign(two[(turn + 1) % 2])
        stage.models.refresh()
    done.set()
    asking.join(30)
    assert failed == []
    assert set(seen) <= set(two)
    assert stage.models.swaps == 6


def test_a_bundle_that_computes_other_numbers_never_serves_and_shows_as_a_fault(
    stage: Stage, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = put_spoilt(stage, two[1])
    loads = SlowLoads(monkeypatch, stage.models)
    loads.gate.set()
    stage.assign(spoilt)
    for _ in range(3):
        stage.models.refresh()
    served = stage.models.serving(TENANT)
    assert (served.digest, served.served_by) == (two[0], "previous-champion")
    (fault,) = stage.models.faults(TENANT)
    assert "golden request" in fault
    assert spoilt.removeprefix("sha256:")[:12] in fault
    assert TENANT not in fault
    assert stage.models.all_faults == [fault]
    assert (stage.models.refused, loads.count, stage.models.unserved) == (1, 1, [])


def test_a_refused_bundle_is_read_again_once_its_files_have_changed(stage: Stage, two: tuple[str, str]) -> None:
    kept = stage.folder.parent / "kept"
    stage.path(two[1]).rename(kept)
    stage.assign(two[1])
    stage.models.refresh()
    assert stage.models.serving(TENANT).served_by == "previous-champion"
    kept.rename(stage.path(two[1]))
    stage.models.refresh()
    assert (stage.models.serving(TENANT).digest, stage.models.faults(TENANT)) == (two[1], [])


def test_with_nothing_to_fall_back_on_a_refused_bundle_leaves_the_tenant_unserved(stage: Stage, trained) -> None:  # noqa: F811
    spoilt = put_spoilt(stage, stage.put(trained.bundle, 1))
    stage.assign(spoilt)
    stage.models.refresh()
    with pytest.raises(RequestError, match="golden request"):
        stage.models.serving(TENANT)
    assert stage.models.unserved == stage.models.all_faults != []
    assert stage.models.models == []


def test_canaries_are_loaded_beside_the_champion_and_a_broken_one_is_a_fault(
    stage: Stage, two: tuple[str, str]
) -> None:
    stage.assign(two[0], (two[1], 0.3))
    stage.models.refresh()
    (canary,) = stage.models.route(TENANT).canaries
    assert (canary.model.digest, canary.model.served_by, canary.weight) == (two[1], "canary", 0.3)
    assert {one.digest for one in stage.models.models} == set(two)
    stage.assign(two[0], (put_spoilt(stage, two[1]), 0.3))
    stage.models.refresh()
    assert stage.models.route(TENANT).canaries[0].model is None
    assert len(stage.models.faults(TENANT)) == 1
    assert stage.models.serving(TENANT).served_by == "champion"


def test_a_canary_that_becomes_champion_is_not_read_again(
    stage: Stage, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.assign(two[0], (two[1], 0.3))
    stage.models.refresh()
    bundle = stage.models.route(TENANT).canaries[0].model.bundle
    loads = SlowLoads(monkeypatch, stage.models)
    stage.assign(two[1])
    stage.models.refresh()
    served = stage.models.serving(TENANT)
    assert served.bundle is bundle
    assert served.served_by == "champion"
    assert loads.count == 0


def test_a_model_is_one_object_while_other_scopes_change(stage: Stage, two: tuple[str, str]) -> None:
    before = stage.models.serving(TENANT)
    stage.assign(two[1], scope="other")
    stage.models.refresh()
    assert stage.models.serving(TENANT) is before
    assert stage.models.serving("other").digest == two[1]


def test_the_baked_bundle_answers_while_the_table_was_never_read(
    stage: Stage,
    trained,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def locked(_: Traffic) -> int:
        raise UnavailableError("locked")

    shutil.copytree(trained.path, stage.baked)
    monkeypatch.setattr(Traffic, "version", locked)
    stage.models.refresh()
    assert stage.models.serving(TENANT).served_by == "baked-champion"
    assert stage.models.all_faults == ["The traffic table cannot be read (UnavailableError)."]
    assert stage.changes == [[(trained.bundle.digest, "baked-champion")]]


def test_what_nobody_serves_any_more_is_freed_without_a_collection(stage: Stage, two: tuple[str, str]) -> None:
    gc.collect()
    gc.disable()
    try:
        old = weakref.ref(stage.models.serving(TENANT).bundle)
        stage.models.serving(TENANT).bundle.check_golden()
        stage.assign(two[1])
        stage.models.refresh()
        assert old() is None
    finally:
        gc.enable()


def test_thirty_swaps_leave_memory_and_descriptors_as_they_were(stage: Stage, two: tuple[str, str]) -> None:
    def swap(times: int) -> None:
        for turn in range(times):
            stage.assign(two[(turn + 1) % 2])
            stage.models.refresh()
            assert stage.models.serving(TENANT).digest == two[(turn + 1) % 2]

    swap(10)  # caches and the heap's own arenas are filled
    before, descriptors = _resident(), len(os.listdir("/proc/self/fd"))
    swap(30)
    assert len(os.listdir("/proc/self/fd")) == descriptors
    # a bundle that stayed would leave about 1 MiB at each swap
    assert _resident() - before < 10 * MEBIBYTE


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_the_golden_leads_are_scored_alike_by_the_old_and_the_new(stage: Stage, two: tuple[str, str]) -> None:
    old = stage.models.serving(TENANT).bundle
    stage.assign(two[1])
    stage.models.refresh()
    new = stage.models.serving(TENANT).bundle
    for name, values in old.golden.numbers.items():
        np.testing.assert_allclose(new.golden.numbers[name], values)
