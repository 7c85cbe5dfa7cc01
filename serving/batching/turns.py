"""How work of lower rank gets a share, and no more, while work of higher rank waits."""


class Turns:
    """Gives the lower rank a stated share of the compute time.

    Parameters
    ----------
    share: in (0, 1). After a turn of s seconds the lower rank stands back for s (1 - share) / share.
    """

    def __init__(self, share: float) -> None:
        self._factor = (1.0 - share) / share
        self._debt = 0.0

    @property
    def due(self) -> bool:
        return self._debt <= 0.0

    def took(self, seconds: float) -> None:
        """The lower rank had a turn."""
        self._debt = seconds * self._factor

    def stood_back(self, seconds: float) -> None:
        """The higher rank had a turn."""
        self._debt = max(0.0, self._debt - seconds)
