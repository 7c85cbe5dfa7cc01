"""What `lintel serve --voice` starts."""

from pathlib import Path

import pytest

from cli import serve
from lintel.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", inference_workers=3, inference_workers_max=5, voice_port=4001)


def test_the_voice_service_runs_without_scores_as_one_worker_on_its_port(settings: Settings) -> None:
    (voice,) = serve._chosen(settings, everything=False, voice=True)
    assert (voice.name, voice.address) == ("voice", "http://127.0.0.1:4001/live")
    assert voice.environment["LINTEL_INFERENCE_WORKERS"] == "1"
    assert "LINTEL_INFERENCE_WORKERS_MAX" not in voice.environment
    assert list(voice.command)[-3:] == ["bentos.voice.service:Voice", "--port", "4001"]


def test_with_everything_it_comes_beside_the_others(settings: Settings) -> None:
    names = [one.name for one in serve._chosen(settings, everything=True, voice=True)]
    assert names == ["lead_scoring", "dagster", "mlflow", "voice"]
    assert [one.name for one in serve._chosen(settings, everything=False, voice=False)] == ["lead_scoring"]
