"""The built bento holds our code and the champion, starts by itself, and falls back on what was baked in."""

import shutil
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from bentos.lead_scoring.build import build
from lintel.errors import InputError
from lintel.settings import Settings
from serving.process import bento
from tests.bentos.conftest import Brokerage


@pytest.fixture(scope="module")
def built(brokerage: Brokerage) -> str:
    return build(brokerage.bundle, brokerage.digest, settings=brokerage.settings)


def folder(settings: Settings, tag: str) -> Path:
    return settings.home / "bentoml" / "bentos" / tag.replace(":", "/")


def test_the_tag_and_the_labels_hold_the_bundles_digest(brokerage: Brokerage, built: str) -> None:
    assert built.startswith(f"lead_scoring:{brokerage.digest.removeprefix('sha256:')[:12]}-")
    described = yaml.safe_load((folder(brokerage.settings, built) / "bento.yaml").read_text())
    assert described["labels"]["bundle"] == brokerage.digest.removeprefix("sha256:")


def test_the_bento_holds_our_packages_and_the_champion_and_nothing_else(brokerage: Brokerage, built: str) -> None:
    source = folder(brokerage.settings, built) / "src"
    expected = {"bentos", "lintel", "serving", "pyproject.toml", "requirements.lock", "bentofile.yaml"}
    assert {path.name for path in source.iterdir()} == expected
    baked = source / "bentos" / "lead_scoring" / "champion"
    assert sorted(path.relative_to(baked) for path in baked.rglob("*")) == sorted(
        path.relative_to(brokerage.bundle) for path in brokerage.bundle.rglob("*")
    )


def test_the_same_code_and_bundle_are_built_once(brokerage: Brokerage, built: str) -> None:
    made = (folder(brokerage.settings, built) / "bento.yaml").stat().st_mtime_ns
    assert build(brokerage.bundle, brokerage.digest, settings=brokerage.settings) == built
    assert (folder(brokerage.settings, built) / "bento.yaml").stat().st_mtime_ns == made


def test_a_bundle_that_is_not_there_is_refused(brokerage: Brokerage, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not the folder of a score bundle"):
        build(tmp_path / "none", brokerage.digest, settings=brokerage.settings)


def test_the_built_bento_serves_what_was_baked_in_when_nothing_else_can_be_loaded(
    brokerage: Brokerage, built: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(brokerage.settings.home, home, ignore=shutil.ignore_patterns("bundles", "prometheus_multiproc_dir"))
    settings = Settings(home=home)
    with bento(settings, built, port=0) as endpoint:
        headers = {"Authorization": f"Bearer {brokerage.key}"}
        with httpx.Client(base_url=endpoint.url, headers=headers, timeout=30, trust_env=False) as client:
            model = client.get("/v1/model").json()
            scores = client.post("/v1/score", json={"lead_ids": list(brokerage.lead_ids[:10])}).json()["scores"]
        (worker,) = psutil.Process(endpoint.pid).children()
        assert Path(worker.cwd()) == folder(settings, built) / "src"
    assert not worker.is_running()
    with pytest.raises(httpx.TransportError):
        httpx.get(endpoint.url + "/livez", trust_env=False)
    assert (model["served_by"], model["digest"], model["version"]) == ("baked-champion", brokerage.digest, None)
    assert model["faults"]
    assert {one["served_by"] for one in scores} == {"baked-champion"}
