"""How long after its date a publisher usually brings out a number: for files that do not say when.

A delay that is too long costs some days of knowledge; one that is too short lets training see the future. So each is
the latest day of an ordinary month, and counts from the date *in the file*: FRED dates a month or quarter to its first
day, Zillow to its last.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Delay:
    """Whole days from an observation's date to when everybody could know it, and why."""

    days: int
    reason: str

    @property
    def length(self) -> timedelta:
        return timedelta(days=self.days)


_ZILLOW = Delay(20, "monthly, dated to the end of the month; brought out around the 16th of the next")

DELAYS: Mapping[tuple[str, str], Delay] = {
    ("fred", "mortgage_rate"): Delay(1, "weekly, dated to the Thursday on which the survey is out at noon (Eastern)"),
    ("fred", "inventory"): Delay(45, "monthly, dated to the first of the month; out in the first days of the next"),
    ("fred", "new_listings"): Delay(45, "monthly, dated to the first of the month; out in the first days of the next"),
    ("fred", "home_value_index"): Delay(95, "monthly, dated to the first; Case-Shiller: two months after its end"),
    ("fred", "median_price"): Delay(120, "quarterly, dated to the first day; out in the month after the quarter's end"),
    ("zillow", "inventory"): _ZILLOW,
    ("zillow", "new_listings"): _ZILLOW,
    ("zillow", "home_value_index"): _ZILLOW,
    ("zillow", "median_price"): _ZILLOW,
}
"""By layout and metric."""
