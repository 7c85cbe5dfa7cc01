"""`lintel serve`: the scoring service alone, or everything with its pages."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli.development_keys import create_development_keys, is_loopback, revoke_development_keys
from cli.keys import KEY_HINT
from cli.options import Json
from cli.output import emit, note, table
from cli.processes import Child, Service, refuse_taken_port, remember, remembered, start, stop_all, wait
from lintel.environment import service_environment
from lintel.errors import InputError, LintelError
from lintel.home import Home
from lintel.settings import Settings, settings
from orchestration.abandoned import end_abandoned_runs
from orchestration.instance import dagster_home, open_instance
from serving.autoscaling.policy import policy_settings
from serving.autoscaling.status import status_path
from serving.autoscaling.targets import VOICE, of_voice
from serving.process import serve_command

ROOT = Path(__file__).resolve().parent.parent


def serve(
    everything: Annotated[
        bool, typer.Option("--all", help="Also the Dagster and MLflow pages, in the background.")
    ] = False,
    voice: Annotated[
        bool, typer.Option("--voice", help="Also the voice service: live calls, recordings and the page to watch them.")
    ] = False,
    stopping: Annotated[
        bool, typer.Option("--stop", help="Stop the services that run, and end the key printed at their start.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Serve scores over HTTP in the background until `lintel serve --stop`; with --all the Dagster and MLflow UI."""
    if (everything or voice) and stopping:
        raise InputError(f"{'--all' if everything else '--voice'} starts and --stop stops; give one of them.")
    file = settings().home / "run" / "services.json"
    if stopping:
        _stop_all(file, as_json)
        return
    running = [child for child in remembered(file) if child.alive]
    if running:
        raise InputError(f"{', '.join(child.name for child in running)} already runs.", mend="`lintel serve --stop`.")
    if everything:
        with open_instance(settings()) as instance:
            end_abandoned_runs(instance)
    services = _chosen(settings(), everything, voice)
    children = _start_all(services, file)
    rows = [(child.name, child.address, child.log) for child in children]
    value = {"services": [{"name": name, "address": address, "log": log} for name, address, log in rows]}
    emit(value, as_json=as_json, table=table("running; `lintel serve --stop` ends them", ("", "address", "log"), rows))
    _tell_workers(settings())
    _tell_keys(settings())


def _tell_workers(current: Settings) -> None:
    bounds = policy_settings(current)
    if bounds.most > bounds.least:
        note(
            f"{bounds.least} to {bounds.most} workers, as the load asks; {status_path(current, current.port)} says how."
        )


def _tell_keys(current: Settings) -> None:
    """The development default is one printed key a tenant, on one's own machine only."""
    made = {}
    if is_loopback(current.host):
        with Home(current) as home:
            made = create_development_keys(home, _keys_file(current))
    for tenant, key in made.items():
        note(f"key of {tenant} until `lintel serve --stop`: {key}")
    note("Send it as `Authorization: Bearer KEY`." if made else KEY_HINT)


def _keys_file(current: Settings) -> Path:
    return current.home / "run" / "development-keys.json"


def _start_all(services: Sequence[Service], file: Path) -> list[Child]:
    for service in services:
        refuse_taken_port(service)
    children: list[Child] = []
    try:
        for service in services:
            children.append(start(service, folder=file.parent, root=ROOT))
            remember(children, file)
        for child, service in zip(children, services, strict=True):
            note(f"waiting for {child.name}")
            wait(child, service.health)
    except LintelError:
        stop_all(children)
        file.unlink(missing_ok=True)
        raise
    return children


def _stop_all(file: Path, as_json: bool) -> None:
    stopped = stop_all(remembered(file))
    file.unlink(missing_ok=True)
    if _keys_file(settings()).exists():
        with Home(settings()) as home:
            revoke_development_keys(home, _keys_file(settings()))
    emit({"stopped": stopped}, as_json=as_json, table=f"stopped: {', '.join(stopped) or 'nothing was running'}")


def _chosen(current: Settings, everything: bool, voice: bool) -> list[Service]:
    """With `voice` scores need not be served: without a champion there are none, and calls are heard all the same."""
    services = _services(current) if everything else _services(current)[:1]
    if not voice:
        return services
    if not everything and not _has_champion(current):
        note("no champion yet, so no scores are served beside the voice service")
        services = []
    return [*services, _voice_service(current)]


def _has_champion(current: Settings) -> bool:
    with Home(current) as home:
        return bool(home.traffic.scopes())


def _voice_service(current: Settings) -> Service:
    own = of_voice(current)
    address = f"http://{own.host}:{own.port}"
    return Service("voice", serve_command(own, VOICE), service_environment(own), f"{address}/live", f"{address}/livez")


def _services(current: Settings) -> list[Service]:
    """The scoring service first; each with how to start it and where it answers."""
    host, python = current.host, sys.executable
    environment = service_environment(current)
    scoring = f"http://{host}:{current.port}"
    dagster = f"http://{host}:{current.dagster_port}"
    mlflow = f"http://{host}:{current.mlflow_port}"
    web = [python, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", host, "-p", str(current.dagster_port)]
    pages = [python, "-m", "mlflow", "ui", "--backend-store-uri", current.mlflow_url, "--host", host]
    pages += ["--port", str(current.mlflow_port), "--workers", "1"]
    return [
        Service("lead_scoring", serve_command(current), environment, scoring, f"{scoring}/readyz"),
        Service("dagster", web, {**environment, "DAGSTER_HOME": str(dagster_home(current))}, dagster, dagster),
        Service("mlflow", pages, environment, mlflow, f"{mlflow}/health"),
    ]
