"""`lintel call train`: a reader of turns from a brokerage's own labelled calls."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from cli.options import Json
from cli.output import emit, table
from lintel.errors import InputError
from lintel.language.embeddings import Embedder
from lintel.settings import settings
from lintel.voice.understanding.models import Models
from lintel.voice.understanding.training import TURNS, read, train_folder
from lintel.voice.understanding.validation import Validation, validated

Name = Annotated[Literal["sentiment", "intents", "objections"], typer.Argument(help="What the reader tells.")]
Folder = Annotated[Path, typer.Argument(help=f"Folder with {TURNS}: dialogue, speaker, text, label, a row a turn.")]


def train_command(name: Name, folder: Folder, as_json: Json = False) -> None:
    """Train a reader of turns, judge it on dialogues it has not seen, and use it from then on if it earns its keep."""
    options = settings()
    embedder = Embedder.load(options.weights_folder)
    judged = validated(name, read(folder / TURNS), embedder)
    if not judged.earns:
        raise InputError(
            f"On dialogues that it has not seen, the reader of {name} has a weighted F1 of {judged.weighted_f1:.3f}; "
            f"its commonest label alone has {judged.commonest_f1:.3f}. It was not kept.",
            mend="Label more dialogues, or fewer kinds.",
        )
    reader = train_folder(name, folder, embedder)
    Models(**{name: reader})
    path = options.voice_readers / name
    reader.save(path)
    value = {"reader": name, "path": str(path), "labels": list(reader.labels), "judged": judged.to_json()}
    emit(value, as_json=as_json, table=_table(name, judged))


def _table(name: str, judged: Validation) -> Table:
    rows: list[tuple[Any, ...]] = [
        (one.label, one.turns, f"{one.precision:.2f}", f"{one.recall:.2f}") for one in judged.labels
    ]
    title = (
        f"{name}: weighted F1 {judged.weighted_f1:.3f}, the commonest label alone {judged.commonest_f1:.3f} "
        f"({judged.turns} turns of {judged.dialogues} dialogues, {judged.folds} folds by dialogue)"
    )
    return table(title, ("label", "turns", "precision", "recall"), rows)
