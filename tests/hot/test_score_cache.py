"""A kept answer is the one that a fresh computation would give, byte for byte but for the id of the decision."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintel.events.columns import NEVER, columns_from_table
from lintel.features.catalogue import catalogue
from lintel.labels.definition import load_label_set
from lintel.market.observations import Observation
from lintel.scoring.answers import answer_leads, score_batch, score_leads
from lintel.scoring.bundle import Bundle
from lintel.scoring.examples import build_examples
from lintel.scoring.training import train
from lintel.sources.simulator import Simulator, preset
from lintel.store.events import EventStore
from lintel.store.ingest import ingest
from lintel.store.log import TenantLog
from lintel.store.scores import ScoreRow, ScoreStore
from lintel.store.tenants import Clock, Tenant
from serving.hot.comparisons import HotComparisons
from serving.hot.feature_boundary import feature_boundaries
from serving.hot.leads import HotLeads
from serving.hot.score_cache import ScoreCache, ScoreKey, with_seq
from serving.hot.versions import TenantVersion, stored_version
from tests.hot.logs_in_store import incoming
from tests.scoring.small import small_ensemble

NOW = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Brokerage:
    """A small tenant with a bundle of its own, in a folder to be copied."""

    folder: Path
    tenant: Tenant
    bundle: Bundle
    lead_ids: tuple[str, ...]  # those that are open


@pytest.fixture(scope="module")
def brokerage(tmp_path_factory: pytest.TempPathFactory) -> Brokerage:
    folder = tmp_path_factory.mktemp("brokerage")
    source = Simulator(preset("demo"), tenant="acme", seed=7, leads=200)
    tenant = replace(source.tenant_settings(), clock=Clock.LOG_END)
    ScoreStore.open(f"sqlite:///{folder / 'state.db'}").close()
    with EventStore.open(f"sqlite:///{folder / 'events.db'}") as store:
        store.put_tenant(tenant)
        ingest(store, source, tenant.id, now=NOW)
        events = store.lead_events(tenant.id, store.lead_ids(tenant.id))
        as_of = pc.max(events.column("known_at")).as_py()
        leads = pc.unique(events.column("lead_id")).sort()
        log = TenantLog(tenant, tuple(leads.to_pylist()), columns_from_table(events, leads), as_of)
    trained = train(
        build_examples(log, seed=7),
        load_label_set(tenant.labels),
        catalogue(),
        scope=tenant.id,
        seed=7,
        hyperparameters=small_ensemble(10),
    )
    trained.save(folder / "bundle")
    bundle = Bundle.load(folder / "bundle")
    batch = score_batch(bundle, log, seq=1, model_version=3)
    return Brokerage(folder, tenant, bundle, tuple(answer["lead_id"] for answer in batch))


class Worker:
    """Scores as a worker does: version first, then cache, then hot histories; and as nobody does: cold."""

    def __init__(self, brokerage: Brokerage, events: EventStore, scores: ScoreStore) -> None:
        self.bundle = brokerage.bundle
        self.events, self.scores = events, scores
        self.leads = HotLeads(events, 10_000_000)
        self.comparisons = HotComparisons(scores)
        self.cache: ScoreCache[bytes] = ScoreCache(self.leads, 100)
        self.version = stored_version(self.leads, scores)
        self.hits = 0

    def ask(self, tenant: str, lead: str, as_of: datetime | None, now: datetime) -> dict[str, Any]:
        version = self.version(tenant)
        key = ScoreKey(tenant, lead, self.bundle.digest, 3, "champion", "model", False, as_of)
        body = self.cache.get(key, version, now)
        if body is not None:
            self.hits += 1
            return json.loads(with_seq(body, version.state.last_seq))
        return self._compute(key, version, now)

    def fresh(self, tenant: str, lead: str, as_of: datetime | None, now: datetime) -> dict[str, Any]:
        known = self.events.tenant(tenant)
        (answer,) = score_leads(
            self.events,
            self.bundle,
            known,
            [lead],
            as_of,
            explain=False,
            model_version=3,
            served_by="champion",
            scores=self.scores,
            now=now,
        )
        return answer

    def _compute(self, key: ScoreKey, version: TenantVersion, now: datetime) -> dict[str, Any]:
        tenant = version.state.tenant
        moment = key.as_of or version.state.time(now)
        histories = self.leads.histories(tenant, [key.lead_id], moment)
        comparison = self.comparisons.comparison(
            tenant, self.bundle.digest, moment, histories.lead_ids, version=version.score_version
        )
        answered = answer_leads(
            self.bundle,
            tenant,
            histories,
            [key.lead_id],
            moment,
            explain=False,
            model_version=3,
            served_by="champion",
            comparison=comparison,
            now=now,
        )
        body = json.dumps(answered.answers[0], separators=(",", ":")).encode()
        until = feature_boundaries(histories.columns, len(histories.lead_ids), histories.context, moment)
        survivor = histories.survivors[key.lead_id]
        valid_until = int(until[0]) if len(until) else NEVER
        self.cache.put(key, body, len(body), version=version, survivor=survivor, valid_until=valid_until)
        return json.loads(body)


@contextmanager
def opened(brokerage: Brokerage) -> Iterator[tuple[Worker, EventStore, ScoreStore]]:
    """A worker, and the stores as another process has them open."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("events", "state"):
            shutil.copy(brokerage.folder / f"{name}.db", folder)
        events, state = f"sqlite:///{folder}/events.db", f"sqlite:///{folder}/state.db"
        with (
            EventStore.open(events) as mine,
            ScoreStore.open(state) as scores,
            EventStore.open(events) as theirs,
            ScoreStore.open(state) as others,
        ):
            yield Worker(brokerage, mine, scores), theirs, others


def told(answer: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in answer.items() if name != "decision_id"})


def newest(store: EventStore) -> datetime:
    end = store.newest_known_at("acme")
    assert end is not None
    return end


def append(store: EventStore, number: int, lead: str, kind: str = "email.inbound", **changes: Any) -> None:
    at = newest(store) - timedelta(hours=1)
    row = {"event_id": f"new{number}", "lead_id": lead, "occurred_at": at, "kind": kind} | changes
    assert store.append("acme", incoming([row]), now=NOW).appended == 1


steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(0, 3)),
        st.tuples(st.just("ask"), st.integers(0, 3)),
        st.tuples(st.just("ask"), st.integers(0, 3)),
        st.tuples(st.sampled_from(("event", "merge", "erase", "later")), st.integers(0, 3)),
        st.tuples(st.sampled_from(("score", "rank", "context", "settings")), st.just(0)),
    ),
    min_size=6,
    max_size=14,
)


def change(brokerage: Brokerage, stores: tuple[EventStore, ScoreStore], name: str, number: int, lead: str) -> None:
    """Something that another process does."""
    events, scores = stores
    if name == "event":
        append(events, number, lead)
    elif name == "later":
        append(events, number, lead, occurred_at=newest(events) + timedelta(hours=3))
    elif name == "merge":
        append(events, number, lead, "lead.merged", object_id=brokerage.lead_ids[number % 4])
    elif name == "erase":
        events.erase("acme", lead)
    elif name == "rank":
        content = {"priorities": [0.1, 0.2 + 0.01 * number], "leads": 2, "today": 0.2, "week": 0.1, "likely": 0.1}
        scores.put_ranking("acme", newest(events) - timedelta(hours=5), brokerage.bundle.digest, content)
    elif name == "score":
        row = score_row(brokerage, newest(events) - timedelta(days=3, hours=number))
        scores.put("acme", [row])
    elif name == "context":
        at = newest(events) - timedelta(days=9)
        events.context.append("acme", [Observation("national", "inventory", at, at, 9.0 + number)], now=NOW)
    elif name == "settings":
        events.put_tenant(replace(brokerage.tenant, quiet_from_hour=12 + number % 10))


def score_row(brokerage: Brokerage, as_of: datetime) -> ScoreRow:
    chances = {"conversion": 0.3}
    return ScoreRow(brokerage.lead_ids[0], as_of, 7, brokerage.bundle.digest, 3, 0.5, chances, {}, as_of)


@settings(max_examples=8)
@given(told_steps=steps, fixed=st.booleans())
def test_a_kept_answer_is_the_fresh_one(brokerage: Brokerage, told_steps: list[tuple[str, int]], fixed: bool) -> None:
    with opened(brokerage) as (worker, events, scores):
        as_of = newest(events) if fixed else None
        for number, (name, which) in enumerate(told_steps):
            lead = brokerage.lead_ids[which]
            if name != "ask":
                change(brokerage, (events, scores), name, number, lead)
                continue
            assert told(worker.ask("acme", lead, as_of, NOW)) == told(worker.fresh("acme", lead, as_of, NOW))


def test_only_what_changes_the_answer_takes_it_away(brokerage: Brokerage) -> None:
    mine, others = brokerage.lead_ids[:2]
    with opened(brokerage) as (worker, events, scores):

        def hit() -> bool:
            before = worker.hits
            answer = worker.ask("acme", mine, None, NOW)
            assert told(answer) == told(worker.fresh("acme", mine, None, NOW))
            return worker.hits > before

        assert not hit()
        assert hit()
        change(brokerage, (events, scores), "event", 1, others)
        assert hit()  # and says that it saw the new event, as `told` checks
        for number, name in enumerate(("event", "later", "rank", "score", "context", "settings"), start=2):
            change(brokerage, (events, scores), name, number, mine)
            assert not hit(), name
            assert hit(), name
        events.erase("acme", others)
        assert not hit()


def test_on_a_live_clock_it_holds_until_the_boundary(brokerage: Brokerage) -> None:
    lead = brokerage.lead_ids[0]
    with opened(brokerage) as (worker, events, _):
        events.put_tenant(replace(brokerage.tenant, clock=Clock.LIVE))
        first = worker.ask("acme", lead, None, NOW)
        again = worker.ask("acme", lead, None, NOW + timedelta(seconds=54))
        assert worker.hits == 1
        assert told(again) == told(first) == told(worker.fresh("acme", lead, NOW, NOW))
        later = worker.ask("acme", lead, None, NOW + timedelta(seconds=55))
        assert worker.hits == 1
        assert later["as_of"] != first["as_of"]


def test_an_event_that_lies_ahead_ends_it(brokerage: Brokerage) -> None:
    lead = brokerage.lead_ids[0]
    with opened(brokerage) as (worker, events, _):
        events.put_tenant(replace(brokerage.tenant, clock=Clock.LIVE))
        append(events, 1, lead, occurred_at=NOW + timedelta(seconds=10))
        for seconds, hits in ((0, 0), (9, 1), (10, 1), (11, 2)):
            worker.ask("acme", lead, None, NOW + timedelta(seconds=seconds))
            assert worker.hits == hits


def test_what_was_asked_otherwise_is_another_answer(brokerage: Brokerage) -> None:
    with opened(brokerage) as (worker, _, _):
        version = worker.version("acme")
        key = ScoreKey("acme", "ann", "sha256:a", 3, "champion", "model", False, None)
        worker.cache.put(key, b"mine", 4, version=version, survivor="ann")
        assert worker.cache.get(key, version, NOW) == b"mine"
        others = {"tenant": "b", "lead_id": "bob", "model": "sha256:b", "model_version": 4, "served_by": "previous"}
        for name, value in (others | {"rung": "light-model", "explain": True, "as_of": NOW}).items():
            assert worker.cache.get(key._replace(**{name: value}), version, NOW) is None


def test_an_answer_of_before_an_event_is_never_kept_as_newer(brokerage: Brokerage) -> None:
    """The event comes while the answer is computed: it was asked for before, so it may be given, but not again."""
    lead = brokerage.lead_ids[0]
    with opened(brokerage) as (worker, events, _):
        before = worker.version("acme")
        append(events, 1, lead)
        after = worker.version("acme")
        key = ScoreKey("acme", lead, "sha256:a", 3, "champion", "model", False, None)
        worker.cache.put(key, b"old", 3, version=before, survivor=lead)
        assert worker.cache.get(key, after, NOW) is None
        assert len(worker.cache) == 0


def test_nothing_is_kept_when_it_is_off(brokerage: Brokerage) -> None:
    with opened(brokerage) as (worker, _, _):
        cache: ScoreCache[bytes] = ScoreCache(worker.leads, 0)
        key = ScoreKey("acme", "ann", "sha256:a", 3, "champion", "model", False, None)
        cache.put(key, b"x", 1, version=worker.version("acme"), survivor="ann")
        assert (len(cache), cache.nbytes) == (0, 0)


def test_the_number_replaced_is_the_answers_own() -> None:
    body = json.dumps({"lead_id": 'x"seq":1', "seq": 12, "text": '"seq":9', "more": {"seq": 5}}, separators=(",", ":"))
    changed = json.loads(with_seq(body.encode(), 345))
    assert changed == json.loads(body) | {"seq": 345}
    assert with_seq(b'{"a":1}', 3) == b'{"a":1}'
