"""Bundles that a soak serves beside the champion: one that is as good, and two that must harm nobody."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from lintel.scoring.bundle import Bundle

_MANIFEST, _DIGEST = "bundle.json", "bundle.sha256"
_WITHOUT_GOLDEN = 2
"""The format of bundles of before there were golden requests: nothing finds out what is wrong with one but its use."""


def twin(champion: Path, bundles: Path, line: str) -> str:
    """The champion with one more line in its model card; its digest."""
    bundle = Bundle.load(champion)
    card = f"{bundle.model_card.rstrip()}\n\n{line}\n"
    saved = replace(bundle, report=replace(bundle.report, model_card=card)).save(bundles / "twin")
    return _named(bundles / "twin", saved.digest)


def false_golden(champion: Path, bundles: Path) -> str:
    """A bundle in order that answers its golden request otherwise than it says: another machine's, or broken."""
    folder = bundles / "false-golden"
    saved = Bundle.load(champion).save(folder)
    assert saved.golden is not None
    shifted = {name: values + 0.25 for name, values in saved.golden.numbers.items()}
    (path,) = folder.glob("golden*")
    replace(saved.golden, numbers=shifted).save(path)
    return _resealed(folder, lambda content: content)


def raising(champion: Path, bundles: Path) -> str:
    """A bundle that loads and then fails on every lead: a dimension's stack has a weight too many."""
    folder = bundles / "raising"
    Bundle.load(champion).save(folder)
    for path in folder.glob("golden*"):
        path.unlink()
    shutil.rmtree(folder / "models" / "light", ignore_errors=True)
    return _resealed(folder, _with_a_weight_more)


def _with_a_weight_more(content: dict[str, Any]) -> dict[str, Any]:
    content["manifest"]["format"] = _WITHOUT_GOLDEN
    content.pop("light", None)
    ready = next(one for one in content["dimensions"].values() if "calibrated" in one)
    stack = ready["calibrated"]["stack"]
    stack["weights"].append(0.0)
    stack["weight_draws"] = [[*draw, 0.0] for draw in stack["weight_draws"]]
    return content


def _resealed(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> str:
    """Write the manifest anew, with digests that fit the files as they are, and name the folder by the bundle's."""
    content = change(json.loads((folder / _MANIFEST).read_text(encoding="utf-8")))
    (folder / _MANIFEST).unlink()
    content["files"] = _digests(folder)
    (folder / _MANIFEST).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    whole = sha256("\n".join(sorted(_digests(folder).values())).encode()).hexdigest()
    (folder / _DIGEST).write_text(f"sha256:{whole}\n", encoding="utf-8")
    return _named(folder, f"sha256:{whole}")


def _digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != _DIGEST)
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


def _named(folder: Path, digest: str) -> str:
    folder.rename(folder.with_name(digest.removeprefix("sha256:")))
    return digest
