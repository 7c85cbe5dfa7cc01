"""Run as a process of its own: appends numbered events and prints how many it has committed so far.

`python appending.py URL FIRST COUNT`
"""

import sys
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from lintel.events.schema import TIME
from lintel.store.events import EventStore

START = datetime(2026, 1, 1, tzinfo=UTC)


def numbered_events(first: int, count: int) -> pa.Table:
    """Events e<first>.. of 50 leads, each with a body."""
    numbers = range(first, first + count)
    return pa.table(
        {
            "event_id": [f"e{number}" for number in numbers],
            "lead_id": [f"lead{number % 50}" for number in numbers],
            "occurred_at": pa.array([START + timedelta(seconds=number) for number in numbers], TIME),
            "kind": ["email.sent"] * count,
            "attributes": [f'{{"number": {number}}}' for number in numbers],
        }
    )


def main() -> None:
    url, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    done = 0

    def tell(rows: int) -> None:
        nonlocal done
        done += rows
        print(done, flush=True)

    with EventStore.open(url) as store:
        store.append("acme", numbered_events(first, count), now=datetime(2026, 3, 1, tzinfo=UTC), progress=tell)


if __name__ == "__main__":
    main()
