"""Does drift detection cry wolf, does it notice, and how long does it take?

    python -m benchmarks.drift [--part simulation|concept|streams|scale] [--json]

simulation  Nights in which nothing has moved, of 200 to 1,000,000 rows and 1 to 300 features, six forecasts and six
            outcomes; rows independent, correlated, five a lead, and unevenly many a lead: how often our rule raises an
            alarm, how often anything is beyond chance at all, and how often Evidently's default rule calls features
            drifted. Then five of 50 columns are moved by 0.02 to 1 standard deviations: how many each rule finds.
concept     Streams of 10,000 leads whose forecasts were calibrated on 300, 600 or 2,000: how often the sequential test
            of matured outcomes raises an alarm where nothing changes, and how often and how soon after a change;
            beside it the same test if the calibration is taken for exact.
streams     Electricity prices and weather (LINTEL_DATA_MIRROR, else ../shared/data) in their own order, in random
            order (false alarms a year), and in random order with a change in the middle (delay); a bank's calls (Moro
            et al. 2014) by the month, in which success rises from 5 % to 57 % and the model's AUC falls to that of a
            coin. The naive rule raises an alarm where a block's mean log loss is three deviations above normal.
scale       1,000,000 rows x 150 features in Parquet: seconds and peak memory of our rule over all rows, and of
            Evidently's report on 1,000 of them, each in a process of its own.

Everything simulated is seeded. Evidently's rule is that of its `DataDriftPreset` without settings: by size of the
reference Kolmogorov-Smirnov at 5 % or a distance of 0.1, column by column; a data set has drifted where half of its
columns have. In `simulation` and `streams` its own functions are called without drawing a report.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.drift_lab.concept import changed_streams, still_streams
from benchmarks.drift_lab.scale import COLUMNS, ROWS, measured, write_table
from benchmarks.drift_lab.simulation import CELLS, POWER_CELLS, false_alarms, power
from benchmarks.drift_lab.streams import course, false_a_year, injected, noticed, shuffled, streams, watched
from lintel.settings import settings

SEED = 1
DRAWS = 3
"""Random orders of each stream."""
PARTS = ("simulation", "concept", "streams", "scale")
Json = dict[str, Any]


def simulation(console: Console) -> Json:
    still = list(_announced(false_alarms(CELLS, seed=SEED), console))
    console.print(shown("nothing has moved: share of nights with an alarm", still))
    moved = list(_announced(power(POWER_CELLS, seed=SEED), console))
    console.print(shown("5 of 50 columns have moved: share found, and share of the others", moved))
    return {"false_alarms": still, "power": moved}


def concept(console: Console) -> Json:
    still = list(_announced(still_streams(seed=SEED), console))
    console.print(shown("nothing changes: share of streams with an alarm of concept", still))
    changed = list(_announced(changed_streams(seed=SEED), console))
    console.print(shown("after a change: share noticed", changed))
    return {"still": still, "changed": changed}


def real_streams(console: Console) -> Json:
    mirror = settings().data_mirror or Path(__file__).parents[2] / "shared" / "data"
    found: Json = {}
    for stream in track(streams(mirror), "streams", console=console, transient=True):
        own = course(stream, watched(stream))
        still = [shuffled(stream, seed=seed) for seed in range(DRAWS)]
        false = [false_a_year(one, watched(one)) for one in still]
        found[stream.name] = {
            "as_it_was": own,
            "false_alarms_a_year_shuffled": {name: sum(one[name] for one in false) / DRAWS for name in false[0]},
            "delay_in_rows": {
                kind: noticed(changed, watched(changed), first)
                for kind in ("outcomes", "feature")
                for changed, first in [injected(stream, kind, seed=SEED)]
            },
        }
        console.print(shown(f"{stream.name}, {own['blocks']} blocks", list(_rules(found[stream.name]))))
        console.print("  AUC by block:", *(f"{one:.2f}" if one else "-" for one in own["auc"]), highlight=False)
    return found


def scale(console: Console) -> Json:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        console.print(f"writing {ROWS:,} rows x {COLUMNS} features")
        write_table(path, ROWS, COLUMNS, seed=SEED)
        found = {"rows": ROWS, "columns": COLUMNS, "megabytes": round(path.stat().st_size / 1e6)}
        found |= {rule: measured(path, rule) for rule in ("ours", "evidently")}
    console.print(
        shown("all rows, and Evidently on 1,000", [{"rule": one} | found[one] for one in ("ours", "evidently")])
    )
    return found


def shown(title: str, rows: list[Json]) -> Table:
    found = Table(*rows[0], title=title, title_justify="left")
    for row in rows:
        found.add_row(*(f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()))
    return found


def _announced(rows: Iterable[Json], console: Console) -> Iterable[Json]:
    """Each row as soon as it is known: the draws take minutes."""
    for row in rows:
        console.print(*row.values(), highlight=False)
        yield row


def _rules(found: Json) -> Iterable[Json]:
    """A row a rule: its first alarm and share of blocks, its false alarms, and its delays."""
    for rule, own in found["as_it_was"]["rules"].items():
        delays = {f"delay: {kind}": one.get(rule) for kind, one in found["delay_in_rows"].items()}
        yield {
            "rule": rule,
            "first alarm after blocks": own["first_after_blocks"],
            "share of blocks": own.get("share", ""),
            "false a year, shuffled": found["false_alarms_a_year_shuffled"][rule],
        } | delays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, action="append", help="one part only; all by default")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    console = Console(stderr=arguments.json, width=150)
    run = {"simulation": simulation, "concept": concept, "streams": real_streams, "scale": scale}
    found = {part: run[part](console) for part in arguments.part or PARTS}
    if arguments.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
