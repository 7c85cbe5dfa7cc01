import itertools

import pyarrow as pa
import pytest

from lintel.store.aliases import Aliases, Merge


def merge(number: int, absorbed: str, survivor: str, known_at: int | None = None) -> Merge:
    return Merge(number, f"e{number}", absorbed, survivor, number, number if known_at is None else known_at)


def test_a_chain_of_merges_ends_at_its_last_survivor() -> None:
    aliases = Aliases([merge(1, "a", "b"), merge(2, "b", "c")])
    assert [aliases.survivor(lead) for lead in "abcx"] == ["c", "c", "c", "x"]
    assert aliases.members("a") == ["c", "a", "b"]
    assert aliases.members("x") == ["x"]


def test_events_count_for_the_survivor_once_every_merge_on_the_way_was_known() -> None:
    aliases = Aliases([merge(1, "a", "b", known_at=50), merge(2, "b", "c", known_at=20)])
    assert [aliases.known_at(lead) for lead in "abc"] == [50, 20, None]


@pytest.mark.parametrize(
    "merges",
    [
        [merge(1, "a", "b"), merge(2, "b", "a")],
        [merge(1, "a", "a")],
        [merge(1, "a", "b"), merge(2, "a", "c"), merge(3, "c", "d")],
        [merge(1, "a", "b"), merge(2, "b", "c"), merge(3, "c", "a"), merge(4, "d", "a")],
    ],
)
def test_circles_end_and_the_order_of_arrival_does_not_matter(merges: list[Merge]) -> None:
    answers = {
        tuple((lead, aliases.survivor(lead), aliases.known_at(lead)) for lead in "abcd")
        for order in itertools.permutations(merges)
        for aliases in [Aliases(order)]
    }
    assert len(answers) == 1


def test_that_an_absorbed_contact_was_deleted_says_nothing_of_its_survivor() -> None:
    kinds = ["form.submitted", "lead.deleted", "lead.deleted"]
    events = pa.table({"lead_id": ["a", "a", "x"], "kind": kinds})
    found = Aliases([merge(1, "a", "b")]).relabel(events).to_pylist()
    assert found == [{"lead_id": "b", "kind": "form.submitted"}, {"lead_id": "x", "kind": "lead.deleted"}]
