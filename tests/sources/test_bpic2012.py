"""The real funnel in Lintel's kinds."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from lintel.events.validation import check
from lintel.sources.bpic2012 import CASES, EVENTS, bpic2012, bpic2012_tenant
from lintel.store.tenants import Clock

SAMPLE = Path(__file__).parent / "data/funnel.xes"


@pytest.fixture(scope="module")
def loaded(published: Path) -> tuple[pa.Table, float]:
    """Every event of the published log, and the CPU seconds that reading it took."""
    began = process_time()
    batches = list(bpic2012(published / "bpic2012/financial_log.xes.gz").batches())
    seconds = process_time() - began
    assert not any(batch.rejected for batch in batches)
    return pa.concat_tables([batch.events for batch in batches]), seconds


@pytest.fixture
def log(loaded: tuple[pa.Table, float]) -> pa.Table:
    return loaded[0]


def test_the_mapping_of_every_activity(everything):
    events, rejected = everything(bpic2012(SAMPLE))
    assert not rejected
    first = [event for event in events if event["lead_id"] == "900001"]
    assert [(event["kind"], event["actor"], event["value"]) for event in first] == [
        ("lead.created", "system", None),
        ("form.submitted", "lead", 12_500),
        ("stage.changed", "system", 1),
        ("intake.scheduled", "system", None),
        ("intake.started", "agent", None),
        ("stage.changed", "agent", 2),
        ("application.scheduled", "agent", None),
        ("intake.completed", "agent", 5),
        ("application.started", "agent", None),
        ("stage.changed", "agent", 3),
        ("offer.selected", "agent", None),
        ("stage.changed", "agent", 4),
        ("offer.created", "agent", None),
        ("offer.sent", "agent", None),
        ("call.scheduled", "agent", None),
        ("application.completed", "agent", 12),
        ("call.started", "agent", None),
        ("offer.cancelled", "agent", None),
        ("offer.selected", "agent", None),
        ("offer.created", "agent", None),
        ("offer.sent", "agent", None),
        ("call.completed", "agent", 4),
        ("offer.returned", "lead", None),
        ("validation.scheduled", "agent", None),
        ("validation.started", "agent", None),
        ("dossier.scheduled", "agent", None),
        ("validation.completed", "agent", 12),
        ("dossier.started", "agent", None),
        ("dossier.completed", "agent", 3),
        ("fraud.scheduled", "agent", None),
        ("fraud.started", "agent", None),
        ("fraud.completed", "agent", 1),
        ("offer.accepted", "agent", None),
        ("deal.registered", "agent", None),
        ("deal.won", "agent", None),
        ("deal.activated", "agent", None),
        ("contract.scheduled", "agent", None),
    ]
    second = [event["kind"] for event in events if event["lead_id"] == "900004"]
    assert second == [
        "lead.created",
        "form.submitted",
        "stage.changed",
        "deal.lost",
        "offer.declined",
        "deal.abandoned",
    ]


def test_ids_times_and_the_rest_of_an_event(everything):
    events, _ = everything(bpic2012(SAMPLE))
    assert [event["event_id"] for event in events[:3]] == ["900001-1", "900001-1.2", "900001-2"]
    assert all(event["lead_id"] == event["episode_id"] for event in events)
    assert events[0]["occurred_at"] == datetime(2011, 10, 3, 7, 0, tzinfo=UTC)
    assert (events[0]["channel"], events[0]["agent_id"], events[0]["source"]) == ("web", None, "bpic2012")
    assert {event["channel"] for event in events if event["kind"].startswith("call.")} == {"phone"}


def test_its_tenant_lives_at_the_end_of_the_log():
    tenant = bpic2012_tenant("funnel")
    assert (tenant.id, tenant.labels, tenant.clock) == ("funnel", "bpic2012", Clock.LOG_END)
    assert (tenant.time_zone, tenant.currency) == ("Europe/Amsterdam", "EUR")


STAGES = {1.0: "A_PARTLYSUBMITTED", 2.0: "A_PREACCEPTED", 3.0: "A_ACCEPTED", 4.0: "A_FINALIZED"}
STATES = {
    "lead.created": "A_SUBMITTED",
    "deal.won": "A_APPROVED",
    "deal.registered": "A_REGISTERED",
    "deal.activated": "A_ACTIVATED",
    "deal.lost": "A_DECLINED",
    "deal.abandoned": "A_CANCELLED",
    "offer.selected": "O_SELECTED",
    "offer.created": "O_CREATED",
    "offer.sent": "O_SENT",
    "offer.returned": "O_SENT_BACK",
    "offer.accepted": "O_ACCEPTED",
    "offer.declined": "O_DECLINED",
    "offer.cancelled": "O_CANCELLED",
}
WORK = {
    "call": "W_Nabellen offertes",
    "intake": "W_Afhandelen leads",
    "application": "W_Completeren aanvraag",
    "validation": "W_Valideren aanvraag",
    "dossier": "W_Nabellen incomplete dossiers",
    "fraud": "W_Beoordelen fraude",
    "contract": "W_Wijzigen contractgegevens",
}
STEPS = {"scheduled": "SCHEDULE", "started": "START", "completed": "COMPLETE"}


def in_the_logs_words(kind: str, value: float | None) -> tuple[str, str]:
    """The activity and the transition that an event was made from."""
    family, _, step = kind.partition(".")
    if family in WORK:
        return WORK[family], STEPS[step]
    return (STAGES[value] if kind == "stage.changed" else STATES[kind]), "COMPLETE"


class TestPublishedLog:
    def test_every_event_of_every_case_is_there(self, log, published):
        """As a multiset of (case, activity, transition, time), against a table made from the log by other means."""
        table = pq.read_table(published / "bpic2012/bpic2012_events.parquet")
        times = table.column("ts_utc").cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_pylist()
        words = (table.column(name).to_pylist() for name in ("activity", "lifecycle"))
        cases = map(str, table.column("case_id").to_pylist())
        expected = Counter(zip(cases, zip(*words, strict=True), times, strict=True))
        assert self.translated_back(log) == expected
        assert expected.total() == EVENTS - CASES

    def translated_back(self, log: pa.Table) -> Counter[tuple[str, tuple[str, str], int]]:
        once = log.filter(pc.not_equal(log.column("kind"), "form.submitted"))
        kinds, values = (once.column(name).to_pylist() for name in ("kind", "value"))
        words = map(in_the_logs_words, kinds, values)
        times = once.column("occurred_at").cast(pa.int64()).to_pylist()
        return Counter(zip(once.column("lead_id").to_pylist(), words, times, strict=True))

    def test_every_event_passes_the_door_and_ids_differ(self, log):
        checked = check(log, tenant="bpic2012", now=datetime.now(UTC))
        assert (len(checked.events), checked.rejected) == (EVENTS, ())
        assert pc.count_distinct(log.column("event_id")).as_py() == EVENTS

    def test_amounts_are_those_of_the_cases(self, log, published):
        cases = pq.read_table(published / "bpic2012/bpic2012_cases.parquet")
        amounts = dict(
            zip(
                map(str, cases.column("case_id").to_pylist()), cases.column("amount_requested").to_pylist(), strict=True
            )
        )
        forms = log.filter(pc.equal(log.column("kind"), "form.submitted"))
        assert dict(zip(forms.column("lead_id").to_pylist(), forms.column("value").to_pylist(), strict=True)) == amounts

    def test_minutes_of_work(self, log):
        """1,042 completions have no start of their own in the log, so nothing to measure from."""
        done = log.filter(pc.match_substring(log.column("kind"), ".completed")).column("value")
        assert (len(done), done.null_count) == (72_413, 1_042)
        assert pc.min(done).as_py() >= 0

    def test_it_loads_in_seconds(self, loaded):
        assert loaded[1] < 20
