"""`lintel tune`: search better settings for the members of a tenant's models."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, note, progress, table
from lintel.errors import InputError, NotFoundError
from lintel.features.catalogue import catalogue
from lintel.home import Home
from lintel.labels.definition import LabelSet, load_label_set
from lintel.registry.search import Found, Search, study_name
from lintel.registry.trials import TrialLog
from lintel.scoring.examples import Examples
from lintel.scoring.hyperparameters import Hyperparameters
from lintel.scoring.lightgbm_member import LeafSettings
from lintel.scoring.tuned_settings import FILE, load_tuned, save_tuned
from lintel.scoring.tuning import TUNABLES, Settings, Tunable, TuningTask, settings_values, tuning_task
from lintel.scoring.xgboost_member import TreeSettings
from lintel.settings import settings

Dimensions = Annotated[
    list[str] | None, typer.Option("--dimension", help="Only this dimension; may be given several times.")
]
Minutes = Annotated[float, typer.Option(min=0.0, help="For the whole search; each member gets an equal part.")]


def tune(
    tenant: TenantId = DEFAULT_TENANT, dimension: Dimensions = None, minutes: Minutes = 10.0, as_json: Json = False
) -> None:
    """Search settings on folds inside the train fold; the next training uses those that beat the defaults beyond noise.

    A search that was ended goes on where it stopped, as long as the examples are the same. Every trial is a run in
    MLflow, in the experiment lead-scoring-tuning.
    """
    with Home(settings()) as home:
        labels = load_label_set(home.events.tenant(tenant).labels)
        examples = _examples(home, tenant)
        wanted = _wanted(labels, dimension)
        session = _Session(home, tenant, examples, seconds=60.0 * minutes / (len(wanted) * len(TUNABLES)))
        found: list[dict[str, Any]] = []
        with progress("tune", len(wanted) * len(TUNABLES)) as bar:
            for name in wanted:
                bar.begin(name)
                found += session.dimension(labels, name)
                session.save()
                bar(len(TUNABLES))
        value = {"tenant": tenant, "settings": str(session.file), "digest": session.save(), "searches": found}
    emit(value, as_json=as_json, table=_table(tenant, found))


class _Session:
    """Searches of one tenant, and what training will use after them."""

    def __init__(self, home: Home, tenant: str, examples: Examples, *, seconds: float) -> None:
        self.file: Path = home.work(tenant, FILE)
        self._tenant = tenant
        self._examples = examples
        self._seconds = seconds
        self._seed = home.settings.seed
        self._tuned = load_tuned(self.file)
        self._search = Search(home.settings.home / "tuning.db", seed=self._seed)
        self._log = TrialLog(home.registry.url, artifacts=home.settings.artifacts_path)

    def dimension(self, labels: LabelSet, name: str) -> list[dict[str, Any]]:
        """Search for all kinds of member; one line each, or one that says why the dimension cannot be tuned."""
        try:
            task = tuning_task(self._examples, labels.defined[name], catalogue(), seed=self._seed)
            return [self._kind(task, tunable) for tunable in TUNABLES.values()]
        except InputError as error:
            return [{"dimension": name, "status": "not_enough_data", "reason": str(error)}]

    def save(self) -> str:
        """Write what the next training reads, and return its digest."""
        return save_tuned(self.file, self._tuned)

    def _kind(self, task: TuningTask, tunable: Tunable) -> dict[str, Any]:
        study = study_name(self._tenant, self._examples, task.dimension, tunable, seed=self._seed)
        present, own = self._tuned.get(task.dimension, Hyperparameters()), tunable.kind
        found = self._search.run(
            study,
            task,
            tunable,
            seconds=self._seconds,
            present=_of(present, own),
            report=lambda trials: self._log.record(study, trials),
        )
        default = tunable.base(task.dimension)
        gain = None if found.settings == default else task.confirmed(tunable, found.settings, default, seed=self._seed)
        adopted = gain is not None and gain.better
        self._tuned[task.dimension] = _with(present, own, found.settings if adopted else None)
        note(f"  {task.dimension}, {own}: {found.trials} trials, {'adopted' if adopted else 'default kept'}")
        return _line(task, tunable, found) | {
            "confirmation": None if gain is None else {"difference": gain.mean, "interval": [gain.low, gain.high]},
            "adopted": adopted,
        }


def _line(task: TuningTask, tunable: Tunable, found: Found) -> dict[str, Any]:
    return {
        "dimension": task.dimension,
        "member": tunable.kind,
        "study": found.study,
        "trials": found.trials,
        "pruned": found.pruned,
        "resumed": found.resumed,
        "log_loss": {"best": found.loss, "default": found.default_loss},
        "settings": settings_values(found.settings),
    }


def _of(tuned: Hyperparameters, kind: str) -> Settings | None:
    return tuned.trees if kind == "xgboost" else tuned.leaves


def _with(tuned: Hyperparameters, kind: str, chosen: Settings | None) -> Hyperparameters:
    """With other settings of one kind of member; None stands for its defaults."""
    if kind == "xgboost":
        return replace(tuned, trees=chosen if isinstance(chosen, TreeSettings) else None)
    return replace(tuned, leaves=chosen if isinstance(chosen, LeafSettings) else None)


def _examples(home: Home, tenant: str) -> Examples:
    file = home.work(tenant, "examples.parquet")
    if not file.exists():
        raise NotFoundError(f"There are no examples of {tenant!r}.", mend=f"Run `lintel nightly --tenant {tenant}`.")
    return Examples.load(file)


def _wanted(labels: LabelSet, dimensions: Sequence[str] | None) -> list[str]:
    """The dimensions to tune. Raises InputError for one that the source does not define."""
    unknown = [name for name in dimensions or () if name not in labels.defined]
    if unknown:
        raise InputError(f"{unknown[0]!r} is not defined here.", mend=f"There are {', '.join(labels.defined)}.")
    return list(dict.fromkeys(dimensions)) if dimensions else list(labels.defined)


def _table(tenant: str, found: Sequence[dict[str, Any]]) -> Table:
    rows = [_row(one) for one in found]
    columns = ("dimension", "member", "trials (pruned)", "log loss, best", "default", "on the newest fold", "")
    return table(f"tuning of {tenant}: folds inside the train fold", columns, rows)


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    if "status" in one:
        return one["dimension"], "", "", "", "", "", one["reason"]
    losses, confirmed = one["log_loss"], one["confirmation"]
    shown = ""
    if confirmed:
        low, high = confirmed["interval"]
        shown = f"{confirmed['difference']:+.4f} ({low:+.4f} to {high:+.4f})"
    trials = f"{one['trials']} ({one['pruned']})"
    words = "adopted" if one["adopted"] else "default kept"
    return one["dimension"], one["member"], trials, f"{losses['best']:.4f}", f"{losses['default']:.4f}", shown, words
