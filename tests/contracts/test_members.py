"""What every member of the ensemble keeps to, whatever it is made of. A new kind is one entry in KINDS."""

import json
import pickle
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, InputError
from lintel.events.kinds import kind_codes
from lintel.scoring.hazard import Hazard, fit_hazard
from lintel.scoring.inputs import Inputs, Sequences
from lintel.scoring.lightgbm_member import LeafSettings, LightGBMMember, fit_lightgbm
from lintel.scoring.member import Fit, Member
from lintel.scoring.metrics import auc
from lintel.scoring.network import EncodedHazard, EncodedMember
from lintel.scoring.network_settings import NetworkSettings, NetworkShape
from lintel.scoring.network_target import Target, question_target, timing_target
from lintel.scoring.network_training import fit_network
from lintel.scoring.stopping import StoppingSlices
from lintel.scoring.xgboost_member import TreeSettings, XGBoostMember, fit_xgboost

NAMES = ("calls", "replies", "days_idle", "amount", "noise")
HORIZON = 14.0
ROWS = 600
EXTREMES = (1e30, -1e30, float(np.finfo(np.float32).max), float(np.finfo(np.float32).min), 1e-40)

Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Training:
    """n rows to learn from, and with what."""

    inputs: Inputs
    positive: Mask
    weight: Float64
    slices: StoppingSlices
    seed: int = 1
    threads: int = 1


@dataclass(frozen=True)
class Kind:
    """How a member comes into being, and back from a file."""

    fit: Callable[[Training], Fit[Any]]
    load: Callable[[Path], Member]


def leads(count: int, seed: int = 3) -> Inputs:
    """Features with missing values in "amount", and up to nine events each; every tenth query sees none."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(count, len(NAMES))).astype(np.float32)
    features[random.random(count) < 0.3, 3] = np.nan
    size = np.where(np.arange(count) % 10 == 9, 0, random.integers(1, 10, count))
    return Inputs(features, NAMES, events(size, random))


def events(size: NDArray[np.int64], random: np.random.Generator) -> Sequences:
    """`size` events of each query, of the first half of the kinds."""
    offset = np.concatenate(([0], np.cumsum(size)))
    total = int(offset[-1])
    hours = [np.sort(random.exponential(48.0, one))[::-1] for one in size]
    value = np.where(random.random(total) < 0.5, np.nan, random.lognormal(size=total))
    return Sequences(
        offset.astype(np.int64),
        random.integers(0, len(kind_codes()) // 2, total).astype(np.int16),
        random.integers(0, 3, total).astype(np.int8),
        np.concatenate([np.zeros(0), *hours]).astype(np.float32),
        value.astype(np.float32),
    )


def outcome(inputs: Inputs, seed: int = 4) -> Mask:
    """Log-odds are 1.5 calls - idle - .5."""
    log_odds = 1.5 * inputs.features[:, 0] - inputs.features[:, 2] - 0.5
    return np.random.default_rng(seed).random(len(inputs)) < 1 / (1 + np.exp(-log_odds))


def training(count: int = ROWS, **changes: Any) -> Training:
    """The first 60 % are earlier, the last 25 % later, the rest in neither slice."""
    inputs, place = leads(count), np.arange(count)
    slices = StoppingSlices(place < count * 0.6, place >= count * 0.75)
    return replace(Training(inputs, outcome(inputs), np.ones(count), slices), **changes)


def tree_settings(threads: int) -> TreeSettings:
    return TreeSettings(max_trees=30, patience=5, learning_rate=0.3, colsample_bytree=0.7, threads=threads)


def leaf_settings(threads: int) -> LeafSettings:
    return LeafSettings(
        max_trees=30, patience=5, learning_rate=0.3, feature_fraction=0.7, min_data_in_leaf=10, threads=threads
    )


def xgboost(rows: Training) -> Fit[Any]:
    settings = tree_settings(rows.threads)
    return fit_xgboost(
        rows.inputs, rows.positive, rows.weight, rows.slices, monotone={}, seed=rows.seed, settings=settings
    )


def lightgbm(rows: Training) -> Fit[Any]:
    settings = leaf_settings(rows.threads)
    return fit_lightgbm(
        rows.inputs, rows.positive, rows.weight, rows.slices, monotone={}, seed=rows.seed, settings=settings
    )


def days(rows: Training) -> tuple[Float64, Float64]:
    """Positives are decided within the first day, the others not within the 60 days in which they were seen."""
    return np.where(rows.positive, 0.5, np.nan), np.full(len(rows.inputs), 60.0)


def hazard(rows: Training, **choice: Any) -> Fit[Any]:
    return fit_hazard(
        rows.inputs, *days(rows), rows.weight, rows.slices, horizon_days=HORIZON, seed=rows.seed, **choice
    )


def xgboost_hazard(rows: Training) -> Fit[Any]:
    return hazard(rows, fit=fit_xgboost, settings=tree_settings(rows.threads))


def lightgbm_hazard(rows: Training) -> Fit[Any]:
    return hazard(rows, fit=fit_lightgbm, settings=leaf_settings(rows.threads))


def network(rows: Training) -> Fit[Any]:
    target = question_target(np.arange(len(rows.inputs)), rows.positive, rows.slices)
    return head(rows, target, EncodedMember)


def network_hazard(rows: Training) -> Fit[Any]:
    every = np.arange(len(rows.inputs))
    return head(rows, timing_target(every, *days(rows), rows.slices, horizon_days=HORIZON), EncodedHazard)


def head(rows: Training, target: Target, encoded: Callable[..., Member]) -> Fit[Any]:
    """The head of one target with the encoder that it was learnt with, each row a lead of its own."""
    shape = NetworkShape(width=8, encoding=4, layers=1, pieces=4)
    settings = NetworkSettings(
        shape, learning_rate=0.02, curve_learning_rate=0.05, batch_rows=64, max_epochs=6, memory=0.9
    )
    lead, threads = np.arange(len(rows.inputs), dtype=np.int32), torch.get_num_threads()
    torch.set_num_threads(rows.threads)
    try:
        found = fit_network(
            rows.inputs, lead, rows.weight, {"own": target}, seed=rows.seed, device="cpu", settings=settings
        )
    finally:
        torch.set_num_threads(threads)
    return Fit(encoded(found.encoder, found.fits["own"].member), found.fits["own"].early)


KINDS: Mapping[str, Kind] = {
    "xgboost": Kind(xgboost, XGBoostMember.load),
    "lightgbm": Kind(lightgbm, LightGBMMember.load),
    "xgboost hazard": Kind(xgboost_hazard, lambda path: Hazard.load(path, horizon_days=HORIZON, kind="xgboost")),
    "lightgbm hazard": Kind(lightgbm_hazard, lambda path: Hazard.load(path, horizon_days=HORIZON, kind="lightgbm")),
    "network": Kind(network, EncodedMember.load),
    "network hazard": Kind(network_hazard, lambda path: EncodedHazard.load_hazard(path, horizon_days=HORIZON)),
}


@cache
def fitted(name: str) -> Fit[Any]:
    """One fit of each kind, shared: members are immutable."""
    return KINDS[name].fit(training())


def saved(member: Member, folder: Path) -> dict[str, bytes]:
    """The files that a member writes, by path."""
    folder.mkdir()
    member.save(folder / "model")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files_in(folder)}


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def emptied(inputs: Inputs) -> Inputs:
    """Leads of whom nothing is known."""
    no_events = events(np.zeros(len(inputs), np.int64), np.random.default_rng(0))
    return Inputs(np.full_like(inputs.features, np.nan), inputs.names, no_events)


@pytest.fixture(params=list(KINDS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def kind(name: str) -> Kind:
    return KINDS[name]


@pytest.fixture
def member(name: str) -> Member:
    found: Member = fitted(name).member
    return found


def test_learns_what_is_there(name: str) -> None:
    new = leads(400, seed=99)
    for one in (fitted(name).member, fitted(name).early):
        assert auc(outcome(new, seed=98), one.margin(new), np.ones(400)) > 0.75


def test_same_seed_same_bytes_and_another_seed_others(name: str, kind: Kind, tmp_path: Path) -> None:
    first = saved(fitted(name).member, tmp_path / "first")
    assert saved(kind.fit(training()).member, tmp_path / "second") == first
    assert saved(kind.fit(training(seed=2)).member, tmp_path / "other") != first


def test_threads_do_not_change_the_model(name: str, kind: Kind) -> None:
    new = leads(50, seed=5)
    together = kind.fit(training(threads=2)).member
    assert together.margin(new).tobytes() == fitted(name).member.margin(new).tobytes()


def test_fitting_leaves_its_inputs_alone(kind: Kind) -> None:
    rows, same = training(), training()
    kind.fit(rows)
    np.testing.assert_array_equal(rows.inputs.features, same.inputs.features)
    np.testing.assert_array_equal(rows.weight, same.weight)
    np.testing.assert_array_equal(rows.positive, same.positive)


def test_weights_count_and_their_unit_does_not(name: str, kind: Kind) -> None:
    rows, new = training(), leads(50, seed=5)
    plain = fitted(name).member.margin(new)
    scaled = kind.fit(replace(rows, weight=rows.weight * 1024)).member.margin(new)
    assert scaled.tobytes() == plain.tobytes()
    heavy = kind.fit(replace(rows, weight=np.where(rows.positive, 10.0, 1.0))).member.margin(new)
    assert heavy.mean() > plain.mean() + 0.5


def test_early_knows_nothing_of_rows_in_neither_slice(name: str, kind: Kind) -> None:
    rows, new = training(), leads(50, seed=5)
    neither = ~rows.slices.earlier & ~rows.slices.later
    changed = kind.fit(replace(rows, positive=rows.positive ^ neither))
    assert changed.early.margin(new).tobytes() == fitted(name).early.margin(new).tobytes()
    assert changed.member.margin(new).tobytes() != fitted(name).member.margin(new).tobytes()


def test_alone_as_in_a_batch(member: Member) -> None:
    new = leads(60, seed=5)
    together = member.margin(new)
    alone = np.concatenate([member.margin(new.take(np.array([row]))) for row in range(60)])
    assert alone.tobytes() == together.tobytes()


def test_at_once_as_one_after_the_other(member: Member) -> None:
    parts = [leads(20, seed=seed) for seed in range(16)]
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(member.margin, parts))
    assert [one.tobytes() for one in at_once] == [member.margin(part).tobytes() for part in parts]


def test_the_layout_of_memory_does_not_matter(member: Member) -> None:
    new = leads(30, seed=5)
    columns = replace(new, features=np.asfortranarray(new.features))
    assert member.margin(columns).tobytes() == member.margin(new).tobytes()


def test_refuses_other_columns(member: Member) -> None:
    new = leads(3)
    with pytest.raises(InputError, match="'calls' was expected, 'replies' given"):
        member.margin(new.select(np.array([1, 0, 2, 3, 4])))
    with pytest.raises(InputError, match="number"):
        member.margin(new.select(np.arange(4)))
    with pytest.raises(InputError, match="shape"):
        member.margin(replace(new, features=new.features[:, :4]))
    with pytest.raises(InputError, match="'calls' was expected"):
        member.contributions(new.select(np.array([1, 0, 2, 3, 4])))


def test_missing_is_taken_and_infinite_refused(member: Member) -> None:
    new = leads(4)
    new.features[:] = np.nan
    assert np.isfinite(member.margin(new)).all()
    for infinite in (np.inf, -np.inf):
        new.features[2, 1] = infinite
        for ask in (member.margin, member.contributions):
            with pytest.raises(InputError, match="'replies' is infinite"):
                ask(new)


def test_infinite_values_are_refused_in_training(kind: Kind) -> None:
    rows = training()
    rows.inputs.features[7, 2] = np.inf
    with pytest.raises(InputError, match="'days_idle' is infinite"):
        kind.fit(rows)


@pytest.mark.parametrize("value", EXTREMES)
def test_extreme_values_have_finite_answers(member: Member, value: float) -> None:
    new = leads(6)
    new.features[np.arange(5), np.arange(5)] = value
    new.features[5] = value
    assert np.isfinite(member.margin(new)).all()
    np.testing.assert_allclose(member.contributions(new).sum(axis=1), member.margin(new), atol=1e-4)


def test_events_of_kinds_never_learnt_are_taken(member: Member) -> None:
    new = leads(8)
    assert new.sequences is not None
    unseen = replace(new.sequences, kind=np.full_like(new.sequences.kind, len(kind_codes()) - 1))
    assert np.isfinite(member.margin(replace(new, sequences=unseen))).all()


@pytest.mark.parametrize("count", [0, 1])
def test_a_lead_with_no_event_or_one_is_taken(member: Member, count: int) -> None:
    new = leads(3)
    few = replace(new, sequences=events(np.full(3, count), np.random.default_rng(6)))
    assert np.isfinite(member.margin(few)).all()
    np.testing.assert_allclose(member.contributions(few).sum(axis=1), member.margin(few), atol=1e-5)


def test_a_lead_of_whom_nothing_is_known_is_taken(member: Member) -> None:
    empty = emptied(leads(2))
    margin = member.margin(empty)
    assert np.isfinite(margin).all()
    assert margin[0] == margin[1]
    np.testing.assert_allclose(member.contributions(empty).sum(axis=1), margin, atol=1e-5)


def test_no_rows_no_answers(member: Member) -> None:
    assert member.margin(leads(0)).shape == (0,)
    assert member.contributions(leads(0)).shape == (0, len(NAMES) + 2)


def test_contributions_add_up_and_tell_what_matters(member: Member) -> None:
    new = leads(200, seed=5)
    shares = member.contributions(new)
    assert shares.shape == (200, len(NAMES) + 2)
    np.testing.assert_allclose(shares.sum(axis=1), member.margin(new), atol=1e-5)
    size = np.abs(shares[:, : len(NAMES)]).mean(axis=0)
    assert size[NAMES.index("calls")] == size.max()
    assert size[NAMES.index("calls")] > 2 * size[NAMES.index("noise")]


@pytest.mark.parametrize("part", ["earlier", "later"])
@pytest.mark.parametrize("positive", [False, True])
def test_a_slice_of_one_class_is_refused(kind: Kind, part: str, positive: bool) -> None:
    rows = training()
    one_class = np.where(getattr(rows.slices, part), positive, rows.positive)
    with pytest.raises(InputError, match=f"the {part} slice .* positives among"):
        kind.fit(replace(rows, positive=one_class))


def test_no_rows_to_learn_from_are_refused(kind: Kind) -> None:
    with pytest.raises(InputError, match="0 positives among 0 rows"):
        kind.fit(training(0))


def test_rows_without_weight_are_refused(kind: Kind) -> None:
    rows = training()
    with pytest.raises(InputError, match="no weight"):
        kind.fit(replace(rows, weight=np.zeros(ROWS)))


def test_a_column_that_is_never_known_does_no_harm(kind: Kind) -> None:
    rows, new = training(), leads(20, seed=5)
    rows.inputs.features[:, 1] = np.nan
    member = kind.fit(rows).member
    assert np.isfinite(member.margin(new)).all()
    np.testing.assert_allclose(member.contributions(new).sum(axis=1), member.margin(new), atol=1e-5)


def test_saved_and_loaded_is_equal(kind: Kind, member: Member, tmp_path: Path) -> None:
    first = saved(member, tmp_path / "first")
    loaded = kind.load(tmp_path / "first" / "model")
    new = leads(20, seed=8)
    assert loaded.names == member.names == NAMES
    assert loaded.kind == member.kind
    assert loaded.margin(new).tobytes() == member.margin(new).tobytes()
    assert loaded.contributions(new).tobytes() == member.contributions(new).tobytes()
    assert saved(loaded, tmp_path / "second") == first


def test_nothing_is_pickled(kind: Kind, member: Member, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("a model was read or written as pickle")

    for name in ("dump", "dumps", "load", "loads", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, refused)
    saved(member, tmp_path / "folder")
    assert np.isfinite(kind.load(tmp_path / "folder" / "model").margin(leads(3))).all()
    for path in files_in(tmp_path / "folder"):
        assert not path.read_bytes().startswith(b"\x80")  # how a pickle begins
        inside = zipfile.ZipFile(path).namelist() if zipfile.is_zipfile(path) else []
        assert not [entry for entry in inside if entry.endswith(".pkl")]


def test_corrupt_files_are_refused(kind: Kind, member: Member, tmp_path: Path) -> None:
    contents = saved(member, tmp_path / "folder")
    random = np.random.default_rng(0)
    for file, content in contents.items():
        path = tmp_path / "folder" / file
        for changed in damaged(content, random):
            path.write_bytes(changed)
            with pytest.raises(IncompatibleError, match=path.name):
                kind.load(tmp_path / "folder" / "model")
        path.write_bytes(content)
    assert np.isfinite(kind.load(tmp_path / "folder" / "model").margin(leads(3))).all()


def damaged(content: bytes, random: np.random.Generator) -> list[bytes]:
    """Empty, not a model, JSON, cut off, and with single bits flipped."""
    found = [b"", b"not a model", json.dumps({}).encode(), content[: len(content) // 2], content[:-1]]
    for place in random.integers(0, len(content), 8):
        changed = bytearray(content)
        changed[place] ^= 1 << int(random.integers(8))
        found.append(bytes(changed))
    return found


def test_the_file_of_another_kind_is_refused(name: str, kind: Kind, tmp_path: Path) -> None:
    for other in KINDS:
        if fitted(other).member.kind == fitted(name).member.kind:
            continue
        folder = tmp_path / other
        saved(fitted(other).member, folder)
        with pytest.raises(IncompatibleError):
            kind.load(folder / "model")
