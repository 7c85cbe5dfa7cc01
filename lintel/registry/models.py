"""Versions of score bundles in MLflow. The only module that imports MLflow; nothing that serves needs it.

MLflow keeps what people look at: runs, metrics, plots, versions, aliases. What serves is decided by the traffic
table (`lintel.registry.traffic`); the alias `champion` mirrors it and is never read back.
"""

import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lintel.errors import IncompatibleError, NotFoundError, UnavailableError
from lintel.scoring.bundle import Bundle

CHAMPION = "champion"
_EXPERIMENT = "lead-scoring"
_MODEL_CODE = Path(__file__).with_name("pyfunc_model.py")
_MIRRORED = "lintel.mirrored"
LONGEST_TAG = 5_000
_FETCH_MEND = "Register the bundle again, or promote another version."


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
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it phones home otherwise
        self._mlflow = import_module("mlflow")  # two seconds that only those who ask the registry spend
        with self._connected():
            self._client = self._mlflow.MlflowClient(tracking_uri=url, registry_uri=url)

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
        """Where workers load a version's bundle from; brought back from MLflow if it is gone or was changed there.

        Raises NotFoundError for no such version, IncompatibleError if what MLflow has is not the bundle that was
        registered or cannot be read by this code, UnavailableError if MLflow's files are gone.
        """
        return self._fetched(self.version(scope, version))

    def fetch_digest(self, scope: str, digest: str) -> Path:
        """As `fetch`, by digest; does not ask MLflow for what is here and whole."""
        target = self.bundle_path(digest)
        return target if _holds(target, digest) else self._fetched(self.by_digest(scope, digest))

    def _fetched(self, wanted: ModelVersion) -> Path:
        target = self.bundle_path(wanted.digest)
        if _holds(target, wanted.digest):
            return target
        with TemporaryDirectory(prefix="lintel-fetch-") as scratch:
            source = self._downloaded(wanted, scratch)
            if Bundle.load(source).digest != wanted.digest:
                fault = f"{wanted.name} version {wanted.version} in MLflow is not the bundle that was registered."
                raise IncompatibleError(fault, mend=_FETCH_MEND)
            _set_aside(target)
            return self.publish(source, wanted.digest)

    def versions(self, scope: str) -> list[ModelVersion]:
        """All versions of a scope, newest first."""
        with self._connected():
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
        """Set the alias `champion` so that MLflow's pages show what the traffic table says, then note that it was set:
        whoever finds it elsewhere later knows that it was moved by hand."""
        with self._connected():
            self._client.set_registered_model_alias(model_name(scope), CHAMPION, str(version))
            self._client.set_registered_model_tag(model_name(scope), _MIRRORED, str(version))

    def mirrored(self, scope: str) -> int | None:
        """The version that `mirror_champion` was last finished for."""
        with self._connected():
            models = self._client.search_registered_models(f"name = '{model_name(scope)}'")
        noted = [model.tags.get(_MIRRORED) for model in models]
        return int(noted[0]) if noted and noted[0] else None

    def note_decision(self, scope: str, version: int, decision: str) -> None:
        """Keep beside a version why it was promoted or not."""
        self.note(scope, version, {"lintel.decision": decision})

    def note(self, scope: str, version: int, tags: Mapping[str, str]) -> None:
        """Show tags beside a version; MLflow keeps the first 5,000 characters of each."""
        with self._connected():
            for name, value in tags.items():
                self._client.set_model_version_tag(model_name(scope), str(version), name, value[:LONGEST_TAG])

    def attach(self, scope: str, version: int, file: Path, *, folder: str) -> str:
        """Keep a file in a folder of the run that trained a version; the id of that run."""
        run_id = self.version(scope, version).run_id
        with self._connected():
            self._client.log_artifact(run_id, str(file), folder)
        return run_id

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """MLflow's module functions write to one address a process: ours, for as long as we need it, without its
        progress bars and notes, which belong in nobody's terminal."""
        self._mlflow.environment_variables.MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)
        self._mlflow.set_tracking_uri(self.url)
        self._mlflow.set_registry_uri(self.url)
        self._mlflow.utils.logging_utils.disable_logging()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            self._mlflow.utils.logging_utils.enable_logging()

    def _aliases(self, scope: str) -> Mapping[str, tuple[str, ...]]:
        """Alias names by version; the search does not return them."""
        found: dict[str, tuple[str, ...]] = {}
        for model in self._client.search_registered_models(f"name = '{model_name(scope)}'"):
            for alias, version in model.aliases.items():
                found[str(version)] = (*found.get(str(version), ()), alias)
        return found

    def _log(self, path: Path, bundle: Bundle, scope: str, tags: Mapping[str, str]) -> ModelVersion:
        """Log a run with everything people look at, then make its model a version.

        The version gets its tags in the one statement that makes it: a crash leaves no version without a digest.
        """
        with self._connected():
            experiment, name = self._experiment(), f"{scope} {bundle.digest[:15]}"
            with self._mlflow.start_run(experiment_id=experiment, run_name=name) as run:
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
                    signature=self._signature(),
                )
            with redirect_stderr(StringIO()):  # it says so on the terminal, whatever its logging is set to
                kept = {**tags, "lintel.digest": bundle.digest}
                made = self._mlflow.register_model(logged.model_uri, model_name(scope), tags=kept)
        return _version(made, {}, run_id=run.info.run_id)

    def _signature(self) -> Any:
        """One string a lead, and the parameters of a call. Which columns events have is checked by the model itself."""
        types = self._mlflow.types
        params = types.ParamSchema(
            [types.ParamSpec(name, types.DataType.string, "") for name in ("as_of", "time_zone")]
        )
        outputs = types.Schema([types.ColSpec(types.DataType.string)])
        return self._mlflow.models.ModelSignature(outputs=outputs, params=params)

    def _downloaded(self, wanted: ModelVersion, scratch: str) -> Path:
        uri = f"models:/{wanted.name}/{wanted.version}"
        try:
            with self._connected():
                folder = Path(self._mlflow.artifacts.download_artifacts(uri, dst_path=scratch))
        except (OSError, self._mlflow.exceptions.MlflowException) as error:
            fault = f"MLflow does not give the files of {wanted.name} version {wanted.version}"
            raise UnavailableError(f"{fault} ({type(error).__name__}).", mend=_FETCH_MEND) from error
        bundle = folder / "artifacts" / "bundle"
        if not bundle.is_dir():  # a folder without files is no error to MLflow
            raise UnavailableError(f"{uri} in MLflow has no files.", mend=_FETCH_MEND)
        return bundle

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


def _holds(folder: Path, digest: str) -> bool:
    """Whether a folder is the whole, unchanged bundle, readable by this code."""
    if not folder.exists():
        return False
    try:
        return Bundle.load(folder).digest == digest
    except (IncompatibleError, NotFoundError):
        return False


def _set_aside(folder: Path) -> None:
    """Remove a bundle that was changed, in one step for those who look."""
    if folder.exists():
        broken = folder.with_name(f".{folder.name}.broken.{os.getpid()}")
        folder.rename(broken)
        shutil.rmtree(broken)
