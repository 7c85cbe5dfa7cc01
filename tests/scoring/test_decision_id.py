"""Identifiers are ULIDs, and no two processes draw the same."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lintel.scoring.decision_id import decision_id

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
moments = st.datetimes(datetime(1970, 1, 2), datetime(2999, 1, 1)).map(lambda one: one.replace(tzinfo=UTC))
FORKED = """
import os
from datetime import UTC, datetime
from lintel.scoring.decision_id import decision_id
child = os.fork()
os.write(1, decision_id(datetime.fromtimestamp(0, UTC)).encode() + b" ")
if child:
    os.waitpid(child, 0)
"""


@given(now=moments)
def test_the_first_ten_digits_are_the_moment(now: datetime) -> None:
    told = decision_id(now)
    assert len(told) == 26
    milliseconds = 0
    for digit in told[:10]:
        milliseconds = milliseconds * 32 + ALPHABET.index(digit)
    assert abs(milliseconds - (now - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1)) <= 1


def test_all_other_digits_are_drawn_anew() -> None:
    drawn = [decision_id(datetime.fromtimestamp(0, UTC))[10:] for _ in range(2000)]
    assert len(set(drawn)) == len(drawn)
    assert all({one[place] for one in drawn} == set(ALPHABET) for place in range(16))


def test_a_forked_process_draws_its_own() -> None:
    """A child is a copy of its parent, random numbers included, unless it draws a seed."""
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, check=True)
    parent, child = done.stdout.split()
    assert parent != child
