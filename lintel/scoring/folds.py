"""Out-of-time folds: learn on the oldest points, calibrate on later ones, judge on the newest, with embargoes."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.labels.outcomes import Status

Int64 = NDArray[np.int64]
Mask = NDArray[np.bool_]

TEST_SHARE = 0.15
"""Of the time between the first and the last mature point."""
CALIBRATION_SHARE = 0.2
"""Of the time that the test fold and the two embargoes leave."""


class Fold(IntEnum):
    NONE = -1
    """In no fold: not asked, censored, or a label that was not known before its border."""
    TRAIN = 0
    CALIBRATION = 1
    TEST = 2


@dataclass(frozen=True, slots=True)
class Folds:
    """The fold of each of p points for one dimension.

    Train: known before `calibration_from`. Calibration: asked from then on, known before `test_from`. Test: asked from
    then on, and mature. `unseen` marks test points of leads that were not asked about before `test_from`.
    """

    fold: NDArray[np.int8]  # (p,) Fold
    unseen: Mask  # (p,)
    calibration_from: int  # UTC µs
    test_from: int  # UTC µs

    def rows(self, fold: Fold) -> NDArray[np.intp]:
        """The points of one fold, ascending."""
        return np.flatnonzero(self.fold == fold)

    def judged_from(self, moment: int, dimension: str, as_of: Int64, status: NDArray[np.int8]) -> "Folds":
        """With a test fold that begins no earlier than `moment` (UTC µs). Raises InputError if too little is left."""
        if moment <= self.test_from:
            return self
        early = (self.fold == Fold.TEST) & (as_of < moment)
        fold = np.where(early, Fold.NONE, self.fold).astype(np.int8)
        _check_classes(dimension, Fold.TEST, status[fold == Fold.TEST])
        return Folds(fold, self.unseen & ~early, self.calibration_from, moment)


def split(
    dimension: str,
    lead: NDArray[np.int32],
    as_of: Int64,
    status: NDArray[np.int8],
    known_from: Int64,
    *,
    test_share: float = TEST_SHARE,
    calibration_share: float = CALIBRATION_SHARE,
) -> Folds:
    """Split the points of one dimension by time.

    Parameters
    ----------
    dimension: its name, for errors.
    lead, as_of, status, known_from: (p,) the points and their labels (1 yes, 0 no, negative: unlabelled); times in
        UTC µs. The embargo at either border is the label's own horizon, `known_from - as_of`.

    Raises InputError if a fold would be empty or of one class: there is too little history then.
    """
    mature = status >= 0
    if not mature.any():
        raise _too_little(dimension, "no mature outcome", "all points")
    first, last = int(as_of[mature].min()), int(as_of[mature].max())
    embargo = int((known_from - as_of)[mature].max())
    test_from = last - int(test_share * (last - first))
    left = test_from - first - 2 * embargo
    if left <= 0:
        days = (last - first) / MICROSECONDS_PER_DAY
        fault = (
            f"{days:.0f} days of mature points, of which the embargoes take {2 * embargo / MICROSECONDS_PER_DAY:.0f}"
        )
        raise _too_little(dimension, fault, "the train fold")
    calibration_from = test_from - embargo - int(calibration_share * left)
    fold = np.full(len(as_of), Fold.NONE, np.int8)
    fold[mature & (known_from <= calibration_from)] = Fold.TRAIN
    fold[mature & (as_of >= calibration_from) & (known_from <= test_from)] = Fold.CALIBRATION
    fold[mature & (as_of >= test_from)] = Fold.TEST
    for one in (Fold.TRAIN, Fold.CALIBRATION, Fold.TEST):
        _check_classes(dimension, one, status[fold == one])
    # timing learns of the censored, too
    seen = np.isin(lead, lead[(status != Status.NOT_ASKED) & (as_of < test_from)])
    return Folds(fold, (fold == Fold.TEST) & ~seen, calibration_from, test_from)


def _check_classes(dimension: str, fold: Fold, status: NDArray[np.int8]) -> None:
    yes, rows = int((status == 1).sum()), len(status)
    if yes in (0, rows):
        raise _too_little(dimension, f"{rows} points, {yes} of them yes", f"the {fold.name.lower()} fold")


def _too_little(dimension: str, found: str, where: str) -> InputError:
    return InputError(
        f"{dimension} cannot be split by time: {where} would have {found}.",
        mend="It needs a longer log, or more decided leads.",
    )
