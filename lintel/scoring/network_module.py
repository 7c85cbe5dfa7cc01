"""The network as PyTorch trains it, and its export to what serves. The arithmetic is that of `network_encoder`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import dropout, linear, relu

from lintel.events.kinds import Actor, kind_codes
from lintel.scoring.inputs import Inputs, Sequences
from lintel.scoring.network import Head
from lintel.scoring.network_encoder import ATTENTION_LIMIT, KERNEL, NUMBERS, Encoder, numbers, places
from lintel.scoring.network_settings import NetworkShape
from lintel.scoring.piecewise_linear import PiecewiseLinear

_LEAST_SHARE = 1e-9


@dataclass(frozen=True, slots=True)
class Scale:
    """Kinds that are learnt, and mean and deviation of the numbers of events, from training rows."""

    kinds: tuple[str, ...]
    mean: NDArray[np.float32]  # (4,)
    deviation: NDArray[np.float32]  # (4,)


def fit_scale(sequences: Sequences, *, least_events: int) -> Scale:
    """Kinds with at least `least_events` events, and how the numbers of events are spread."""
    seen = np.bincount(sequences.kind, minlength=len(kind_codes()))
    kinds = tuple(name for name, code in kind_codes().items() if seen[code] >= least_events)
    told = numbers(sequences)
    if not len(told):
        return Scale(kinds, np.zeros(len(NUMBERS), np.float32), np.ones(len(NUMBERS), np.float32))
    deviation = told.std(axis=0, dtype=np.float64).astype(np.float32)
    return Scale(kinds, told.mean(axis=0, dtype=np.float64).astype(np.float32), np.where(deviation > 0, deviation, 1))


@dataclass(frozen=True, slots=True)
class Batch:
    """n rows whose events, m together, lie one after the other."""

    features: Tensor  # (n, F)
    kind: Tensor  # (m,)
    actor: Tensor  # (m,)
    numbers: Tensor  # (m, 4)
    place: Tensor  # (m,) in its sequence
    owner: Tensor  # (m,) its row
    size: Tensor  # (n,)


class Material:
    """All rows on the device, cut into batches there."""

    def __init__(self, inputs: Inputs, sequences: Sequences, scale: Scale, device: torch.device) -> None:
        row = {name: position + 1 for position, name in enumerate(scale.kinds)}
        kind_row = np.array([row.get(name, 0) for name in kind_codes()])
        self.device = device
        self.features = torch.as_tensor(np.ascontiguousarray(inputs.features), device=device)
        self.kind = torch.as_tensor(kind_row[sequences.kind], device=device)
        self.actor = torch.as_tensor(sequences.actor.astype(np.int64) + 1, device=device)
        self.numbers = torch.as_tensor((numbers(sequences) - scale.mean) / scale.deviation, device=device)
        self.place = torch.as_tensor(places(sequences.offset), device=device)
        self.offset = torch.as_tensor(sequences.offset, device=device)

    def batch(self, rows: NDArray[np.intp]) -> Batch:
        chosen = torch.as_tensor(rows, device=self.device)
        first = self.offset[chosen]
        size = self.offset[chosen + 1] - first
        owner = torch.arange(len(chosen), device=self.device).repeat_interleave(size)
        moved = first - (size.cumsum(0) - size)
        event = torch.arange(len(owner), device=self.device) + moved[owner]
        return Batch(
            features=self.features[chosen],
            kind=self.kind[event],
            actor=self.actor[event],
            numbers=self.numbers[event],
            place=self.place[event],
            owner=owner,
            size=size,
        )


class NetworkModule(nn.Module):
    """The encoder and all heads, whose H outputs stand side by side and begin at the log-odds `base`."""

    start: Tensor
    piece_width: Tensor

    def __init__(self, shape: NetworkShape, pieces: PiecewiseLinear, *, kinds: int, base: NDArray[np.float64]) -> None:
        super().__init__()
        width, encoding, outputs = shape.width, shape.encoding, len(base)
        self.shape = shape
        self.kinds = nn.Embedding(kinds + 1, width)
        self.actors = nn.Embedding(len(Actor) + 1, width)
        self.numbers = nn.Linear(len(NUMBERS), width)
        self.convolutions = nn.ModuleList(nn.Linear(KERNEL * width, width) for _ in range(shape.layers))
        self.attention = nn.Parameter(torch.zeros(width))
        self.output = nn.Linear(3 * width, encoding)
        self.empty = nn.Parameter(torch.zeros(encoding))
        self.heads = nn.Linear(encoding, outputs)
        self.curves = nn.Parameter(torch.zeros(outputs, pieces.pieces + 1, len(pieces.start)))
        self.register_buffer("start", torch.as_tensor(pieces.start.T, dtype=torch.float32))
        self.register_buffer("piece_width", torch.as_tensor(pieces.width.T, dtype=torch.float32))
        self.heads.bias.data = torch.as_tensor(base, dtype=torch.float32)
        for vectors in (self.kinds, self.actors):
            nn.init.normal_(vectors.weight, std=0.3)

    def forward(self, batch: Batch) -> Tensor:
        encoding = dropout(self.encode(batch), self.shape.encoding_dropout, self.training)
        return self.heads(encoding) + linear(self._pieces(batch.features).flatten(1), self.curves.flatten(1))

    def project(self, signs: Tensor) -> None:
        """Take from the curves what runs against `signs` (H, F): there a piece adds nothing. Averages of such curves
        keep to the signs, too; what a missing value adds is free."""
        pieces, sign = self.curves.data[:, :-1], signs[:, None, :]
        pieces[((sign > 0) & (pieces < 0)) | ((sign < 0) & (pieces > 0))] = 0.0

    def encode(self, batch: Batch) -> Tensor:
        """(n, e)"""
        kind = batch.kind
        if self.training:
            unknown = torch.rand(kind.shape, device=kind.device) < self.shape.kind_dropout
            kind = kind.masked_fill(unknown, 0)
        hidden = relu(self.kinds(kind) + self.actors(batch.actor) + self.numbers(batch.numbers))
        for layer, convolution in enumerate(self.convolutions):
            hidden = hidden + relu(convolution(_with_earlier(hidden, batch.place, 2**layer)))
        told = relu(self.output(self._told(hidden, batch)))
        return torch.where(batch.size[:, None] > 0, told, self.empty)

    def _told(self, hidden: Tensor, batch: Batch) -> Tensor:
        count, width = len(batch.size), self.shape.width
        attention = (hidden @ self.attention).clamp(-ATTENTION_LIMIT, ATTENTION_LIMIT).exp()[:, None]
        total = hidden.new_zeros(count, 1).index_add(0, batch.owner, attention).clamp(min=_LEAST_SHARE)
        attended = hidden.new_zeros(count, width).index_add(0, batch.owner, hidden * attention) / total
        mean = hidden.new_zeros(count, width).index_add(0, batch.owner, hidden) / batch.size.clamp(min=1)[:, None]
        final = torch.cat((hidden, hidden.new_zeros(1, width)))[batch.size.cumsum(0) - 1]  # the zeros if all are empty
        return torch.cat((attended, final, mean), dim=1)

    def _pieces(self, features: Tensor) -> Tensor:
        """(n, T + 1, F), as `PiecewiseLinear.encode`."""
        missing = features.isnan()[:, None, :]
        known = features.nan_to_num(nan=0.0)[:, None, :]
        share = ((known - self.start) / self.piece_width).clamp(0.0, 1.0).masked_fill(missing, 0.0)
        return torch.cat((share, missing.to(share.dtype)), dim=1)


def _with_earlier(hidden: Tensor, place: Tensor, dilation: int) -> Tensor:
    taps = []
    for back in (2 * dilation, dilation):
        shifted = torch.cat((hidden.new_zeros(min(back, len(hidden)), hidden.shape[1]), hidden[:-back]))
        taps.append(shifted * (place >= back)[:, None])
    return torch.cat((*taps, hidden), dim=1)


@dataclass(frozen=True, slots=True)
class AverageLead:
    """The average lead of a dimension's training rows."""

    pieces: NDArray[np.float64]  # (T + 1, F)
    encoding: NDArray[np.float64]  # (e,)


def exported_encoder(module: NetworkModule, scale: Scale) -> Encoder:
    """The trained encoder for NumPy; the scale of the numbers goes into their weights."""
    weights = _array(module.numbers.weight).T / scale.deviation[:, None]
    return Encoder(
        kinds=np.array(scale.kinds, np.str_),
        kind_vectors=_array(module.kinds.weight),
        actors=np.array([actor.value for actor in Actor]),
        actor_vectors=_array(module.actors.weight),
        number_weights=np.ascontiguousarray(weights),
        number_bias=_array(module.numbers.bias) - scale.mean @ weights,
        convolutions=np.stack([_array(layer.weight).T for layer in _linear(module.convolutions)]),
        convolution_biases=np.stack([_array(layer.bias) for layer in _linear(module.convolutions)]),
        attention=_array(module.attention),
        output=np.ascontiguousarray(_array(module.output.weight).T),
        output_bias=_array(module.output.bias),
        empty=_array(module.empty),
    )


def exported_head(
    module: NetworkModule, outputs: slice, names: tuple[str, ...], pieces: PiecewiseLinear, average: AverageLead
) -> Head:
    """The trained head of one dimension for NumPy, centred on the average training lead."""
    curves = _array(module.curves)[outputs].astype(np.float64)
    weights = _array(module.heads.weight)[outputs].astype(np.float64)
    centre = np.einsum("ktf,tf->kf", curves, average.pieces)
    bias = _array(module.heads.bias)[outputs] + centre.sum(axis=1) + weights @ average.encoding
    return Head(
        feature_names=np.array(names, np.str_),
        start=pieces.start,
        width=pieces.width,
        weights=curves,
        centre=centre,
        encoding_weights=weights,
        mean_encoding=average.encoding,
        bias=bias,
    )


def _linear(layers: nn.ModuleList) -> list[nn.Linear]:
    return [layer for layer in layers if isinstance(layer, nn.Linear)]


def _array(tensor: Tensor | Any) -> NDArray[np.float32]:
    found: NDArray[np.float32] = tensor.detach().cpu().numpy().astype(np.float32)
    return found
