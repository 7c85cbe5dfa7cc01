"""`lintel data`: published data sets, checked."""

from typing import Annotated

import typer

from cli.options import Json
from cli.output import emit, progress, table
from lintel.settings import settings
from lintel.sources.datasets import DATASETS, pull

app = typer.Typer(help="Published data sets: what there is, and fetching them with size and checksum checked.")


Name = Annotated[str, typer.Argument(help="A data set that `lintel data list` shows.")]


@app.command("pull")
def pull_command(name: Name, as_json: Json = False) -> None:
    """Take a data set from the mirror (LINTEL_DATA_MIRROR) or its publisher, and check size and MD5."""
    known = DATASETS.get(name)
    with progress(f"fetching {name}", known.size if known else None) as advance:
        path = pull(name, mirror=settings().data_mirror, into=settings().data_path, progress=advance)
    emit({"name": name, "path": str(path)}, as_json=as_json, table=f"{name}: {path}")


@app.command("list")
def list_command(as_json: Json = False) -> None:
    """The data sets that `lintel data pull` knows."""
    rows = [(one.name, one.file_name, one.size, one.md5, one.citation) for one in DATASETS.values()]
    names = ("name", "file", "bytes", "md5", "citation")
    value = {"datasets": [dict(zip(names, row, strict=True)) for row in rows]}
    emit(value, as_json=as_json, table=table("data sets", names, rows))
