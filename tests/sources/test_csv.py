"""Reading a CSV file: ids, conditions, and rows that are broken in every way."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lintel.errors import InputError, NotFoundError
from lintel.sources.csv import CsvSource
from lintel.sources.csv_mapping import read_csv_mapping

PLAIN = """
format = "csv"
source = "s"
[columns]
lead_id = "Lead"
occurred_at = "When"
kind = "What"
"""
HEADING = "Lead,When,What\n"
ROW = "L{0},2026-01-0{0}T09:00:00Z,web.visit\n"

Make = Callable[..., CsvSource]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A source over these rows, with this mapping."""

    def make(text: str | bytes, mapping: str = PLAIN, **options: int) -> CsvSource:
        (tmp_path / "map.toml").write_text(mapping, encoding="utf-8")
        (tmp_path / "rows.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        return CsvSource(tmp_path / "rows.csv", read_csv_mapping(tmp_path / "map.toml"), **options)

    return make


@pytest.fixture
def outcome(everything):
    """(lead ids, rejections as text) of a source."""

    def outcome(source: CsvSource) -> tuple[list[str], list[str]]:
        events, rejected = everything(source)
        return [event["lead_id"] for event in events], [str(rejection) for rejection in rejected]

    return outcome


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("L9,,web.visit\n", "line 3, column occurred_at: column 'When' is empty"),
        ("L9,soon,web.visit\n", "line 3, column occurred_at: column 'When' is not an ISO 8601 time"),
        (",2026-01-09T09:00:00Z,web.visit\n", "line 3, column lead_id: column 'Lead' is empty"),
        ("L9,2026-01-09T09:00:00Z,\n", "line 3, column kind: column 'What' is empty"),
        ("L9,2026-01-09T09:00:00Z\n", "line 3, column (row): has 2 cells, the heading has 3"),
        ("L9,2026-01-09T09:00:00Z,web.visit,more\n", "line 3, column (row): has 4 cells, the heading has 3"),
        ('L9,2026-01-09T09:00:00Z,"web"visit\n', "line 3, column (row): is not CSV: ',' expected after '\"'"),
        ('L9,2026-01-09T09:00:00Z,"web.visit\n', "line 3, column (row): is not CSV: unexpected end of data"),
        ('L9,"2026-01-09T09:00:00Z,web.visit\n', "line 3, column (row): is not CSV: unexpected end of data"),
        (b"L\xe99,2026-01-09T09:00:00Z,web.visit\n", "line 3, column (row): holds bytes that are no text"),
        ("x" * 200_000 + ",2026-01-09T09:00:00Z,web.visit\n", "line 3, column (row): is not CSV: field larger than"),
    ],
)
def test_a_broken_row_is_set_aside_and_the_rows_around_it_are_kept(make, outcome, broken, reason):
    broken = broken if isinstance(broken, bytes) else broken.encode()
    source = make(HEADING.encode() + ROW.format(1).encode() + broken + ROW.format(2).encode() + ROW.format(3).encode())
    leads, rejected = outcome(source)
    assert leads == ["L1", "L2", "L3"]
    assert len(rejected) == 1
    assert rejected[0].startswith(reason)


def test_an_open_quote_does_not_swallow_rows_up_to_the_next_quote(make, outcome):
    text = (
        'L9,2026-01-09T09:00:00Z,"web.visit\n' + ROW.format(1) + 'L2,2026-01-02T09:00:00Z,"web.visit"\n' + ROW.format(3)
    )
    leads, rejected = outcome(make(HEADING + text))
    assert leads == ["L1", "L2", "L3"]
    assert [line.partition(":")[0] for line in rejected] == ["line 2, column (row)"]


def test_a_quoted_cell_may_span_lines_and_counts_them(make, everything):
    mapping = PLAIN + 'text = "Note"\n'
    text = (
        'Lead,When,What,Note\nL1,2026-01-01T09:00:00Z,sms.inbound,"two\nlines, and ""quotes"""\n\nL2,,sms.inbound,x\n'
    )
    events, rejected = everything(make(text, mapping))
    assert events[0]["text"] == 'two\nlines, and "quotes"'
    assert [rejection.place for rejection in rejected] == ["line 5"]


def test_what_is_kept_of_a_rejected_row_holds_no_text(make, everything):
    mapping = PLAIN + 'text = "Note"\n[attributes]\nphone = "Phone"\n'
    text = "Lead,When,What,Note,Phone,Name\nL1,,sms.inbound,private,555-0100,Ann\n"
    _, (rejection,) = everything(make(text, mapping))
    assert json.loads(rejection.raw) == {"Lead": "L1", "When": "", "What": "sms.inbound"}


@given(garbage=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
@example(garbage='"')
@example(garbage='L9,"')
@example(garbage='L9,2026-01-01T09:00:00Z,"')
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_line_whatever_it_holds_costs_another_row(make, outcome, garbage):
    rows = [ROW.format(n) for n in range(1, 6)]
    leads, _ = outcome(make(HEADING + "".join([*rows[:2], garbage, "\n", *rows[2:]])))
    assert [lead for lead in leads if lead in {"L1", "L2", "L3", "L4", "L5"}] == ["L1", "L2", "L3", "L4", "L5"]


def test_a_line_without_end_comes_in_pieces_and_is_counted_once(make, outcome):
    leads, rejected = outcome(make(HEADING + "x" * 3_000_000 + "\nbroken\n" + ROW.format(1)))
    assert leads == ["L1"]
    assert {reason.partition(",")[0] for reason in rejected} == {"line 2", "line 3"}


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_byte_order_marks_and_line_ends(make, outcome, start, end):
    text = (HEADING + ROW.format(1) + ROW.format(2)).replace("\n", end)
    assert outcome(make(start + text.encode())) == (["L1", "L2"], [])


def test_another_encoding(make, outcome):
    text = "Lead;When;What\nJosé;2026-01-01T09:00:00Z;web.visit\n".encode("cp1252")
    mapping = 'encoding = "cp1252"\ndelimiter = ";"\n' + PLAIN
    assert outcome(make(text, mapping)) == (["José"], [])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_text_that_the_encoding_cannot_read_at_all(make, outcome, encoding):
    source = make((HEADING + ROW.format(1)).encode("latin-1") + b"\x00", f'encoding = "{encoding}"\n' + PLAIN)
    with pytest.raises(InputError, match=r"rows.csv is not .* text"):
        outcome(source)


def test_rows_that_the_mapping_gives_no_event_for_are_no_fault(make, outcome):
    mapping = PLAIN + '[[event]]\nwhen = { What = ["web.visit"], Lead = true }\n'
    text = HEADING + ROW.format(1) + "L2,,web.search\n" + ",,web.visit\n"
    assert outcome(make(text, mapping)) == (["L1"], [])


@pytest.mark.parametrize(("condition", "leads"), [("true", ["L1"]), ("false", ["L2"]), ('["a", ""]', ["L1", "L2"])])
def test_conditions(make, outcome, condition, leads):
    text = "Lead,When,What,X\nL1,2026-01-01T09:00:00Z,web.visit,a\nL2,2026-01-01T09:00:00Z,web.visit, \n"
    assert outcome(make(text, PLAIN + f"[[event]]\nwhen = {{ X = {condition} }}\n"))[0] == leads


def test_a_word_that_no_map_names_is_set_aside_unless_the_map_says_otherwise(make, everything):
    mapping = PLAIN + '[values.kind]\nvisit = "web.visit"\n'
    text = HEADING + "L1,2026-01-01T09:00:00Z,visit\nL2,2026-01-01T09:00:00Z,secret\n"
    events, (rejection,) = everything(make(text, mapping))
    assert [event["kind"] for event in events] == ["web.visit"]
    assert str(rejection) == "line 3, column kind: column 'What' holds a word that [values.kind] does not name"
    events, rejected = everything(make(text, mapping + '"*" = "web.page_view"\n'))
    assert [event["kind"] for event in events] == ["web.visit", "web.page_view"]
    assert not rejected


def test_attributes_are_json(make, everything):
    mapping = PLAIN + '[attributes]\nlisting = "X"\nnote = "Y"\n'
    text = "Lead,When,What,X,Y\nL1,2026-01-01T09:00:00Z,web.visit,L-é,\nL2,2026-01-01T09:00:00Z,web.visit,,\n"
    events, _ = everything(make(text, mapping))
    assert [event["attributes"] for event in events] == ['{"listing": "L-é"}', None]


class TestIds:
    def ids(self, everything, source):
        return [event["event_id"] for event in everything(source)[0]]

    def test_a_file_exported_again_with_more_rows_and_cells_keeps_the_ids(self, make, everything):
        mapping = (
            'format = "csv"\nsource = "s"\ncolumns = { lead_id = "Lead" }\n'
            '[[event]]\ncolumns.occurred_at = "When"\nconstants.kind = "lead.created"\n'
            '[[event]]\nwhen = { Won = true }\ncolumns.occurred_at = "Won"\nconstants.kind = "deal.won"\n'
        )
        first = self.ids(everything, make("Lead,When,Won\nL1,2026-01-01T09:00:00Z,\n", mapping))
        text = "Won,Lead,When\n,L0,2026-01-01T09:00:00Z\n2026-02-01T09:00:00Z,L1,2026-01-01T09:00:00Z\n"
        second = self.ids(everything, make(text, mapping))
        assert len(set(second)) == 3
        assert second[1] == first[0]

    def test_two_sources_and_two_kinds_never_share_an_id(self, make, everything):
        text = HEADING + "L1,2026-01-01T09:00:00Z,web.visit\nL1,2026-01-01T09:00:00Z,web.search\n"
        ids = self.ids(everything, make(text)) + self.ids(everything, make(text, PLAIN.replace('"s"', '"t"')))
        assert len(set(ids)) == 4

    def test_a_template(self, make, everything):
        text = "No,Lead,When,What\n7,L1,2026-01-01T09:00:00Z,web.visit\n,L2,2026-01-01T09:00:00Z,web.visit\n"
        mapping = 'id = "{No}/{event}"\n' + PLAIN + "[[event]]\n[[event]]\nconstants = { kind = 'web.search' }\n"
        events, rejected = everything(make(text, mapping))
        assert [event["event_id"] for event in events] == ["7/1", "7/2"]
        assert {str(rejection) for rejection in rejected} == {
            "line 3, column event_id: a column of the mapping's `id` is empty"
        }


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "rows.csv is empty"),
        ("\n\n", "rows.csv is empty"),
        (
            "Lead;When;What\n",
            "rows.csv has no column 'Lead', which the mapping names. Its first line has 1 cells",
        ),
        ('Lead,"When', "rows.csv: the heading is not CSV: unexpected end of data."),
        ("lead,When,What\n", "rows.csv has no column 'Lead', which the mapping names. Did you mean 'lead'?"),
        ("Lead,When\n", "rows.csv has no column 'What', which the mapping names."),
        ("Lead,When,What,Lead\n", "rows.csv has two columns 'Lead', which the mapping names."),
    ],
)
def test_a_heading_that_does_not_fit_the_mapping(make, text, fault):
    with pytest.raises(InputError, match=re.escape(fault)):
        list(make(text).batches())


def test_a_missing_file_and_a_folder(make, tmp_path):
    source = make(HEADING)
    (tmp_path / "rows.csv").unlink()
    with pytest.raises(NotFoundError, match=r"rows.csv does not exist"):
        list(source.batches())
    (tmp_path / "rows.csv").mkdir()
    with pytest.raises(InputError, match=r"rows.csv cannot be read"):
        list(source.batches())


def test_a_heading_alone_gives_nothing(make):
    assert list(make(HEADING).batches()) == []


def test_batches_are_bounded_and_rejections_count(make):
    rows = "".join(ROW.format(n) for n in range(1, 8)) + "broken\n" * 3
    sizes = [(len(batch.events), len(batch.rejected)) for batch in make(HEADING + rows, batch_rows=4).batches()]
    assert sizes == [(4, 0), (3, 1), (0, 2)]
