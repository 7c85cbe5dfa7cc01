"""The emotion model through Dagster, from a folder of clips."""

import wave
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from assets.emotion import emotion_model
from lintel.errors import InputError, NotFoundError
from lintel.home import Home
from lintel.settings import Settings
from lintel.voice.affect.emotion import EmotionModel
from lintel.voice.affect.labelled import LISTING, labelled_clips
from tests.voice.weights import weights_at_hand

RATE = 16_000
PITCH = {"low": 110.0, "high": 440.0}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Tones of half a second in two kinds by four speakers, and a file that is no sound."""
    rng, rows = np.random.default_rng(0), []
    (tmp_path / "clips").mkdir()
    for speaker in range(4):
        for label, pitch in PITCH.items():
            for take in range(3):
                name = f"{label}{speaker}{take}.wav"
                time = np.arange(RATE // 2) / RATE
                tone = np.sin(2 * np.pi * (pitch + 5 * speaker) * time) + 0.1 * rng.normal(size=len(time))
                with wave.open(str(tmp_path / "clips" / name), "wb") as file:
                    file.setnchannels(1)
                    file.setsampwidth(2)
                    file.setframerate(RATE)
                    file.writeframes((tone * 8_000).astype(np.int16).tobytes())
                rows.append(f"{name}\ts{speaker}\t{label}")
    (tmp_path / "clips" / "broken.wav").write_bytes(b"no sound")
    rows.append("broken.wav\ts0\tlow")
    (tmp_path / "clips" / LISTING).write_text("\n".join(["file\tspeaker\tlabel", *rows]))
    return tmp_path / "clips"


@pytest.fixture
def home(tmp_path: Path, folder: Path) -> Iterator[Home]:
    options = Settings(home=tmp_path / "home", weights_path=weights_at_hand(), voice_emotion_folder=folder)
    with Home(options) as home:
        yield home


def told(home: Home) -> dict[str, object]:
    (done,) = dg.materialize([emotion_model], resources={"home": home}).asset_materializations_for_node("emotion_model")
    return {name: value.value for name, value in done.metadata.items()}


def test_tones_are_told_apart_and_a_broken_file_is_named(home: Home) -> None:
    said = told(home)
    assert (said["clips"], said["speakers"], said["labels"]) == (24, 4, ["high", "low"])
    assert said["unweighted_accuracy"] == 1.0
    (broken,) = said["unreadable"]
    assert broken.startswith("broken.wav: ")
    assert EmotionModel.load(home.settings.voice_readers / "emotion").labels == ("high", "low")


def test_without_a_folder_it_says_what_it_waits_for(tmp_path: Path) -> None:
    with Home(Settings(home=tmp_path / "home")) as home:
        assert "LINTEL_VOICE_EMOTION_FOLDER" in str(told(home)["waits_for"])


def test_a_listing_is_needed(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=LISTING):
        labelled_clips(tmp_path)
    (tmp_path / LISTING).write_text("file\tlabel\na.wav\tcalm\n")
    with pytest.raises(InputError, match="lacks the columns speaker"):
        labelled_clips(tmp_path)
