"""Training of the network with PyTorch: one encoder and a head a dimension, at once. Nothing that serves imports this.

Pass one learns from the earlier rows and stops when it tells the later ones best; what it says of these is out of
time, and members are stacked by it. Pass two learns from all rows for as many epochs. What is kept is a moving average
of the weights, which does what lowering the learning rate does and can be stopped at any time (Izmailov et al. 2018,
"Averaging weights leads to wider optima and better generalization", UAI).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lintel.errors import InputError, UnavailableError
from lintel.scoring.inputs import Inputs, checked_features
from lintel.scoring.member import Fit, Member
from lintel.scoring.network import EncodedHazard, EncodedMember, NetworkHazard, NetworkMember
from lintel.scoring.network_course import Course, Learnt, Lessons
from lintel.scoring.network_encoder import Encoder
from lintel.scoring.network_settings import NetworkSettings
from lintel.scoring.network_target import Target
from lintel.scoring.stopping import mean_one

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FittedNetwork:
    """The encoder, and by dimension the head learnt from all rows beside the one learnt from the earlier rows alone.

    `Fit.member` reads the encodings of `encoder`; `Fit.early` brings the encoder that it was learnt with.
    """

    encoder: Encoder
    fits: Mapping[str, Fit[Member]]
    left_out: Mapping[str, str]  # dimensions that could not be learnt, and why
    epochs: int


@dataclass(frozen=True, slots=True)
class _Weights:
    """How much each output of each row counts, (n, H): in either slice, and in all rows."""

    early: Float64
    later: Float64
    whole: Float64


def fit_network(
    inputs: Inputs,
    lead: NDArray[np.int32],
    weight: Float32 | Float64,
    targets: Mapping[str, Target],
    *,
    seed: int,
    device: str = "auto",
    settings: NetworkSettings | None = None,
) -> FittedNetwork:
    """Fit the shared encoder and a head for each of `targets`.

    Parameters
    ----------
    inputs: n rows with their sequences; those of no target are not looked at.
    lead, weight: (n,) whose row it is, and its share of the serving mix.
    device: "cpu", "cuda", or "auto": a GPU if there is one. On the CPU a seed gives the same bytes again.

    A target with one outcome only in a slice is left out. Raises InputError for inputs without sequences, infinities,
    or if no target is left; UnavailableError for a GPU that is not there.
    """
    settings, where = settings or NetworkSettings(), _device(device)
    learnable, left_out = _learnable(targets, lead, weight)
    lessons, rows = _lessons(inputs, learnable, left_out)
    weights = _weights(lessons, rows, lead, weight, learnable)
    with _reproducible(where):
        early, epochs = _early(lessons, weights, settings, device=where, seed=seed)
        whole = _whole(lessons, weights, settings, epochs, device=where, seed=seed)
    fits = {name: _fit(name, target, early, whole) for name, target in learnable.items()}
    return FittedNetwork(whole.encoder, fits, left_out, epochs)


def _early(
    lessons: Lessons, weights: _Weights, settings: NetworkSettings, *, device: torch.device, seed: int
) -> tuple[Learnt, int]:
    """What the earlier rows teach, and after how many epochs the later ones were told best."""
    course = Course(lessons, weights.early, settings, device=device, seed=seed)
    best, loss, epochs = course.state(), np.inf, 0
    for epoch in range(1, settings.max_epochs + 1):
        course.epoch()
        found = course.loss(weights.later)
        if found < loss:
            best, loss, epochs = course.state(), found, epoch
        elif epoch - epochs >= settings.patience:
            break
    course.restore(best)
    return course.learnt(), epochs


def _whole(
    lessons: Lessons, weights: _Weights, settings: NetworkSettings, epochs: int, *, device: torch.device, seed: int
) -> Learnt:
    """What all rows teach in so many epochs."""
    course = Course(lessons, weights.whole, settings, device=device, seed=seed)
    for _ in range(epochs):
        course.epoch()
    return course.learnt()


def _learnable(
    targets: Mapping[str, Target], lead: NDArray[np.int32], weight: Float32 | Float64
) -> tuple[dict[str, Target], dict[str, str]]:
    """The targets with both outcomes in both slices, and why the others are not among them."""
    clean = _clean(targets, lead)
    learnable, left_out = {}, {}
    for name, target in targets.items():
        try:
            target.check(clean[target.rows], weight[target.rows])
            learnable[name] = target
        except InputError as error:
            left_out[name] = str(error)
    return learnable, left_out


def _clean(targets: Mapping[str, Target], lead: NDArray[np.int32]) -> Mask:
    """Rows (n,) of leads that are later in no dimension: through the shared encoder, all would know their outcome."""
    later = [lead[target.rows[target.slices.later]] for target in targets.values()]
    return ~np.isin(lead, np.concatenate((lead[:0], *later)))


def _lessons(
    inputs: Inputs, targets: Mapping[str, Target], left_out: Mapping[str, str]
) -> tuple[Lessons, NDArray[np.intp]]:
    """What is learnt, of the rows that any target has; and these rows."""
    if not targets:
        raise InputError("the network has nothing to learn from.", mend=" ".join(left_out.values()))
    rows = np.unique(np.concatenate([target.rows for target in targets.values()]))
    taken = inputs.take(rows)
    checked_features(taken, inputs.names)
    if taken.sequences is None:
        raise InputError("the network was given no sequences of events.", mend="Give the events with the features.")
    ends = np.cumsum([target.outputs for target in targets.values()]).tolist()
    outputs = {
        name: slice(end - target.outputs, end) for (name, target), end in zip(targets.items(), ends, strict=True)
    }
    positive = np.zeros((len(rows), ends[-1]), bool)
    for name, target in targets.items():
        positive[rows.searchsorted(target.rows), outputs[name]] = target.positive
    signs = np.zeros((ends[-1], len(taken.names)), np.int8)
    for name, target in targets.items():
        signs[outputs[name]] = [target.monotone.get(feature, 0) for feature in taken.names]
    return Lessons(taken, taken.sequences, outputs, positive, signs), rows


def _weights(
    lessons: Lessons,
    rows: NDArray[np.intp],
    lead: NDArray[np.int32],
    weight: Float32 | Float64,
    targets: Mapping[str, Target],
) -> _Weights:
    """Those of one target sum to its share of the loss, the root of its rows: few are neither drowned nor loudest."""
    found = _Weights(*(np.zeros(lessons.positive.shape) for _ in range(3)))
    clean = _clean(targets, lead)
    for name, target in targets.items():
        place, own = rows.searchsorted(target.rows), lessons.outputs[name]
        counted, share = target.asked * mean_one(weight[target.rows])[:, None], np.sqrt(len(target.rows))
        learnt = target.slices.earlier & clean[target.rows]
        for part, chosen in ((found.early, learnt), (found.later, target.slices.later)):
            part[place, own] = counted * chosen[:, None] * (share / counted[chosen].sum())
        found.whole[place, own] = counted * (share / counted.sum())
    return found


def _fit(name: str, target: Target, early: Learnt, whole: Learnt) -> Fit[Member]:
    if target.horizon_days is None:
        first = EncodedMember(early.encoder, NetworkMember(early.heads[name]))
        return Fit(NetworkMember(whole.heads[name]), first)
    hazard = NetworkHazard(early.heads[name], target.horizon_days)
    return Fit(NetworkHazard(whole.heads[name], target.horizon_days), EncodedHazard(early.encoder, hazard))


def _device(name: str) -> torch.device:
    if name not in {"auto", "cpu", "cuda"}:
        raise InputError(f"there is no device {name!r}.", mend='Ask for "auto", "cpu" or "cuda".')
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise UnavailableError("a GPU was asked for, and PyTorch finds none.", mend='Ask for "auto" or "cpu".')
    return torch.device("cuda" if there and name != "cpu" else "cpu")


@contextmanager
def _reproducible(device: torch.device) -> Iterator[None]:
    """On the CPU sums are in a fixed order: one thread, which is no slower for matrices this small."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    devices = [torch.cuda.current_device()] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(device.type == "cpu")
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(deterministic)
