"""Against a real local server that speaks the Messages API as documented."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from lintel.errors import UnavailableError
from lintel.language.claude import Claude

ANSWER = {"content": [{"type": "text", "text": "Well."}, {"type": "tool_use", "name": "answer", "input": {"a": 1}}]}


class Api:
    """Answers by turns; keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self.asked: list[tuple[dict[str, str], Any]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                api.asked.append(({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}}, body))
                status, content = api.answers.pop(0)
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    thread = Thread(target=api.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield api
    api.server.shutdown()
    thread.join()
    api.server.server_close()


def claude(api: Api) -> Claude:
    return Claude("sk-secret", "claude-x", api.address, timeout_seconds=5)


def test_it_asks_for_a_form_and_gives_the_answer(api: Api) -> None:
    api.answers = [(200, json.dumps(ANSWER).encode())]
    assert claude(api).ask("Sum up.", "0 lead: hello", {"type": "object"}) == {"a": 1}
    headers, body = api.asked[0]
    assert (headers["path"], headers["x-api-key"], headers["anthropic-version"]) == (
        "/v1/messages",
        "sk-secret",
        "2023-06-01",
    )
    assert body["tool_choice"] == {"type": "tool", "name": "answer"}
    assert body["messages"] == [{"role": "user", "content": "0 lead: hello"}]
    assert body["tools"][0]["input_schema"] == {"type": "object"}


def test_a_passing_failure_is_tried_once_more(api: Api) -> None:
    api.answers = [(529, b"{}"), (200, json.dumps(ANSWER).encode())]
    assert claude(api).ask("", "", {}) == {"a": 1}


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([(401, b"{}")], 1),
        ([(500, b"{}"), (500, b"{}")], 2),
        ([(200, b"not json"), (200, b"not json")], 2),
        ([(200, b'{"content": [{"type": "text", "text": "no"}]}')], 1),
        ([(200, b'["x"]')], 1),
    ],
)
def test_what_is_no_answer_is_unavailable_and_names_no_secret(api: Api, answers: list[Any], asked: int) -> None:
    api.answers = answers
    with pytest.raises(UnavailableError) as raised:
        claude(api).ask("", "", {})
    assert len(api.asked) == asked
    assert "sk-secret" not in f"{raised.value}{claude(api)!r}"


def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(UnavailableError):
        Claude("k", "claude-x", "http://127.0.0.1:9", timeout_seconds=1).ask("", "", {})
