"""`lintel evaluate`: how good the champion is, on the newest fold, beside baselines."""

from typing import Any

from rich.table import Table

from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, note, table
from lintel.errors import NotFoundError
from lintel.home import Home
from lintel.registry.champion import champion_bundle
from lintel.scoring.evaluation import evaluate as evaluate_bundle
from lintel.scoring.examples import Examples
from lintel.settings import settings

_COLUMNS = {
    "auc": "AUC",
    "average_precision": "AP",
    "log_loss": "log loss",
    "brier": "Brier",
    "lift_top_decile": "lift",
    "base_rate": "base",
}
"""What a figure is called in a heading: all of them fit into 120 columns."""


def evaluate(tenant: TenantId = DEFAULT_TENANT, as_json: Json = False) -> None:
    """Evaluate the champion again, on the examples of the newest nightly run, against two baselines."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        champion = champion_bundle(home.traffic, home.settings.bundles_path, tenant)
        file = home.work(tenant, "examples.parquet")
    if not file.exists():
        raise NotFoundError(f"There are no examples of {tenant!r}.", mend=f"Run `lintel nightly --tenant {tenant}`.")
    metrics = evaluate_bundle(champion.bundle, Examples.load(file), log=note)
    value = {**metrics, "model_version": champion.version}
    emit(value, as_json=as_json, table=_table(tenant, value))


def _table(tenant: str, value: dict[str, Any]) -> Table:
    rows = []
    for name, found in value["dimensions"].items():
        if "auc" not in found:
            rows.append((name, found.get("status", "")))
            continue
        rows.append((name, "model", *_cells(found)))
        rows += [("", baseline.replace("_", " "), *_cells(figures)) for baseline, figures in found["baselines"].items()]
    simulated = " (simulated)" if value.get("simulated") else ""
    title = f"{tenant}{simulated}, model version {value['model_version']}, newest fold"
    return table(title, ("dimension", "", *_COLUMNS.values(), "ECE (band)", "n"), rows)


def _cells(found: dict[str, Any]) -> tuple[str, ...]:
    shown = [f"{found[name]:.3f}" if found.get(name) is not None else "" for name in _COLUMNS]
    low, high = found.get("ece_band") or (None, None)
    error = f"{found['ece']:.3f}" if found.get("ece") is not None else ""
    return (*shown, f"{error} ({low:.3f}-{high:.3f})" if low is not None else error, str(found.get("n", "")))
