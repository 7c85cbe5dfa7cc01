"""A bundle on disk: whole, verified, without anything that executes."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from lintel.errors import IncompatibleError, InputError, NotFoundError
from lintel.scoring import bundle as bundle_module
from lintel.scoring.bundle import Bundle


@pytest.fixture
def copy(trained, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained.path, tmp_path / "copy"))


def test_loaded_scores_as_it_was_saved(trained) -> None:
    loaded = Bundle.load(trained.path)
    as_of = trained.log.as_of - timedelta(days=40)
    assert loaded.digest == trained.bundle.digest
    assert loaded.score(trained.events, as_of, explain=True) == trained.bundle.score(
        trained.events, as_of, explain=True
    )
    assert loaded.metrics == trained.bundle.metrics
    assert loaded.report.plots == trained.bundle.report.plots


def test_holds_no_pickle(trained) -> None:
    suffixes = {path.suffix for path in trained.path.rglob("*") if path.is_file()}
    assert suffixes == {".json", ".sha256", ".md", ".png", ".ubj", ".txt", ".npz"}
    assert not any(path.read_bytes().startswith(b"\x80") for path in trained.path.rglob("*.ubj"))


@pytest.mark.parametrize(
    "name",
    ["bundle.json", "metrics.json", "model_card.md", "models/conversion.xgboost.ubj", "plots/conversion_roc.png"],
)
def test_a_changed_file_is_found(copy: Path, name: str) -> None:
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content.replace(b"e", b"f", 1))
    with pytest.raises(IncompatibleError, match=name.replace(".", r"\.")):
        Bundle.load(copy)


def test_a_truncated_manifest_is_corrupt(copy: Path) -> None:
    content = (copy / "bundle.json").read_bytes()
    (copy / "bundle.json").write_bytes(content[: len(content) // 2])
    with pytest.raises(IncompatibleError, match=r"bundle\.json .* is corrupt"):
        Bundle.load(copy)


def test_missing_and_foreign_files_are_found(copy: Path) -> None:
    (copy / "extra.txt").write_text("?")
    with pytest.raises(IncompatibleError, match=r"extra\.txt .* is not of it"):
        Bundle.load(copy)
    (copy / "extra.txt").unlink()
    (copy / "models/timing.xgboost.ubj").unlink()
    with pytest.raises(IncompatibleError, match=r"timing\.xgboost\.ubj .* is missing"):
        Bundle.load(copy)


def test_no_bundle_at_all(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no score bundle"):
        Bundle.load(tmp_path)


@pytest.mark.parametrize(
    ("field", "fault"),
    [
        ("feature_digest", "feature version"),
        ("signal_version", "signals of version 99"),
        ("label_digest", "labels"),
        ("format", "format 99"),
    ],
)
def test_another_version_is_refused(trained, tmp_path: Path, field: str, fault: str) -> None:
    folder = Path(shutil.copytree(trained.path, tmp_path / "other"))
    content = json.loads((folder / "bundle.json").read_bytes())
    content["manifest"][field] = 99 if field in {"format", "signal_version"} else "sha256:other"
    (folder / "bundle.json").write_text(json.dumps(content))
    (folder / "bundle.sha256").write_text(bundle_module._bundle_digest(folder))
    with pytest.raises(IncompatibleError, match=fault):
        Bundle.load(folder)


def test_is_never_overwritten_and_leaves_nothing_half_written(
    trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="something at"):
        trained.bundle.save(trained.path)

    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle_module, "_scorer_json", full)
    with pytest.raises(OSError, match="No space"):
        trained.bundle.save(tmp_path / "half")
    assert list(tmp_path.iterdir()) == []


def test_an_as_of_without_a_zone_is_refused(trained) -> None:
    with pytest.raises(InputError, match="no time zone"):
        trained.bundle.score(trained.events, trained.log.as_of.replace(tzinfo=None))
