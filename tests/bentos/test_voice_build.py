"""The built voice bento holds our code, its page and what its image needs, and is built once."""

from pathlib import Path

import pytest
import yaml

from bentos.voice.build import build
from lintel.settings import Settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("voice") / "home")


def test_the_bento_holds_our_code_and_its_page(settings: Settings) -> None:
    tag = build(settings=settings)
    folder = settings.home / "bentoml" / "bentos" / tag.replace(":", "/")
    made = (folder / "bento.yaml").stat().st_mtime_ns
    described = yaml.safe_load((folder / "bento.yaml").read_text())
    assert described["service"] == "bentos.voice.service:Voice"
    assert "libgomp1" in (folder / "env" / "docker" / "Dockerfile").read_text()
    pages = {path.name for path in (folder / "src" / "serving" / "voice" / "live_page").iterdir()}
    assert {"live.html", "live.css", "live.js"} <= pages
    assert not list(Path(folder).rglob("model.bin"))
    assert build(settings=settings) == tag
    assert (folder / "bento.yaml").stat().st_mtime_ns == made
