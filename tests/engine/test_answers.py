"""What comes over HTTP is what the library says of the same lead, model and as-of time."""

from datetime import UTC, datetime, timedelta

from tests.bentos.conftest import Brokerage
from tests.engine.service import Service, plain
from tests.serving.clients import Clock

MERGED_AT = datetime(2024, 1, 10, tzinfo=UTC)


def test_open_closed_and_unknown_leads_are_answered_as_by_the_library(
    service: Service, brokerage: Brokerage, clock: Clock
) -> None:
    leads = [*brokerage.lead_ids[:60], "nobody"]
    for explain in (False, True):
        served = service.ask(*leads, explain=explain)
        assert plain(served) == plain(service.computed(*leads, explain=explain, now=clock()))
        assert {"open", "closed"} <= {one.get("status") for one in served}
        assert served[-1]["error"]["type"] == "unknown-lead"
    assert sum("reasons" in one for one in served) > 5


def test_the_order_asked_is_kept_and_a_lead_asked_twice_is_decided_twice(
    service: Service, brokerage: Brokerage
) -> None:
    first, second, third = brokerage.lead_ids[:3]
    leads = [third, first, "nobody", third, second, third]
    served = service.ask(*leads)
    assert [one["lead_id"] for one in served] == leads
    assert plain(served)[0] == plain(served)[3] == plain(served)[5]
    decisions = [one["decision_id"] for one in served if "error" not in one]
    assert len(set(decisions)) == len(decisions) == 5


def test_an_error_is_no_decision(service: Service) -> None:
    (answer,) = service.ask("nobody")
    assert answer == {"lead_id": "nobody", "error": answer["error"]}


def test_a_merged_lead_is_answered_by_the_one_it_lives_on_as(
    service: Service, brokerage: Brokerage, clock: Clock
) -> None:
    first, second = brokerage.lead_ids[:2]
    before = service.ask(first, second)
    end = datetime.fromisoformat(before[0]["as_of"])
    merged_at = end - timedelta(days=2)
    service.append(first, "lead.merged", merged_at, object_id=second)
    for as_of in (None, merged_at, merged_at - timedelta(seconds=1)):
        text = as_of and as_of.isoformat()
        served = service.ask(first, second, as_of=text)
        assert plain(served) == plain(service.computed(first, second, as_of=as_of, now=clock()))
        assert (served[1].get("merged_into") == first) == (as_of != merged_at - timedelta(seconds=1))


def test_the_past_is_answered_from_what_was_known_then(service: Service, brokerage: Brokerage, clock: Clock) -> None:
    leads = brokerage.lead_ids[:30]
    (now,) = service.ask(leads[0])
    for days in (1, 30, 300):
        as_of = datetime.fromisoformat(now["as_of"]) - timedelta(days=days)
        served = service.ask(*leads, as_of=as_of.isoformat())
        assert plain(served) == plain(service.computed(*leads, as_of=as_of, now=clock()))


def test_a_live_clock_answers_as_of_now(service: Service, brokerage: Brokerage, clock: Clock, live: None) -> None:
    leads = brokerage.lead_ids[:20]
    clock.time = datetime(2024, 6, 1, 12, 0, 30, tzinfo=UTC)
    served = service.ask(*leads)
    assert {one["clock"] for one in served} == {"live"}
    assert plain(served) == plain(service.computed(*leads, now=clock()))
