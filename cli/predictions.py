"""`lintel predictions`: what the services answered, as far as the log is compacted, and whether it is all there."""

from datetime import UTC, datetime
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
import typer

from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, table
from lintel.errors import UnavailableError
from lintel.home import Home
from lintel.settings import settings

app = typer.Typer(help="The log of all answers: what is in it, and whether anything is missing.")

_SHOWN = ("answered_at", "lead_id", "decision_id", "model_version", "served_by", "urgency", "priority", "total_ms")
_LISTED = 10  # damaged files that are named
_Moment = datetime | None


@app.command("list")
def list_command(
    tenant: TenantId = DEFAULT_TENANT,
    *,
    lead: Annotated[str | None, typer.Option("--lead", help="Answers about this lead only.")] = None,
    since: Annotated[_Moment, typer.Option(help="Answers given from then on; UTC.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many answers to show at most.")] = 20,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="With what bundles in shadow scored, answered to nobody.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Answers in the lake, newest first; the newest of all wait in segments for the hourly compaction."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        begin = since.replace(tzinfo=UTC) if since else None
        found = home.predictions.read(tenant, begin, columns=_SHOWN, shadow=shadow)
    if lead is not None:
        found = found.filter(pc.equal(found.column("lead_id"), lead))
    rows = _newest(found, limit)
    cells = [tuple(row.values()) for row in rows]
    emit({"tenant": tenant, "predictions": rows}, as_json=as_json, table=table(f"answers of {tenant}", _SHOWN, cells))


@app.command("verify")
def verify_command(as_json: Json = False) -> None:
    """Check all files of the log against what was written, and tell how many answers are known to be lost."""
    with Home(settings()) as home:
        predictions = home.predictions
        faults, losses, waiting = predictions.faults(), predictions.losses(), len(predictions.waiting())
    if faults:
        listed = "\n".join(faults[:_LISTED])
        raise UnavailableError(
            f"{len(faults)} files of the prediction log are damaged:\n{listed}\n", mend="See a backup."
        )
    lost = sum(loss.count or 0 for loss in losses)
    unknown = sum(loss.count is None for loss in losses)
    value = {"segments_waiting": waiting, "lost": lost, "losses_without_count": unknown}
    emit(value, as_json=as_json, table=table("prediction log", ("", ""), list(value.items())))


def _newest(found: pa.Table, limit: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = found.sort_by([("answered_at", "descending")]).slice(0, limit).to_pylist()
    return [{**row, "answered_at": row["answered_at"].isoformat()} for row in rows]
