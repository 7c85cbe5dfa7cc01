"""`lintel data`: from a mirror, from nowhere, and what is not the published file. Nothing leaves the machine."""

import socket
from hashlib import md5
from pathlib import Path

import pytest

from lintel.sources.datasets import DATASETS, DataSet
from tests.cli.conftest import Lintel

CONTENT = b"published bytes"


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror folder that holds the data set `tiny`; its publisher is a port of this machine where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    digest = md5(CONTENT, usedforsecurity=False).hexdigest()
    tiny = DataSet("tiny", "tiny.bin", f"http://127.0.0.1:{port}/tiny.bin", len(CONTENT), digest, "cite me", "free")
    monkeypatch.setitem(DATASETS, "tiny", tiny)
    folder = tmp_path / "mirror"
    (folder / "tiny").mkdir(parents=True)
    (folder / "tiny" / "tiny.bin").write_bytes(CONTENT)
    monkeypatch.setenv("LINTEL_DATA_MIRROR", str(folder))
    return folder


def test_a_data_set_comes_from_the_mirror(lintel: Lintel, mirror: Path, tmp_path: Path) -> None:
    answer = lintel("data", "pull", "tiny", "--json")
    assert answer.code == 0, answer.err
    assert len(answer.out.splitlines()) == 1
    path = Path(answer.value["path"])
    assert path.read_bytes() == CONTENT
    assert path.is_relative_to(tmp_path / "home")
    (mirror / "tiny" / "tiny.bin").unlink()
    assert lintel("data", "pull", "tiny", "--json").value["path"] == str(path)


def test_a_wrong_file_in_the_mirror_is_refused_and_not_kept(lintel: Lintel, mirror: Path, tmp_path: Path) -> None:
    (mirror / "tiny" / "tiny.bin").write_bytes(b"PUBLISHED BYTES")
    answer = lintel("data", "pull", "tiny", "--json")
    assert (answer.code, answer.fault) == (2, "wrong-checksum")
    assert "not the published file" in answer.err
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file()]


@pytest.mark.parametrize("missing", ["file", "folder"])
def test_neither_mirror_nor_publisher_is_said_plainly(lintel: Lintel, mirror: Path, missing: str) -> None:
    if missing == "file":
        (mirror / "tiny" / "tiny.bin").unlink()
    else:
        mirror.rename(mirror.with_name("elsewhere"))
    answer = lintel("data", "pull", "tiny", "--json")
    assert (answer.code, answer.fault) == (5, "unavailable")
    assert "127.0.0.1" in answer.err
    assert "LINTEL_DATA_MIRROR" in answer.err


def test_the_list_names_size_digest_and_citation(lintel: Lintel, mirror: Path) -> None:
    listed = {one["name"]: one for one in lintel("data", "list", "--json").value["datasets"]}
    assert listed["bpic2012"]["md5"] == "74c7ba9aba85bfcb181a22c9d565e5b5"
    assert listed["tiny"]["bytes"] == len(CONTENT)
    assert all(one["citation"] for one in listed.values())
