"""`lintel demo --rollout`: a better model takes over by itself under load, and a bad one that got in is taken back.

The log is played back: the first champion learns from its beginning, the second from more of it, and the rest goes on
while both answer real requests over HTTP, on a clock that runs days a second (and is told wherever it is shown), so
that outcomes mature while one looks on.
"""

import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.compute as pc

from assets.training import EXAMPLES
from cli.ingest import take_in
from cli.nightly import run_nightly
from cli.output import note, results, table
from cli.playback import Playback
from cli.steady_load import Answers, SteadyLoad
from lintel.environment import child_environment
from lintel.errors import LintelError
from lintel.home import Home
from lintel.registry import acts
from lintel.registry.actor import machine, person
from lintel.registry.champion import champion_entry
from lintel.registry.examination import examine
from lintel.registry.policy import Ruling
from lintel.registry.promotion import Verdict
from lintel.rollouts import controller
from lintel.rollouts.decision import State
from lintel.rollouts.rollout import Rollout
from lintel.scoring.bundle import Bundle
from lintel.scoring.dimension import Dimension
from lintel.scoring.examples import Examples
from lintel.settings import Settings, settings
from lintel.sources.source import Source
from lintel.sources.stretch import Stretch, known_at_of
from lintel.store.tenants import Tenant
from serving.process import bento

FIRST_SHARE, SECOND_SHARE = 0.45, 0.8
"""Of the days of the log: what the first champion learns from, and the second."""
REQUESTS_PER_SECOND = 60.0
_PLAN = {
    "rollout_strategy": "canary",
    "rollout_step_seconds": 5.0,
    "rollout_step_answers": 10,
    "rollout_longest_seconds": 600.0,
    "rollout_watch_seconds": 90.0,
    "inference_workers": 2,
    "traffic_poll_seconds": 0.5,
}
_LOOK_SECONDS = 1.0
_STEP_HOURS = 1.0  # of the log a look, while the steps are taken
_WATCH_HOURS = 6.0
_PATIENCE_SECONDS = 600.0
_LEADS = 200
_COLUMNS = ("after", "state", "share of the new model", "the log is at (accelerated clock)")
_SHIFT = 2.0  # log-odds that the bad model is too sure of itself


@dataclass(frozen=True, slots=True)
class Story:
    """How one rollout went, as callers saw it."""

    title: str
    rollout: Rollout
    steps: tuple[dict[str, Any], ...]
    answers: Answers
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "state": str(self.rollout.progress.state),
            "reason": self.rollout.decision.get("reason"),
            "seconds": round(self.seconds, 1),
            "requests": self.answers.requests,
            "errors": self.answers.errors,
            "lesser": self.answers.lesser,
            "slowest_ms": round(1e3 * self.answers.slowest_seconds, 1),
            "by_version": dict(sorted(self.answers.versions.items())),
            "steps": list(self.steps),
        }


def rollout_demo(source: Source, tenant: Tenant) -> dict[str, Any]:
    """Run it; what came of it, for `show_rollouts` and `--json`.

    Raises LintelError if the second model is not let in by its gates, or a rollout comes to no end.
    """
    first, second = _borders(source)
    with Home(settings()) as home:
        note(f"[bold]The log until {first:%Y-%m-%d}: the first champion[/bold]")
        take_in(home, Stretch(source, None, first), tenant)
        run_nightly(tenant.id)
        note(f"[bold]The log until {second:%Y-%m-%d}: a second model, which begins a canary by itself[/bold]")
        take_in(home, Stretch(source, first, second), tenant)
    accelerated = settings().model_copy(update=_PLAN)
    _nightly(tenant.id, accelerated)
    with Home(accelerated) as home, _served(home, tenant.id) as load:
        played = Playback(home, tenant.id, source, second)
        good = _followed("a better model exists", home, tenant.id, load, played)
        _bad_version(home, tenant.id)
        bad = _followed("a bad model got in", home, tenant.id, load, played)
        checked = home.audit.verify()
    return {
        "tenant": tenant.id,
        "simulated": tenant.simulated,
        "accelerated_clock": True,
        "rollouts": [good.to_json(), bad.to_json()],
        "audit": {"lines": checked.lines, "fault": None if checked.fault is None else str(checked.fault)},
    }


def _borders(source: Source) -> tuple[datetime, datetime]:
    """Midnights at the two shares of the days that the source covers."""
    known = [moment for batch in source.batches() for moment in _span(batch.events)]
    begin, days = min(known), (max(known) - min(known)) / timedelta(days=1)
    first, second = (
        (begin + timedelta(days=share * days)).replace(hour=0, minute=0, second=0, microsecond=0)
        for share in (FIRST_SHARE, SECOND_SHARE)
    )
    return first, second


def _span(events: pa.Table) -> list[datetime]:
    found = pc.min_max(known_at_of(events)).as_py()
    return [moment for moment in found.values() if moment is not None]


def _nightly(tenant: str, accelerated: Settings) -> None:
    """The nightly run as the schedule starts it, in a process that has the settings of the rollout."""
    command = [sys.executable, "-m", "cli.main", "nightly", "--tenant", tenant, "--json"]
    done = subprocess.run(  # noqa: S603  # our own interpreter and module
        command, env=child_environment(accelerated), stdout=subprocess.PIPE, check=False
    )
    if done.returncode:
        raise LintelError("The second nightly run failed; what it said stands above.")


@contextmanager
def _served(home: Home, tenant: str) -> Iterator[SteadyLoad]:
    """The service with two workers, and callers who ask it for open leads."""
    name = f"rollout-demo-{secrets.token_hex(4)}"
    token = home.keys.create(tenant, name, "read")
    note(f"starting the scoring service, {home.settings.inference_workers} workers; {REQUESTS_PER_SECOND:g} callers/s")
    try:
        with (
            bento(home.settings, port=0) as endpoint,
            SteadyLoad(
                endpoint.url, token, _leads(endpoint.url, token), per_second=REQUESTS_PER_SECOND, seed=7
            ) as load,
        ):
            yield load
    finally:
        home.keys.revoke(tenant, name)


def _leads(url: str, token: str) -> list[str]:
    with httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False
    ) as client:
        answer = client.get("/v1/leads", params={"limit": _LEADS})
        answer.raise_for_status()
        return [one["lead_id"] for one in answer.json()["leads"]]


def _followed(title: str, home: Home, tenant: str, load: SteadyLoad, played: Playback) -> Story:
    """Carry the live rollout on as the sensor does, until it has ended, while the log goes on."""
    rollout = home.rollouts.live(tenant)
    if rollout is None:
        raise LintelError("No rollout began.", mend="`lintel models gates` says what the gates made of the version.")
    note(f"[bold]{title}: version {rollout.candidate.version} beside {rollout.champion.version}[/bold]")
    load.begin_count()
    began, steps = time.monotonic(), [_step(rollout, played, 0.0)]
    while rollout.is_live:
        if time.monotonic() - began > _PATIENCE_SECONDS:
            raise LintelError(f"The rollout stands at {rollout.share:.0%} since {_PATIENCE_SECONDS:.0f} s.")
        time.sleep(_LOOK_SECONDS)
        played.play(played.clock + _pace(rollout, played, home.settings))
        controller.advance(home, tenant, datetime.now(UTC))
        rollout = home.rollouts.get(rollout.rollout_id)
        told = _step(rollout, played, time.monotonic() - began)
        if (told["state"], told["share"]) != (steps[-1]["state"], steps[-1]["share"]):
            note(f"  {told['seconds']:5.0f} s  {told['state']:<12} {told['share']:>4.0%}  log at {told['clock']}")
            steps.append(told)
    return Story(title, rollout, tuple(steps), load.begin_count(), time.monotonic() - began)


def _pace(rollout: Rollout, played: Playback, accelerated: Settings) -> timedelta:
    """An hour of the log a look while steps are taken; then so that it ends with the watch."""
    if not rollout.is_watching:
        return timedelta(hours=_STEP_HOURS)
    left = max(played.end - played.clock, timedelta(0))
    looks = 0.7 * accelerated.rollout_watch_seconds / _LOOK_SECONDS  # a look takes longer than the pause
    return max(left / max(looks, 1.0), timedelta(hours=_WATCH_HOURS))


def _step(rollout: Rollout, played: Playback, seconds: float) -> dict[str, Any]:
    share = rollout.share if rollout.is_live else float(rollout.progress.state is State.COMPLETED)
    return {
        "seconds": round(seconds, 1),
        "state": str(rollout.progress.state),
        "share": share,
        "clock": f"{played.clock:%Y-%m-%d %H:%M}",
    }


def _bad_version(home: Home, tenant: str) -> None:
    """Let a model in that is far too sure of itself, past gates that were told it is well: the real ones refuse it."""
    serving = champion_entry(home.traffic, tenant)
    if serving is None:
        raise LintelError(f"No champion serves {tenant!r}.")
    now, reviewer = datetime.now(UTC), person("a reviewer who did not look")
    with TemporaryDirectory(prefix="lintel-bad-") as folder:
        path = Path(folder) / "bundle"
        _too_sure(Bundle.load(home.registry.fetch_digest(tenant, serving.digest))).save(path)
        version = home.registry.register(path, scope=tenant, tags={"lintel.tenant": tenant})
        examples = Examples.load(home.work(tenant, EXAMPLES))
        examined = examine(path, serving, examples, registry=home.registry, scope=tenant, fairness=None)
    note(f"the gate against the champion says: {examined.against_champion.reasons[0]}")
    note("the demonstration overrules it, to show what comes after the gates")
    acts.register(home, tenant, version, trained_by=machine("demonstration"), actor=machine("demonstration"), now=now)
    blind = replace(examined, against_champion=Verdict(True, ("overruled by the demonstration",)))
    decided = acts.judge(home, tenant, version.version, blind, actor=machine("demonstration"), now=now)
    reason = "overruled by the demonstration"
    if decided.ruling is Ruling.PENDING:
        acts.approve(home, tenant, version.version, actor=reviewer, reason=reason, now=now)
    acts.roll_out(home, tenant, version.version, actor=reviewer, reason=reason, now=now)


def _too_sure(bundle: Bundle) -> Bundle:
    """The bundle with every probability moved by the same log-odds."""
    moved = {name: _moved(one) if isinstance(one, Dimension) else one for name, one in bundle.scorer.dimensions.items()}
    card = f"{bundle.model_card.rstrip()}\n\n- Too sure of itself by {_SHIFT:g} in log-odds, for a demonstration.\n"
    report = replace(bundle.report, model_card=card)
    return replace(bundle, scorer=replace(bundle.scorer, dimensions=moved), report=report, digest="", golden=None)


def _moved(dimension: Dimension) -> Dimension:
    calibrated = dimension.calibrated
    calibrator = replace(calibrated.calibrator, intercept=calibrated.calibrator.intercept + _SHIFT)
    return replace(dimension, calibrated=replace(calibrated, calibrator=calibrator))


def show_rollouts(found: Mapping[str, Any]) -> None:
    """Both rollouts step by step, and what callers had of them."""
    for one in found["rollouts"]:
        rows = [(f"{at['seconds']:.0f} s", at["state"], f"{at['share']:.0%}", at["clock"]) for at in one["steps"]]
        results.print(table(f"{one['title']}: {one['state']} after {one['seconds']:.0f} s", _COLUMNS, rows))
        results.print(f"why: {one['reason']}", highlight=False)
        results.print(
            f"callers meanwhile: {one['requests']} requests, {one['errors']} errors, {one['lesser']} lesser answers, "
            f"slowest {one['slowest_ms']:.0f} ms; answers by model version {one['by_version']}\n",
            highlight=False,
        )
    results.print(f"audit log: {found['audit']['lines']} lines, {found['audit']['fault'] or 'whole'}", highlight=False)
