"""`lintel demo`: the whole path, from the published log to ten leads worth a call, asked over HTTP."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import httpx
import typer
from rich.table import Table

from cli.ingest import SIMULATED_TENANT, take_in
from cli.nightly import run_nightly
from cli.options import Json
from cli.output import emit, note, progress, results
from lintel.errors import LintelError, UnavailableError
from lintel.home import Home
from lintel.registry.champion import champion_entry
from lintel.settings import settings
from lintel.sources.bpic2012 import bpic2012, bpic2012_tenant
from lintel.sources.datasets import pull
from lintel.sources.simulator import Simulator, preset
from lintel.sources.source import Source
from lintel.store.tenants import Tenant
from serving.process import bento

SIMULATED_LEADS = 2_000
REASONS = 3
WHY = "what speaks for it"
WIDE = 115  # columns of a terminal in which the reasons fit beside the scores


def demo(
    leads: Annotated[int, typer.Option(min=1, max=50, help="How many leads to show.")] = 10,
    simulate: Annotated[bool, typer.Option("--simulate", help="Use the simulator even if the data is there.")] = False,
    rollout: Annotated[
        bool,
        typer.Option(
            "--rollout", help="Simulate instead how a better model takes over under load, and a bad one is taken back."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Data, nightly run, champion, bento, HTTP: the leads most worth a call, with scores, intervals and reasons."""
    if rollout:
        _roll_out(as_json)
        return
    source, tenant = _simulation() if simulate else _data()
    home = Home(settings())
    take_in(home, source, tenant)
    run = run_nightly(tenant.id)
    serving = champion_entry(home.traffic, tenant.id)
    if serving is None:
        raise UnavailableError(
            f"No champion serves {tenant.id!r} after the nightly run.",
            mend=f"`lintel models list --tenant {tenant.id}` says what waits for approval.",
        )
    key_name = f"demo-{secrets.token_hex(4)}"
    token = home.keys.create(tenant.id, key_name, "read")
    note("building and starting the scoring service")
    with bento(settings(), run["bento"], port=0) as endpoint:
        answers = _ask(endpoint.url, token, leads)
    home.keys.revoke(tenant.id, key_name)
    home.close()
    value = {"tenant": tenant.id, "simulated": tenant.simulated, "bento": run["bento"], "leads": answers}
    if not as_json:
        _show(tenant, serving.model_version, answers)
    emit(value, as_json=as_json)


def _roll_out(as_json: bool) -> None:
    """On the simulator: the funnel's log of 165 days is too short for two models and what became of their answers."""
    from cli.rollout_demo import rollout_demo, show_rollouts  # noqa: PLC0415  # seconds that other commands do not spend

    note("[yellow]A simulated brokerage; its log is played back, days a second.[/yellow]")
    found = rollout_demo(*_simulator())
    if not as_json:
        show_rollouts(found)
    emit(found, as_json=as_json)


def _data() -> tuple[Source, Tenant]:
    """The published log if it can be had; else the simulator, and it is said so."""
    try:
        with progress("fetching bpic2012", None) as advance:
            path = pull("bpic2012", mirror=settings().data_mirror, into=settings().data_path)
            advance(1)
    except UnavailableError as error:
        note(f"[yellow]{error}[/yellow]")
        return _simulation()
    return bpic2012(path), bpic2012_tenant()


def _simulation() -> tuple[Source, Tenant]:
    note("[yellow]Going on with the simulator: every figure below is simulated.[/yellow]")
    return _simulator()


def _simulator() -> tuple[Source, Tenant]:
    source = Simulator(preset("demo"), SIMULATED_TENANT, seed=settings().seed, leads=SIMULATED_LEADS)
    return source, source.tenant_settings()


def _ask(url: str, token: str, count: int) -> list[dict[str, Any]]:
    """The list of the nightly run names the leads; the scoring endpoint scores them now and says why."""
    with httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False
    ) as client:
        listed = _answer(client.get("/v1/leads", params={"sort": "priority", "limit": count}))["leads"]
        lead_ids = [one["lead_id"] for one in listed]
        scored = _answer(client.post("/v1/score", json={"lead_ids": lead_ids, "explain": True}))
    answers: list[dict[str, Any]] = scored["scores"]
    return answers


def _answer(response: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    if response.is_error:
        raise LintelError(f"The service answered {response.status_code}: {body.get('detail', body)}")
    return body


def _show(tenant: Tenant, version: int, answers: Sequence[Mapping[str, Any]]) -> None:
    names = list(dict.fromkeys(name for one in answers for name in one.get("dimensions", {})))
    shown = [name for name in names if any("probability" in one["dimensions"].get(name, {}) for one in answers)]
    simulated = " (simulated)" if tenant.simulated else ""
    made = Table(title=f"{len(answers)} leads most worth a call: {tenant.id}{simulated}, model version {version}")
    for column in ("lead", "priority", *shown):
        made.add_column(column, no_wrap=True)
    wide = results.width >= WIDE
    if wide:
        made.add_column(WHY)
    made.show_lines = True
    for one in answers:
        priority = f"{one['overall'].get('priority', 0):.2f}"
        cells = [one["lead_id"], priority, *(_cell(one, name) for name in shown)]
        made.add_row(*cells, *(["\n".join(_why(one))] if wide else []))
    results.print(made)
    if not wide:
        results.print(f"[bold]{WHY}[/bold]")
        for one in answers:
            results.print(f"{one['lead_id']}: {'; '.join(_why(one))}", highlight=False)
    legend = [(name, answers[0]["dimensions"][name].get("definition", "")) for name in shown]
    legend += [("priority", answers[0]["overall"].get("formula", ""))]
    for name, meaning in legend:
        results.print(f"[bold]{name}[/bold]: {meaning}", highlight=False)
    clock = f"as of {answers[0]['as_of']} ({answers[0]['clock']})"
    results.print(f"{clock}; the second line of a cell is the 90 % interval", highlight=False)


def _cell(answer: Mapping[str, Any], name: str) -> str:
    value = answer["dimensions"].get(name, {})
    if "probability" not in value:
        return str(value.get("status", "")).replace("_", "\n")
    low, high = value["interval"]
    return f"{value['probability']:.2f}\n{low:.2f}-{high:.2f}"


def _why(answer: Mapping[str, Any]) -> list[str]:
    """What speaks most for winning this lead; where nothing does, for an answer to any of the other questions."""
    speaking = [one for one in answer.get("reasons", ()) if one["log_odds"] > 0]
    winning = [one for one in speaking if one["dimension"] == "conversion"]
    return [one["text"] for one in (winning or speaking)[:REASONS]]
