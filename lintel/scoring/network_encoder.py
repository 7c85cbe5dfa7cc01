"""The part of the network that reads events: a lead's sequence in, one vector out. NumPy only.

Each event is the sum of vectors for its kind, its actor and its numbers. Causal dilated convolutions with residual
connections let it see the events before it (Bai et al. 2018, "An empirical evaluation of generic convolutional and
recurrent networks for sequence modeling"); the sequence is then told by its last event, its mean, and a mean weighted
by learnt attention. All sequences of a chunk lie one after the other, so that nothing is padded to the longest.

Products are of matrices of one fixed shape, whatever the number of rows, since a library that multiplies matrices adds
up in an order that depends on it: alone and in a batch a sequence gives the same bytes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError
from lintel.events.kinds import Actor, kind_codes
from lintel.scoring.inputs import Sequences
from lintel.scoring.network_file import arrays_of, read_arrays, write_arrays

Float32 = NDArray[np.float32]
Index = NDArray[np.intp]
Number = TypeVar("Number", bound=np.generic)

KERNEL = 3
NUMBERS = ("gap", "hours before", "value", "has a value")
ATTENTION_LIMIT = 10.0
"""Attention scores are kept within it on both sides, so that no sum of their exponentials overflows."""
EVENTS_AT_A_TIME = 4_096
_PART = "network encoder"
_BLOCK = 8
"""Rows of a product. With 12 or more, OpenBLAS's kernel for Haswell and Zen adds up otherwise in the last rows."""
_LARGEST = np.float32(1e30)


@dataclass(frozen=True)
class Encoder:
    """Vectors of d numbers inside, of e numbers as the answer.

    Kinds are known by name; the vector of those never learnt is the first. `convolutions` double their dilation from
    layer to layer; the rows of each are for the oldest event first.
    """

    kinds: NDArray[np.str_]  # (K,)
    kind_vectors: Float32  # (K + 1, d)
    actors: NDArray[np.str_]  # (3,)
    actor_vectors: Float32  # (4, d), the first for actors never learnt
    number_weights: Float32  # (4, d)
    number_bias: Float32  # (d,)
    convolutions: Float32  # (layers, KERNEL d, d)
    convolution_biases: Float32  # (layers, d)
    attention: Float32  # (d,)
    output: Float32  # (3 d, e)
    output_bias: Float32  # (e,)
    empty: Float32  # (e,) the encoding of a lead without events

    def __post_init__(self) -> None:
        for name, array in arrays_of(self).items():
            object.__setattr__(self, name, array)

    def encode(self, sequences: Sequences) -> Float32:
        """(n, e); equal sequences give equal bytes, alone or in a batch."""
        found = np.tile(self.empty, (len(sequences), 1))
        size = np.diff(sequences.offset)
        filled = np.flatnonzero(size)
        for chunk in _chunks(size[filled]):
            rows = filled[chunk]
            part = sequences if len(rows) == len(sequences) else sequences.take(rows)
            found[rows] = self._encoded(part)
        return found

    def save(self, path: Path) -> None:
        write_arrays(path, _PART, arrays_of(self))

    @classmethod
    def load(cls, path: Path) -> "Encoder":
        """Raises IncompatibleError if the file is corrupt or no encoder."""
        try:
            return cls(**read_arrays(path, _PART))
        except TypeError:
            raise IncompatibleError(f"{path.name} is an encoder of another version.", mend="Train again.") from None

    def _encoded(self, sequences: Sequences) -> Float32:
        """Encodings of sequences that all have events, (n, e)."""
        hidden = self._events(sequences)
        place = _padded(places(sequences.offset))
        for layer, (weights, bias) in enumerate(zip(self.convolutions, self.convolution_biases, strict=True)):
            hidden = hidden + _rectified(_product(_with_earlier(hidden, place, 2**layer), weights) + bias)
        return _rectified(_product(_padded(self._told(hidden, sequences.offset)), self.output) + self.output_bias)[
            : len(sequences)
        ]

    def _events(self, sequences: Sequences) -> Float32:
        """The vector of each event by itself, padded to whole blocks."""
        hidden = (
            self.kind_vectors[self._kind_row[sequences.kind]] + self.actor_vectors[self._actor_row[sequences.actor]]
        )
        told = _product(_padded(numbers(sequences)), self.number_weights)
        return _rectified(_padded(hidden) + told + self.number_bias)

    def _told(self, hidden: Float32, offset: NDArray[np.int64]) -> Float32:
        """Attention's mean, the last event and the plain mean of each sequence, (n, 3 d)."""
        first, last = offset[:-1], offset[1:] - 1
        own = hidden[: offset[-1]]
        scores = np.clip((own * self.attention).sum(axis=1), -ATTENTION_LIMIT, ATTENTION_LIMIT)
        attention = np.exp(scores)[:, None]
        attended = np.add.reduceat(own * attention, first) / np.add.reduceat(attention, first)
        mean = np.add.reduceat(own, first) / np.diff(offset)[:, None].astype(np.float32)
        return np.concatenate((attended, own[last], mean), axis=1)

    @cached_property
    def _kind_row(self) -> Index:
        return _rows(self.kinds, list(kind_codes()))

    @cached_property
    def _actor_row(self) -> Index:
        return _rows(self.actors, [actor.value for actor in Actor])


def numbers(sequences: Sequences) -> Float32:
    """What an event is told by besides its kind and actor, (m, 4), as NUMBERS; logarithms, since all are skewed."""
    hours = sequences.hours_before
    earlier = np.concatenate((hours[:1], hours[:-1]))
    gap = np.where(places(sequences.offset) > 0, np.maximum(earlier - hours, 0.0), 0.0)
    known = ~np.isnan(sequences.value)
    value = np.clip(np.where(known, sequences.value, 0.0), -_LARGEST, _LARGEST)
    parts = (np.log1p(gap), np.log1p(np.maximum(hours, 0.0)), np.sign(value) * np.log1p(np.abs(value)), known)
    return np.stack(parts, axis=1).astype(np.float32)


def places(offset: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of each event in its sequence, from 0, (m,)."""
    return np.arange(offset[-1]) - np.repeat(offset[:-1], np.diff(offset))


def _rows(learnt: NDArray[np.str_], registered: Sequence[str]) -> Index:
    """Row of the vectors for each registered word; 0 for those not learnt."""
    row = {str(word): position + 1 for position, word in enumerate(learnt)}
    return np.array([row.get(word, 0) for word in registered], np.intp)


def _chunks(size: NDArray[np.int64]) -> Iterator[slice]:
    """Runs of sequences with at most EVENTS_AT_A_TIME events together, or a single one with more."""
    done, start = np.cumsum(size), 0
    while start < len(size):
        before = done[start - 1] if start else 0
        stop = max(int(done.searchsorted(before + EVENTS_AT_A_TIME, side="right")), start + 1)
        yield slice(start, stop)
        start = stop


def _with_earlier(hidden: Float32, place: NDArray[np.int64], dilation: int) -> Float32:
    """Each event's vector behind those of `dilation` and twice as many events before, (m, KERNEL d); 0 if none."""
    width = hidden.shape[1]
    found = np.zeros((len(hidden), KERNEL * width), np.float32)
    for tap in range(KERNEL):
        back = (KERNEL - 1 - tap) * dilation
        own = slice(tap * width, (tap + 1) * width)
        if back < len(hidden):
            found[back:, own] = hidden[: len(hidden) - back] * (place[back:, None] >= back)
    return found


def _padded(rows: NDArray[Number]) -> NDArray[Number]:
    """With zeros at the end, up to whole blocks."""
    short = -len(rows) % _BLOCK
    return np.concatenate((rows, np.zeros((short, *rows.shape[1:]), rows.dtype))) if short else rows


def _product(rows: Float32, weights: Float32) -> Float32:
    """Rows in whole blocks times a matrix, block by block."""
    blocks = rows.reshape(-1, _BLOCK, rows.shape[1])
    return np.matmul(blocks, weights).reshape(len(rows), -1)


def _rectified(rows: Float32) -> Float32:
    return np.maximum(rows, np.float32(0.0))
