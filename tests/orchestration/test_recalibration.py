"""Nights with the setting `recalibrate`: the champion's calibration follows its outcomes, all the way to callers."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import assets.registry
from assets.recalibration import recalibrated_bundle
from lintel.home import Home
from lintel.registry.champion import champion_bundle
from lintel.registry.lifecycle import State
from lintel.registry.promotion import Verdict
from lintel.scoring.bundle import Bundle
from lintel.scoring.examples import Examples
from lintel.scoring.recalibration import is_recalibration
from lintel.settings import Settings
from lintel.sources.simulator import Simulator, preset
from lintel.sources.stretch import Stretch
from lintel.store.ingest import ingest
from orchestration.instance import open_instance
from tests.orchestration.nightly_home import NOW, SEED, TENANT, nightly

LEADS = 900
EARLY = 0.6
"""Share of the log's time that the first champion learns from."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """After two nights: of the first is the champion; the second knew the rest of the log, and its training was no
    better."""
    source = Simulator(preset("demo"), TENANT, seed=SEED, leads=LEADS)
    known = pc.min_max(pa.concat_arrays([one.events["known_at"].combine_chunks() for one in source.batches()])).as_py()
    border = known["min"] + EARLY * (known["max"] - known["min"])
    with Home(Settings(home=tmp_path / "home")) as opened:
        opened.events.put_tenant(source.tenant_settings())
        ingest(opened.events, Stretch(source, None, border), TENANT, now=NOW)
        nightly(tmp_path / "home")
        ingest(opened.events, Stretch(source, border, None), TENANT, now=NOW)
        examine, noise = assets.registry.examine, Verdict(False, ("no more than noise",))
        monkeypatch.setattr(
            assets.registry, "examine", lambda *a, **k: replace(examine(*a, **k), against_champion=noise)
        )
        monkeypatch.setenv("LINTEL_RECALIBRATE", "true")
        nightly(tmp_path / "home")
        yield opened


def made(home: Home, name: str) -> dict[str, Any]:
    """The metadata of an asset's newest materialisation."""
    with open_instance(home.settings) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(name))
    assert event is not None
    assert event.asset_materialization is not None
    return {key: one.value for key, one in event.asset_materialization.metadata.items()}


@pytest.mark.slow
def test_the_champion_calibrated_anew_is_what_the_night_ends_with(home: Home) -> None:
    states = {one.version: one for one in home.states.all(TENANT)}
    assert [str(states[version].state) for version in (1, 2, 3)] == [State.RETIRED, State.REJECTED, State.CHAMPION]
    (gate,) = [one for one in states[3].gates if one.name == "beats_champion"]
    assert gate.passed
    serving = champion_bundle(home.traffic, home.settings.bundles_path, TENANT)
    assert (serving.version, serving.bundle.digest) == (3, states[3].digest)
    assert serving.bundle.manifest.recalibrated_from == states[1].digest
    assert home.registry.version(TENANT, 3).aliases == ("champion",)
    frozen = Bundle.load(home.registry.bundle_path(states[1].digest))
    assert is_recalibration(serving.bundle, frozen, Examples.load(home.work(TENANT, "examples.parquet")))
    told = made(home, "recalibrated_bundle")
    assert (told["registered"], told["version"], told["state"]) == (True, 3, "champion")
    # what is made after it is made with it
    assert made(home, "lead_scores")["model_version"] == 3
    assert made(home, "lead_scoring_bento")["bundle"] == states[3].digest
    assert made(home, "drift")["model_version"] == 3
    with dg.DagsterInstance.ephemeral() as instance, Home(Settings(home=home.settings.home, recalibrate=True)) as again:
        context = dg.build_op_context(partition_key=TENANT, instance=instance)
        result = recalibrated_bundle.op.compute_fn.decorated_fn(context, again)  # type: ignore[attr-defined]
    assert result.metadata["made"] is False
    assert "too few outcomes are new" in result.metadata["reason"]
