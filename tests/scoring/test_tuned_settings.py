import json
from pathlib import Path

import pytest

from lintel.errors import IncompatibleError
from lintel.scoring.hyperparameters import Hyperparameters
from lintel.scoring.lightgbm_member import LeafSettings
from lintel.scoring.tuned_settings import load_tuned, save_tuned
from lintel.scoring.xgboost_member import TreeSettings

TUNED = {
    "conversion": Hyperparameters(trees=TreeSettings(max_depth=5, learning_rate=0.1234567)),
    "timing": Hyperparameters(trees=TreeSettings(max_trees=300), leaves=LeafSettings(num_leaves=31)),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    save_tuned(tmp_path / "settings.json", TUNED)
    return tmp_path / "settings.json"


def test_what_is_read_is_what_was_written(file: Path) -> None:
    assert load_tuned(file) == TUNED
    assert [one.name for one in file.parent.iterdir()] == [file.name]
    chosen = Hyperparameters(tuned=load_tuned(file)).of("timing")
    assert (chosen.trees, chosen.leaves) == (TUNED["timing"].trees, TUNED["timing"].leaves)


def test_equal_settings_have_one_digest(file: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.json"
    digest = save_tuned(again, dict(reversed(TUNED.items())))
    assert again.read_bytes() == file.read_bytes()
    assert json.loads(file.read_text())["digest"] == digest
    other = {**TUNED, "churn": TUNED["conversion"]}
    assert save_tuned(again, other) != digest


def test_no_file_means_defaults_and_so_does_nothing_tuned(tmp_path: Path) -> None:
    assert load_tuned(tmp_path / "settings.json") == {}
    save_tuned(tmp_path / "settings.json", {"conversion": Hyperparameters()})
    assert load_tuned(tmp_path / "settings.json") == {}


def test_a_file_changed_by_hand_is_refused(file: Path) -> None:
    file.write_text(file.read_text().replace("0.1234567", "0.2"))
    with pytest.raises(IncompatibleError, match="changed by hand"):
        load_tuned(file)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1, "dimensions": {}}', "not json", "null"])
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(IncompatibleError, match="lintel tune"):
        load_tuned(tmp_path / "settings.json")


@pytest.mark.parametrize(
    "dimensions",
    [
        {"churn": {"trees": {"depth": 3}}},
        {"churn": {"trees": {"max_depth": "3"}}},
        {"churn": {"forest": {}}},
        {"churn": []},
        [],
    ],
)
def test_unknown_settings_are_refused(tmp_path: Path, dimensions: object) -> None:
    from lintel.scoring.tuned_settings import tuned_digest

    content = {"format": 1, "digest": tuned_digest(dimensions), "dimensions": dimensions}  # type: ignore[arg-type]
    (tmp_path / "settings.json").write_text(json.dumps(content))
    with pytest.raises(IncompatibleError, match="cannot be read"):
        load_tuned(tmp_path / "settings.json")
