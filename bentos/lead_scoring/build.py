"""Building the bento: our code, and the champion of the day as its last resort."""

from pathlib import Path

from bentos.bento import Recipe, build_bento, short
from lintel.errors import InputError
from lintel.settings import Settings

NAME = "lead_scoring"


def build(bundle: Path, digest: str, *, settings: Settings) -> str:
    """Build the bento with a bundle baked in and return its tag, `lead_scoring:DIGEST-SOURCE`.

    The version holds the digests of the bundle and of the code, so the same two are built only once. Raises InputError
    if `bundle` is no folder, UnavailableError with BentoML's words if it fails.
    """
    if not bundle.is_dir():
        raise InputError(f"{bundle} is not the folder of a score bundle.", mend="Train and register one first.")
    recipe = Recipe(
        NAME,
        "bentos.lead_scoring.service:LeadScoring",
        version=short(digest),
        labels={"bundle": digest.removeprefix("sha256:")},
        added={f"bentos/{NAME}/champion": bundle},
    )
    return build_bento(recipe, settings=settings)
