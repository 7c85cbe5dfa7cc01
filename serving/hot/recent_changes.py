"""Which leads have changed since when: what says whether something known of a lead still holds."""

from collections import OrderedDict
from collections.abc import Mapping
from operator import itemgetter

MAX_LEADS = 20_000


class RecentChanges:
    """The newest `seq` of each lead that changed lately. Not safe to share between threads.

    Of leads that are not named no event came after `floor`: what was known of any lead before that cannot be told.

    Parameters
    ----------
    floor: from which `seq` on changes are noted. max_leads: how many are remembered; the longest unchanged go first.
    """

    def __init__(self, floor: int, max_leads: int = MAX_LEADS) -> None:
        self.floor = floor
        self._max_leads = max_leads
        self._last_seq: OrderedDict[str, int] = OrderedDict()

    def note(self, last_seq: Mapping[str, int]) -> None:
        """Leads and the newest `seq` of each, which are newer than all that were noted before."""
        for lead, seq in sorted(last_seq.items(), key=itemgetter(1)):
            self._last_seq[lead] = seq
            self._last_seq.move_to_end(lead)
        while len(self._last_seq) > self._max_leads:
            self.floor = self._last_seq.popitem(last=False)[1]

    def unchanged(self, lead: str, since: int) -> bool:
        """Whether the lead surely has no event newer than `since`, among those noted."""
        return since >= self.floor and self._last_seq.get(lead, 0) <= since
