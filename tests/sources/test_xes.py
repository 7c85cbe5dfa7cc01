"""Reading an XES file: broken events, damaged files, and what minutes are measured from."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lintel.errors import InputError, NotFoundError
from lintel.sources.xes import XesSource
from lintel.sources.xes_mapping import read_xes_mapping

MAPPING = """
format = "xes"
source = "s"
system_agents = ["112"]
[[work]]
activity = "Call"
family = "call"
[[event]]
activity = "Won"
kind = "deal.won"
value = { event = "amount" }
[[event]]
activity = "Opened"
kind = "email.opened"
[[ignore]]
activity = "Archive"
"""

Make = Callable[..., XesSource]


def event(activity: str | None = "Won", at: str | None = "2026-01-05T09:00:00Z", **keys: str) -> str:
    pairs = {"concept:name": activity, "time:timestamp": at} | {key.replace("_", ":"): keys[key] for key in keys}
    return f"<event>{''.join(attribute(key, value) for key, value in pairs.items() if value is not None)}</event>"


def attribute(key: str, value: str) -> str:
    return f'<string key="{key}" value="{value}"/>'


def trace(name: str | None, *inside: str) -> str:
    return f"<trace>{attribute('concept:name', name) if name else ''}{''.join(inside)}</trace>"


def log(*traces: str) -> str:
    return f'<?xml version="1.0"?>\n<log xmlns="http://www.xes-standard.org/">\n{chr(10).join(traces)}\n</log>\n'


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A source over this log, with this mapping."""

    def make(text: str | bytes, mapping: str = MAPPING, **options: int) -> XesSource:
        (tmp_path / "map.toml").write_text(mapping, encoding="utf-8")
        (tmp_path / "log.xes").write_bytes(text if isinstance(text, bytes) else text.encode())
        return XesSource(tmp_path / "log.xes", read_xes_mapping(tmp_path / "map.toml"), **options)

    return make


def until_fault(source: XesSource) -> tuple[list[str], InputError]:
    """Ids of the events that came before the fault, and the fault."""
    batches = []
    with pytest.raises(InputError) as caught:
        batches.extend(source.batches())
    return [event_id for batch in batches for event_id in batch.events.column("event_id").to_pylist()], caught.value


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (event(at=None), "occurred_at: is missing: the event has no 'time:timestamp'"),
        (event(at="soon"), "occurred_at: attribute 'time:timestamp' is not an ISO 8601 time"),
        (event(at="2026-01-05T09:00:00"), "occurred_at: attribute 'time:timestamp' has no offset, and the mapping"),
        (event("Lost"), "kind: the mapping takes no activity 'Lost' with the transition ''"),
        (event("Call", lifecycle_transition="pause"), "kind: the mapping takes no activity 'Call' with the transition"),
        (event(None), "kind: is missing: the event has no 'concept:name'"),
        (event(amount="many"), "value: attribute 'amount' is not a number"),
    ],
)
def test_a_broken_event_is_set_aside_and_the_events_around_it_are_kept(make, everything, broken, reason):
    events, (rejection,) = everything(make(log(trace("c", event(), broken, event()))))
    assert [found["event_id"] for found in events] == ["c-1", "c-3"]
    assert str(rejection).startswith(f"trace c, event 2, column {reason}")
    assert set(json.loads(rejection.raw)) <= {"concept:name", "lifecycle:transition", "time:timestamp"}


def test_what_is_ignored_on_purpose_is_no_fault(make, everything):
    events, rejected = everything(make(log(trace("c", event("Archive", at=None), event()))))
    assert [found["event_id"] for found in events] == ["c-2"]
    assert not rejected


def test_a_trace_without_a_name_is_called_by_its_number(make, everything):
    events, (rejection,) = everything(make(log(trace("c", event()), trace(None, event()))))
    assert [found["lead_id"] for found in events] == ["c"]
    assert str(rejection) == "trace number 2, event 1, column lead_id: is missing: the trace has no 'concept:name'"


def test_traces_of_the_same_name_do_not_share_ids(make, everything):
    events, _ = everything(make(log(trace("c", event()), trace("c", event()))))
    assert [(found["event_id"], found["lead_id"]) for found in events] == [("c-1", "c"), ("c~2-1", "c")]


def test_nested_attributes_and_those_of_the_log_are_not_taken_for_the_events(make, everything):
    nested = f'<string key="x" value="y">{attribute("time:timestamp", "2001-01-01T00:00:00Z")}</string>'
    inside = event().replace("<event>", f"<event>{nested}")
    text = log(attribute("concept:name", "log"), f"<global>{event()}</global>", trace("c", nested, inside))
    events, rejected = everything(make(text))
    assert [(found["lead_id"], found["occurred_at"].year) for found in events] == [("c", 2026)]
    assert not rejected


def test_a_file_without_a_namespace_or_with_a_prefix(make, everything):
    plain = log(trace("c", event()))
    prefixed = re.sub(r"<(/?)(\w)", r"<\1x:\2", plain.partition("\n")[2]).replace("xmlns", "xmlns:x")
    for text in (plain.replace(' xmlns="http://www.xes-standard.org/"', ""), prefixed):
        assert [found["event_id"] for found in everything(make(text))[0]] == ["c-1"]


@pytest.mark.parametrize("number", ["18500", "18500.0", "1.85e4"])
def test_numbers_as_xml_writes_them(make, everything, number):
    (won,), _ = everything(make(log(trace("c", event(amount=number)))))
    assert won["value"] == 18_500


class TestActors:
    @pytest.mark.parametrize(
        ("activity", "resource", "expected"),
        [
            ("Won", None, ("system", None)),
            ("Won", "112", ("system", None)),
            ("Won", "ana", ("agent", "ana")),
            ("Opened", "ana", ("lead", "ana")),
            ("Opened", "112", ("lead", None)),
        ],
    )
    def test_who_did_it(self, make, everything, activity, resource, expected):
        keys = {"org_resource": resource} if resource else {}
        (found,), _ = everything(make(log(trace("c", event(activity, **keys)))))
        assert (found["actor"], found["agent_id"]) == expected

    def test_the_rule_has_the_last_word(self, make, everything):
        mapping = MAPPING.replace('kind = "deal.won"', 'kind = "deal.won"\nactor = "lead"')
        (found,), _ = everything(make(log(trace("c", event(org_resource="112"))), mapping))
        assert found["actor"] == "lead"


class TestMinutes:
    def minutes(self, everything, source):
        return [found["value"] for found in everything(source)[0] if found["kind"] == "call.completed"]

    def call(self, transition: str, minute: int) -> str:
        return event("Call", f"2026-01-05T09:{minute:02}:00Z", lifecycle_transition=transition)

    def test_since_the_latest_start_once(self, make, everything):
        steps = [("start", 0), ("start", 2), ("complete", 5), ("complete", 7), ("start", 8), ("complete", 8)]
        source = make(log(trace("c", *(self.call(*step) for step in steps))))
        assert self.minutes(everything, source) == [3.0, None, 0.0]

    def test_not_across_traces_and_not_backwards(self, make, everything):
        backwards = trace("d", self.call("start", 9), self.call("complete", 5))
        source = make(log(trace("c", self.call("START", 0)), backwards))
        assert self.minutes(everything, source) == [None]

    def test_about_the_same_object(self, make, everything):
        mapping = MAPPING.replace("[[work]]", "[[ignore]]").replace('family = "call"', "")
        for step, value in (("started", ""), ("completed", "value = { minutes_since = 'call.started' }")):
            mapping += f'[[event]]\nactivity="{step}"\nkind="call.{step}"\nobject_id = "phone"\n{value}\n'
        steps = [("started", 0, "a"), ("started", 4, "b"), ("completed", 5, "a"), ("completed", 6, "b")]
        events = (event(step, f"2026-01-05T09:0{minute}:00Z", phone=phone) for step, minute, phone in steps)
        assert self.minutes(everything, make(log(trace("c", *events)), mapping)) == [5.0, 2.0]


class TestDamagedFiles:
    WHOLE = log(*(trace(f"c{n}", *(event() for _ in range(40))) for n in range(200)))

    def test_a_file_cut_off_gives_all_before_the_cut_and_names_the_place(self, make):
        cut = self.WHOLE.index("c150")
        ids, fault = until_fault(make(self.WHOLE[:cut], batch_rows=700))
        assert ids == [f"c{n}-{k}" for n in range(150) for k in range(1, 41)]
        assert re.search(
            rf"log.xes is not whole XML: unclosed token at line \d+, byte {self.WHOLE.rindex('<', 0, cut)}", str(fault)
        )

    @given(cut=st.integers(0, 40_000))
    @settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_a_cut_anywhere_loses_no_event_before_it(self, make, cut):
        ids, _ = until_fault(make(self.WHOLE[:cut]))
        assert ids == [f"c{n}-{k}" for n in range(10) for k in range(1, 41)][: self.WHOLE[:cut].count("</event>")]

    def test_a_cut_between_two_elements(self, make):
        cut = self.WHOLE.index("<trace>", 20_000)
        ids, fault = until_fault(make(self.WHOLE[:cut]))
        assert ids == [f"c{n}-{k}" for n in range(len(ids) // 40) for k in range(1, 41)]
        assert ids
        assert f"no element found at line {self.WHOLE[:cut].count(chr(10)) + 1}, byte {cut}" in str(fault)

    def test_xml_that_is_broken_in_the_middle(self, make):
        place = self.WHOLE.index("<trace>", 300_000)
        ids, fault = until_fault(make(self.WHOLE[:place] + "<oops" + self.WHOLE[place:]))
        assert len(ids) == 40 * self.WHOLE[:place].count("</trace>")
        assert "is not whole XML: not well-formed" in str(fault)

    @pytest.mark.parametrize("share", [0.3, 0.6, 0.999])
    def test_a_gzip_file_cut_off(self, make, share):
        packed = gzip.compress(self.WHOLE.encode(), mtime=0)
        ids, fault = until_fault(make(packed[: int(len(packed) * share)]))
        assert ids == [f"c{n}-{k}" for n in range(200) for k in range(1, 41)][: len(ids)]
        assert len(ids) > 8000 * share * 0.8
        assert re.search(r"is cut off or damaged after byte \d+ \(line \d+\) of the unpacked text", str(fault))

    def test_a_gzip_file_with_a_wrong_byte(self, make):
        packed = bytearray(gzip.compress(self.WHOLE.encode(), mtime=0))
        packed[-6] ^= 0xFF  # of the checksum at its end
        ids, fault = until_fault(make(bytes(packed)))
        assert len(ids) == 8000
        assert "is cut off or damaged" in str(fault)

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("", "is not whole XML: no element found"),
            ("tenant,event_id\n", "is not whole XML: syntax error at line 1"),
            ("<log>" + "<list>" * 100, "nests its elements more than 100 deep"),
            ("<html><trace/></html>", "is not an XES log: its root is <html>"),
            ('<!DOCTYPE log [<!ENTITY a "aaaa">]><log/>', "has a DOCTYPE, which XES does not use"),
            ('<!DOCTYPE log SYSTEM "file:///etc/passwd"><log/>', "has a DOCTYPE, which XES does not use"),
        ],
    )
    def test_what_is_not_xes(self, make, text, fault):
        assert fault in str(until_fault(make(text))[1])

    def test_a_tag_without_end_does_not_fill_the_memory(self, make):
        bomb = gzip.compress(log(trace("c", event())).replace("</log>", "<event x='" + "y" * 6_000_000).encode())
        ids, fault = until_fault(make(bomb))
        assert ids == ["c-1"]
        assert "holds a tag or comment of more than 4194304 bytes" in str(fault)

    def test_a_missing_file_and_a_folder(self, make, tmp_path):
        source = make("")
        (tmp_path / "log.xes").unlink()
        with pytest.raises(NotFoundError, match=r"log.xes does not exist"):
            list(source.batches())
        (tmp_path / "log.xes").mkdir()
        with pytest.raises(InputError, match=r"log.xes cannot be read"):
            list(source.batches())
