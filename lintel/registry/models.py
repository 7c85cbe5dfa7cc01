"""Versions of score bundles in MLflow. The only module that imports MLflow; nothing that serves needs it.

MLflow keeps what people look at: runs, metrics, plots, versions, aliases. What serves is decided by the traffic
table (`lintel.registry.traffic`); the alias `champion` mirrors it and is never read back.
"""

import logging
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lintel.errors import IncompatibleError, NotFoundError
from lintel.scoring.bundle import Bundle

CHAMPION = "champion"
_EXPERIMENT = "lead-scoring"
_MODEL_CODE = Path(__file__).with_name("pyfunc_model.py")


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One registered bundle. `run_id` is the MLflow run, which in turn names the Dagster run that trained it."""

    name: str
    version: int
    digest: str
    run_id: str
    created_at: datetime
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] | None = None


def model_name(scope: str) -> str:
    """Name of the registered model of a scope (global, a group, or a tenant)."""
    return f"lead-scoring.{scope}"


class ModelRegistry:
    """The MLflow registry at `url` with artifacts in `artifacts`; `bundles` is the folder that workers load from."""

    def __init__(self, url: str, *, artifacts: Path, bundles: Path) -> None:
        self.url = url
        self.artifacts = artifacts
        self.bundles = bundles
        artifacts.mkdir(parents=True, exist_ok=True)
        bundles.mkdir(parents=True, exist_ok=True)
        with _quiet():
            import mlflow

            mlflow.set_tracking_uri(url)
            self._mlflow = mlflow
            self._client = mlflow.MlflowClient(tracking_uri=url)

    def register(self, bundle: Path, *, scope: str, tags: Mapping[str, str]) -> ModelVersion:
        """Store the bundle in `bundle` as a new version; a bundle that is registered already keeps its version."""
        loaded = Bundle.load(bundle)
        found = next((one for one in self.versions(scope) if one.digest == loaded.digest), None)
        if found is None:
            found = self._log(bundle, loaded, scope, tags)
        self.publish(bundle, loaded.digest)
        return found

    def publish(self, bundle: Path, digest: str) -> Path:
        """Copy the bundle to where workers load it from, under its digest; atomic, and a no-op when it is there."""
        target = self.bundle_path(digest)
        if target.exists():
            return target
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(bundle, partial)
        try:
            partial.rename(target)
        except OSError:
            shutil.rmtree(partial, ignore_errors=True)
            if not target.exists():
                raise
        return target

    def bundle_path(self, digest: str) -> Path:
        return self.bundles / digest.removeprefix("sha256:")

    def fetch(self, scope: str, version: int) -> Path:
        """Bring a version's bundle back from MLflow to where workers load it from."""
        wanted = self.version(scope, version)
        target = self.bundle_path(wanted.digest)
        if not target.exists():
            with _quiet():
                folder = Path(self._mlflow.artifacts.download_artifacts(f"models:/{wanted.name}/{version}"))
            source = folder / "artifacts" / "bundle"
            if Bundle.load(source).digest != wanted.digest:
                raise IncompatibleError(f"{wanted.name} version {version} is not the bundle that was registered.")
            self.publish(source, wanted.digest)
        return target

    def versions(self, scope: str) -> list[ModelVersion]:
        """All versions of a scope, newest first."""
        with _quiet():
            found = self._client.search_model_versions(f"name = '{model_name(scope)}'")
            aliases = self._aliases(scope)
        versions = [_version(one, aliases) for one in found]
        return sorted(versions, key=lambda one: one.version, reverse=True)

    def version(self, scope: str, version: int) -> ModelVersion:
        found = next((one for one in self.versions(scope) if one.version == version), None)
        if found is None:
            raise NotFoundError(f"{model_name(scope)} has no version {version}.", mend="See `lintel models list`.")
        return found

    def by_digest(self, scope: str, digest: str) -> ModelVersion:
        """The version that holds a bundle. Raises NotFoundError if it was never registered."""
        found = next((one for one in self.versions(scope) if one.digest == digest), None)
        if found is None:
            raise NotFoundError(f"No version of {model_name(scope)} has the digest {digest[:19]}.")
        return found

    def mirror_champion(self, scope: str, version: int) -> None:
        """Set the alias `champion` so that MLflow's pages show what the traffic table says."""
        with _quiet():
            self._client.set_registered_model_alias(model_name(scope), CHAMPION, str(version))

    def tag_run(self, run_id: str, tags: Mapping[str, str]) -> None:
        with _quiet():
            for key, value in tags.items():
                self._client.set_tag(run_id, key, value)

    def _aliases(self, scope: str) -> Mapping[str, tuple[str, ...]]:
        """Alias names by version; the search does not return them."""
        found: dict[str, tuple[str, ...]] = {}
        for model in self._client.search_registered_models(f"name = '{model_name(scope)}'"):
            for alias, version in model.aliases.items():
                found[str(version)] = (*found.get(str(version), ()), alias)
        return found

    def _log(self, path: Path, bundle: Bundle, scope: str, tags: Mapping[str, str]) -> ModelVersion:
        with _quiet():
            with self._mlflow.start_run(experiment_id=self._experiment(), run_name=f"{scope} {bundle.digest[:15]}") as run:
                self._mlflow.set_tags({**tags, "lintel.scope": scope, "lintel.digest": bundle.digest})
                self._mlflow.log_metrics(_flat_metrics(bundle.metrics))
                self._mlflow.log_artifacts(str(path / "plots"), "plots")
                self._mlflow.log_artifact(str(path / "model_card.md"))
                self._mlflow.log_dict(bundle.metrics, "metrics.json")
                logged = self._mlflow.pyfunc.log_model(
                    name="bundle",
                    python_model=str(_MODEL_CODE),
                    artifacts={"bundle": str(path)},
                    pip_requirements=["lintel"],
                    registered_model_name=model_name(scope),
                )
            number = str(logged.registered_model_version)
            for key, value in {**tags, "lintel.digest": bundle.digest}.items():
                self._client.set_model_version_tag(model_name(scope), number, key, value)
            found = self._client.get_model_version(model_name(scope), number)
        return _version(found, {}, run_id=run.info.run_id)

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(_EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        return str(self._client.create_experiment(_EXPERIMENT, artifact_location=self.artifacts.as_uri()))


def _version(found: Any, aliases: Mapping[str, tuple[str, ...]], run_id: str | None = None) -> ModelVersion:
    return ModelVersion(
        name=found.name,
        version=int(found.version),
        digest=found.tags.get("lintel.digest", ""),
        run_id=run_id or found.run_id or "",
        created_at=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        aliases=aliases.get(str(found.version), ()),
        tags=dict(found.tags),
    )


def _flat_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """``{"conversion.auc": 0.7, ...}`` from the evaluation's nested form; only plain numbers."""
    flat: dict[str, float] = {}
    for dimension, values in metrics.get("dimensions", {}).items():
        for name, value in values.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                flat[f"{dimension}.{name}"] = float(value)
    return flat


@contextmanager
def _quiet() -> Iterator[None]:
    """MLflow prints progress bars and migration notes that belong in nobody's terminal."""
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
