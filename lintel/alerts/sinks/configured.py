"""The sinks that the settings name, by name; the log is always one."""

from collections.abc import Callable
from datetime import datetime

from lintel.alerts.sinks.email import EmailSink, mail_server
from lintel.alerts.sinks.log import LogSink
from lintel.alerts.sinks.receiver import receiver_of
from lintel.alerts.sinks.sink import Sink
from lintel.alerts.sinks.slack import SlackSink
from lintel.alerts.sinks.unusable import UnusableSink
from lintel.alerts.sinks.webhook import WebhookSink
from lintel.errors import InputError
from lintel.settings import Settings

Clock = Callable[[], datetime]


def sinks_of(settings: Settings, now: Clock) -> dict[str, Sink]:
    """All configured sinks. `now` is the wall clock. An UnusableSink stands for each whose settings are wrong."""
    found: list[Sink] = [LogSink()]
    for name, make in _MAKERS.items():
        try:
            made = make(settings, now)
        except InputError as fault:
            made = UnusableSink(name, fault)
        found += [] if made is None else [made]
    return {sink.name: sink for sink in found}


def unusable(sinks: dict[str, Sink]) -> dict[str, InputError]:
    """What is wrong with the settings of sinks, by name."""
    return {name: sink.fault for name, sink in sinks.items() if isinstance(sink, UnusableSink)}


def _webhook(settings: Settings, now: Clock) -> Sink | None:
    if settings.alert_webhook_url is None:
        return None
    receiver = receiver_of(settings.alert_webhook_url.get_secret_value(), "webhook", settings.alert_private_hosts)
    return WebhookSink(receiver, settings.alert_webhook_secret, now)


def _slack(settings: Settings, now: Clock) -> Sink | None:  # noqa: ARG001 - as the others
    if settings.alert_slack_url is None:
        return None
    return SlackSink(receiver_of(settings.alert_slack_url.get_secret_value(), "slack", settings.alert_private_hosts))


def _email(settings: Settings, now: Clock) -> Sink | None:
    if settings.alert_smtp_url is None:
        return None
    if not settings.alert_email_from or not settings.alert_email_to:
        raise InputError("Alerts by e-mail need a sender and recipients.", mend="Set LINTEL_ALERT_EMAIL_FROM and _TO.")
    server = mail_server(settings.alert_smtp_url.get_secret_value())
    return EmailSink(server, settings.alert_email_from, settings.alert_email_to, now)


_MAKERS: dict[str, Callable[[Settings, Clock], Sink | None]] = {
    "webhook": _webhook,
    "slack": _slack,
    "email": _email,
}
