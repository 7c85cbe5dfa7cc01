"""The truth is exact: against the chain's own futures, and against labels made from events by the label kernel."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from lintel.errors import InputError
from lintel.events.columns import columns_from_table, digest64
from lintel.events.validation import check
from lintel.labels.definition import load_label_set
from lintel.labels.outcomes import outcomes
from lintel.labels.points import Origin, decision_points
from lintel.sources.simulator import Simulator, preset, truth
from lintel.sources.simulator.causes import ACTS, CLOSINGS, HIGH_INTENT, REPLIES, Cause
from lintel.sources.simulator.chain import Situation
from lintel.sources.simulator.clock import TICKS_PER_DAY
from lintel.sources.simulator.history import history
from lintel.sources.simulator.presets import WORLDS
from lintel.sources.simulator.process import Happenings, Process
from lintel.sources.simulator.report import DIMENSIONS, bayes_auc, difficulty
from lintel.sources.simulator.states import OPEN, states
from lintel.sources.simulator.truth import budget_amount, decided_within, probabilities
from lintel.sources.simulator.world import Drift, Stage, World

TENANT = "sim-denver"
DRIFTING = replace(preset("demo"), drift=Drift(date(2023, 5, 20), 1.3))


@cache
def simulated(leads: int, seed: int = 5, world: World = WORLDS["demo"]) -> tuple[Simulator, pa.Table, list[str]]:
    source = Simulator(world, TENANT, seed=seed, leads=leads)
    events = pa.concat_tables([batch.events for batch in source.batches()])
    return source, events, [f"{TENANT}-{number:06d}" for number in range(leads)]


def microseconds(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * 1_000_000


def test_states_rebuilt_from_events_are_the_simulators_own():
    source, events, ids = simulated(150)
    happenings, leads = source.happenings(150)
    shuffled = events.take(np.random.default_rng(1).permutation(len(events)))
    past = history(source.world, source.tenant, pa.concat_tables([shuffled, shuffled.slice(0, 500)]), ids)
    assert np.array_equal(past.state, happenings.state)
    assert np.array_equal(np.diff(past.first), np.bincount(happenings.lead))
    assert np.array_equal(past.cell, [lead.cell for lead in leads])
    returns = happenings.cause == Cause.RETURN
    assert np.array_equal(past.cause[~returns], happenings.cause[~returns])
    assert len(np.unique(past.state)) > 100


def test_later_events_change_nothing():
    source, events, ids = simulated(150)
    border = microseconds(2023, 8, 3, 11)
    past = events.filter(pa.compute.less_equal(events.column("occurred_at").cast(pa.int64()), border))
    as_of = np.full(len(ids), border)
    before, after = (truth(source.world, TENANT, table, ids, as_of) for table in (past, events))
    for name in DIMENSIONS:
        assert np.array_equal(before[name], after[name], equal_nan=True)


def test_not_asked_is_nan():
    source, events, ids = simulated(150)
    as_of = np.full(len(ids) + 1, microseconds(2023, 9, 1))
    answers = truth(source.world, TENANT, events, [*ids, "nobody"], as_of)
    past = history(source.world, source.tenant, events, [*ids, "nobody"])
    state = past.at(np.arange(len(ids) + 1), as_of).state
    is_open = state >= 0
    assert 10 < is_open.sum() < 140
    assert not is_open[-1]
    for name in ("intent", "timing", "conversion", "churn"):
        assert np.array_equal(~np.isnan(answers[name]), is_open)
    table = states()
    assert np.array_equal(~np.isnan(answers["budget"][is_open]), table.preapproved[state[is_open]] == 0)
    assert np.array_equal(~np.isnan(answers["engagement"][is_open]), table.stage[state[is_open]] != Stage.BOOKED)
    early = truth(source.world, TENANT, events, ids, np.full(len(ids), microseconds(2022, 1, 1)))
    assert np.isnan(early["conversion"]).all()


def test_stored_tables_and_empty_ones_are_read_too():
    source, events, ids = simulated(150)
    kind = events.schema.get_field_index("kind")
    stored = events.set_column(kind, "kind", events.column("kind").dictionary_encode())
    as_of = np.full(20, microseconds(2023, 9, 1))
    expected, found = (truth(source.world, TENANT, table, ids[:20], as_of) for table in (events, stored))
    assert np.array_equal(expected["intent"], found["intent"], equal_nan=True)
    nothing = truth(source.world, TENANT, events.slice(0, 0), ids[:20], as_of)
    assert all(np.isnan(values).all() for values in nothing.values())
    with pytest.raises(InputError, match="agent_id"):
        truth(source.world, TENANT, events.drop_columns(["agent_id"]), ids[:20], as_of)


def test_risks_add_up_to_the_decision():
    source, events, ids = simulated(150)
    as_of = np.full(len(ids), microseconds(2023, 7, 1, 4))
    risks = decided_within(source.world, TENANT, events, ids, as_of, days=(7, 14, 30, 90))
    answers = truth(source.world, TENANT, events, ids, as_of)
    for i, days in enumerate((7, 14, 30)):
        np.testing.assert_allclose(risks[:, i].sum(axis=1), answers[f"timing_{days}"], atol=1e-12)
    np.testing.assert_allclose(risks[:, 3, 0], answers["conversion"], atol=1e-12)
    assert (np.diff(risks[~np.isnan(risks[:, 0, 0])], axis=1) >= 0).all()


def test_preapproved_amounts_are_log_normal_about_what_was_asked():
    source, events, _ = simulated(600)
    shown = events.filter(pa.compute.equal(events.column("kind"), "financing.preapproved"))
    mean, deviation = budget_amount(source.world, TENANT, events, shown.column("lead_id").to_pylist())
    z = (np.log(shown.column("value").to_numpy()) - mean) / deviation
    assert len(z) > 100
    assert abs(z.mean()) < 4 / np.sqrt(len(z))
    assert abs(z.std() - 1) < 4 / np.sqrt(2 * len(z))


# ---- against the chain's own futures


def situations(world: World) -> Iterator[Situation]:
    """Single episodes in different states, some whose tick has had its happening and some whose has not."""
    source, events, ids = simulated(150, world=world)
    past = history(world, source.tenant, events, ids)
    generator = np.random.default_rng(8)
    wanted = (Stage.CONTACTED, Stage.ENGAGED, Stage.BOOKED, Stage.VIEWED, Stage.NEGOTIATION)
    for stage in wanted:
        rows = np.flatnonzero((past.state < OPEN) & (past.occurred_at > microseconds(2023, 3, 1)))
        rows = rows[states().stage[past.state[rows]] == stage]
        row = generator.choice(rows)
        lead = np.searchsorted(past.first, [row], side="right") - 1
        for later in (0, 7_000_000_000):
            now = past.at(lead, past.occurred_at[[row]] + later)
            if now.state[0] >= 0:
                yield now


def futures(process: Process, now: Situation, count: int, generator: np.random.Generator) -> tuple[Happenings, int]:
    """Live from one situation many times. Where the tick is not settled, it is lived whole, and lives in which
    something had happened by then are dropped. Returns happenings after the as-of time and the number of lives."""
    tick, part = int(now.tick[0]), float(now.fraction[0])
    first = tick + int(now.settled[0])
    if first == tick and tick % TICKS_PER_DAY == 0:
        pytest.fail("the situation is already past midnight: choose another")
    state, cell = np.full(count, now.state[0]), np.full(count, now.cell[0])
    lived = process.run(
        state, cell, begins=np.full(count, -1), fraction=np.zeros(count), first=first,
        draws=generator.random((count, 91 * TICKS_PER_DAY)),
    )  # fmt: skip
    too_soon = np.unique(lived.lead[(lived.tick == tick) & (lived.fraction <= part)])
    kept = np.setdiff1d(np.arange(count), too_soon)
    rows = np.isin(lived.lead, kept)
    columns = (lived.lead, lived.tick, lived.fraction, lived.cause, lived.state)
    lead, *rest = (column[rows] for column in columns)
    return Happenings(np.searchsorted(kept, lead), *rest), len(kept)


def first_times(lived: Happenings, now: Situation, lives: int, causes: frozenset[Cause]) -> np.ndarray:
    """(lives,) days from the as-of time to the first of `causes` before the episode is over; infinite if none."""
    days = (lived.tick + lived.fraction - now.tick[0] - now.fraction[0]) / TICKS_PER_DAY
    over = np.full(lives, np.inf)
    closing = np.isin(lived.cause, list(CLOSINGS))
    np.minimum.at(over, lived.lead[closing], days[closing])
    found = np.full(lives, np.inf)
    rows = np.isin(lived.cause, list(causes)) & (days <= over[lived.lead])
    np.minimum.at(found, lived.lead[rows], days[rows])
    return found


@pytest.mark.parametrize("world", [WORLDS["demo"], DRIFTING], ids=["stable", "drifting"])
def test_truth_is_the_share_of_futures(world):
    generator, lives_wanted = np.random.default_rng(21), 3000
    process, tenant = Process(world, world.tenant(TENANT)), world.tenant(TENANT)
    checked = 0
    for now in situations(world):
        if not now.settled[0] and now.tick[0] % TICKS_PER_DAY == 0:
            continue
        lived, lives = futures(process, now, lives_wanted, generator)

        def within(causes: frozenset[Cause], days: float, now=now, lived=lived, lives=lives) -> np.ndarray:
            return first_times(lived, now, lives, causes) <= days

        bad = within(CLOSINGS - {Cause.WIN}, 30)
        silent = ~within(ACTS, 30) & ~within(CLOSINGS, 30)
        shares = {
            "intent": within(HIGH_INTENT, 14),
            "timing_7": within(CLOSINGS, 7),
            "timing_30": within(CLOSINGS, 30),
            "conversion": within(frozenset({Cause.WIN}), 90),
            "churn": bad | silent,
            "budget": within(frozenset({Cause.PREAPPROVE}), 30),
        }
        answers = probabilities(world, tenant, now)
        for name, hits in shares.items():
            expected = answers[name][0]
            if not np.isnan(expected):
                error = np.sqrt(expected * (1 - expected) / lives) + 1e-9
                assert abs(hits.mean() - expected) < 4.5 * error, (name, now, hits.mean(), expected)
                checked += 1
    assert checked > 30


def test_engagement_is_the_share_of_answers_to_a_touch():
    world, generator = WORLDS["demo"], np.random.default_rng(4)
    tenant = world.tenant(TENANT)
    process = Process(world, tenant)
    for now in situations(world):
        expected = probabilities(world, tenant, now)["engagement"][0]
        if np.isnan(expected):
            continue
        touched = replace(now, state=states().following[now.state, Cause.TOUCH], settled=np.array([True]))
        lived, lives = futures(process, touched, 6000, generator)
        share = (first_times(lived, touched, lives, REPLIES) <= 2).mean()
        assert abs(share - expected) < 4.5 * np.sqrt(expected * (1 - expected) / lives)


# ---- against labels


def truths_and_labels(world: World, leads: int, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Per dimension and origin one decision point a lead: the first after a random moment. Such points are
    independent of each other and chosen without a look at the future; one of all points of a lead, drawn evenly,
    would not be: leads that close soon have fewer."""
    source, events, ids = simulated(leads, seed, world)
    stored = check(events, tenant=TENANT, now=datetime.now(UTC)).events
    columns, labels = columns_from_table(stored, pa.array(ids)), load_label_set("simulator")
    log_end = microseconds(2024, 1, 1)
    points = decision_points(
        columns, labels, np.array([digest64(one) for one in ids]),
        log_end=log_end, time_zone=source.tenant.time_zone, per_origin=None, seed=seed,
    )  # fmt: skip
    moment = microseconds(2023, 1, 1) + np.random.default_rng(seed).random(leads) * 270 * 86_400_000_000
    later = np.flatnonzero(points.queries.as_of >= moment[points.queries.lead])
    _, first = np.unique(points.queries.lead[later] * 3 + points.origin[later], return_index=True)
    points = points.take(np.sort(later[first]))
    answers = truth(world, TENANT, events, [ids[i] for i in points.queries.lead], points.queries.as_of)
    found = {}
    for name, outcome in outcomes(columns, points, labels, log_end=log_end).items():
        for origin in Origin:
            rows = outcome.mature & (points.origin == origin)
            if rows.any():
                found[f"{name}, {origin.name}"] = answers[name][rows], outcome.status[rows].astype(float)
    return found


def check_reliability(pairs: dict[str, tuple[np.ndarray, np.ndarray]], bins: int) -> None:
    assert len(pairs) == 11  # five dimensions at events and at nights, engagement at touches
    for name, (expected, happened) in pairs.items():
        assert not np.isnan(expected).any(), name
        groups = np.array_split(np.argsort(expected, kind="stable"), bins)
        for rows in [np.arange(len(expected)), *groups]:
            error = np.sqrt((expected[rows] * (1 - expected[rows])).sum())
            z = (happened[rows] - expected[rows]).sum() / error
            assert abs(z) < 4, (name, len(rows), expected[rows].mean(), happened[rows].mean())


@pytest.mark.parametrize("world", [WORLDS["demo"], DRIFTING], ids=["stable", "drifting"])
def test_truth_is_reliable_against_labels_made_from_events(world):
    check_reliability(truths_and_labels(world, 800, 13), bins=3)


@pytest.mark.slow
@pytest.mark.parametrize("world", [*WORLDS.values(), DRIFTING], ids=[*WORLDS, "drifting"])
def test_truth_is_reliable_in_a_large_world(world):
    check_reliability(truths_and_labels(world, 8000, 17), bins=10)


# ---- how hard the worlds are


def test_bayes_auc_is_the_expected_auc():
    generator = np.random.default_rng(3)
    p = generator.random(60).round(1)
    drawn = generator.random((4000, 60)) < p
    above = (p[:, None] > p[None, :]) + 0.5 * (p[:, None] == p[None, :])
    pairs = np.einsum("ni,ij,nj->n", drawn.astype(float), above, (~drawn).astype(float))
    assert bayes_auc(p) == pytest.approx(pairs.sum() / (drawn.sum(axis=1) * (~drawn).sum(axis=1)).sum(), abs=0.01)
    assert bayes_auc(np.full(10, 0.3)) == pytest.approx(0.5, abs=0.02)
    assert np.isnan(bayes_auc(np.ones(5)))


def check_bars(world: World, tenant: str, leads: int, points: int) -> None:
    for name, one in difficulty(world, tenant, leads=leads, points=points, seed=11)["all"].items():
        assert 0.70 <= one.bayes_auc <= 0.80, (world.name, tenant, name, one)
        assert 0.02 <= one.base_rate <= 0.30, (world.name, tenant, name, one)


def test_the_demo_world_is_neither_easy_nor_hopeless():
    check_bars(preset("demo"), TENANT, leads=500, points=1000)


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_no_world_is_easy_or_hopeless(world):
    for tenant in world.tenants:
        check_bars(world, tenant.id, leads=1500, points=6000)
