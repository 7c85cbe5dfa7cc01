"""What the gates of a candidate need to know, gathered from its files, the champion's and the newest examples."""

import time
from pathlib import Path

import numpy as np

from lintel.errors import IncompatibleError, NotFoundError, UnavailableError
from lintel.events.columns import Queries
from lintel.events.timezones import utc_offsets
from lintel.fairness.report import FairnessReport
from lintel.registry.gates import Examined, Latency
from lintel.registry.models import ModelRegistry
from lintel.registry.promotion import challenge, gate
from lintel.registry.traffic import TrafficEntry
from lintel.scoring.bundle import Bundle
from lintel.scoring.examples import Examples

_ROUNDS = 5
_BYTES_PER_MEGABYTE = 1_000_000


def examine(
    path: Path,
    current: TrafficEntry | None,
    examples: Examples,
    *,
    registry: ModelRegistry,
    scope: str,
    fairness: FairnessReport | None,
) -> Examined:
    """Everything about the bundle in `path` beside the champion `current`, on the newest `examples`."""
    candidate = Bundle.load(path)
    return Examined(
        metrics=candidate.metrics,
        model_card=candidate.model_card,
        against_baselines=gate(candidate.metrics),
        against_champion=challenge(candidate, current, examples, registry=registry, scope=scope),
        fairness=fairness,
        latency=latency(candidate, _champion(registry, scope, current)),
        megabytes=sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / _BYTES_PER_MEGABYTE,
        golden=_golden_fault(candidate),
    )


def latency(candidate: Bundle, champion: Bundle | None) -> Latency | None:
    """CPU ms a golden lead of both, each the least of some rounds in turn: what else runs only adds to it.

    None for a bundle without a golden request.
    """
    if candidate.golden is None:
        return None
    bundles = [candidate] if champion is None else [candidate, champion]
    columns, as_of = candidate.golden.columns, candidate.golden.as_of
    lead = np.unique(columns.lead)
    queries, zone = Queries(lead, np.full(len(lead), as_of)), utc_offsets("UTC")
    least = [float("inf")] * len(bundles)
    for _ in range(_ROUNDS):
        for position, bundle in enumerate(bundles):
            began = time.process_time()
            bundle.scorer.score(columns, queries, zone)
            least[position] = min(least[position], time.process_time() - began)
    milliseconds = [1_000.0 * seconds / len(lead) for seconds in least]
    return Latency(milliseconds[0], None if champion is None else milliseconds[1])


def _champion(registry: ModelRegistry, scope: str, current: TrafficEntry | None) -> Bundle | None:
    """None if there is none, or this code cannot load it: then it answers nobody."""
    if current is None:
        return None
    try:
        return Bundle.load(registry.fetch_digest(scope, current.digest))
    except (IncompatibleError, NotFoundError, UnavailableError):
        return None


def _golden_fault(candidate: Bundle) -> str:
    try:
        candidate.check_golden()
    except IncompatibleError as error:
        return str(error)
    return ""
