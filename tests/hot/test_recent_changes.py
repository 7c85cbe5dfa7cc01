"""Recent changes against the whole log of changes: never unchanged when it was changed."""

from hypothesis import given
from hypothesis import strategies as st

from serving.hot.recent_changes import RecentChanges

LEADS = "abcdef"


@given(
    rounds=st.lists(st.lists(st.sampled_from(LEADS), max_size=6), max_size=8),
    floor=st.integers(0, 5),
    most=st.integers(1, 4),
)
def test_unchanged_is_said_only_of_what_surely_is(rounds: list[list[str]], floor: int, most: int) -> None:
    changes = RecentChanges(floor, most)
    log: list[tuple[int, str]] = []
    seq = floor
    for leads in rounds:
        noted = {}
        for lead in leads:
            seq += 1
            noted[lead] = seq
            log.append((seq, lead))
        changes.note(noted)
        for lead in LEADS:
            for since in range(seq + 1):
                changed = any(one > since for one, of in log if of == lead)
                if since < floor or changed:
                    assert not changes.unchanged(lead, since)
                elif since == seq:
                    assert changes.unchanged(lead, since)  # what was read just now holds, whatever was forgotten


@given(leads=st.lists(st.sampled_from(LEADS), max_size=10), since=st.integers(0, 10))
def test_it_is_exact_while_all_changes_are_remembered(leads: list[str], since: int) -> None:
    changes = RecentChanges(0, len(LEADS))
    for seq, lead in enumerate(leads, start=1):
        changes.note({lead: seq})
    for lead in LEADS:
        assert changes.unchanged(lead, since) == (lead not in leads[since:])
