import re

import pytest

from lintel.events.kinds import Actor, Direction, Measure, acted_by, directed, family, kind_codes, kinds

ALL = list(kinds().values())


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_every_kind_is_whole(kind) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)*", kind.name)
    assert kind.family == kind.name.split(".")[0]
    assert kind.meaning
    assert not kind.meaning.endswith(".")
    assert len(kind.attributes) <= 3


def test_measures_name_their_unit_and_scale() -> None:
    scales = {"currency": 100, "minutes": 60_000, "count": 1, "days": 1, "m2": 1, "stage": 1, "": 1}
    measures = [m for kind in ALL for m in (kind.value, *kind.attributes) if isinstance(m, Measure)]
    assert len(measures) > 20
    assert all(scales[measure.unit] == measure.scale for measure in measures)


def test_names_are_unique_and_sorted() -> None:
    names = [kind.name for kind in ALL]
    assert names == sorted(set(names))
    assert list(kinds()) == names
    assert kind_codes() == {name: position for position, name in enumerate(names)}


def test_no_kind_is_lost_to_a_double_name() -> None:
    from lintel.events import kinds as module

    assert len(module._KINDS) == len(kinds())


def test_the_kinds_of_the_design_are_there() -> None:
    named = """web.listing_view form.submitted email.opened sms.inbound call.completed appointment.booked
    appointment.showed appointment.no_show appointment.cancelled offer.created offer.sent offer.accepted offer.declined
    document.requested document.received stage.changed deal.won deal.lost deal.abandoned consent.granted
    consent.withdrawn lead.created lead.profile lead.merged lead.deleted event.corrected"""
    assert set(named.split()) <= set(kinds())


def test_families_cover_all_kinds_once() -> None:
    families = sorted({kind.family for kind in ALL})
    assert sorted(name for one in families for name in family(one)) == list(kinds())
    assert "email.sent" in family("email")
    assert "sms.sent" not in family("email")


def test_unknown_family() -> None:
    with pytest.raises(KeyError, match="no event kind belongs to the family 'fax'"):
        family("fax")


def test_directions_and_actors_agree() -> None:
    inbound, outbound = directed(Direction.INBOUND), directed(Direction.OUTBOUND)
    assert set(inbound).isdisjoint(outbound)
    assert set(inbound) <= set(acted_by(Actor.LEAD))
    assert set(outbound) <= set(acted_by(Actor.AGENT))
    assert "sms.inbound" in inbound
    assert "sms.sent" in outbound


def test_actors_cover_all_kinds_once() -> None:
    assert sorted(name for actor in Actor for name in acted_by(actor)) == list(kinds())
