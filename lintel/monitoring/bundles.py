"""The bundles behind logged answers, as far as this installation can still load them."""

from collections.abc import Iterable
from pathlib import Path

from lintel.errors import IncompatibleError
from lintel.scoring.bundle import Bundle


def bundles_here(folder: Path, digests: Iterable[str]) -> dict[str, Bundle]:
    """By digest. One whose files are gone, or that was made for other features or labels than this code's, is left
    out: its answers are judged by what they said, without the doubt of it."""
    found: dict[str, Bundle] = {}
    for digest in sorted(set(digests)):
        path = folder / digest.removeprefix("sha256:")
        if path.is_dir():
            try:
                found[digest] = Bundle.load(path)
            except IncompatibleError:
                continue
    return found
