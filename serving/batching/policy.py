"""The numbers that a worker's batches go by."""

from dataclasses import dataclass
from typing import NamedTuple


class ByClass(NamedTuple):
    """One number for each class, indexed by `Urgency`."""

    interactive: float
    event: float
    bulk: float


_BOUND_ROWS = ByClass(2_000, 4_000, 4_000)
_AGEING_SECONDS = ByClass(1.0, 2.0, 5.0)
_QUANTUM_SECONDS = ByClass(0.025, 0.02, 0.012)


@dataclass(frozen=True, slots=True)
class BatchingPolicy:
    """Bounds, ageing and time quanta.

    Parameters
    ----------
    bound_rows: rows of a class accepted and not yet answered; more are refused. A bound for each class, so that bulk
        never takes the room of interactive rows.
    ageing_seconds: a row that has waited so long in a class is promoted by one.
    aged_share: of the compute time while fresh rows of the same class wait, the part that promoted ones may take.
    quantum_seconds: the longest batch, as predicted, that rows of a class may make; what a more urgent row has to
        wait for that comes just after it was taken. As many rows as are efficient are always taken.
    quiet_quantum_seconds: the longest batch of rows less urgent than interactive while nothing more urgent has come for
        `quiet_seconds`: then nobody waits for it to end, and large batches get more done.
    max_rows: the largest batch.
    lookback_seconds: of the drain rate.
    """

    bound_rows: ByClass = _BOUND_ROWS
    ageing_seconds: ByClass = _AGEING_SECONDS
    aged_share: float = 0.2
    quantum_seconds: ByClass = _QUANTUM_SECONDS
    quiet_quantum_seconds: float = 0.05
    quiet_seconds: float = 1.0
    max_rows: int = 256
    lookback_seconds: float = 10.0
