import json
import os
from pathlib import Path

import pytest

from lintel.errors import InputError, NotFoundError
from lintel.voice.inbox import erase, ready, recorded

NOTE = {"consent": "granted", "began_at": "2026-03-01T12:00:00Z", "lead_id": "lead1"}


def put(inbox: Path, tenant: str, name: str, note: object = NOTE, audio: str | None = ".wav") -> None:
    folder = inbox / tenant
    folder.mkdir(parents=True, exist_ok=True)
    if audio:
        (folder / f"{name}{audio}").write_bytes(b"RIFF")
    (folder / f"{name}.json").write_text(note if isinstance(note, str) else json.dumps(note))


def test_a_recording_is_ready_once_its_note_is_there(tmp_path: Path) -> None:
    put(tmp_path, "acme", "call-1")
    put(tmp_path, "acme", "no-audio", audio=None)
    (tmp_path / "acme" / "no-note.wav").write_bytes(b"RIFF")
    (one,) = ready(tmp_path)
    assert (one.tenant, one.name, one.key, one.audio.name) == ("acme", "call-1", "acme~call-1", "call-1.wav")
    assert recorded(tmp_path, "acme~call-1") == one
    assert one.read_note().channels == ("agent", "lead")


def test_the_oldest_note_comes_first(tmp_path: Path) -> None:
    for age, name in enumerate(("c", "a", "b")):
        put(tmp_path, "acme", name)
        os.utime(tmp_path / "acme" / f"{name}.json", (1_000 - age, 1_000 - age))
    assert [one.name for one in ready(tmp_path)] == ["b", "a", "c"]


@pytest.mark.parametrize("name", ["a b", "a~b", ".hidden", "x" * 101])
def test_names_that_could_not_be_keys_are_passed_over(tmp_path: Path, name: str) -> None:
    put(tmp_path, "acme", name)
    put(tmp_path, name, "call-1")
    assert ready(tmp_path) == []


@pytest.mark.parametrize("key", ["acme~none", "acme", "", "~", "..~call-1", "acme~../other/call-1", "acme/x~call-1"])
def test_what_is_not_there_is_not_found(tmp_path: Path, key: str) -> None:
    put(tmp_path, "acme", "call-1")
    put(tmp_path, "other", "call-1")
    with pytest.raises(NotFoundError):
        recorded(tmp_path, key)


@pytest.mark.parametrize(
    ("note", "why"),
    [
        ({"began_at": "2026-03-01T12:00:00Z"}, "consent"),
        (NOTE | {"consent": "refused"}, "consent"),
        (NOTE | {"began_at": "2026-03-01T12:00:00"}, "began_at"),
        (NOTE | {"channels": []}, "channels"),
        (NOTE | {"channels": ["Ann Smith"]}, "channels"),
        (NOTE | {"language": "English"}, "language"),
        (NOTE | {"more": 1}, "more"),
        ("{", "not JSON"),
        ("[" * 5_000, "not JSON"),
        ("x" * 20_000, "not JSON"),
    ],
)
def test_a_wrong_note_says_what_is_wrong_and_holds_nobody_back(tmp_path: Path, note: object, why: str) -> None:
    put(tmp_path, "acme", "call-1", note)
    (one,) = ready(tmp_path)
    with pytest.raises(InputError, match=why):
        one.read_note()


def test_erasing_a_lead_spares_recordings_whose_names_begin_alike(tmp_path: Path) -> None:
    put(tmp_path, "acme", "call")
    put(tmp_path, "acme", "call.1", NOTE | {"lead_id": "lead2"})
    put(tmp_path, "other", "call")
    assert erase(tmp_path, "acme", {"lead1"}) == ["call"]
    assert sorted(path.name for path in (tmp_path / "acme").iterdir()) == ["call.1.json", "call.1.wav"]
    assert len(list((tmp_path / "other").iterdir())) == 2
