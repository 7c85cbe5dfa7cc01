"""What goes wrong during a soak, and when: swaps of the model, a poisoned one, a store that is away."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.load_lab.bundle_variants import false_golden, raising, twin
from benchmarks.load_lab.laboratory import Laboratory
from benchmarks.load_lab.outage import begin_outage
from lintel.home import Home
from lintel.registry.actor import machine
from lintel.registry.traffic import TrafficEntry

CANARY_SHARE = 0.1
_FOLLOWING_SECONDS = 2.5
_GOLDEN_AT, _RAISING_AT, _OUTAGE_AT, _CALM_AT = 0.25, 0.45, 0.65, 0.85  # of the soak's length


@dataclass(frozen=True, slots=True)
class Bundles:
    """Digests of the bundles that the soak names in the traffic table."""

    champion: str
    twin: str
    false_golden: str
    raising: str

    @classmethod
    def made(cls, lab: Laboratory) -> "Bundles":
        path, bundles = lab.bundle_path, lab.settings.bundles_path
        return cls(
            lab.digest,
            twin(path, bundles, "Served in turns with the bundle that it was copied from."),
            false_golden(path, bundles),
            raising(path, bundles),
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """Something to be done `at_s` seconds after the start."""

    at_s: float
    name: str
    act: Callable[[], object]


def planned(lab: Laboratory, bundles: Bundles, *, seconds: float, every_s: float, outage_s: float) -> list[Fault]:
    """All of them in order; the last stretch is calm but for swaps."""
    database = Path(lab.settings.events_url.removeprefix("sqlite:///"))
    poison = every_s / 2

    def champion(digest: str) -> Callable[[], object]:
        return lambda: assign(lab, {digest: 1.0})

    swaps = [
        Fault(every_s * count, "swap", champion(bundles.twin if count % 2 else bundles.champion))
        for count in range(1, int(seconds / every_s))
    ]
    others = [
        Fault(_GOLDEN_AT * seconds, "false golden", champion(bundles.false_golden)),
        Fault(_GOLDEN_AT * seconds + poison, "back", champion(bundles.champion)),
        Fault(
            _RAISING_AT * seconds,
            "raising canary",
            lambda: assign(lab, {bundles.champion: 1 - CANARY_SHARE, bundles.raising: CANARY_SHARE}),
        ),
        Fault(_RAISING_AT * seconds + poison, "back", champion(bundles.twin)),
        Fault(_OUTAGE_AT * seconds, "store outage", lambda: begin_outage(database, outage_s).wait()),
        Fault(_CALM_AT * seconds, "calm", champion(bundles.champion)),
    ]
    return sorted(swaps + others, key=lambda fault: fault.at_s)


def calm_from(seconds: float) -> float:
    """When a soak of this length is past all faults, with some seconds for what follows the traffic table."""
    return _CALM_AT * seconds + _FOLLOWING_SECONDS


def assign(lab: Laboratory, weights: dict[str, float]) -> None:
    """The first bundle is champion, others are canaries."""
    name = f"lead-scoring.{lab.tenant}"
    entries = [
        TrafficEntry(digest=digest, model_name=name, model_version=at + 1, weight=weight, mode=_mode(at))
        for at, (digest, weight) in enumerate(weights.items())
    ]
    with Home(lab.settings) as home:
        home.traffic.assign(lab.tenant, entries, actor=machine("soak"), reason="soak", now=datetime.now(UTC))


def _mode(position: int) -> str:
    return "canary" if position else "champion"


class Faults:
    """Does what is planned, on a thread, each thing at its time."""

    def __init__(self, plan: Sequence[Fault], tell: Callable[[str], None]) -> None:
        self._plan = plan
        self._tell = tell
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.done: list[str] = []
        self.failed: list[str] = []

    def start(self) -> None:
        self._began = time.monotonic()
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        for fault in self._plan:
            time.sleep(max(0.0, self._began + fault.at_s - time.monotonic()))
            self._tell(f"{fault.at_s:8.1f} s  {fault.name}")
            try:
                fault.act()
            except Exception as error:  # the soak goes on and reports it: a fault that was not made proves nothing
                self.failed.append(f"{fault.name}: {error!r}")
            else:
                self.done.append(fault.name)
