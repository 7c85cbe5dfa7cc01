"""How soon a request must be answered: the classes that queue, admission and metrics all go by."""

from enum import IntEnum


class Urgency(IntEnum):
    """Classes of requests, the most urgent first."""

    INTERACTIVE = 0
    """Somebody looks at a screen."""
    EVENT = 1
    """Something happened to a lead, and its score is to be renewed soon."""
    BULK = 2
    """Many leads, for a list or an export; the first to be shed."""

    @property
    def label(self) -> str:
        """As in headers and metrics."""
        return self.name.lower()
