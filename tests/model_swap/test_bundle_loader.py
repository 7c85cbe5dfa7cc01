"""What goes wrong with the files of one bundle is told of that bundle, and stops nobody else's models."""

from pathlib import Path

import pytest

from lintel.scoring.bundle import Bundle
from serving.bundle_loader import BundleLoader, RefusedBundleError


class LibraryError(Exception):
    """As LightGBM raises of a model file of another version: of no kind that Python knows."""


def unreadable(path: Path) -> Bundle:
    raise LibraryError(f"secret of {path}")


def test_whatever_a_library_raises_on_a_model_file_refuses_the_bundle_once(tmp_path: Path) -> None:
    reads = []
    loader = BundleLoader(lambda path: reads.append(path) or unreadable(path))
    for _ in range(2):
        with pytest.raises(RefusedBundleError, match="cannot be loaded"):
            loader.load(tmp_path, None)
    assert (len(reads), loader.refused) == (1, 1)


def test_a_folder_that_may_not_be_looked_into_refuses_the_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(path: Path) -> bool:
        raise PermissionError(13, "not yours")

    (tmp_path / "bundle.json").write_text("{}")
    monkeypatch.setattr(Path, "is_file", forbidden)
    loader = BundleLoader(unreadable)
    with pytest.raises(RefusedBundleError, match="cannot be loaded"):
        loader.load(tmp_path, None)
