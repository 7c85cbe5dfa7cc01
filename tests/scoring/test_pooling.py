"""Pools of simulated brokerages: who is in them, what is borrowed from them, and that it beats a model of one's own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, InputError
from lintel.events.columns import columns_from_table
from lintel.events.validation import check
from lintel.features.catalogue import catalogue
from lintel.labels.definition import load_label_set
from lintel.labels.outcomes import Status
from lintel.scoring.borrowing import Borrowing, shifted
from lintel.scoring.bundle import Bundle
from lintel.scoring.dimension import Dimension
from lintel.scoring.evaluation import evaluate, fold_rows
from lintel.scoring.evidence import Rung
from lintel.scoring.examples import Examples, build_examples
from lintel.scoring.folds import Fold
from lintel.scoring.partial_pooling import Shift
from lintel.scoring.pooling import pooled_examples, with_spreads
from lintel.scoring.training import train
from lintel.sources.simulator import Simulator, preset, truth
from lintel.store.log import TenantLog
from lintel.store.tenants import Tenant
from tests.scoring.small import small_ensemble

LABELS, SEED = load_label_set("simulator"), 5
NOW = datetime(2030, 1, 1, tzinfo=UTC)
SMALL = small_ensemble(50)
Truths = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Brokerage:
    """A simulated tenant with its events and examples."""

    tenant: Tenant
    events: pa.Table
    examples: Examples

    @property
    def offer(self) -> tuple[Tenant, Examples]:
        return self.tenant, self.examples


def brokerage(name: str, seed: int, leads: int) -> Brokerage:
    source = Simulator(preset("demo"), name, seed=seed, leads=leads)
    tenant = replace(source.tenant_settings(), pooled=True)
    events = check(pa.concat_tables([one.events for one in source.batches()]), tenant=name, now=NOW).events
    ids = tuple(sorted(events.column("lead_id").unique().to_pylist()))
    log = TenantLog(tenant, ids, columns_from_table(events, pa.array(ids)), pc.max(events.column("known_at")).as_py())
    return Brokerage(tenant, events, build_examples(log, seed=SEED, per_origin=2))


@dataclass(frozen=True)
class World:
    """Two brokerages that are pooled, a small one that is not in the pool, and what each of both ways gives it."""

    denver: Brokerage
    austin: Brokerage
    small: Brokerage
    pool: Bundle
    alone: Bundle
    helped: Bundle


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    denver, austin = brokerage("sim-denver", 1, 700), brokerage("sim-austin", 2, 600)
    small = brokerage("sim-toronto", 3, 200)
    together = pooled_examples([denver.offer, austin.offer])
    learnt = train(together, LABELS, catalogue(), scope="global.simulator", seed=SEED, hyperparameters=SMALL)
    pool = with_spreads(learnt, together).save(tmp_path_factory.mktemp("pool") / "bundle")
    alone, helped = (
        train(small.examples, LABELS, catalogue(), scope="small", seed=SEED, hyperparameters=SMALL, pool=one)
        for one in (None, pool)
    )
    return World(denver, austin, small, pool, alone, helped)


@pytest.fixture(scope="module")
def expected(world: World) -> Truths:
    """The small tenant's true probabilities on the newest fold of each dimension; NaN where it is not asked."""
    examples, names = world.small.examples, tuple(world.helped.scorer.ready)
    rows = np.unique(np.concatenate([newest(examples, name) for name in names]))
    queries = examples.points.queries
    leads = [examples.lead_ids[lead] for lead in queries.lead[rows]]
    found = truth(preset("demo"), world.small.tenant.id, world.small.events, leads, queries.as_of[rows])
    return {name: found[name][np.searchsorted(rows, newest(examples, name))] for name in names}


def newest(examples: Examples, name: str) -> NDArray[np.intp]:
    return fold_rows(examples, name).rows(Fold.TEST)


def true_losses(bundle: Bundle, of: Examples, expected: Mapping[str, NDArray[np.float64]]) -> float:
    """Log loss against the true probabilities, that of the truth itself taken off; the mean over the dimensions."""
    return float(np.mean([_true_loss(bundle, of, name, truths) for name, truths in expected.items()]))


def _true_loss(bundle: Bundle, of: Examples, name: str, truths: NDArray[np.float64]) -> float:
    asked = ~np.isnan(truths)
    rows, known = newest(of, name)[asked], np.clip(truths[asked], 1e-9, 1 - 1e-9)
    said = bundle.scorer.ready[name].scores(of.inputs(rows)).probability
    return float(np.average(_loss(known, said) - _loss(known, known), weights=of.points.weight[rows]))


def _loss(expected: NDArray[np.float64], said: NDArray[np.float64]) -> NDArray[np.float64]:
    return -(expected * np.log(said) + (1 - expected) * np.log1p(-said))


def test_a_small_tenant_does_better_with_the_pool_than_alone(world: World, expected: Truths) -> None:
    """Simulated: nearer to the truth in the mean of the dimensions that both score, of which it scores more."""
    both = {name: truths for name, truths in expected.items() if name in world.alone.scorer.ready}
    assert 2 <= len(both) < len(expected)
    alone, helped = (true_losses(one, world.small.examples, both) for one in (world.alone, world.helped))
    assert helped < alone


def test_moving_the_pools_level_brings_it_nearer_to_the_truth(world: World, expected: Truths) -> None:
    moved, as_it_is = (true_losses(one, world.small.examples, expected) for one in (world.helped, world.pool))
    assert moved < as_it_is


def test_every_dimension_says_what_it_rests_on(world: World) -> None:
    helped, alone = world.helped.scorer.ready, world.alone.scorer.ready
    assert {one.evidence_rung for one in helped.values()} == {Rung.POOLED}
    assert {one.evidence_rung for one in alone.values()} == {Rung.TENANT}
    for name, one in alone.items():
        assert one.outcomes_per_class == helped[name].outcomes_per_class > 0
    assert world.helped.manifest.tenants == ("sim-toronto",)
    assert (world.helped.manifest.pool, world.alone.manifest.pool) == (world.pool.digest, "")


def test_answers_show_it(world: World) -> None:
    (card, *_) = _open(world.helped, world.small)
    shown = card["dimensions"]["intent"]
    assert (shown["evidence"], shown["outcomes_per_class"]) == (
        "pooled",
        world.helped.scorer.ready["intent"].outcomes_per_class,
    )
    few = replace(world.helped.scorer.ready["intent"], outcomes_per_class=28)
    scorer = replace(world.helped.scorer, dimensions={**world.helped.scorer.dimensions, "intent": few})
    (card, *_) = _open(replace(world.helped, scorer=scorer), world.small)
    assert card["dimensions"]["intent"]["needs"].startswith("12 more mature outcomes")


def _open(bundle: Bundle, of: Brokerage) -> list[dict]:
    end = pc.max(of.events.column("known_at")).as_py()
    return [card for card in bundle.score(of.events, end) if card.get("status") == "open"]


def test_nothing_of_a_tenant_that_does_not_allow_it_enters(world: World) -> None:
    """Whatever its rows say, the pool is the same to the last bit, and its examples are not even looked at."""
    refusing = replace(world.small.tenant, pooled=False), _Unreadable()
    offered = [world.denver.offer, world.austin.offer]
    assert pooled_examples([*offered, refusing]).digest == pooled_examples(offered).digest  # type: ignore[list-item]
    with pytest.raises(InputError, match="1 of the tenants"):
        pooled_examples([world.denver.offer, refusing])  # type: ignore[list-item]


class _Unreadable:
    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"{name} was read")


def test_every_row_of_the_others_is_there_once(world: World) -> None:
    first, second = world.austin.examples, world.denver.examples  # by id
    found = pooled_examples([world.denver.offer, world.austin.offer])
    assert found.data.tenants == ("sim-austin", "sim-denver")
    assert len(found) == len(first) + len(second)
    assert len(set(found.lead_ids)) == len(found.lead_ids) == len(first.lead_ids) + len(second.lead_ids)
    row = len(first) + 17
    lead = found.lead_ids[found.points.queries.lead[row]]
    assert lead == f"sim-denver/{second.lead_ids[second.points.queries.lead[17]]}"
    np.testing.assert_array_equal(found.features[row], second.features[17])
    ours, its = found.inputs(np.array([row])).sequences, second.inputs(np.array([17])).sequences
    for name in ("offset", "kind", "actor", "hours_before", "value"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(its, name))
    for name, outcome in second.outcomes.items():
        assert found.outcomes[name].status[row] == outcome.status[17]
        assert found.outcomes[name].amount is None
    order = np.lexsort((found.points.queries.as_of, found.points.queries.lead))
    np.testing.assert_array_equal(order, np.arange(len(found)))


def test_the_order_of_offers_does_not_matter_and_any_row_does(world: World) -> None:
    found = pooled_examples([world.denver.offer, world.austin.offer])
    assert pooled_examples([world.austin.offer, world.denver.offer]).digest == found.digest
    outcome = world.denver.examples.outcomes["churn"]
    changed = replace(outcome, status=np.where(np.arange(len(outcome.status)) == 3, Status.CENSORED, outcome.status))
    other = replace(world.denver.examples, outcomes={**world.denver.examples.outcomes, "churn": changed})
    assert pooled_examples([(world.denver.tenant, other), world.austin.offer]).digest != found.digest


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (lambda one: replace(one, label_digest="sha256:x"), IncompatibleError, "different features or labels"),
        (lambda one: replace(one, feature_digest="sha256:x"), IncompatibleError, "different features or labels"),
        (lambda one: replace(one, data=replace(one.data, simulated=False)), InputError, "simulated"),
        (lambda one: replace(one, data=replace(one.data, tenants=("sim-denver",))), InputError, "not its own"),
    ],
)
def test_what_does_not_belong_together_is_refused(
    world: World, spoil: Callable[[Examples], Examples], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        pooled_examples([world.denver.offer, (world.austin.tenant, spoil(world.austin.examples))])


def test_a_pool_of_other_labels_is_refused(world: World) -> None:
    stale = replace(world.pool, manifest=replace(world.pool.manifest, label_digest="sha256:x"))
    with pytest.raises(IncompatibleError, match="pool"):
        train(world.small.examples, LABELS, catalogue(), seed=1, hyperparameters=SMALL, pool=stale)


def test_too_few_outcomes_get_the_mean_tenants_level_with_all_doubt_between_tenants(world: World) -> None:
    few = _with_yes(world.small.examples, "intent", 5)
    found, lent = Borrowing(world.pool, few, SEED).dimension("intent"), world.pool.scorer.ready["intent"]
    assert (found.evidence_rung, found.outcomes_per_class, found.judged_from) == (Rung.POOLED, 5, None)
    assert lent.spread is not None
    moved = found.calibrated.calibrator.intercept - lent.calibrated.calibrator.intercept
    assert moved == pytest.approx(lent.spread.mean)
    inputs = few.inputs(np.arange(200))
    wide, narrow = (one.scores(inputs) for one in (found, lent))
    assert np.mean(wide.high - wide.low) > np.mean(narrow.high - narrow.low)


def test_the_light_models_are_borrowed_as_the_full_ones_are(world: World) -> None:
    borrowed = [name for name, one in world.helped.scorer.ready.items() if one.evidence_rung is not Rung.TENANT]
    assert borrowed
    for name in borrowed:
        light, full, lent = world.helped.light[name], world.helped.scorer.ready[name], world.pool.light[name]
        assert isinstance(light, Dimension)
        assert isinstance(lent, Dimension)
        assert (light.evidence_rung, light.outcomes_per_class) == (full.evidence_rung, full.outcomes_per_class)
        assert light.ensemble.members == lent.ensemble.members
        assert light.calibrated.calibrator != lent.calibrated.calibrator
    world.helped.check_golden()


def _with_yes(examples: Examples, name: str, leads: int) -> Examples:
    """Only so many leads keep their yes; the others' is not known."""
    outcome, lead = examples.outcomes[name], examples.points.queries.lead
    yes = outcome.status == Status.YES
    kept = np.isin(lead, np.unique(lead[yes])[:leads])
    status = np.where(yes & ~kept, Status.CENSORED, outcome.status).astype(np.int8)
    return replace(examples, outcomes={**examples.outcomes, name: replace(outcome, status=status)})


def test_a_tenant_of_the_pool_is_calibrated_and_judged_on_rows_that_are_new_to_it(world: World) -> None:
    """Whatever its rows were that the pool's members learnt from, its dimension is the same."""
    denver = world.denver.examples
    found = Borrowing(world.pool, denver, SEED).dimension("timing")
    border = world.pool.metrics["dimensions"]["timing"]["folds"]
    instants = {
        name: int(np.datetime64(text.removesuffix("Z"), "us").astype(np.int64))
        for name, text in border.items()
        if "from" in name
    }
    assert found.judged_from == instants["test_from"]
    outcome, early = denver.outcomes["timing"], denver.points.queries.as_of < instants["calibration_from"]
    known = early & outcome.mature & (np.arange(len(denver)) % 2 == 0)
    flipped = np.where(known, 1 - outcome.status, outcome.status).astype(np.int8)
    other = replace(denver, outcomes={**denver.outcomes, "timing": replace(outcome, status=flipped)})
    again = Borrowing(world.pool, other, SEED).dimension("timing")
    assert again.calibrated.to_json() == found.calibrated.to_json()
    assert again.venn_abers.to_json() == found.venn_abers.to_json()


def test_with_enough_outcomes_the_calibration_is_the_tenants_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lintel.scoring.evidence.LEAST_CALIBRATED", 50)
    found = Borrowing(world.pool, world.small.examples, SEED).dimension("timing")
    lent = world.pool.scorer.ready["timing"]
    assert found.evidence_rung is Rung.CALIBRATED
    assert found.ensemble is lent.ensemble
    assert found.calibrated.stack is lent.calibrated.stack
    assert found.calibrated.calibrator.to_json() != lent.calibrated.calibrator.to_json()
    assert found.calibration_n < lent.calibration_n


def test_what_few_outcomes_carry_is_judged_by_the_pool_with_its_own_figures_beside(world: World) -> None:
    figures = world.helped.metrics["dimensions"]["intent"]
    assert figures["judged_on"] == "pool"
    assert figures["auc"] == world.pool.metrics["dimensions"]["intent"]["auc"]
    assert figures["own"]["n"] < figures["n"]
    assert evaluate(world.helped, world.small.examples)["dimensions"]["intent"] == figures
    assert "Borrowed from a pool of tenants" in world.helped.model_card
    assert world.helped.report.plots["intent_roc.png"] == world.pool.report.plots["intent_roc.png"]
    assert "sim-denver" not in world.helped.model_card  # whom it was learnt from is not the borrower's business


def test_a_borrowing_bundle_is_loaded_as_it_was_saved(world: World, tmp_path: Path) -> None:
    saved = world.helped.save(tmp_path / "bundle")
    loaded = Bundle.load(tmp_path / "bundle")
    assert _open(loaded, world.small) == _open(saved, world.small)
    for name, one in loaded.scorer.ready.items():
        assert one.evidence_rung is Rung.POOLED
        assert one.judged_from == saved.scorer.ready[name].judged_from
    assert {one.spread for one in Bundle.load(tmp_path / "bundle").scorer.ready.values()} == {None}
    assert world.pool.scorer.ready["intent"].spread is not None


def test_contributions_still_add_up_after_a_shift(world: World) -> None:
    dimension = world.helped.scorer.ready["intent"]
    inputs = world.small.examples.inputs(np.arange(50))
    np.testing.assert_allclose(dimension.contributions(inputs).sum(axis=1), dimension.log_odds(inputs), atol=1e-5)


def test_a_shift_moves_the_level_and_widens_the_draws(world: World) -> None:
    found = world.pool.scorer.ready["intent"].calibrated
    moved = shifted(found, Shift(0.4, 0.25), seed=1)
    margins = np.zeros((1, len(found.stack.weights)))
    np.testing.assert_allclose(moved.log_odds(margins) - found.log_odds(margins), 0.4)
    assert np.mean(moved.intercept_draws - found.intercept_draws) == pytest.approx(0.4, abs=1e-9)
    assert np.var(moved.intercept_draws - found.intercept_draws) == pytest.approx(0.25, rel=0.15)
