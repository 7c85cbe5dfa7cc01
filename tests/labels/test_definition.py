from pathlib import Path

import pytest

from lintel.errors import InputError, NotFoundError
from lintel.events.kinds import Actor
from lintel.labels import definition
from lintel.labels.definition import (
    DIMENSIONS,
    MICROSECONDS_PER_DAY,
    Question,
    Timing,
    Undefined,
    load_label_set,
    parse_label_set,
)

SHIPPED = ("bpic2012", "crm", "simulator")
HOUR = 3_600_000_000

MINIMAL = """
source = "small"
version = 3
[episode]
ends = ["deal.won"]
settle_seconds = 0.5
[dimensions.intent]
definition = "books within 7 days"
horizon_days = 7
any_of = ["appointment.*"]
[dimensions.timing]
definition = "days until won"
horizon_days = 14
horizons_days = [7, 14]
[dimensions.timing.causes]
won = ["deal.won"]
[dimensions.budget]
status = "not_defined_for_source"
reason = "no amounts"
[dimensions.conversion]
definition = "won within 30 days"
horizon_days = 30
any_of = ["deal.won"]
[dimensions.churn]
definition = "no message for 10 days"
horizon_days = 10
silence_of = ["email.inbound", "sms.inbound"]
[dimensions.engagement]
definition = "answers within 48 hours"
horizon_hours = 48
touches = ["email.sent"]
any_of = ["email.inbound"]
"""


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_sets_say_something_on_every_dimension(name: str) -> None:
    labels = load_label_set(name)
    assert tuple(labels.dimensions) == DIMENSIONS
    assert labels.name == f"{name}/1"
    for dimension in labels.dimensions.values():
        shown = dimension.reason if isinstance(dimension, Undefined) else dimension.definition
        assert len(shown) > 20


def test_bpic2012_is_the_published_table() -> None:
    labels = load_label_set("bpic2012")
    days = {name: entry.horizon // MICROSECONDS_PER_DAY for name, entry in labels.defined.items()}
    assert days == {"intent": 7, "timing": 14, "conversion": 30, "churn": 14, "engagement": 14}
    assert labels.dimensions["budget"].status == "not_defined_for_source"
    assert labels.touches == ("offer.sent",)
    intent, churn = labels.dimensions["intent"], labels.dimensions["churn"]
    assert isinstance(intent, Question)
    assert isinstance(churn, Question)
    assert intent.any_of == ("offer.returned", "validation.completed", "validation.scheduled", "validation.started")
    assert churn.silence_of is Actor.LEAD
    assert {"deal.lost", "offer.accepted"} < set(churn.negated_by)


def test_a_file_is_read_with_families_hours_and_listed_silence(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(MINIMAL)
    labels = load_label_set(path)
    assert (labels.source, labels.version, labels.settle) == ("small", 3, 500_000)
    intent, churn, timing = (labels.dimensions[name] for name in ("intent", "churn", "timing"))
    assert isinstance(intent, Question)
    assert "appointment.booked" in intent.any_of
    assert "appointment.no_show" in intent.any_of
    assert isinstance(churn, Question)
    assert churn.any_of == ()
    assert churn.silence_of == ("email.inbound", "sms.inbound")
    assert isinstance(timing, Timing)
    assert timing.causes == (("deal.won",), (), ())
    assert labels.dimensions["engagement"].status == "defined"
    assert labels.defined["engagement"].horizon == 48 * HOUR


def test_the_digest_covers_content_not_layout() -> None:
    first = parse_label_set(MINIMAL.encode(), "a.toml")
    second = parse_label_set(("# a comment\n" + MINIMAL.replace("\n[", "\n\n[")).encode(), "b.toml")
    third = parse_label_set(MINIMAL.replace("horizon_days = 7", "horizon_days = 8").encode(), "c.toml")
    assert first.digest == second.digest
    assert first.digest != third.digest


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('source = "small"', "source = 4", "source"),
        ("version = 3", "version = 0", "version"),
        ("version = 3", "version = true", "version"),
        ("version = 3", "version = 3\ncolour = 1", "colour"),
        ('ends = ["deal.won"]', 'ends = ["deal.won", "deal.win"]', "episode.ends"),
        ('ends = ["deal.won"]', "ends = []", "episode.ends"),
        ("settle_seconds = 0.5", "settle_seconds = -1", "episode.settle_seconds"),
        ("[dimensions.intent]", "[dimensions.mood]", "dimensions.mood"),
        ("horizon_days = 7\n", "horizon_days = 0\n", "dimensions.intent.horizon_days"),
        ("horizon_days = 7\n", "", "dimensions.intent.horizon_days"),
        ("horizon_hours = 48", "horizon_hours = 48\nhorizon_days = 2", "dimensions.engagement.horizon_days"),
        ('any_of = ["appointment.*"]', 'any_of = ["viewing.*"]', "dimensions.intent.any_of"),
        ('any_of = ["appointment.*"]', "", "dimensions.intent.any_of"),
        ('any_of = ["appointment.*"]', 'any_of = "deal.won"', "dimensions.intent.any_of"),
        ('any_of = ["appointment.*"]', 'any_of = ["deal.won"]\nnegated_by = ["deal.*"]', "dimensions.intent.negated"),
        ('any_of = ["appointment.*"]', 'any_of = ["deal.won"]\namount = 3', "dimensions.intent.amount"),
        ('silence_of = ["email.inbound", "sms.inbound"]', 'silence_of = "client"', "dimensions.churn.silence_of"),
        ("horizons_days = [7, 14]", "horizons_days = [14, 7]", "dimensions.timing.horizons_days"),
        ('won = ["deal.won"]', 'won = ["deal.won"]\nlost = ["deal.won"]', "dimensions.timing.causes"),
        ('won = ["deal.won"]', 'sold = ["deal.won"]', "dimensions.timing.causes.sold"),
        ('status = "not_defined_for_source"', 'status = "later"', "dimensions.budget.status"),
        ('reason = "no amounts"', 'reason = " "', "dimensions.budget.reason"),
        ('definition = "books within 7 days"', "", "dimensions.intent.definition"),
    ],
)
def test_errors_name_file_and_key(old: str, new: str, key: str) -> None:
    assert old in MINIMAL
    with pytest.raises(InputError) as caught:
        parse_label_set(MINIMAL.replace(old, new, 1).encode(), "labels/small.toml")
    assert "labels/small.toml" in str(caught.value)
    assert key in str(caught.value)


def test_what_is_not_toml_is_refused() -> None:
    with pytest.raises(InputError, match=r"broken\.toml is not TOML"):
        parse_label_set(b"= = =", "broken.toml")
    with pytest.raises(InputError, match=r"broken\.toml is not TOML"):
        parse_label_set(b"\xff\xfe", "broken.toml")


def test_a_missing_set_names_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="bpic2012, crm, simulator"):
        load_label_set("bpic2013")
    with pytest.raises(NotFoundError, match=r"none\.toml"):
        load_label_set(tmp_path / "none.toml")


def test_a_file_cannot_call_itself_a_shipped_set_and_say_something_else(tmp_path: Path) -> None:
    """Bundles name their labels by source: such a bundle could be trained, but never loaded."""
    shipped = (Path(definition.__file__).parent / "definitions" / "crm.toml").read_text()
    (tmp_path / "same.toml").write_text("# a copy\n" + shipped)
    assert load_label_set(tmp_path / "same.toml") == load_label_set("crm")
    (tmp_path / "mine.toml").write_text(shipped.replace("horizon_days = 90", "horizon_days = 60"))
    with pytest.raises(InputError, match=r"mine\.toml, key source: 'crm' is a label set of Lintel's own"):
        load_label_set(tmp_path / "mine.toml")
    (tmp_path / "mine.toml").write_text(
        shipped.replace("horizon_days = 90", "horizon_days = 60").replace('"crm"', '"mine"')
    )
    assert load_label_set(tmp_path / "mine.toml").name == "mine/1"
