"""`lintel score`: one lead's scores, the same object as the endpoint gives."""

from datetime import datetime
from typing import Annotated

import typer

from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit
from cli.score_text import score_text
from cli.unanswered import UnansweredError
from lintel.errors import InputError
from lintel.home import Home
from lintel.registry.champion import champion_bundle
from lintel.scoring.answers import score_leads
from lintel.settings import settings


def score(
    lead: Annotated[str, typer.Option("--lead", help="The lead's id.")],
    tenant: TenantId = DEFAULT_TENANT,
    as_of: Annotated[str | None, typer.Option(help="ISO 8601 time; the tenant's clock by default.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Also the reasons, in log odds.")] = False,
    as_json: Json = False,
) -> None:
    """Score one lead as of a moment."""
    if not lead.strip():
        raise InputError("--lead is empty.", mend="Give a lead's id.")
    moment = _moment(as_of)
    with Home(settings()) as home:
        settings_of = home.events.tenant(tenant)
        champion = champion_bundle(home.traffic, home.settings.bundles_path, tenant)
        answer = score_leads(
            home.events,
            champion.bundle,
            settings_of,
            [lead],
            moment,
            explain=explain,
            model_version=champion.version,
            served_by="champion",
            scores=home.scores,
        )[0]
    if "error" in answer:
        raise UnansweredError(lead, answer["error"]["type"], answer["error"]["detail"])
    emit(answer, as_json=as_json, table=score_text(answer))


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"--as-of {text!r} is not an ISO 8601 time.") from None
    if moment.tzinfo is None:
        raise InputError(f"--as-of {text!r} has no time zone.", mend="End it with Z or an offset.")
    return moment
