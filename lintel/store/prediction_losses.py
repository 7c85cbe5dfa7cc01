"""The ledger of answers that were given and are not in the prediction log."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lintel.errors import UnavailableError
from lintel.store.manifest import write_whole
from lintel.store.segments import Loss

_NAME = "losses.json"


@dataclass(frozen=True, slots=True)
class RecordedLoss:
    """Why, how many (None: nobody can know) and between which times (UTC µs), told by one segment or of one worker.

    A worker that was killed and lost nothing is recorded too, with a count of 0.
    """

    source: str
    reason: str
    count: int | None
    first_at: int
    last_at: int

    @classmethod
    def of(cls, source: str, loss: Loss) -> "RecordedLoss":
        return cls(source, loss.reason, loss.count, loss.first_at, loss.last_at)


def read_losses(root: Path) -> list[RecordedLoss]:
    """All that are recorded, in the order in which they were. Raises UnavailableError if the ledger is broken."""
    try:
        return [RecordedLoss(**one) for one in json.loads((root / _NAME).read_text())]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError) as error:
        raise UnavailableError(f"{root / _NAME} is broken.", mend="Remove it; losses so far are forgotten.") from error


def record_losses(root: Path, found: Iterable[RecordedLoss]) -> list[RecordedLoss]:
    """Add losses of sources that are not in the ledger yet, and return them.

    A source that is there already was recorded by a run that was killed before it could remove the source.
    """
    before = read_losses(root)
    known = {loss.source for loss in before}
    new = [loss for loss in found if loss.source not in known]
    if new:
        _write(root, [*before, *new])
    return new


def forget_losses(root: Path, before: int) -> None:
    """Remove what ended before a time (UTC µs)."""
    known = read_losses(root)
    kept = [loss for loss in known if loss.last_at >= before]
    if len(kept) < len(known):
        _write(root, kept)


def _write(root: Path, losses: Sequence[RecordedLoss]) -> None:
    write_whole(root / _NAME, json.dumps([asdict(loss) for loss in losses], indent=1).encode())
