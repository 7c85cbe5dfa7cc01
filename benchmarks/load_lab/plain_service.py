"""The baseline: a plain FastAPI endpoint that scores each request on its own, with the same bundle and store.

What a careful team writes first: the model is loaded once a worker, the endpoint is a `def` that FastAPI runs in its
thread pool, the answer is what `lintel.scoring.answers.score_leads` gives. No key, no batching, no cache, no bounds.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from lintel.home import Home
from lintel.registry.champion import Champion, champion_bundle
from lintel.scoring.answers import score_leads
from lintel.settings import settings


class Asked(BaseModel):
    tenant: str
    lead_ids: list[str]
    as_of: datetime | None = None
    explain: bool = False


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    with Home(settings()) as home:
        bundles, scopes = home.settings.bundles_path, home.traffic.scopes()
        app.state.home = home
        app.state.champions = {scope: champion_bundle(home.traffic, bundles, scope) for scope in scopes}
        yield


app = FastAPI(lifespan=_lifespan)


@app.get("/health")
def health() -> str:
    return "ok"


@app.post("/score")
def score(request: Request, asked: Asked) -> JSONResponse:
    home: Home = request.app.state.home
    champion: Champion = request.app.state.champions[asked.tenant]
    answers = score_leads(
        home.events,
        champion.bundle,
        home.events.tenant(asked.tenant),
        asked.lead_ids,
        asked.as_of,
        explain=asked.explain,
        model_version=champion.version,
        served_by="champion",
        scores=home.scores,
    )
    return JSONResponse({"scores": answers})
