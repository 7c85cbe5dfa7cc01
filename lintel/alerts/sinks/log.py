"""Alerts as structured lines of the process's log: the one sink that is always there."""

import json
import logging
from dataclasses import dataclass

from lintel.alerts.message import Message
from lintel.alerts.signal import Severity

LOGGER = logging.getLogger("lintel.alerts")
_LEVELS = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING, Severity.CRITICAL: logging.ERROR}


@dataclass(frozen=True, slots=True)
class LogSink:
    """One JSON object a line, at the level of the severity."""

    name: str = "log"

    def send(self, message: Message) -> None:
        level = logging.INFO if message.kind == "resolved" else _LEVELS[message.severity]
        LOGGER.log(level, "%s", json.dumps({"alert": message.to_json()}))
