"""One pass of training: what some rows teach an encoder and all heads at once."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits

from lintel.scoring.inputs import Inputs, Sequences
from lintel.scoring.network import Head
from lintel.scoring.network_encoder import Encoder
from lintel.scoring.network_module import (
    AverageLead,
    Material,
    NetworkModule,
    exported_encoder,
    exported_head,
    fit_scale,
)
from lintel.scoring.network_settings import NetworkSettings
from lintel.scoring.piecewise_linear import fit_pieces

Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]

_ROWS_AT_A_TIME = 2_048
_FIRST_STEPS = 10.0
"""The average begins with a memory as short as the course itself."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """n rows, and the H outputs of all targets side by side."""

    inputs: Inputs
    sequences: Sequences
    outputs: Mapping[str, slice]  # of each target
    positive: Mask  # (n, H)
    signs: NDArray[np.int8]  # (H, F) direction of each output in each feature, 0 where none is known


@dataclass(frozen=True, slots=True)
class Learnt:
    """An encoder, and the heads that read its encodings."""

    encoder: Encoder
    heads: Mapping[str, Head]


class Course:
    """Learns from the rows whose `weight` (n, H) is not 0; of them are the scale of the numbers and the pieces, too.

    The weights of one target sum to its share of the loss.
    """

    def __init__(
        self, lessons: Lessons, weight: Float64, settings: NetworkSettings, *, device: torch.device, seed: int
    ) -> None:
        self.lessons, self.weight, self.settings = lessons, weight, settings
        self.rows = np.flatnonzero(weight.any(axis=1))
        self.random = np.random.default_rng(seed)
        self.scale = fit_scale(lessons.sequences.take(self.rows), least_events=settings.least_events)
        self.pieces = fit_pieces(lessons.inputs.features[self.rows], pieces=settings.shape.pieces)
        self.material = Material(lessons.inputs, lessons.sequences, self.scale, device)
        self.positive = torch.as_tensor(lessons.positive, dtype=torch.float32, device=device)
        torch.manual_seed(seed)
        base = base_log_odds(lessons, weight)
        self.module = NetworkModule(settings.shape, self.pieces, kinds=len(self.scale.kinds), base=base).to(device)
        self.signs = torch.as_tensor(lessons.signs, device=device)
        self.average = copy.deepcopy(self.module).eval()
        self.optimizer = _optimizer(self.module, settings)
        self.steps = 0

    def epoch(self) -> None:
        """Learn from the rows in a new order."""
        order = self.random.permutation(self.rows)[: self.settings.rows_per_epoch]
        scale = len(self.rows) / float(self.weight.sum())
        for start in range(0, len(order), self.settings.batch_rows):
            rows = order[start : start + self.settings.batch_rows]
            self.optimizer.zero_grad()
            (self._loss(self.module, rows, self.weight) * (scale / len(rows))).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.settings.gradient_norm)
            self.optimizer.step()
            self.module.project(self.signs)
            self._remember()

    def loss(self, weight: Float64) -> float:
        """Log loss of the averaged weights on the rows whose `weight` is not 0, a mean over targets by their shares."""
        rows, total = np.flatnonzero(weight.any(axis=1)), 0.0
        with torch.no_grad():
            for start in range(0, len(rows), _ROWS_AT_A_TIME):
                total += float(self._loss(self.average, rows[start : start + _ROWS_AT_A_TIME], weight))
        return total / float(weight.sum())

    def state(self) -> dict[str, torch.Tensor]:
        """The averaged weights as they are now."""
        return copy.deepcopy(self.average.state_dict())

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Go back to averaged weights of before."""
        self.average.load_state_dict(state)

    def learnt(self) -> Learnt:
        """What the averaged weights are, for NumPy."""
        encoder = exported_encoder(self.average, self.scale)
        leads = self._average_leads(encoder)
        names = self.lessons.inputs.names
        heads = {
            name: exported_head(self.average, own, names, self.pieces, leads[name])
            for name, own in self.lessons.outputs.items()
        }
        return Learnt(encoder, heads)

    def _loss(self, module: NetworkModule, rows: Rows, weight: Float64) -> torch.Tensor:
        counted = torch.as_tensor(weight[rows], dtype=torch.float32, device=self.positive.device)
        positive = self.positive[torch.as_tensor(rows, device=self.positive.device)]
        found = binary_cross_entropy_with_logits(module(self.material.batch(rows)), positive, reduction="none")
        return (found * counted).sum()

    def _remember(self) -> None:
        self.steps += 1
        memory = min(self.settings.memory, self.steps / (self.steps + _FIRST_STEPS))
        with torch.no_grad():
            for kept, new in zip(self.average.parameters(), self.module.parameters(), strict=True):
                kept.lerp_(new, 1.0 - memory)

    def _average_leads(self, encoder: Encoder) -> dict[str, AverageLead]:
        """The average lead of the rows that each target learnt from."""
        weight = np.stack([self.weight[self.rows, own].sum(axis=1) for own in self.lessons.outputs.values()])
        weight /= weight.sum(axis=1, keepdims=True)  # (targets, n)
        encodings = weight @ encoder.encode(self.lessons.sequences.take(self.rows)).astype(np.float64)
        pieces = np.zeros((self.pieces.pieces + 1, len(weight), len(self.lessons.inputs.names)))
        for start in range(0, len(self.rows), _ROWS_AT_A_TIME):
            part = slice(start, start + _ROWS_AT_A_TIME)
            pieces += weight[:, part] @ self.pieces.encode(self.lessons.inputs.features[self.rows[part]])
        return {
            name: AverageLead(pieces[:, position], encodings[position])
            for position, name in enumerate(self.lessons.outputs)
        }


def base_log_odds(lessons: Lessons, weight: Float64) -> Float64:
    """Log-odds of each output among its rows, (H,), shrunk by one row to its target's: some bins have few or none."""
    found = np.zeros(weight.shape[1])
    for own in lessons.outputs.values():
        counted, positive = weight[:, own], lessons.positive[:, own]
        row = counted.sum() / np.count_nonzero(counted)
        rate = (counted * positive).sum() / counted.sum()
        shrunk = ((counted * positive).sum(axis=0) + row * rate) / (counted.sum(axis=0) + row)
        found[own] = np.log(shrunk) - np.log1p(-shrunk)
    return found


def _optimizer(module: NetworkModule, settings: NetworkSettings) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019, "Decoupled weight decay regularization", ICLR); curves learn more slowly."""
    others = [parameter for parameter in module.parameters() if parameter is not module.curves]
    groups = [
        {"params": others, "lr": settings.learning_rate},
        {"params": [module.curves], "lr": settings.curve_learning_rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=settings.weight_decay)
