"""Every sink against a real receiver: what it sends, what it says when it is not taken, and how long it takes."""

import base64
import hmac
import json
import logging
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from lintel.alerts.message import Entry, Message
from lintel.alerts.sinks.email import EmailSink, MailServer, mail_server
from lintel.alerts.sinks.log import LogSink
from lintel.alerts.sinks.posting import Patience
from lintel.alerts.sinks.receiver import receiver_of
from lintel.alerts.sinks.sink import DeliveryError, Sink
from lintel.alerts.sinks.slack import SlackSink
from lintel.alerts.sinks.webhook import WebhookSink, signature
from lintel.errors import InputError
from tests.alerts.conftest import NOW
from tests.alerts.receivers import BROKEN, SILENT, SLOW, HttpReceiver

SECONDS = 0.3
NETWORKED = ("webhook", "slack", "email")
Make = Callable[..., Message]


@dataclass
class Bench:
    """A sink and the receiver that it talks to; `bodies` are the texts that arrived."""

    sink: Sink
    receiver: Any

    @property
    def bodies(self) -> list[str]:
        if isinstance(self.receiver, HttpReceiver):
            return [one.body.decode() for one in self.receiver.received]
        if self.receiver is None:
            return []
        mails = [message_from_bytes(one.data, policy=policy.default) for one in self.receiver.mails]
        return [mail.get_body(("plain",)).get_content() for mail in mails]  # type: ignore[union-attr, attr-defined]


def patience(pauses: list[float] | None = None) -> Patience:
    kept = [] if pauses is None else pauses
    return Patience(seconds=SECONDS, attempts=3, pause_seconds=0.5, pause=kept.append, chance=random.Random(7))


@pytest.fixture
def bench(http_receiver: Callable[..., HttpReceiver], mail_receiver: Callable[..., Any]) -> Callable[..., Bench]:
    """A sink by name. `fault` is what its receiver does: an HTTP status, SILENT, SLOW or BROKEN."""

    def make(name: str, fault: int | str = 200) -> Bench:
        if name == "log":
            return Bench(LogSink(), None)
        if name == "email":
            options = {
                200: {},
                SILENT: {"silent": True},
                SLOW: {"delay": 0.1},
                BROKEN: {"refuse": {"MAIL": "421 going away"}},
                503: {"refuse": {"RCPT": "451 later"}},
                400: {"refuse": {"RCPT": "550 nobody"}},
            }[fault]
            mails = mail_receiver(**options)
            server = MailServer("127.0.0.1", mails.port)
            return Bench(EmailSink(server, "lintel@here.example", ("ops@here.example",), lambda: NOW, SECONDS), mails)
        http = http_receiver(fault)
        receiver = receiver_of(http.url, name, ["127.0.0.1"])
        if name == "slack":
            return Bench(SlackSink(receiver, patience()), http)
        return Bench(WebhookSink(receiver, SecretStr("quiet"), lambda: NOW, patience()), http)

    return make


@pytest.mark.parametrize("name", [*NETWORKED, "log"])
def test_a_message_is_taken(name: str, bench: Callable[..., Bench], message: Make) -> None:
    made = bench(name)
    made.sink.send(message())
    assert made.sink.name == name
    assert all("3 of 150 columns drifted." in body for body in made.bodies)
    assert len(made.bodies) == (name != "log")


@pytest.mark.parametrize("name", NETWORKED)
@pytest.mark.parametrize(("fault", "permanent"), [(503, False), (400, True), (SILENT, False), (SLOW, False)])
def test_what_is_not_taken_is_told_in_bounded_time(
    name: str, fault: int | str, permanent: bool, bench: Callable[..., Bench], message: Make
) -> None:
    made = bench(name, fault)
    began = time.monotonic()
    with pytest.raises(DeliveryError) as told:
        made.sink.send(message())
    assert told.value.permanent is permanent
    assert time.monotonic() - began < 3 * SECONDS + 3  # of a machine that does other things, too
    assert "s3cret" not in str(told.value)
    assert "127.0.0.1" not in str(told.value)


@pytest.mark.parametrize("name", NETWORKED)
def test_a_connection_that_breaks_is_worth_another_try(name: str, bench: Callable[..., Bench], message: Make) -> None:
    with pytest.raises(DeliveryError) as told:
        bench(name, BROKEN).sink.send(message())
    assert not told.value.permanent


@pytest.mark.parametrize("name", NETWORKED)
def test_nobody_there_is_worth_another_try(name: str, bench: Callable[..., Bench], message: Make) -> None:
    made = bench(name)
    made.receiver.__exit__(None, None, None)
    with pytest.raises(DeliveryError) as told:
        made.sink.send(message())
    assert not told.value.permanent
    made.receiver.__exit__ = lambda *_: None


@pytest.mark.parametrize("name", [*NETWORKED, "log"])
def test_any_text_of_any_size_arrives(name: str, bench: Callable[..., Bench], message: Make) -> None:
    texts = ("naïve ☃ 測試 \U0001f600", "<script>&amp;\r\nSubject: forged", "x" * 100_000, "\x00\x1b[31m", "&" * 5_000)
    entries = [Entry(f"a{i}", f"t{i}", "k<&>", text, 1, NOW.isoformat()) for i, text in enumerate(texts)]
    made = bench(name)
    made.sink.send(message(*entries, rule="drift\r\nBcc: other@else.example"))
    assert len(made.bodies) == (name != "log")
    assert all("☃ 測試" in body or "\\u2603" in body for body in made.bodies)


# webhook


def test_each_attempt_is_signed_and_has_the_same_key(http_receiver: Callable[..., HttpReceiver], message: Make) -> None:
    http, pauses = http_receiver(500, 503, 200), []
    sink = WebhookSink(
        receiver_of(http.url, "webhook", ["127.0.0.1"]), SecretStr("quiet"), lambda: NOW, patience(pauses)
    )
    sink.send(message(key="k9"))
    assert len(http.received) == 3
    for one in http.received:
        assert one.headers["Idempotency-Key"] == "k9"
        assert one.headers["Lintel-Signature"] == signature("quiet", one.headers["Lintel-Timestamp"], one.body)
        assert one.headers["Lintel-Timestamp"] == str(int(NOW.timestamp()))
        assert one.path == "/hook?token=s3cret"
    assert json.loads(http.received[0].body)["entries"][0]["tenant"] == "acme"
    assert len(pauses) == 2
    assert 0 <= pauses[0] <= 0.5
    assert 0 <= pauses[1] <= 1.0


def test_a_signature_is_over_time_and_body() -> None:
    made = signature("secret", "1700000000", b"{}")
    assert made == "v1=" + hmac.digest(b"secret", b"1700000000.{}", "sha256").hex()
    assert made != signature("secret", "1700000001", b"{}")
    assert made != signature("other", "1700000000", b"{}")
    assert made != signature("secret", "1700000000", b"[]")


@pytest.mark.parametrize(
    ("status", "attempts", "permanent"), [(400, 1, True), (404, 1, True), (429, 1, False), (503, 3, False)]
)
def test_only_what_may_pass_is_tried_again(
    status: int, attempts: int, permanent: bool, bench: Callable[..., Bench], message: Make
) -> None:
    made = bench("webhook", status)
    with pytest.raises(DeliveryError, match=f"HTTP {status}") as told:
        made.sink.send(message())
    assert (len(made.receiver.received), told.value.permanent) == (attempts, permanent)


def test_a_redirect_is_not_followed(http_receiver: Callable[..., HttpReceiver], message: Make) -> None:
    elsewhere = http_receiver(200)
    http = http_receiver(302, headers={"Location": elsewhere.url})
    sink = WebhookSink(receiver_of(http.url, "webhook", ["127.0.0.1"]), None, lambda: NOW, patience())
    with pytest.raises(DeliveryError, match="HTTP 302") as told:
        sink.send(message())
    assert told.value.permanent
    assert elsewhere.received == []
    assert "Lintel-Signature" not in http.received[0].headers


# whom may be asked


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example/hook",
        "ftp://crm.example/x",
        "https://user:s3cret@crm.example/x",
        "https:///s3cret",
        "https://[s3cret",
        "s3cret",
        "https://crm.example:99999/s3cret",
    ],
)
def test_addresses_that_may_not_be_used_are_refused_without_being_shown(url: str) -> None:
    with pytest.raises(InputError) as told:
        receiver_of(url, "webhook", ["127.0.0.1"])
    assert "s3cret" not in str(told.value)
    assert "crm.example" not in str(told.value)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.7",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.0.0.7",
        "2002:0a00:0007::1",
        "::",
    ],
)
def test_a_host_with_a_private_address_is_not_connected_to(
    address: str, monkeypatch: pytest.MonkeyPatch, message: Make
) -> None:
    connected: list[Any] = []
    found = [(2, 1, 6, "", ("93.184.215.14", 443)), (2, 1, 6, "", (address, 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr("socket.create_connection", lambda *args, **_: connected.append(args))
    with pytest.raises(DeliveryError, match="private address") as told:
        SlackSink(receiver_of("https://hooks.example/s3cret", "slack", []), patience()).send(message())
    assert told.value.permanent
    assert connected == []


def test_the_address_that_was_looked_at_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch, message: Make) -> None:
    """A name that means something else the second time it is resolved helps nobody."""
    answers = iter(["93.184.215.14", "127.0.0.1"])
    connected: list[Any] = []

    def connect(place: Any, **_: Any) -> None:
        connected.append(place)
        raise OSError

    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", (next(answers), 443))])
    monkeypatch.setattr("socket.create_connection", connect)
    sink = SlackSink(receiver_of("https://hooks.example/s3cret", "slack", []), Patience(attempts=1))
    with pytest.raises(DeliveryError):
        sink.send(message())
    assert connected == [("93.184.215.14", 443)]


def test_a_listed_host_is_spoken_to_and_others_are_not(
    http_receiver: Callable[..., HttpReceiver], message: Make
) -> None:
    http = http_receiver(200)
    WebhookSink(receiver_of(http.url, "webhook", ["127.0.0.1"]), None, lambda: NOW, patience()).send(message())
    assert len(http.received) == 1
    with pytest.raises(InputError):
        receiver_of(http.url, "webhook", ["127.0.0.2"])


# slack


def test_slack_gets_blocks_in_which_nothing_mentions_or_links(bench: Callable[..., Bench], message: Make) -> None:
    made = bench("slack")
    entries = [Entry(f"a{i}", f"t{i:02}", "", "<!channel> & <http://x|y>" * 500, 1, NOW.isoformat()) for i in range(60)]
    made.sink.send(message(*entries))
    sent = json.loads(made.bodies[0])
    assert len(sent["blocks"]) <= 50
    assert len(sent["blocks"][0]["text"]["text"]) <= 150
    for block in sent["blocks"][1:-1]:
        assert len(block["text"]["text"]) <= 3_000
        assert "<" not in block["text"]["text"]
        assert "&lt;!channel" in block["text"]["text"] or "40 more" in block["text"]["text"]
    assert "k1" in sent["blocks"][-1]["elements"][0]["text"]


# e-mail


def test_a_mail_has_two_forms_and_a_key_and_no_forged_header(bench: Callable[..., Bench], message: Make) -> None:
    made = bench("email")
    made.sink.send(message(Entry("a1", "acme", "", "<b>1 < 2</b>", 1, NOW.isoformat()), rule="x\r\nBcc: a@b.example"))
    mail: Any = message_from_bytes(made.receiver.mails[0].data, policy=policy.default)
    assert mail["Message-ID"] == "<k1@lintel>"
    assert mail["Bcc"] is None
    assert "&lt;b&gt;1 &lt; 2" in mail.get_body(("html",)).get_content()
    assert "<b>1 < 2</b>" in mail.get_body(("plain",)).get_content()
    assert made.receiver.mails[0].recipients == ["rcpt TO:<ops@here.example>"]


def test_a_password_is_not_sent_in_the_clear(mail_receiver: Callable[..., Any], message: Make) -> None:
    mails = mail_receiver()
    server = mail_server(f"smtp://me:s3cret@127.0.0.1:{mails.port}")
    sink = EmailSink(server, "a@here.example", ("b@here.example",), lambda: NOW, SECONDS)
    with pytest.raises(DeliveryError, match="no TLS") as told:
        sink.send(message())
    assert told.value.permanent
    assert "s3cret" not in repr(sink) + str(told.value)
    assert mails.mails == []


@pytest.mark.parametrize("url", ["http://s3cret", "smtp://", "s3cret", "smtp://h:x/s3cret", "smtp://h/s3cret"])
def test_wrong_mail_servers_are_refused_without_being_shown(url: str) -> None:
    with pytest.raises(InputError) as told:
        mail_server(url)
    assert "s3cret" not in str(told.value)


# log


def test_the_log_has_one_json_object_a_line(caplog: pytest.LogCaptureFixture, message: Make) -> None:
    with caplog.at_level(logging.INFO, logger="lintel.alerts"):
        LogSink().send(message(Entry("a1", "acme", "", "two\nlines", 1, NOW.isoformat())))
    (record,) = caplog.records
    assert "\n" not in record.getMessage()
    assert json.loads(record.getMessage())["alert"]["rule"] == "drift"
    assert record.levelno == logging.WARNING


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of `localhost`, signed by nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_https_is_spoken_to_whom_the_certificate_names(
    http_receiver: Callable[..., HttpReceiver],
    certificate: Path,
    message: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    http = http_receiver(200)
    http.server.socket = serving(certificate).wrap_socket(http.server.socket, server_side=True)
    trusting = ssl.create_default_context(cafile=str(certificate))
    sinks = {
        host: WebhookSink(
            receiver_of(f"https://{host}:{http.port}/x", "webhook", [host]), None, lambda: NOW, Patience(2.0, 1)
        )
        for host in ("localhost", "127.0.0.1")
    }
    with pytest.raises(DeliveryError, match="certificate is not valid"):
        sinks["localhost"].send(message())
    monkeypatch.setattr("ssl.create_default_context", lambda: trusting)
    sinks["localhost"].send(message())
    with pytest.raises(DeliveryError, match="certificate is not valid"):
        sinks["127.0.0.1"].send(message())
    assert len(http.received) == 1


def test_mail_goes_encrypted_and_with_its_password_where_tls_is_offered(
    mail_receiver: Callable[..., Any], certificate: Path, message: Make
) -> None:
    mails = mail_receiver(tls=serving(certificate))
    server = mail_server(f"smtp://me:s3cret@localhost:{mails.port}")
    trust = ssl.create_default_context(cafile=str(certificate))
    told: dict[str, Any] = {"seconds": 5.0, "trust": trust}
    EmailSink(server, "a@here.example", ("b@here.example",), lambda: NOW, **told).send(message())
    (mail,) = mails.mails
    assert mail.encrypted
    assert base64.b64decode(mail.user) == b"\0me\0s3cret"


def test_mail_is_not_handed_to_whom_the_certificate_does_not_name(
    mail_receiver: Callable[..., Any], certificate: Path, message: Make
) -> None:
    mails = mail_receiver(tls=serving(certificate))
    sink = EmailSink(MailServer("localhost", mails.port), "a@here.example", ("b@here.example",), lambda: NOW, 5.0)
    with pytest.raises(DeliveryError):
        sink.send(message())
    assert mails.mails == []
