"""The events of the golden request: a few simulated leads, the same in every bundle that this code trains."""

from datetime import timedelta
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from lintel.events.columns import EventColumns, columns_from_table
from lintel.events.moments import to_microseconds
from lintel.events.validation import check
from lintel.sources.simulator.presets import preset
from lintel.sources.simulator.source import START, Simulator

_LEADS, _DAYS, _SEED = 24, 120, 2


@cache
def golden_events() -> tuple[EventColumns, int]:
    """Events of 24 leads and the as-of time in UTC µs: in all stages, won, lost and opted out among them, and none of
    them anybody's."""
    source = Simulator(preset("demo"), "sim-denver", seed=_SEED, leads=_LEADS, days=_DAYS)
    told = pa.concat_tables([batch.events for batch in source.batches()])
    end = START + timedelta(days=_DAYS)
    events = check(told, tenant=source.tenant.id, now=end).events
    leads = pc.unique(events.column("lead_id")).sort()
    return columns_from_table(events, leads), to_microseconds(end)
