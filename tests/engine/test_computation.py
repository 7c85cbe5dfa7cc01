"""What the compute thread makes of a batch, on a clock that stands still: breakers open, wait and close."""

from collections.abc import Callable

import pytest

from lintel.errors import UnavailableError
from lintel.home import Home
from lintel.scoring.bundle import Bundle
from serving.breaker import Breaker, Breakers, BreakerState
from serving.computation import Computation, breaker_of
from serving.hot.comparisons import HotComparisons
from serving.hot.leads import HotLeads
from serving.hot.versions import TenantVersion, stored_version
from serving.model import CHAMPION, ServedModel
from serving.questions import LeadScore, ModelAwayError, Question, Rung, Shape
from tests.bentos.conftest import TENANT, Brokerage
from tests.engine.faults import Models, raising
from tests.serving.clients import Clock


class Seconds:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


Compute = Callable[..., list[LeadScore]]


@pytest.fixture
def breaker(breakers: Breakers, served: ServedModel) -> Breaker:
    return breakers[breaker_of(served)]


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def breakers() -> Breakers:
    return Breakers(seed=1)


@pytest.fixture
def served(bundle: Bundle) -> ServedModel:
    return ServedModel(bundle, bundle.name, 1, bundle.digest, CHAMPION)


@pytest.fixture
def compute(home: Home, served: ServedModel, breakers: Breakers, clock: Clock, seconds: Seconds) -> Compute:
    """Answers about some leads in one batch."""
    leads = HotLeads(home.events, 10_000_000)
    computation = Computation(leads, HotComparisons(home.scores), breakers, now=clock, clock=seconds)
    version: TenantVersion = stored_version(leads, home.scores)(TENANT)

    def call(*lead_ids: str, rung: Rung = Rung.MODEL) -> list[LeadScore]:
        shape = Shape(TENANT, served, None, explain=False, withheld=False, rung=rung)
        return computation(shape, [Question(lead, version) for lead in lead_ids])

    return call


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Models:
    return Models(poison=None).put_in(monkeypatch)


def fails(compute: Compute, *leads: str) -> None:
    with pytest.raises(ZeroDivisionError):
        compute(*leads)


def test_five_leads_that_fail_open_the_breaker_and_a_probe_after_the_back_off_closes_it(
    compute: Compute,
    brokerage: Brokerage,
    models: Models,
    breaker: Breaker,
    seconds: Seconds,
) -> None:
    for lead in brokerage.lead_ids[:5]:
        fails(compute, lead)
    assert breaker.state is BreakerState.OPEN
    with pytest.raises(ModelAwayError):
        compute(brokerage.lead_ids[0])
    assert len(models.asked) == 5
    assert [one.served_by for one in compute(*brokerage.lead_ids[:3], rung=Rung.LIGHT)] == ["light-model"] * 3
    seconds.now = breaker.retry_at
    fails(compute, brokerage.lead_ids[6])
    assert breaker.retry_at >= seconds.now + 2  # twice as long
    models.poison = ()
    seconds.now = breaker.retry_at - 0.001
    with pytest.raises(ModelAwayError):
        compute(brokerage.lead_ids[0])
    seconds.now = breaker.retry_at
    assert [one.served_by for one in compute(*brokerage.lead_ids[:10])] == ["champion"] * 10
    assert breaker.state is BreakerState.CLOSED


def test_batches_that_fail_are_halved_before_anything_counts_and_a_lead_counts_once(
    compute: Compute, brokerage: Brokerage, models: Models, breaker: Breaker
) -> None:
    for _ in range(10):
        fails(compute, *brokerage.lead_ids[:8])
        fails(compute, brokerage.lead_ids[0])
    assert breaker.state is BreakerState.CLOSED
    for lead in brokerage.lead_ids[1:5]:
        fails(compute, lead)
    assert breaker.state is BreakerState.OPEN


def test_a_lead_known_to_fail_does_not_spoil_the_probe(
    compute: Compute,
    brokerage: Brokerage,
    models: Models,
    breaker: Breaker,
    seconds: Seconds,
) -> None:
    for lead in brokerage.lead_ids[:5]:
        fails(compute, lead)
    models.poison = {brokerage.lead_ids[0]}
    seconds.now = breaker.retry_at
    fails(compute, brokerage.lead_ids[0])
    assert compute(brokerage.lead_ids[1])[0].served_by == "champion"
    assert breaker.state is BreakerState.CLOSED


def test_a_store_that_cannot_be_read_says_nothing_of_the_model(
    compute: Compute,
    brokerage: Brokerage,
    breaker: Breaker,
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(home.scores, "ranking_times", raising(UnavailableError("state.db is away")))
        for lead in brokerage.lead_ids[:10]:
            with pytest.raises(UnavailableError):
                compute(lead)
    assert breaker.state is BreakerState.CLOSED
    assert compute(brokerage.lead_ids[0])[0].served_by == "champion"


def test_a_lead_is_answered_alike_alone_and_among_others(compute: Compute, brokerage: Brokerage) -> None:
    together = compute(*brokerage.lead_ids[:40])
    assert [compute(lead)[0].body for lead in brokerage.lead_ids[:40]] == [one.body for one in together]
