"""Scores of the champion behind the least batcher, as a `@bentoml.api` and as a mounted application.

No key, no quota, no deadline, no cache, no fallback: what remains is the layer.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import bentoml
import msgspec
from fastapi import FastAPI, Request
from starlette.responses import Response

from benchmarks.layers.least_batcher import LeastBatcher
from benchmarks.layers.noop import QUIET
from bentos.mounted import MountedService
from lintel.home import Home
from lintel.registry.champion import champion_bundle
from lintel.scoring.answers import score_leads
from lintel.settings import settings

Json = dict[str, Any]


class Asked(msgspec.Struct):
    """One lead a request, as the load asks for."""

    tenant: str
    lead_ids: list[str]
    as_of: datetime
    explain: bool = False


class Champion:
    """The first tenant's model, asked for many leads at once."""

    def __init__(self) -> None:
        self._home = Home(settings())
        scope = self._home.traffic.scopes()[0]
        self._champion = champion_bundle(self._home.traffic, settings().bundles_path, scope)

    def answers(self, asked: Sequence[Asked]) -> list[Json]:
        """One a question; a batch is of one tenant and one moment."""
        first = asked[0]
        return score_leads(
            self._home.events,
            self._champion.bundle,
            self._home.events.tenant(first.tenant),
            [one.lead_ids[0] for one in asked],
            first.as_of,
            explain=first.explain,
            model_version=self._champion.version,
            served_by="champion",
            scores=self._home.scores,
        )


@cache
def batcher() -> LeastBatcher[Asked, Json]:
    """One a process, made when it is first asked: workers are started from a parent that has imported this."""
    return LeastBatcher(Champion().answers)


app = FastAPI(openapi_url=None)
_DECODER = msgspec.json.Decoder(Asked)


@app.get("/health")
async def health() -> str:
    batcher()
    return "ok"


@app.post("/score")
async def score(request: Request) -> Response:
    answer = await batcher().ask(_DECODER.decode(await request.body()))
    return Response(msgspec.json.encode({"scores": [answer]}), media_type="application/json")


@bentoml.service(name="scoring_mounted", service_class=MountedService, workers=1, **QUIET)
@bentoml.asgi_app(app, path="/")
class Mounted:
    """The application alone."""


@bentoml.service(name="scoring_api", workers=1)
class Api:
    """The same as an API of BentoML's own."""

    @bentoml.api
    async def score(
        self, tenant: str, lead_ids: list[str], as_of: datetime, explain: bool = False
    ) -> Mapping[str, Any]:
        return {"scores": [await batcher().ask(Asked(tenant, lead_ids, as_of, explain))]}
