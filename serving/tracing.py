"""The trace that a request is part of (W3C Trace Context)."""

import re

_TRACEPARENT = re.compile(
    r"(?:00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
    r"|(?!00|ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?)"
)
"""Later versions may add fields; ids of zeros and version ff are none (§3.2.2)."""


def trace_id_of(traceparent: str) -> str | None:
    """The trace id of a `traceparent` header; None if it is none."""
    found = _TRACEPARENT.fullmatch(traceparent)
    return found and (found[1] or found[2])
