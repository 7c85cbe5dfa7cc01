"""`lintel transcribe` and `lintel models pull`: recordings in, words with their times out; what is missing is told."""

from pathlib import Path

import pytest

from lintel.settings import settings
from tests.cli.conftest import Lintel
from tests.voice.published import published
from tests.voice.weights import weights_at_hand


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LINTEL_WEIGHTS_PATH", str(weights_at_hand()))
    settings.cache_clear()
    return weights_at_hand()


def test_words_have_their_times_and_channels(lintel: Lintel, weights: Path) -> None:
    file = published("misc_speech/audio/stereo_two_channel.flac")
    answer = lintel("transcribe", file, "--model", "whisper-tiny.en", "--beam", 1, "--json")
    assert answer.code == 0, answer.err
    (told,) = answer.value["files"]
    assert told["file"] == str(file)
    assert {one["channel"] for one in told["segments"]} == {0, 1}
    assert all(one.keys() == {"start", "end", "channel", "text", "words"} for one in told["segments"])
    assert all(one.keys() == {"text", "start", "end", "probability"} for one in told["segments"][0]["words"])
    assert "wizard" in told["text"]


def test_a_bad_file_does_not_stop_the_good_ones(lintel: Lintel, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    good = published("misc_speech/audio/leopard_test.flac")
    answer = lintel("transcribe", tmp_path / "empty.wav", tmp_path / "none.wav", good, "--beam", 1, "--json")
    assert answer.code == 2
    empty, none, heard = answer.value["files"]
    assert empty["error"]["type"] == "invalid-input"
    assert none["error"]["type"] == "not-found"
    assert "apostle" in heard["text"]


def test_people_read_a_line_a_segment(lintel: Lintel, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    good = published("misc_speech/audio/leopard_test.flac")
    answer = lintel("transcribe", good, tmp_path / "empty.wav", "--beam", 1)
    assert answer.code == 2
    lines = answer.out.splitlines()
    assert lines[1].startswith("  0:00.")
    assert "empty.wav" in answer.out


def test_a_recording_that_is_too_long_is_told(lintel: Lintel, weights: Path) -> None:
    file = published("misc_speech/audio/jfk.flac")
    answer = lintel("transcribe", file, "--longest-minutes", 0.1, "--json")
    assert answer.code == 2
    assert "is longer than 6 s" in answer.value["files"][0]["error"]["message"]


def test_a_language_the_model_lacks_is_told_before_any_file(lintel: Lintel, weights: Path) -> None:
    answer = lintel("transcribe", "none.wav", "--language", "de", "--json")
    assert (answer.code, answer.fault) == (2, "invalid-input")
    assert "does not transcribe 'de'" in answer.err


def test_without_weights_the_way_to_them_is_told(lintel: Lintel) -> None:
    answer = lintel("transcribe", "none.wav", "--json")
    assert (answer.code, answer.fault) == (3, "not-found")
    assert "lintel models pull tiny.en" in answer.err


def test_the_model_of_the_settings_is_taken_where_none_is_named(
    lintel: Lintel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VOICE_AI_MODEL_PATH", str(tmp_path / "my-model"))
    settings.cache_clear()
    answer = lintel("transcribe", "none.wav", "--json")
    assert "my-model" in answer.err


# weights


def test_weights_are_listed(lintel: Lintel, tmp_path: Path) -> None:
    value = lintel("models", "pull", "--to", tmp_path / "w", "--json").value
    assert value["folder"] == str(tmp_path / "w")
    assert [one["name"] for one in value["weights"]] == ["tiny.en", "base", "minilm", "voice-encoder", "silero"]
    assert not any(one["installed"] for one in value["weights"])


def test_weights_are_installed_from_a_folder(lintel: Lintel, weights: Path, tmp_path: Path) -> None:
    asked = ("models", "pull", "silero", "--from", weights / "silero", "--to", tmp_path / "w", "--json")
    first, again = (lintel(*asked).value["weights"][0] for _ in range(2))
    assert (first["name"], first["licence"], first["fresh"], again["fresh"]) == ("silero", "MIT", True, False)
    assert (tmp_path / "w" / "silero" / "weights.json").is_file()
    assert lintel("models", "pull", "--to", tmp_path / "w").out.count("yes") == 1


def test_unknown_weights_stop_all_of_them(lintel: Lintel, tmp_path: Path) -> None:
    answer = lintel("models", "pull", "silero", "nonsense", "--to", tmp_path / "w")
    assert answer.code == 3
    assert "'nonsense' are no weights that Lintel knows" in answer.err
    assert not (tmp_path / "w").exists()
