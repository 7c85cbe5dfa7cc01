"""What a worker is to serve, found without loading it: our source tree, or a bento of the store."""

from pathlib import Path

from lintel.environment import service_environment
from lintel.errors import NotFoundError
from lintel.settings import Settings

SOURCE = "bentos.lead_scoring.service:LeadScoring"
"""What serves from the source tree; a tag of the bento store serves a built bento."""
VOICE = "bentos.voice.service:Voice"
"""The same of the voice service."""
PROJECT = Path(__file__).resolve().parents[2]


def of_voice(settings: Settings) -> Settings:
    """The settings under which the voice service runs: its own port, and one worker, for a live call lies in the memory
    of the worker that hears it."""
    return settings.model_copy(
        update={"port": settings.voice_port, "inference_workers": 1, "inference_workers_max": None}
    )


def working_directory(target: str, settings: Settings) -> Path:
    """Where a worker must start, so that it imports the code of its target and no other.

    Raises NotFoundError for a tag that the store does not have.
    """
    if target in (SOURCE, VOICE):
        return PROJECT
    name, _, version = target.partition(":")
    bentos = Path(service_environment(settings)["BENTOML_HOME"]) / "bentos" / name
    newest = bentos / "latest"
    if version in ("", "latest") and newest.is_file():
        version = newest.read_text().strip()
    if not (bentos / version / "bento.yaml").is_file():
        raise NotFoundError(f"There is no bento {target!r} in {bentos.parent}.", mend="`lintel nightly` builds one.")
    return bentos / version / "src"
