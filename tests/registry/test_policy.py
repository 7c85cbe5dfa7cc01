"""Four eyes: who may approve what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.errors import RefusedError
from lintel.registry.actor import Actor, ActorKind, machine, person
from lintel.registry.policy import check_approver

names = st.sampled_from(["eva", "Eva", " eva ", "tom", "nightly"])
actors = st.builds(Actor, names, st.sampled_from(ActorKind))


def test_another_person_may_approve_what_a_person_trained() -> None:
    check_approver(person("tom"), [person("eva"), machine("nightly")], what="Version 7")


@pytest.mark.parametrize("name", ["eva", "EVA", " eva", "\uff45va"])
def test_who_trained_it_may_not(name: str) -> None:
    with pytest.raises(RefusedError, match="trained or registered version 7 and cannot approve it"):
        check_approver(person(name), [person("eva")], what="Version 7")


def test_what_a_machine_trained_any_person_may_approve() -> None:
    check_approver(person("nightly"), [machine("nightly")], what="Version 7")


def test_a_machine_is_never_the_second_pair_of_eyes() -> None:
    with pytest.raises(RefusedError, match="is a machine and approves nothing"):
        check_approver(machine("robot"), [machine("nightly")], what="Version 7")


@given(approver=actors, involved=st.lists(actors, max_size=3))
def test_the_rule_in_one_line(approver: Actor, involved: list[Actor]) -> None:
    own = {one.name.strip().lower() for one in involved if one.kind is ActorKind.PERSON}
    allowed = approver.kind is ActorKind.PERSON and approver.name.strip().lower() not in own
    try:
        check_approver(approver, involved, what="It")
    except RefusedError:
        assert not allowed
    else:
        assert allowed
