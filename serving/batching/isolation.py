"""Finding the rows that make a batch fail, so that the others are answered."""

from serving.batching.batch import Batch, Isolation
from serving.batching.item import Place, wanted
from serving.batching.turns import Turns


class Suspects:
    """Parts of batches that failed: halves of halves, computed depth first.

    A poisoned row costs at most 2 log2 n further batches. With fewer than `GIVE_UP_AFTER` of them in a batch every
    other row is answered. After so many single rows failed without a success in between, what is left of the batch
    (at most log2 n parts) is no longer divided until one of its parts succeeds: when everything fails, that makes
    about 2 x `GIVE_UP_AFTER` + 2 log2 n batches instead of 2 n.

    They go before rows of their own class; while more urgent ones wait they get a share of the compute time.
    """

    def __init__(self, share: float) -> None:
        self._parts: list[Batch] = []
        self._turns = Turns(share)

    def __bool__(self) -> bool:
        return bool(self._parts)

    def divide(self, batch: Batch) -> None:
        """A batch of several rows failed: its halves are to be computed, of the rows that somebody still wants."""
        rows, isolation = wanted(batch.rows), batch.isolation or Isolation()
        for row in rows:
            row.place = Place.SUSPECT
        middle = (len(rows) + 1) // 2
        halves = (rows[middle:], rows[:middle])  # the first half last, as they are taken from the end
        self._parts.extend(Batch(batch.key, half, batch.taken_at, isolation) for half in halves if half)

    def go_before(self, level: int) -> bool:
        """Whether it is their turn though rows of a class wait."""
        return self._parts[-1].urgency <= level or self._turns.due

    def take(self, now: float) -> Batch | None:
        """The next part that somebody still wants."""
        while self._parts:
            part = self._parts.pop()
            rows = wanted(part.rows)
            if rows:
                return Batch(part.key, rows, now, part.isolation)
        return None

    def took(self, seconds: float) -> None:
        self._turns.took(seconds)

    def stood_back(self, seconds: float) -> None:
        self._turns.stood_back(seconds)

    def clear(self) -> None:
        self._parts.clear()
