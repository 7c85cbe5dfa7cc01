"""The loan funnel of a Dutch bank (BPI Challenge 2012): a real log with real outcomes; a funnel, not a CRM.

Van Dongen, B.F. (2012): BPI Challenge 2012. Eindhoven University of Technology.
https://doi.org/10.4121/uuid:3926db30-f712-4394-aebc-75976070e91f
"""

from pathlib import Path

from lintel.sources.batches import BATCH_ROWS
from lintel.sources.xes import XesSource
from lintel.sources.xes_mapping import read_xes_mapping
from lintel.store.tenants import Clock, Tenant

LOG_EVENTS = 262_200
CASES = 13_087
EVENTS = LOG_EVENTS + CASES
"""A_SUBMITTED gives two events: the lead was created, and its application form came in."""

MAPPING = Path(__file__).with_name("bpic2012.toml")


def bpic2012(path: Path, *, batch_rows: int = BATCH_ROWS) -> XesSource:
    """The log at `path` (the published file, or a part of it) as a source: lead and episode are the case."""
    return XesSource(path, read_xes_mapping(MAPPING), total=EVENTS, batch_rows=batch_rows)


def bpic2012_tenant(tenant: str = "bpic2012") -> Tenant:
    """The tenant that such a log belongs to: its clock stopped when the log ended."""
    return Tenant(tenant, labels="bpic2012", time_zone="Europe/Amsterdam", currency="EUR", clock=Clock.LOG_END)
