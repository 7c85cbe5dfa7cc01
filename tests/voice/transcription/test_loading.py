"""Engines by the name of their weights or by a path; what is missing is told with its mend."""

import subprocess
import sys
from pathlib import Path

import pytest

from lintel.errors import InputError, NotFoundError
from lintel.settings import Settings
from lintel.voice.transcription.faster_whisper import FasterWhisper
from lintel.voice.transcription.loading import load
from lintel.voice.transcription.openai_whisper import OpenAIWhisper

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # whisper's, of its vocabulary


def empty(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def test_weights_that_are_not_installed_are_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"'tiny\.en' are not installed.*`lintel models pull tiny\.en`"):
        load("whisper-tiny.en", empty(tmp_path))


def test_an_unknown_name_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no model 'large-v3'\. Give one of tiny\.en, base, or a path"):
        load("large-v3", empty(tmp_path))


def test_weights_of_another_kind_do_not_transcribe(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'minilm' is for sentence embeddings"):
        load("minilm", empty(tmp_path))


def test_a_folder_that_is_no_model_is_told(tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper", reason="the voice extra is not installed")
    (tmp_path / "model.bin").write_bytes(b"")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(NotFoundError, match=r"has no tokenizer\.json"):
        load(str(tmp_path), empty(tmp_path))


def test_a_checkpoint_is_not_for_faster_whisper(tmp_path: Path) -> None:
    (tmp_path / "m.pt").write_bytes(b"")
    with pytest.raises(InputError, match="is an openai-whisper checkpoint"):
        load(str(tmp_path / "m.pt"), empty(tmp_path), engine="faster-whisper")


def test_names_and_paths_load_the_engine_that_reads_them(with_weights: Settings, weights: Path) -> None:
    assert isinstance(load("whisper-tiny.en", with_weights), FasterWhisper)
    assert isinstance(load(str(weights / "tiny.en"), with_weights), FasterWhisper)
    by_path = load(str(weights / "tiny.en" / "checkpoint.pt"), with_weights)
    assert isinstance(by_path, OpenAIWhisper)
    assert isinstance(load("tiny.en", with_weights, engine="openai-whisper"), OpenAIWhisper)
    assert (by_path.name, by_path.multilingual, by_path.window_seconds) == ("checkpoint", False, 30.0)


def test_importing_it_loads_no_heavy_library() -> None:
    heavy = "{'torch', 'whisper', 'faster_whisper', 'ctranslate2', 'av', 'onnxruntime'}"
    check = f"import lintel.voice.transcription.loading, sys; print(sorted(set(sys.modules) & {heavy}))"
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout == "[]\n"
