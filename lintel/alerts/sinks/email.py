"""Alerts by e-mail: plain text with an HTML alternative, over STARTTLS where the server offers it."""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from threading import Timer
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from lintel.alerts.message import Message, plain_text, shortened
from lintel.alerts.sinks.posting import cut_off
from lintel.alerts.sinks.sink import DeliveryError
from lintel.errors import InputError

_MOST_SUBJECT = 200


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed in. A password is sent over TLS only."""

    host: str
    port: int
    user: str = ""
    password: SecretStr = field(default_factory=lambda: SecretStr(""))


@dataclass(frozen=True)
class EmailSink:
    """Mails the message to all recipients at once. `now` is the wall clock; `seconds` bound a whole attempt.

    `Message-ID` is the message's key: mailboxes show a repetition once.
    """

    server: MailServer
    sender: str
    recipients: tuple[str, ...]
    now: Callable[[], datetime]
    seconds: float = 10.0
    trust: ssl.SSLContext | None = field(default=None, repr=False)
    name: str = "email"

    def send(self, message: Message) -> None:
        try:
            self._hand_in(self._mail(message))
        except smtplib.SMTPRecipientsRefused as error:
            permanent = all(code >= 500 for code, _ in error.recipients.values())
            raise DeliveryError(self.name, "all recipients were refused", permanent=permanent) from None
        except smtplib.SMTPResponseException as error:
            code = error.smtp_code
            raise DeliveryError(self.name, f"SMTP {code}", permanent=code >= 500) from None
        except TimeoutError:
            raise DeliveryError(self.name, "no answer in time") from None
        except (OSError, smtplib.SMTPException):
            raise DeliveryError(self.name, "the connection broke") from None

    def _hand_in(self, mail: EmailMessage) -> None:
        with smtplib.SMTP(timeout=self.seconds) as client, _ended(client, self.seconds):
            client._host = self.server.host  # type: ignore[attr-defined]  # else TLS does not know whom it talks to
            client.connect(self.server.host, self.server.port)
            client.ehlo()
            if client.has_extn("starttls"):
                client.starttls(context=self.trust or ssl.create_default_context())
                client.ehlo()
            elif self.server.user:
                raise DeliveryError(self.name, "the server offers no TLS for the password", permanent=True)
            if self.server.user:
                client.login(self.server.user, self.server.password.get_secret_value())
            client.send_message(mail, self.sender, self.recipients)

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = shortened(" ".join(message.title.split()), _MOST_SUBJECT)
        mail["From"], mail["To"] = self.sender, ", ".join(self.recipients)
        mail["Date"] = format_datetime(self.now())
        mail["Message-ID"] = f"<{message.key}@lintel>"
        mail["Auto-Submitted"] = "auto-generated"
        text = plain_text(message)
        mail.set_content(text)
        mail.add_alternative(_html(message), subtype="html")
        return mail


def mail_server(url: str) -> MailServer:
    """From `smtp://USER:PASSWORD@HOST:PORT`. Raises InputError, without the address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme != "smtp" or not host or parts.path not in ("", "/"):
        raise InputError("LINTEL_ALERT_SMTP_URL is no address of a mail server.", mend="smtp://USER:PASSWORD@HOST:587")
    return MailServer(host, port or 25, unquote(parts.username or ""), SecretStr(unquote(parts.password or "")))


def _html(message: Message) -> str:
    rows = "".join(
        f"<tr><td>{escape(one.tenant)}</td><td>{escape(one.key)}</td><td>{escape(one.summary)}</td>"
        f"<td>{one.count}</td><td>{escape(one.first_at)}</td><td>{escape(one.alert_id)}</td></tr>"
        for one in message.entries
    )
    names = "".join(f"<th align=left>{name}</th>" for name in ("tenant", "of", "what", "times", "since", "alert"))
    return (
        f"<h3>{escape(message.title)}</h3><table cellpadding=4><tr>{names}</tr>{rows}</table>"
        f"<p>Owner: {escape(message.owner)}<br>Runbook: {escape(message.runbook)}</p>"
    )


@contextmanager
def _ended(client: smtplib.SMTP, seconds: float) -> Iterator[None]:
    """Cut the connection when the time is over, however slowly the server talks."""
    cut = Timer(seconds, lambda: cut_off(client.sock))
    cut.daemon = True
    cut.start()
    try:
        yield
    finally:
        cut.cancel()
