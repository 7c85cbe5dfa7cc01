"""The network finds what lies in the order of events, and NumPy serves what PyTorch trained."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, InputError, UnavailableError
from lintel.events.kinds import kind_codes
from lintel.scoring.inputs import Inputs, Sequences
from lintel.scoring.member import BIAS, SEQUENCE, Fit
from lintel.scoring.metrics import auc
from lintel.scoring.network import (
    EncodedHazard,
    EncodedMember,
    Head,
    NetworkHazard,
    NetworkMember,
    encoded,
)
from lintel.scoring.network_course import Course, Lessons
from lintel.scoring.network_encoder import EVENTS_AT_A_TIME, Encoder
from lintel.scoring.network_settings import NetworkSettings, NetworkShape
from lintel.scoring.network_target import Target, question_target, timing_target
from lintel.scoring.network_training import FittedNetwork, fit_network
from lintel.scoring.stopping import StoppingSlices

NAMES = ("calls", "amount", "noise")
FIRST, SECOND = kind_codes()["email.sent"], kind_codes()["sms.inbound"]
HORIZON = 14.0
QUICK = NetworkSettings(
    shape=NetworkShape(width=16, encoding=8, layers=2, pieces=4),
    learning_rate=5e-3,
    curve_learning_rate=5e-3,
    batch_rows=128,
    max_epochs=12,
    memory=0.95,
    least_events=5,
)


def features(count: int, random: np.random.Generator) -> NDArray[np.float32]:
    found = random.normal(size=(count, len(NAMES))).astype(np.float32)
    found[random.random(count) < 0.3, 1] = np.nan
    return found


def events(count: int, random: np.random.Generator, *, empty: float = 0.1) -> Sequences:
    """Up to 20 events of any kind; among them each of the two telling ones once, in either order."""
    size = np.where(random.random(count) < empty, 0, random.integers(2, 20, count))
    offset = np.concatenate(([0], np.cumsum(size))).astype(np.int64)
    kind = random.choice([code for code in kind_codes().values() if code not in {FIRST, SECOND}][:10], offset[-1])
    for start, length in zip(offset[:-1], size, strict=True):
        if length:
            places = random.choice(length, 2, replace=False)
            kind[start + places] = FIRST, SECOND
    hours = [np.sort(random.exponential(100.0, length))[::-1] for length in size]
    value = np.where(random.random(offset[-1]) < 0.5, np.nan, random.lognormal(3.0, 2.0, offset[-1]))
    return Sequences(
        offset,
        kind.astype(np.int16),
        random.integers(0, 3, offset[-1]).astype(np.int8),
        np.concatenate((np.zeros(0), *hours)).astype(np.float32),
        value.astype(np.float32),
    )


def in_order(sequences: Sequences) -> NDArray[np.bool_]:
    """Whether the first telling event comes before the second; no for a lead without events."""
    found = np.zeros(len(sequences), bool)
    for row, (start, end) in enumerate(zip(sequences.offset[:-1], sequences.offset[1:], strict=True)):
        kind = sequences.kind[start:end].tolist()
        found[row] = bool(kind) and kind.index(FIRST) < kind.index(SECOND)
    return found


def leads(count: int, seed: int = 1) -> Inputs:
    random = np.random.default_rng(seed)
    return Inputs(features(count, random), NAMES, events(count, random))


def outcome(inputs: Inputs, seed: int = 2) -> NDArray[np.bool_]:
    """Log-odds are 4 if in order, else -2, + calls."""
    assert inputs.sequences is not None
    log_odds = 6.0 * in_order(inputs.sequences) - 2.0 + inputs.features[:, 0]
    return np.random.default_rng(seed).random(len(inputs)) < 1 / (1 + np.exp(-log_odds))


def slices_of(count: int) -> StoppingSlices:
    return StoppingSlices(np.arange(count) < 0.75 * count, np.arange(count) >= 0.75 * count)


def targets_of(inputs: Inputs) -> dict[str, Target]:
    """Whether, and when: a positive is decided within days, a negative within months."""
    rows, positive, random = np.arange(len(inputs)), outcome(inputs), np.random.default_rng(3)
    days = random.exponential(np.where(positive, 3.0, 60.0))
    observed = random.uniform(10.0, 80.0, len(inputs))
    slices = slices_of(len(inputs))
    return {
        "conversion": question_target(rows, positive, slices),
        "timing": timing_target(rows, days, observed, slices, horizon_days=HORIZON),
    }


def fit(inputs: Inputs, targets: dict[str, Target], seed: int = 1) -> FittedNetwork:
    count = len(inputs)
    return fit_network(
        inputs, np.arange(count, dtype=np.int32), np.ones(count), targets, seed=seed, device="cpu", settings=QUICK
    )


@pytest.fixture(scope="module")
def fitted() -> FittedNetwork:
    inputs = leads(2_000)
    return fit(inputs, targets_of(inputs))


@pytest.fixture(scope="module")
def new(fitted: FittedNetwork) -> Inputs:
    return encoded(fitted.encoder, leads(400, seed=9))


def question(fitted: FittedNetwork) -> NetworkMember:
    member = fitted.fits["conversion"].member
    assert isinstance(member, NetworkMember)
    return member


def hazard(fitted: FittedNetwork) -> NetworkHazard:
    member = fitted.fits["timing"].member
    assert isinstance(member, NetworkHazard)
    return member


def test_finds_what_lies_in_the_order_of_events(fitted: FittedNetwork, new: Inputs) -> None:
    positive, even = outcome(new, seed=8), np.ones(len(new))
    for name in ("conversion", "timing"):
        assert auc(positive, fitted.fits[name].member.margin(new), even) > 0.85
        assert auc(positive, fitted.fits[name].early.margin(new), even) > 0.85
    blind = replace(new, encoding=np.repeat(fitted.encoder.empty[None], len(new), axis=0))
    assert auc(positive, question(fitted).margin(blind), even) < 0.75


def test_timing_gives_a_curve_of_which_the_margin_is_a_point(fitted: FittedNetwork, new: Inputs) -> None:
    member = hazard(fitted)
    curve = member.cumulative(new)
    assert (np.diff(curve, axis=1) >= 0).all()
    np.testing.assert_allclose(1 / (1 + np.exp(-member.margin(new))), curve[:, 6], atol=1e-9)
    early = fitted.fits["timing"].early
    assert isinstance(early, EncodedHazard)
    assert early.cumulative(new).shape == curve.shape


@pytest.mark.parametrize("name", ["conversion", "timing"])
def test_contributions_sum_to_the_margin(fitted: FittedNetwork, new: Inputs, name: str) -> None:
    member = fitted.fits[name].member
    shares = member.contributions(new)
    assert shares.shape == (len(new), len(NAMES) + 2)
    np.testing.assert_allclose(shares.sum(axis=1), member.margin(new), atol=1e-6)
    size = np.abs(shares).mean(axis=0)
    assert size[SEQUENCE] > size[0] > size[2]


def test_shares_are_from_the_average_training_lead(fitted: FittedNetwork) -> None:
    learnt = encoded(fitted.encoder, leads(2_000))
    shares = question(fitted).contributions(learnt)
    np.testing.assert_allclose(shares[:, :BIAS].mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(shares[:, BIAS], question(fitted).margin(learnt).mean(), atol=1e-5)


def test_a_feature_moves_its_own_share_alone(fitted: FittedNetwork, new: Inputs) -> None:
    moved = replace(new, features=new.features.copy())
    moved.features[:, 0] += 1.0
    changed = question(fitted).contributions(moved) - question(fitted).contributions(new)
    assert (changed[:, 0] != 0).any()
    assert not changed[:, 1:].any()


def test_alone_as_in_a_batch_whatever_the_batch(fitted: FittedNetwork, new: Inputs) -> None:
    plain = replace(new, encoding=None)
    for rows in [np.array([row]) for row in range(40)] + [np.arange(37), np.arange(5, 300)]:
        alone = encoded(fitted.encoder, plain.take(rows))
        assert alone.encoding is not None
        assert new.encoding is not None
        assert alone.encoding.tobytes() == new.encoding[rows].tobytes()
        for name in ("conversion", "timing"):
            member = fitted.fits[name].member
            assert member.margin(alone).tobytes() == member.margin(new)[rows].tobytes()


def test_long_sequences_are_encoded_as_short_ones(fitted: FittedNetwork) -> None:
    random = np.random.default_rng(4)
    short = events(600, random, empty=0.0)
    assert short.offset[-1] > EVENTS_AT_A_TIME
    together = fitted.encoder.encode(short)
    own = short.take(np.array([599]))
    assert fitted.encoder.encode(own).tobytes() == together[[599]].tobytes()
    many = 2 * EVENTS_AT_A_TIME
    endless = replace(
        own,
        offset=np.array([0, many]),
        **{name: np.resize(getattr(own, name), many) for name in ("kind", "actor", "hours_before", "value")},
    )
    assert np.isfinite(fitted.encoder.encode(endless)).all()


def test_a_lead_without_events_has_the_constant_encoding(fitted: FittedNetwork) -> None:
    nothing = events(3, np.random.default_rng(0), empty=1.0)
    np.testing.assert_array_equal(fitted.encoder.encode(nothing), np.tile(fitted.encoder.empty, (3, 1)))
    assert fitted.encoder.encode(nothing.take(np.arange(0))).shape == (0, len(fitted.encoder.empty))


def test_kinds_are_known_by_name(fitted: FittedNetwork, new: Inputs) -> None:
    """A registry in which kinds have other codes, and an encoder that has not learnt one of them."""
    encoder, sequences = fitted.encoder, new.sequences
    assert sequences is not None
    turned = replace(
        encoder,
        kinds=encoder.kinds[::-1].copy(),
        kind_vectors=np.concatenate((encoder.kind_vectors[:1], encoder.kind_vectors[:0:-1])),
    )
    assert turned.encode(sequences).tobytes() == encoder.encode(sequences).tobytes()
    never = next(code for name, code in kind_codes().items() if name not in encoder.kinds)
    other = next(code for name, code in reversed(kind_codes().items()) if name not in encoder.kinds)
    assert never != other
    found = [encoder.encode(replace(sequences, kind=np.full_like(sequences.kind, code))) for code in (never, other)]
    assert np.isfinite(found[0]).all()
    assert found[0].tobytes() == found[1].tobytes()


def test_extreme_numbers_are_taken(fitted: FittedNetwork, new: Inputs) -> None:
    assert new.sequences is not None
    for extreme in (np.float32(3e38), np.float32(-3e38), np.float32(np.inf), np.float32(0.0)):
        sequences = replace(new.sequences, value=np.full_like(new.sequences.value, extreme))
        late = replace(sequences, hours_before=np.full_like(sequences.hours_before, 3e38))
        assert np.isfinite(fitted.encoder.encode(late)).all()
    huge = replace(new, features=np.full_like(new.features, 3e38))
    missing = replace(new, features=np.full_like(new.features, np.nan))
    for inputs in (huge, missing):
        assert np.isfinite(hazard(fitted).contributions(inputs)).all()


@pytest.mark.parametrize("name", ["conversion", "timing"])
def test_wrong_inputs_are_refused(fitted: FittedNetwork, new: Inputs, name: str) -> None:
    member = fitted.fits[name].member
    assert new.encoding is not None
    for ask in (member.margin, member.contributions):
        with pytest.raises(InputError, match="no encoding"):
            ask(replace(new, encoding=None))
        with pytest.raises(InputError, match="shape"):
            ask(replace(new, encoding=new.encoding[:, :-1]))
        with pytest.raises(InputError, match="'calls' was expected"):
            ask(new.select(np.array([1, 0, 2])))
    with pytest.raises(InputError, match="no sequences"):
        fitted.fits[name].early.margin(replace(new, sequences=None))


def test_numpy_gives_what_pytorch_gives() -> None:
    inputs = leads(300)
    assert inputs.sequences is not None
    positive = outcome(inputs)[:, None]
    signs = np.zeros((1, len(inputs.names)), np.int8)
    lessons = Lessons(inputs, inputs.sequences, {"conversion": slice(0, 1)}, positive, signs)
    course = Course(lessons, np.ones((300, 1)), QUICK, device=torch.device("cpu"), seed=3)
    for _ in range(3):
        course.epoch()
    with torch.no_grad():
        expected = course.average(course.material.batch(np.arange(300))).numpy()[:, 0]
    learnt = course.learnt()
    found = NetworkMember(learnt.heads["conversion"]).margin(encoded(learnt.encoder, inputs))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert expected.std() > 0.1


def test_a_direction_that_is_known_is_kept_to_and_costs_nothing_where_it_is_right() -> None:
    inputs, asked = leads(1_000), leads(400, seed=9)
    positive, slices = outcome(inputs), slices_of(1_000)  # calls raise it

    def held_to(sign: int) -> FittedNetwork:
        return fit(
            inputs, {"conversion": question_target(np.arange(1_000), positive, slices, monotone={"calls": sign})}
        )

    def rises(fitted: FittedNetwork) -> NDArray[np.float64]:
        """Of the curve of the calls, piece by piece."""
        return question(fitted).head.weights[0, :-1, NAMES.index("calls")]

    right, wrong = held_to(1), held_to(-1)
    assert (rises(right) >= 0.0).all()
    assert rises(right).sum() > 0.3
    assert (rises(wrong) <= 0.0).all()
    free = fit(inputs, {"conversion": question_target(np.arange(1_000), positive, slices)})
    ranked = [auc(outcome(asked), one.fits["conversion"].early.margin(asked), np.ones(400)) for one in (right, free)]
    assert ranked[0] > ranked[1] - 0.01


def test_a_seed_gives_the_same_bytes_and_another_seed_others(fitted: FittedNetwork, tmp_path: Path) -> None:
    inputs = leads(2_000)
    torch.manual_seed(5)
    torch.set_num_threads(2)
    again = fit(inputs, targets_of(inputs))
    assert torch.get_num_threads() == 2
    assert not torch.are_deterministic_algorithms_enabled()
    assert saved(again, tmp_path / "again") == saved(fitted, tmp_path / "first")
    small = leads(400)
    assert saved(fit(small, targets_of(small), seed=2), tmp_path / "a") != saved(
        fit(small, targets_of(small), seed=3), tmp_path / "b"
    )


def saved(fitted: FittedNetwork, folder: Path) -> list[bytes]:
    folder.mkdir()
    fitted.encoder.save(folder / "encoder")
    for name, one in fitted.fits.items():
        one.member.save(folder / name)
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def test_early_knows_nothing_of_leads_that_are_later_in_any_dimension() -> None:
    """A lead with a later row in one dimension and an earlier one in another."""
    inputs = leads(400)
    targets, count = targets_of(inputs), 400
    last = np.arange(count) >= 280
    targets["timing"] = replace(targets["timing"], slices=StoppingSlices(~last, last))
    changed = dict(targets)
    turned = targets["conversion"].positive.copy()
    turned[280:300] ^= True
    changed["conversion"] = replace(targets["conversion"], positive=turned)
    one, other = fit(inputs, targets), fit(inputs, changed)
    assert one.fits["timing"].early.margin(inputs).tobytes() == other.fits["timing"].early.margin(inputs).tobytes()
    first, second = (encoded(each.encoder, inputs) for each in (one, other))
    assert one.fits["timing"].member.margin(first).tobytes() != other.fits["timing"].member.margin(second).tobytes()


def test_rows_of_no_target_are_not_looked_at(tmp_path: Path) -> None:
    inputs = leads(400)
    targets = {"conversion": targets_of(inputs)["conversion"]}
    more = leads(500)
    more.features[:400] = inputs.features
    more.features[400:] = np.inf
    assert inputs.sequences is not None
    assert more.sequences is not None
    both = join(inputs.sequences, more.sequences.take(np.arange(100)))
    assert saved(fit(replace(more, sequences=both), targets), tmp_path / "more") == saved(
        fit(inputs, targets), tmp_path / "few"
    )


def join(first: Sequences, second: Sequences) -> Sequences:
    columns = (
        np.concatenate((getattr(first, name), getattr(second, name)))
        for name in ("kind", "actor", "hours_before", "value")
    )
    return Sequences(np.concatenate((first.offset, first.offset[-1] + second.offset[1:])), *columns)


def test_a_target_of_one_outcome_is_left_out() -> None:
    inputs = leads(400)
    targets = targets_of(inputs)
    targets["conversion"] = replace(targets["conversion"], positive=np.zeros((400, 1), bool))
    fitted = fit(inputs, targets)
    assert set(fitted.fits) == {"timing"}
    assert "the earlier slice of the training rows has 0 positives" in fitted.left_out["conversion"]
    with pytest.raises(InputError, match="nothing to learn from"):
        fit(inputs, {"conversion": targets["conversion"]})


def test_leads_without_any_events_are_learnt_from_by_their_features() -> None:
    inputs = leads(600)
    inputs = replace(inputs, sequences=events(600, np.random.default_rng(0), empty=1.0))
    positive = inputs.features[:, 0] > 0
    fitted = fit(inputs, {"churn": question_target(np.arange(600), positive, slices_of(600))})
    margin = fitted.fits["churn"].member.margin(encoded(fitted.encoder, inputs))
    assert auc(positive, margin, np.ones(600)) > 0.9


def test_bins_that_nobody_was_seen_in_do_no_harm() -> None:
    inputs = leads(400)
    days = np.random.default_rng(3).exponential(6.0, 400)
    target = timing_target(np.arange(400), days, np.full(400, 8.0), slices_of(400), horizon_days=HORIZON)
    fitted = fit(inputs, {"timing": target})
    assert np.isfinite(fitted.fits["timing"].member.margin(encoded(fitted.encoder, inputs))).all()


def test_what_cannot_be_learnt_is_refused() -> None:
    inputs = leads(200)
    targets = targets_of(inputs)
    with pytest.raises(InputError, match="no sequences"):
        fit(replace(inputs, sequences=None), targets)
    inputs.features[7, 2] = np.inf
    with pytest.raises(InputError, match="'noise' is infinite"):
        fit(inputs, targets)
    with pytest.raises(IncompatibleError, match="12"):
        timing_target(np.arange(1), np.ones(1), np.ones(1), slices_of(1), horizon_days=12.0)


def test_a_gpu_asked_for_and_absent_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    inputs = leads(200)
    told = inputs, np.arange(200, dtype=np.int32), np.ones(200), targets_of(inputs)
    with pytest.raises(UnavailableError, match="GPU"):
        fit_network(*told, seed=1, device="cuda", settings=QUICK)
    with pytest.raises(InputError, match="no device 'tpu'"):
        fit_network(*told, seed=1, device="tpu", settings=QUICK)


def test_saved_and_loaded_is_equal(fitted: FittedNetwork, new: Inputs, tmp_path: Path) -> None:
    for part, load in loaders(fitted).items():
        path = tmp_path / part
        part_of(fitted, part).save(path)
        first = path.read_bytes()
        part_of(fitted, part).save(path)
        assert path.read_bytes() == first
        load(path).save(path)
        assert path.read_bytes() == first
    loaded = NetworkMember.load(tmp_path / "conversion")
    inputs = encoded(Encoder.load(tmp_path / "encoder"), new)
    assert loaded.names == NAMES
    assert loaded.contributions(inputs).tobytes() == question(fitted).contributions(new).tobytes()


def test_a_head_with_its_encoder_comes_back_from_a_folder(fitted: FittedNetwork, new: Inputs, tmp_path: Path) -> None:
    for name in ("conversion", "timing"):
        fitted.fits[name].early.save(tmp_path / name)
    first = EncodedMember.load(tmp_path / "conversion")
    second = EncodedHazard.load_hazard(tmp_path / "timing", horizon_days=HORIZON)
    for loaded, name in ((first, "conversion"), (second, "timing")):
        assert loaded.contributions(new).tobytes() == fitted.fits[name].early.contributions(new).tobytes()


def part_of(fitted: FittedNetwork, name: str) -> Encoder | NetworkMember | NetworkHazard:
    return {"encoder": fitted.encoder, "conversion": question(fitted), "timing": hazard(fitted)}[name]


def loaders(fitted: FittedNetwork) -> dict[str, Callable[[Path], Encoder | NetworkMember | NetworkHazard]]:
    return {
        "encoder": Encoder.load,
        "conversion": NetworkMember.load,
        "timing": lambda path: NetworkHazard.load(path, horizon_days=HORIZON),
    }


def test_files_that_are_something_else_are_refused(fitted: FittedNetwork, tmp_path: Path) -> None:
    path = tmp_path / "model"
    question(fitted).save(path)
    with pytest.raises(IncompatibleError, match="not a network encoder"):
        Encoder.load(path)
    with pytest.raises(IncompatibleError, match="1 outputs"):
        NetworkHazard.load(path, horizon_days=HORIZON)
    content = path.read_bytes()
    for damaged in (b"", content[:-1], content[:99] + b"x" + content[100:]):
        path.write_bytes(damaged)
        with pytest.raises(IncompatibleError, match="corrupt"):
            Head.load(path)


def test_serving_never_loads_pytorch() -> None:
    code = "import sys, lintel.scoring.network; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_fits_are_pairs_of_members(fitted: FittedNetwork) -> None:
    for one in fitted.fits.values():
        assert isinstance(one, Fit)
        assert one.member.kind == one.early.kind == "network"
        assert one.member.names == one.early.names == NAMES
