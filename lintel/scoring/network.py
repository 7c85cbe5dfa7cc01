"""The neural member: one shared encoder of events, and a head a dimension that also reads the features.

A head is a sum: one piecewise-linear curve a feature, a linear function of the encoding of the lead's events, and a
bias. So its shares are exact, and none needs a sampled explanation. It is trained elsewhere (`network_training`);
here is NumPy only.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, InputError
from lintel.scoring.hazard import carried
from lintel.scoring.inputs import Inputs, checked_features
from lintel.scoring.network_encoder import Encoder
from lintel.scoring.network_file import arrays_of, read_arrays, write_arrays
from lintel.scoring.piecewise_linear import PiecewiseLinear
from lintel.scoring.timing_curve import BINS, bins_within, cumulative, log_odds_within

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

ENCODER_FILE, HEAD_FILE = "encoder.npz", "head.npz"
_PART = "network head"
_ROWS_AT_A_TIME = 256


@dataclass(frozen=True)
class Head:
    """k outputs of F features with T pieces each and of an encoding of e numbers.

    `centre` and `mean_encoding` are those of the average training lead, so that `bias` is its output.
    """

    feature_names: NDArray[np.str_]  # (F,)
    start: Float64  # (F, T)
    width: Float64  # (F, T)
    weights: Float64  # (k, T + 1, F) the last for a missing value
    centre: Float64  # (k, F)
    encoding_weights: Float64  # (k, e)
    mean_encoding: Float64  # (e,)
    bias: Float64  # (k,)

    def __post_init__(self) -> None:
        for name, array in arrays_of(self).items():
            object.__setattr__(self, name, array)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(self.feature_names.tolist())

    @cached_property
    def pieces(self) -> PiecewiseLinear:
        return PiecewiseLinear(self.start, self.width)

    def shares(self, inputs: Inputs, outputs: int) -> Float64:
        """Shares (n, outputs, F + 1) of the features and the sequence in the first `outputs`, without the bias.

        Raises InputError for other columns, infinities, or inputs without the encoder's encoding.
        """
        features, encoding = checked_features(inputs, self.names), self._checked_encoding(inputs)
        found = np.empty((len(features), outputs, len(self.names) + 1))
        for rows in _chunks(len(features)):
            found[rows, :, :-1] = self._features_shares(features[rows], outputs).transpose(1, 0, 2)
            found[rows, :, -1] = self._sequence_share(encoding[rows], outputs)
        return found

    def margins(self, inputs: Inputs, outputs: int) -> Float64:
        """The first `outputs`, (n, outputs)."""
        features, encoding = checked_features(inputs, self.names), self._checked_encoding(inputs)
        found = np.empty((len(features), outputs))
        for rows in _chunks(len(features)):
            found[rows] = self._features_shares(features[rows], outputs).sum(axis=2).T
            found[rows] += self._sequence_share(encoding[rows], outputs) + self.bias[:outputs]
        return found

    def save(self, path: Path) -> None:
        write_arrays(path, _PART, arrays_of(self))

    @classmethod
    def load(cls, path: Path) -> "Head":
        """Raises IncompatibleError if the file is corrupt or no head."""
        try:
            return cls(**read_arrays(path, _PART))
        except TypeError:
            raise IncompatibleError(f"{path.name} is a head of another version.", mend="Train again.") from None

    def _features_shares(self, features: Float32, outputs: int) -> Float64:
        """(outputs, n, F): what the curve has risen to where the value's piece begins, and its way through that."""
        piece, share = self.pieces.locate(features)
        cell = piece * len(self.names) + np.arange(len(self.names))
        shares = self._rises[:outputs].take(cell, axis=1)
        shares *= share
        shares += self._levels[:outputs].take(cell, axis=1)
        return shares

    @cached_property
    def _rises(self) -> Float64:
        """(k, (T + 1) F) what each piece adds, by piece and then by feature."""
        return self.weights.reshape(len(self.weights), -1)

    @cached_property
    def _levels(self) -> Float64:
        """(k, (T + 1) F) what the pieces before each add, less the average lead's; none are before a missing value."""
        first = -self.centre[:, None]
        before = np.cumsum(np.concatenate((first, self.weights[:, :-2]), axis=1), axis=1)
        return np.concatenate((before, first), axis=1).reshape(len(self.weights), -1)

    def _sequence_share(self, encoding: Float32, outputs: int) -> Float64:
        """Elementwise, for a product of matrices would not give a row the same bytes in every batch."""
        away = encoding.astype(np.float64) - self.mean_encoding
        return (away[:, None, :] * self.encoding_weights[:outputs]).sum(axis=2)

    def _checked_encoding(self, inputs: Inputs) -> Float32:
        expected = (len(inputs), len(self.mean_encoding))
        if inputs.encoding is None:
            raise InputError("the network was given no encoding of events.", mend="Encode the sequences first.")
        if inputs.encoding.shape != expected:
            shape = inputs.encoding.shape
            raise InputError(f"the encoding of events has shape {shape}, expected {expected}.", mend="Encode again.")
        return inputs.encoding


@dataclass(frozen=True, slots=True)
class NetworkMember:
    """The head of a dimension that is asked as a yes-or-no question."""

    kind: ClassVar[str] = "network"
    head: Head

    @property
    def names(self) -> tuple[str, ...]:
        return self.head.names

    def margin(self, inputs: Inputs) -> Float64:
        """Log-odds before calibration, (n,), of inputs with their encoding."""
        return self.head.margins(inputs, 1)[:, 0]

    def contributions(self, inputs: Inputs) -> Float64:
        """Shares (n, F + 2) in the margin, each from the average training lead's; the bias is that lead's margin."""
        shares = self.head.shares(inputs, 1)[:, 0]
        return np.concatenate((shares, np.broadcast_to(self.head.bias[:1], (len(shares), 1))), axis=1)

    def save(self, path: Path) -> None:
        self.head.save(path)

    @classmethod
    def load(cls, path: Path) -> "NetworkMember":
        """Raises IncompatibleError if the file is corrupt or no head."""
        return cls(Head.load(path))


@dataclass(frozen=True, slots=True)
class NetworkHazard:
    """The head for timing: the log-odds of the hazard of every bin. As a member, "decided within `horizon_days`"."""

    kind: ClassVar[str] = "network"
    head: Head
    horizon_days: float

    @property
    def names(self) -> tuple[str, ...]:
        return self.head.names

    def cumulative(self, inputs: Inputs) -> Float64:
        """P(decided <= edge), (n, BINS), at the upper edges of the bins; non-decreasing along a row."""
        return cumulative(self.head.margins(inputs, BINS))

    def margin(self, inputs: Inputs) -> Float64:
        """Log-odds of being decided within the horizon, (n,)."""
        return log_odds_within(self.head.margins(inputs, bins_within(self.horizon_days)))

    def contributions(self, inputs: Inputs) -> Float64:
        """Shares (n, F + 2) in the margin, carried over from those in the bins."""
        bins = bins_within(self.horizon_days)
        return carried(np.tile(self.head.bias[:bins], (len(inputs), 1)), self.head.shares(inputs, bins))

    def save(self, path: Path) -> None:
        self.head.save(path)

    @classmethod
    def load(cls, path: Path, *, horizon_days: float) -> "NetworkHazard":
        """Raises IncompatibleError if the file is corrupt, no head, or not one of a hazard."""
        head = Head.load(path)
        if len(head.bias) != BINS:
            raise IncompatibleError(f"{path.name} is a head of {len(head.bias)} outputs, not of {BINS} bins.")
        return cls(head, horizon_days)


@dataclass(frozen=True, slots=True)
class EncodedMember:
    """A head that brings its own encoder, for inputs without an encoding or with another encoder's."""

    kind: ClassVar[str] = "network"
    encoder: Encoder
    head: NetworkMember | NetworkHazard

    @property
    def names(self) -> tuple[str, ...]:
        return self.head.names

    def margin(self, inputs: Inputs) -> Float64:
        return self.head.margin(encoded(self.encoder, inputs))

    def contributions(self, inputs: Inputs) -> Float64:
        return self.head.contributions(encoded(self.encoder, inputs))

    def save(self, path: Path) -> None:
        """Write a folder with a file for the encoder and one for the head."""
        path.mkdir(exist_ok=True)
        self.encoder.save(path / ENCODER_FILE)
        self.head.save(path / HEAD_FILE)

    @classmethod
    def load(cls, path: Path) -> "EncodedMember":
        """Raises IncompatibleError for a corrupt file, or one that is something else."""
        return cls(Encoder.load(path / ENCODER_FILE), NetworkMember.load(path / HEAD_FILE))


@dataclass(frozen=True, slots=True)
class EncodedHazard(EncodedMember):
    """A timing head that brings its own encoder."""

    head: NetworkHazard

    def cumulative(self, inputs: Inputs) -> Float64:
        return self.head.cumulative(encoded(self.encoder, inputs))

    @classmethod
    def load_hazard(cls, path: Path, *, horizon_days: float) -> "EncodedHazard":
        """Raises IncompatibleError for a corrupt file, or one that is something else."""
        return cls(Encoder.load(path / ENCODER_FILE), NetworkHazard.load(path / HEAD_FILE, horizon_days=horizon_days))


def encoded(encoder: Encoder, inputs: Inputs) -> Inputs:
    """The inputs with what the encoder makes of their sequences. Raises InputError if they have none."""
    if inputs.sequences is None:
        raise InputError("the network was given no sequences of events.", mend="Give the events with the features.")
    return replace(inputs, encoding=encoder.encode(inputs.sequences))


def _chunks(count: int) -> Iterator[slice]:
    return (slice(start, start + _ROWS_AT_A_TIME) for start in range(0, count, _ROWS_AT_A_TIME))
