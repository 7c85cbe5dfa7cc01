"""Pulling a data set from a mirror folder and from a publisher (a server on the loopback interface)."""

import gzip
import io
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from errno import ENOSPC
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lintel.errors import ChecksumError, NotFoundError, StorageFullError, UnavailableError
from lintel.sources.datasets import BPIC2012, DataSet, fetch, pull

PAYLOAD = gzip.compress(bytes(range(256)) * 2_000, mtime=0) * 300  # some chunks


def digest(content: bytes) -> str:
    return md5(content, usedforsecurity=False).hexdigest()


@dataclass
class Publisher:
    """What the server answers; `requests` are the paths that it was asked for."""

    body: bytes = PAYLOAD
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    announced: int | None = None
    requests: list[str] = field(default_factory=list)
    port: int = 0


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    answer = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer.requests.append(self.path)
            self.send_response(answer.status)
            self.send_header("Content-Length", str(answer.announced or len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):  # the client hangs up on a file that is too long
                self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Keeps the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        answer.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield answer
        server.shutdown()
        thread.join()


@pytest.fixture
def data_set(publisher: Publisher) -> DataSet:
    return DataSet(
        name="small",
        file_name="log.xes.gz",
        url=f"http://127.0.0.1:{publisher.port}/file/1",
        size=len(PAYLOAD),
        md5=digest(PAYLOAD),
        citation="nobody (2026)",
        terms="none",
    )


@pytest.fixture
def nobody(data_set: DataSet) -> DataSet:
    """The data set at an address where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return replace(data_set, url=f"http://127.0.0.1:{taken.getsockname()[1]}/file")


def put(mirror: Path, content: bytes) -> Path:
    (mirror / "small").mkdir(parents=True)
    (mirror / "small/log.xes.gz").write_bytes(content)
    return mirror


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


class TestMirror:
    def test_it_is_asked_first(self, tmp_path, publisher, data_set):
        path = fetch(data_set, mirror=put(tmp_path / "mirror", PAYLOAD), into=tmp_path / "data")
        assert path == tmp_path / "data/small/log.xes.gz"
        assert path.read_bytes() == PAYLOAD
        assert files(tmp_path / "data") == ["small/log.xes.gz"]
        assert publisher.requests == []

    @pytest.mark.parametrize(
        ("content", "found"),
        [
            (PAYLOAD[:-1], f"found {len(PAYLOAD) - 1} bytes with MD5 {digest(PAYLOAD[:-1])}"),
            (PAYLOAD + b"x", f"found more than {len(PAYLOAD)} bytes"),
            (b"y" + PAYLOAD[1:], f"found {len(PAYLOAD)} bytes with MD5 {digest(b'y' + PAYLOAD[1:])}"),
        ],
    )
    def test_another_file_is_refused_and_nothing_is_left(self, tmp_path, publisher, data_set, content, found):
        with pytest.raises(ChecksumError) as caught:
            fetch(data_set, mirror=put(tmp_path / "mirror", content), into=tmp_path / "data")
        assert f"expected {data_set.size} bytes with MD5 {data_set.md5}, {found}." in str(caught.value)
        assert files(tmp_path / "data") == []
        assert publisher.requests == []

    def test_without_the_file_the_publisher_is_asked(self, tmp_path, publisher, data_set):
        assert fetch(data_set, mirror=tmp_path, into=tmp_path / "data").read_bytes() == PAYLOAD
        assert publisher.requests == ["/file/1"]


class TestPublisher:
    def test_the_file_arrives_with_progress(self, tmp_path, data_set):
        done = []
        path = fetch(data_set, mirror=None, into=tmp_path, progress=done.append)
        assert path.read_bytes() == PAYLOAD
        assert files(tmp_path) == ["small/log.xes.gz"]
        assert len(done) > 1
        assert sum(done) == len(PAYLOAD)

    def test_what_is_there_is_not_fetched_again(self, tmp_path, publisher, data_set):
        fetch(data_set, mirror=None, into=tmp_path)
        fetch(data_set, mirror=None, into=tmp_path)
        assert len(publisher.requests) == 1

    def test_what_is_there_but_damaged_is_replaced(self, tmp_path, publisher, data_set):
        put(tmp_path, b"z" + PAYLOAD[1:])
        assert fetch(data_set, mirror=None, into=tmp_path).read_bytes() == PAYLOAD

    def test_a_failure_leaves_what_was_there(self, tmp_path, publisher, data_set):
        publisher.status = 500
        put(tmp_path, b"damaged")
        with pytest.raises(UnavailableError):
            fetch(data_set, mirror=None, into=tmp_path)
        assert (tmp_path / "small/log.xes.gz").read_bytes() == b"damaged"

    def test_a_gzip_file_that_the_server_calls_encoded_is_not_unpacked(self, tmp_path, publisher, data_set):
        publisher.headers = {"Content-Encoding": "gzip"}
        assert fetch(data_set, mirror=None, into=tmp_path).read_bytes() == PAYLOAD

    @pytest.mark.parametrize("content", [PAYLOAD[:-1], PAYLOAD + b"x", b"<html>moved</html>"])
    def test_another_file_is_refused_and_nothing_is_left(self, tmp_path, publisher, data_set, content):
        publisher.body = content
        with pytest.raises(ChecksumError, match=f"expected {data_set.size} bytes with MD5 {data_set.md5}, found"):
            fetch(data_set, mirror=None, into=tmp_path)
        assert files(tmp_path) == []

    def test_a_broken_connection(self, tmp_path, publisher, data_set):
        publisher.body, publisher.announced = PAYLOAD[:100_000], len(PAYLOAD)
        with pytest.raises(UnavailableError, match=r"could not be read .*RemoteProtocolError"):
            fetch(data_set, mirror=None, into=tmp_path)
        assert files(tmp_path) == []

    def test_not_found(self, tmp_path, publisher, data_set):
        publisher.status = 404
        with pytest.raises(UnavailableError, match=r"/file/1 answered 404"):
            fetch(data_set, mirror=None, into=tmp_path)
        assert files(tmp_path) == []

    def test_neither_can_be_reached(self, tmp_path, nobody):
        with pytest.raises(UnavailableError) as caught:
            fetch(nobody, mirror=tmp_path / "mirror", into=tmp_path / "data")
        told = str(caught.value)
        assert f"there is no {tmp_path}/mirror/small/log.xes.gz" in told
        assert f"{nobody.url} could not be read (ConnectError" in told
        assert "Set LINTEL_DATA_MIRROR to a folder that holds small/log.xes.gz" in told
        assert "go on with the simulator" in told
        assert files(tmp_path) == []

    def test_without_a_mirror_the_answer_says_so(self, tmp_path, nobody):
        with pytest.raises(UnavailableError, match="no mirror folder is set; "):
            fetch(nobody, mirror=None, into=tmp_path)


class FullDisk(io.FileIO):
    def write(self, _content: object) -> int:
        raise OSError(ENOSPC, "No space left on device")


def test_a_full_disk_leaves_nothing(tmp_path, data_set, monkeypatch):
    part = tmp_path / "small/log.xes.gz.part"
    monkeypatch.setattr("lintel.sources.datasets.NamedTemporaryFile", lambda **_: FullDisk(part, "wb"))
    with pytest.raises(StorageFullError, match=r"is full; nothing was kept"):
        fetch(data_set, mirror=None, into=tmp_path)
    assert files(tmp_path) == []


def test_a_folder_that_cannot_be_written(tmp_path, data_set):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(UnavailableError, match="cannot be written"):
        fetch(data_set, mirror=None, into=tmp_path / "data")


def test_an_unknown_name(tmp_path):
    with pytest.raises(NotFoundError, match=r"'bpic2013' is not a data set that Lintel knows. It knows: bpic2012"):
        pull("bpic2013", mirror=None, into=tmp_path)


def test_the_published_log_is_the_one_that_is_registered(tmp_path, published):
    path = pull("bpic2012", mirror=published, into=tmp_path)
    assert path.stat().st_size == BPIC2012.size == 3_342_406
    assert BPIC2012.md5 == "74c7ba9aba85bfcb181a22c9d565e5b5"
    assert "10.4121/uuid:3926db30-f712-4394-aebc-75976070e91f" in BPIC2012.citation
    assert BPIC2012.url.startswith("https://data.4tu.nl/")
