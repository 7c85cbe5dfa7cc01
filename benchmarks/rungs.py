"""What each rung of the fallback ladder costs and is worth, on the champion of a finished home.

    LINTEL_HOME=... python -m benchmarks.rungs [--tenant bpic2012] [--json]

Histories are read once; then the same leads are answered by the full model (the baseline), by the light model, from
the copy of the newest scores, and from the base rates, in turns, on one core. AUC and log loss are those of the newest
fold, as the bundle's own metrics tell them.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from lintel.home import Home
from lintel.registry.champion import champion_bundle
from lintel.scoring.answers import answer_leads, read_histories, tenant_time
from lintel.scoring.bundle import Bundle
from lintel.scoring.comparison import Comparison
from lintel.scoring.lesser_answers import last_score_answer, light_answers, prior_answer
from lintel.settings import settings

BATCHES, TURNS = (1, 64), 60
_UNRANKED = Comparison(None, None, {}, "a benchmark")


def measured(home: Home, tenant_id: str) -> dict[str, Any]:
    """Milliseconds a call (median and least) by rung and batch, and the quality of both models."""
    now = datetime.now(UTC)
    champion = champion_bundle(home.traffic, home.settings.bundles_path, tenant_id)
    tenant = home.events.tenant(tenant_id)
    moment = tenant_time(home.events, tenant, now)
    leads = [one["lead_id"] for one in home.scores.page(tenant_id, limit=max(BATCHES)).leads]
    bundle, found = champion.bundle, {}
    for size in BATCHES:
        asked = leads[:size]
        histories = read_histories(home.events, tenant, asked, moment)
        found[str(size)] = _in_turns(
            {
                "champion": lambda histories=histories, asked=asked: answer_leads(
                    bundle,
                    tenant,
                    histories,
                    asked,
                    moment,
                    explain=False,
                    model_version=champion.version,
                    served_by="champion",
                    comparison=_UNRANKED,
                    now=now,
                ),
                "light-model": lambda histories=histories, asked=asked: light_answers(
                    bundle, tenant, histories, asked, moment, model_version=champion.version, now=now
                ),
                "last-score": lambda asked=asked: [_last_score(home, tenant_id, lead, now) for lead in asked],
                "prior": lambda asked=asked: [
                    prior_answer(bundle, tenant, lead, moment, model_version=champion.version, now=now)
                    for lead in asked
                ],
            }
        )
    return {"leads": found, "golden_ms": _in_turns({"golden": bundle.check_golden})["golden"], **_quality(bundle)}


def _last_score(home: Home, tenant: str, lead: str, now: datetime) -> dict[str, Any] | None:
    stored = home.last_scores.read(tenant, lead)
    return None if stored is None else last_score_answer(stored, lead, now)


def _in_turns(calls: Mapping[str, Callable[[], object]]) -> dict[str, dict[str, float]]:
    """Each call once a turn, so that a slow moment of the machine falls on all of them."""
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(-3, TURNS):
        for name, call in calls.items():
            begin = time.perf_counter()
            call()
            if turn >= 0:
                spent[name].append(1e3 * (time.perf_counter() - begin))
    return {name: {"p50_ms": float(np.median(one)), "least_ms": min(one)} for name, one in spent.items()}


def _quality(bundle: Bundle) -> dict[str, Any]:
    told = {}
    for name, values in bundle.metrics["dimensions"].items():
        if "auc" in values.get("light_model", {}):
            light = values["light_model"]
            told[name] = {
                "champion": {key: values[key] for key in ("auc", "log_loss")},
                "light-model": {key: light[key] for key in ("auc", "log_loss")},
            }
    return {"quality": told}


def _show(found: Mapping[str, Any]) -> None:
    console = Console()
    times = Table("rung", *(f"{size} leads, p50 ms (least)" for size in found["leads"]), title="cost")
    for rung in next(iter(found["leads"].values())):
        cells = (found["leads"][size][rung] for size in found["leads"])
        times.add_row(rung, *(f"{one['p50_ms']:.2f} ({one['least_ms']:.2f})" for one in cells))
    worth = Table("dimension", "AUC full", "AUC light", "log loss full", "log loss light", title="worth")
    for name, one in found["quality"].items():
        full, light = one["champion"], one["light-model"]
        numbers = full["auc"], light["auc"], full["log_loss"], light["log_loss"]
        worth.add_row(name, *(f"{number:.3f}" for number in numbers))
    console.print(times, worth, f"golden request: {found['golden_ms']['p50_ms']:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tenant", default="bpic2012")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    chosen = parser.parse_args()
    with Home(settings()) as home, threadpool_limits(1):
        found = measured(home, chosen.tenant)
    _show(found)
    if chosen.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
