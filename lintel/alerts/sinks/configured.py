"""The sinks that the settings name, by name; the log is always one."""

from collections.abc import Callable
from datetime import datetime

from lintel.alerts.sinks.email import EmailSink, mail_server
from lintel.alerts.sinks.log import LogSink
from lintel.alerts.sinks.receiver import receiver_of
from lintel.alerts.sinks.sink import Sink
from lintel.alerts.sinks.slack import SlackSink
from lintel.alerts.sinks.webhook import WebhookSink
from lintel.errors import InputError
from lintel.settings import Settings


def sinks_of(settings: Settings, now: Callable[[], datetime]) -> dict[str, Sink]:
    """All configured sinks. `now` is the wall clock. Raises InputError for an address that may not be used."""
    found: list[Sink] = [LogSink()]
    if settings.alert_webhook_url is not None:
        url = settings.alert_webhook_url.get_secret_value()
        receiver = receiver_of(url, "webhook", settings.alert_private_hosts)
        found.append(WebhookSink(receiver, settings.alert_webhook_secret, now))
    if settings.alert_slack_url is not None:
        url = settings.alert_slack_url.get_secret_value()
        found.append(SlackSink(receiver_of(url, "slack", settings.alert_private_hosts)))
    if settings.alert_smtp_url is not None:
        found.append(_email(settings, settings.alert_smtp_url.get_secret_value(), now))
    return {sink.name: sink for sink in found}


def _email(settings: Settings, url: str, now: Callable[[], datetime]) -> EmailSink:
    if not settings.alert_email_from or not settings.alert_email_to:
        raise InputError("Alerts by e-mail need a sender and recipients.", mend="Set LINTEL_ALERT_EMAIL_FROM and _TO.")
    return EmailSink(mail_server(url), settings.alert_email_from, settings.alert_email_to, now)
