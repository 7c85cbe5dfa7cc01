"""A mistake in a mapping file stops before the first row and names the file, the table and the key."""

import re
from pathlib import Path

import pytest

from lintel.errors import InputError, NotFoundError
from lintel.sources.csv_mapping import read_csv_mapping
from lintel.sources.xes_mapping import read_xes_mapping

CSV = 'format = "csv"\nsource = "s"\n'
COLUMNS = '[columns]\nlead_id = "Lead"\noccurred_at = "When"\n'
KIND = '[constants]\nkind = "web.visit"\n'
XES = 'format = "xes"\nsource = "s"\n'
RULE = '[[event]]\nactivity = "A"\nkind = "call.completed"\n'


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "map.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "map.toml, format: is missing"),
        ('format = "xes"', "map.toml, format: is 'xes', but the file to read is csv"),
        ('format = "csv"\n' + COLUMNS + KIND, "map.toml, source: is missing"),
        (CSV + 'delimitr = ";"\n', "map.toml, delimitr: is not a key of this table. Did you mean delimiter?"),
        (CSV + 'delimiter = "::"\n' + COLUMNS + KIND, "map.toml, delimiter: must be one character"),
        (CSV + 'encoding = "utf-99"\n' + COLUMNS + KIND, "map.toml, encoding: 'utf-99' is not an encoding"),
        (CSV + 'encoding = "base64"\n' + COLUMNS + KIND, "map.toml, encoding: 'base64' is not an encoding"),
        (CSV + 'decimal = ";"\n' + COLUMNS + KIND, 'map.toml, decimal: must be "." or ","'),
        (CSV + 'time_zone = "Denver"\n' + COLUMNS + KIND, "map.toml, time_zone: 'Denver' is not a time zone"),
        (CSV + "time_formats = [1]\n" + COLUMNS + KIND, "map.toml, time_formats: must be a string or a list"),
        (CSV + 'id = "{Lead!r}"\n' + COLUMNS + KIND, "map.toml, id: may hold plain names in braces only"),
        (CSV + 'id = "{Lead"\n' + COLUMNS + KIND, "map.toml, id: is not a template"),
        (CSV + COLUMNS, "map.toml, [columns]: nothing gives the event's kind"),
        (CSV + KIND, "map.toml, [columns]: nothing gives the event's lead_id"),
        (CSV + COLUMNS + 'budget = "B"\n' + KIND, "map.toml, [columns], budget: is not a key of this table"),
        (CSV + COLUMNS + "value = 3\n" + KIND, "map.toml, [columns], value: must be a string"),
        (CSV + COLUMNS + '[constants]\nkind = "web.visits"\n', "map.toml, [constants], kind: 'web.visits' is not a"),
        (CSV + COLUMNS + KIND + 'actor = "me"\n', "map.toml, [constants], actor: 'me' is not an actor"),
        (CSV + COLUMNS + KIND + 'lead_id = "x"\n', "map.toml, [constants], lead_id: is given by a column too"),
        (CSV + COLUMNS + KIND + "attribute_1 = true\n", "map.toml, [constants], attribute_1: must be a number"),
        (CSV + COLUMNS + KIND + "value = 1\n", "map.toml, [columns]: web.visit has no value"),
        (CSV + COLUMNS + KIND + '[values.kind]\na = "web.visit"\n', "map.toml, [values], kind: no column gives this"),
        (CSV + COLUMNS + 'kind = "K"\n[values.kind]\na = "x"\n', "map.toml, [values.kind], a: 'x' is not a registered"),
        (CSV + COLUMNS + KIND + "[event]\nwhen = 1\n", "map.toml, event: must be an array of tables"),
        (CSV + COLUMNS + "[[event]]\n[[event]]\n", "map.toml, [[event]] 1: nothing gives the event's kind"),
        (CSV + COLUMNS + 'value = "Age"\nkind = "K"\n', "columns.value: 'Age' names a protected attribute (age)"),
        (CSV + COLUMNS + 'kind = "maritalStatus"\n', "columns.kind: 'maritalStatus' names a protected attribute"),
        (CSV + COLUMNS + KIND + "[[event]]\nwhen = { Gender = 'f' }\n", "when, Gender: 'Gender' names a protected"),
        (CSV + COLUMNS + KIND + "[[event]]\nwhen = { A = [] }\n", "map.toml, [[event]] 1, when, A: is an empty list"),
        (CSV + COLUMNS + KIND + "[[event]]\nwhen = { A = 3 }\n", "map.toml, [[event]] 1, when, A: must be a string or"),
        (CSV + COLUMNS + KIND + "[[event]]\nif = 1\n", "map.toml, [[event]] 1, if: is not a key of this table"),
        (
            CSV + 'id = "{Lead}"\n' + COLUMNS + KIND + "[[event]]\n[[event]]\n",
            "map.toml, id: would give the events of one row the same id",
        ),
    ],
)
def test_mistakes_in_a_csv_mapping(write, text, fault):
    with pytest.raises(InputError, match=re.escape(fault)):
        read_csv_mapping(write(text))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (XES, "map.toml, event: there is no [[event]] and no [[work]]"),
        (XES + 'id = "{event}"\n' + RULE, "map.toml, id: needs {case} and {event}"),
        (XES + 'id = "{case.__class__}{event}"\n' + RULE, "map.toml, id: needs {case} and {event}"),
        (
            XES + "[keys]\nlead = 'x'\n" + RULE,
            "map.toml, [keys], lead: is not a key of this table. Did you mean lead_id",
        ),
        (XES + '[[event]]\nkind = "call.started"\n', "map.toml, [[event]] 1, activity: is missing"),
        (XES + RULE + "value = { column = 'x' }\n", "map.toml, [[event]] 1, value, column: is not a key"),
        (XES + RULE + "value = { event = 'x', case = 'y' }\n", "map.toml, [[event]] 1, value: must be a number, {"),
        (XES + RULE + "value = { case = 'customer:age' }\n", "value, case: 'customer:age' names a protected attribute"),
        (XES + RULE + "value = {}\n", "map.toml, [[event]] 1, value: must be a number, {"),
        (XES + RULE + "value = true\n", "map.toml, [[event]] 1, value: must be a table"),
        (XES + RULE + "value = { minutes_since = 'call' }\n", "map.toml, [[event]] 1, value, minutes_since: 'call' is"),
        (
            XES + '[[event]]\nactivity = "A"\nkind = "deal.won"\nvalue = { minutes_since = "call.started" }\n',
            "value, minutes_since: the value of deal.won is in currency, not in minutes",
        ),
        (
            XES + '[[event]]\nactivity = "A"\nkind = "web.visit"\nvalue = 1\n',
            "[[event]] 1, value: web.visit has no value",
        ),
        (
            XES + '[[work]]\nactivity = "A"\nfamily = "offer"\n',
            "map.toml, [[work]] 1, family: 'offer.scheduled' is not",
        ),
        (XES + RULE + '[[ignore]]\ntransition = "start"\n', "map.toml, [[ignore]] 1, activity: is missing"),
    ],
)
def test_mistakes_in_an_xes_mapping(write, text, fault):
    with pytest.raises(InputError, match=re.escape(fault)):
        read_xes_mapping(write(text))


def test_what_no_feature_reads_may_have_any_name(write):
    text = CSV + COLUMNS.replace('"Lead"', '"Last name"') + KIND + '[attributes]\nphoto = "Photo"\n'
    (event,) = read_csv_mapping(write(text)).events
    assert event.columns["lead_id"] == "Last name"
    assert event.attributes == {"photo": "Photo"}


def test_what_is_not_toml_names_the_line(write):
    with pytest.raises(InputError, match=r"map.toml is not TOML: .*line 2"):
        read_csv_mapping(write('format = "csv"\n= 3\n'))


def test_a_missing_file(tmp_path):
    with pytest.raises(NotFoundError, match=r"the mapping file .*none.toml does not exist"):
        read_csv_mapping(tmp_path / "none.toml")


def test_a_folder_or_bytes_that_are_no_text(tmp_path):
    (tmp_path / "map.toml").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path, tmp_path / "map.toml"):
        with pytest.raises(InputError, match="cannot be read"):
            read_xes_mapping(path)


def test_an_event_goes_over_what_holds_for_the_whole_file(write):
    text = CSV + COLUMNS + KIND + 'channel = "web"\n'
    text += '[[event]]\n[[event]]\ncolumns = { channel = "Via", kind = "What" }\nconstants = { lead_id = "L" }\n'
    first, second = read_csv_mapping(write(text)).events
    assert (first.columns, first.constants) == (
        {"lead_id": "Lead", "occurred_at": "When"},
        {"kind": "web.visit", "channel": "web"},
    )
    assert (second.columns, second.constants) == (
        {"occurred_at": "When", "channel": "Via", "kind": "What"},
        {"lead_id": "L"},
    )


@pytest.mark.parametrize(
    ("pattern", "transition", "taken"),
    [
        ("Send offer", "*", True),
        ("Send*", "complete", True),
        ("Send*", "START", False),
        ("send offer", "*", False),  # activities are names: case counts
    ],
)
def test_patterns(write, pattern, transition, taken):
    rule = f'[[event]]\nactivity = "{pattern}"\ntransition = "{transition}"\nkind = "offer.sent"\n'
    mapping = read_xes_mapping(write(XES + rule))
    assert bool(mapping.rules_for("Send offer", "COMPLETE")) is taken


def test_a_name_with_pattern_characters_matches_itself(write):
    mapping = read_xes_mapping(write(XES + '[[event]]\nactivity = "Call [out]"\nkind = "call.attempted"\n'))
    assert mapping.rules_for("Call [out]", "")
    assert mapping.rules_for("Call o", "")  # and, as a pattern, what it stands for
    assert mapping.rules_for("Call", "") is None
