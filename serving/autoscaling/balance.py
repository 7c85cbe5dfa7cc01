"""Which workers hold more than their share of the connections.

Workers that accept from one shared queue take what they can get, so one may hold all of them; and connections that are
kept alive never move to a worker that was started later. What a worker lets go of comes back as a new connection.
"""

import math
from collections.abc import Mapping

SLACK_SHARE = 0.1
SLACK = 2
"""What a worker may hold above its share before it lets go: moving a connection costs a handshake."""


def surplus(connections: Mapping[int, int]) -> dict[int, int]:
    """How many connections each worker (by pid) should let go: down to its share if it holds too many, else 0."""
    if not connections:
        return {}
    share = math.ceil(sum(connections.values()) / len(connections))
    limit = share * (1 + SLACK_SHARE) + SLACK
    return {pid: held - share if held > limit else 0 for pid, held in connections.items()}
