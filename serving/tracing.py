"""The trace that a request is part of (W3C Trace Context)."""

import re

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_NONE = "0" * 32


def trace_id_of(traceparent: str) -> str | None:
    """The trace id of a `traceparent` header; None if it is none."""
    found = _TRACEPARENT.fullmatch(traceparent)
    return found[1] if found and found[1] != _NONE else None
