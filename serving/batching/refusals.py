"""Why a row was not computed: each a kind of its own, so that callers can tell "ask again" from "too late"."""

from lintel.errors import LintelError


class Refusal(LintelError):  # noqa: N818  # an answer to the caller, not a fault
    """A row that got no answer, though nothing is wrong with it."""

    slug = "not-computed"
    status = 503
    exit_code = 5

    @property
    def reason(self) -> str:
        """As in metrics."""
        return self.slug


class QueueFull(Refusal):
    """The queue of a class has no room for a request; nothing of it was accepted.

    Parameters
    ----------
    retry_after_seconds: whole seconds after which there will probably be room (RFC 9110 §10.2.3).
    """

    slug = "overloaded"

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message, mend=f"Ask again in {retry_after_seconds} s.")
        self.retry_after_seconds = retry_after_seconds


class DeadlinePassed(Refusal):
    """The deadline passed before there was an answer, or there was no longer time to compute one."""

    slug = "deadline-passed"
    status = 504


class Cancelled(Refusal):
    """Whoever asked has gone."""

    slug = "cancelled"
    status = 499  # nobody is left to read it; what proxies log for a caller that hung up


class ShuttingDown(Refusal):
    """This worker stops; another one can answer."""

    slug = "shutting-down"
