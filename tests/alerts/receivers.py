"""Receivers that alerts are really sent to: an HTTP server and an SMTP server, each in a thread of its own."""

import socketserver
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

SLOW = "slow"
"""An answer whose bytes come one by one, each well within a timeout, for ever."""
SILENT = "silent"
"""No answer at all."""
BROKEN = "broken"
"""The connection ends without an answer."""


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


class _Server:
    """A server between enter and exit; `over` tells its handlers to stop waiting."""

    server: Any

    def __enter__(self) -> Self:
        self.over = threading.Event()
        self.server.owner = self
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])


class HttpReceiver(_Server):
    """Answers with each status of `answers` in turn, then with the last; keeps what it received."""

    def __init__(self, answers: list[int | str], *, headers: dict[str, str] | None = None) -> None:
        self.answers = answers or [200]
        self.headers = headers or {}
        self.received: list[Received] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _HttpHandler)
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=s3cret"


class _HttpHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        owner: HttpReceiver = self.server.owner  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = owner.answers[min(len(owner.received), len(owner.answers) - 1)]
        owner.received.append(Received(self.path, dict(self.headers), body))
        if answer == SILENT:
            owner.over.wait(10)
        elif answer == SLOW:
            self._trickle(owner)
        elif isinstance(answer, int):
            self.send_response(answer)
            for name, value in owner.headers.items():
                self.send_header(name, value)
            self.end_headers()
        self.close_connection = True

    def _trickle(self, owner: HttpReceiver) -> None:
        try:
            self.wfile.write(b"HTTP/1.1 2")
            while not owner.over.wait(0.02):
                self.wfile.write(b"0")
        except OSError:
            return

    def log_message(self, *_: Any) -> None:
        return


@dataclass
class Mail:
    sender: str
    recipients: list[str]
    data: bytes
    encrypted: bool
    user: str


@dataclass
class MailReceiver(_Server):
    """Minimal SMTP (RFC 5321) with STARTTLS and AUTH PLAIN if there is a context.

    `refuse`: verb -> the answer that it gets instead. `silent`: never greets. `delay`: seconds before each answer.
    """

    tls: Any = None
    refuse: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    delay: float = 0.0
    mails: list[Mail] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _MailHandler)
        self.server.daemon_threads = True


class _MailHandler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.owner: MailReceiver = self.server.owner  # type: ignore[attr-defined]
        self.encrypted, self.user, self.sender, self.recipients = False, "", "", []
        if self.owner.silent:
            self.owner.over.wait(10)
            return
        try:
            self.say("220 here")
            while line := self.rfile.readline().decode().strip():
                if not self.answered(line):
                    return
        except (OSError, ValueError):
            return

    def finish(self) -> None:
        for one in (self.rfile, self.connection):
            one.close()
        with suppress(OSError):  # the other side may be gone
            self.wfile.close()

    def say(self, *lines: str) -> None:
        if self.owner.delay:
            time.sleep(self.owner.delay)
        text = [f"{line[:3]}-{line[4:]}" for line in lines[:-1]] + [lines[-1]]
        self.wfile.write("".join(f"{line}\r\n" for line in text).encode())
        self.wfile.flush()

    def answered(self, line: str) -> bool:
        verb = line.partition(" ")[0].upper()
        if verb in self.owner.refuse:
            self.say(self.owner.refuse[verb])
            return True
        getattr(self, f"on_{verb.lower()}", self.on_other)(line)
        return verb != "QUIT"

    def on_ehlo(self, line: str) -> None:
        offered = ["250 here"]
        if self.owner.tls is not None and not self.encrypted:
            offered.append("250 STARTTLS")
        if self.encrypted:
            offered.append("250 AUTH PLAIN")
        self.say(*offered, "250 8BITMIME")

    def on_starttls(self, line: str) -> None:
        self.say("220 go on")
        self.rfile.close()
        self.wfile.close()
        self.connection = self.owner.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.encrypted = True

    def on_auth(self, line: str) -> None:
        self.user = line.rpartition(" ")[2]
        self.say("235 welcome")

    def on_mail(self, line: str) -> None:
        self.sender = line
        self.say("250 fine")

    def on_rcpt(self, line: str) -> None:
        self.recipients.append(line)
        self.say("250 fine")

    def on_data(self, line: str) -> None:
        self.say("354 go on")
        lines = []
        while (got := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(got)
        self.owner.mails.append(Mail(self.sender, self.recipients, b"".join(lines), self.encrypted, self.user))
        self.say("250 kept")

    def on_quit(self, line: str) -> None:
        self.say("221 bye")

    def on_other(self, line: str) -> None:
        self.say("250 fine")
