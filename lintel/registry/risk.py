"""Risk classes of scopes: how much a wrong model may cost."""

from enum import StrEnum


class Risk(StrEnum):
    """What a wrong model of a scope may cost."""

    STANDARD = "standard"
    """Approved by the gates where all pass; a person decides where a soft one does not."""
    HIGH = "high"
    """Always decided by a person who neither trained nor registered it."""
