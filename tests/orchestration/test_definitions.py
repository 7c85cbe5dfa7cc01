"""The code location as Dagster sees it: it loads from the workspace file, and no spec changes unseen."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from orchestration.definitions import defs
from tests.orchestration.specs import SNAPSHOT, written

ROOT = Path(__file__).parents[2]
GROUPS = {"ingest", "features", "training", "registry", "scoring", "monitoring", "voice", "insights"}
ASSETS = sorted(defs.resolve_asset_graph().get_all_asset_keys())


def test_the_workspace_validates_in_a_fresh_home(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"]
    environment = {"PATH": "/usr/bin:/bin", "DAGSTER_HOME": str(tmp_path), "LINTEL_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Validation successful for code location lintel" in done.stdout + done.stderr
    assert not (tmp_path / "home").exists(), "loading the definitions opened a store"


def test_no_spec_changes_unseen() -> None:
    assert json.loads(SNAPSHOT.read_text(encoding="utf-8")) == json.loads(written()), (
        "a spec changed; if on purpose: python -m tests.orchestration.write_snapshot"
    )


def test_the_table_of_contents_stays_one() -> None:
    text = (ROOT / "orchestration" / "definitions.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.ClassDef)]


@pytest.mark.parametrize("key", ASSETS, ids=dg.AssetKey.to_user_string)
def test_every_asset_is_a_documented_noun_of_a_known_group(key: dg.AssetKey) -> None:
    node = defs.resolve_asset_graph().get(key)
    assert node.description
    assert node.description.rstrip().endswith(".")
    assert node.group_name in GROUPS
    assert node.kinds
    assert node.code_version
    assert not key.to_user_string().startswith(("build_", "make_", "compute_", "run_", "train_"))


def test_every_asset_belongs_to_exactly_one_job() -> None:
    names = ("nightly", "pooling", "prediction_log", "recorded_calls", "transcription_quality_job", "emotion_model_job")
    jobs = {name: {node.name for node in defs.resolve_job_def(name).nodes} for name in names}
    for key in ASSETS:
        assert sum(key.to_user_string() in nodes for nodes in jobs.values()) == 1, key
    assert (jobs["pooling"], jobs["prediction_log"]) == ({"pooled_bundle"}, {"predictions"})


def test_assets_are_short_wiring() -> None:
    """Of an asset's body, the returned metadata not counted: what is longer belongs into the domain."""
    for path in sorted((ROOT / "assets").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.decorator_list:
                body = [one for one in node.body if not isinstance(one, ast.Return | ast.Expr)]
                lines = sum((one.end_lineno or one.lineno) - one.lineno + 1 for one in body)
                assert lines <= 20, f"{path.name}: {node.name} has {lines} lines"
