"""Rows of one class: the earliest deadline first, among the parties that have not had more than their share."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from serving.batching.agenda import Agenda
from serving.batching.item import Row

_MOST_REMEMBERED = 1_024


@dataclass(slots=True, eq=False)
class _Party:
    """Who is served: `had` is the virtual time of its service, in seconds of compute."""

    name: Hashable
    had: float
    keys: Agenda[Hashable] = field(default_factory=Agenda)  # by the earliest row of each
    queues: dict[Hashable, Agenda[Row]] = field(default_factory=dict)


class Lane:
    """Queues of rows by key, and a fair order of their heads.

    Fairness is between parties (a key's party is, say, its tenant), by compute time: virtual time is what each of
    those who wait should have had, so it advances by the time computed divided by their number. A party that is
    more than `ahead_seconds` ahead of it stands back, however early its deadlines; among the others the earliest
    deadline goes first (after earliest eligible virtual deadline first, Stoica and Abdel-Wahab 1995). So a flood costs
    its own party, and without one the order is that of deadlines. A party that leaves finds its debt again when it
    comes back; a lane that runs empty forgets all debts.

    Parameters
    ----------
    party_of: the party of a key; all rows of a key are of one party.
    """

    def __init__(self, party_of: Callable[[Hashable], Hashable], ahead_seconds: float) -> None:
        self._party_of = party_of
        self._ahead = ahead_seconds
        self._parties: dict[Hashable, _Party] = {}
        self._eligible: Agenda[_Party] = Agenda()  # by their earliest row
        self._resting: Agenda[_Party] = Agenda()  # by what they have had
        self._time = 0.0
        self._debts: dict[Hashable, float] = {}

    def __bool__(self) -> bool:
        return bool(self._parties)

    def add(self, row: Row, due: float) -> None:
        """Queue a row that is not in, behind those of its key that are due at the same time."""
        name = self._party_of(row.key)
        party = self._parties.get(name) or self._enter(name)
        queue = party.queues.get(row.key)
        if queue is None:
            queue = party.queues[row.key] = Agenda()
        queue.put(row, due)
        if queue.first() is row:
            self._renew(party, row.key)

    def drop(self, row: Row) -> None:
        """Take a row out, if it is in."""
        party, queue = self._place(row.key)
        if party is not None and queue is not None and row in queue:
            was_first = queue.first() is row
            queue.drop(row)
            if was_first:
                self._renew(party, row.key)

    def head(self) -> Row | None:
        """The row whose turn it is."""
        if not self._parties:
            return None
        self._welcome()
        party = self._eligible.first()
        key = party.keys.first() if party else None
        return party.queues[key].first() if party and key is not None else None

    def queue(self, key: Hashable) -> Agenda[Row] | None:
        """The rows of a key. Whoever pops from it tells `charge` at once."""
        return self._place(key)[1]

    def charge(self, key: Hashable, seconds: float) -> None:
        """Rows of `key` were popped that take so many seconds to compute."""
        party = self._parties[self._party_of(key)]
        party.had += seconds
        self._time += seconds / len(self._parties)
        self._renew(party, key)
        if party.name in self._parties and party.had > self._time + self._ahead:
            self._eligible.drop(party)
            self._resting.put(party, party.had)

    def _place(self, key: Hashable) -> tuple[_Party | None, Agenda[Row] | None]:
        party = self._parties.get(self._party_of(key))
        return party, party.queues.get(key) if party else None

    def _enter(self, name: Hashable) -> _Party:
        party = self._parties[name] = _Party(name, max(self._time, self._debts.pop(name, 0.0)))
        if party.had > self._time + self._ahead:
            self._resting.put(party, party.had)
        return party

    def _leave(self, party: _Party) -> None:
        if party.had > self._time:
            self._debts[party.name] = party.had
        del self._parties[party.name]
        self._eligible.drop(party)
        self._resting.drop(party)
        if not self._parties:
            self._time = 0.0
            self._debts.clear()
        elif len(self._debts) > _MOST_REMEMBERED:
            del self._debts[next(iter(self._debts))]

    def _renew(self, party: _Party, key: Hashable) -> None:
        """The earliest row of a key is another one now, or none."""
        queue = party.queues[key]
        if queue:
            party.keys.put(key, queue.first_due)
        else:
            del party.queues[key]
            party.keys.drop(key)
        if not party.keys:
            self._leave(party)
        elif party not in self._resting:
            self._eligible.put(party, party.keys.first_due)

    def _welcome(self) -> None:
        """Let those take part again whom virtual time has caught up with, or who is next when all stand back."""
        limit = self._time + self._ahead
        while (party := self._resting.first()) is not None and (party.had <= limit or not self._eligible):
            self._resting.drop(party)
            self._eligible.put(party, party.keys.first_due)
