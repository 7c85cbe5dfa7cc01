"""Routes that do nothing, under each way of serving them with BentoML: what each layer leaves to do something in."""

from typing import Any

import bentoml
from fastapi import FastAPI
from starlette.responses import PlainTextResponse, Response

from bentos.mounted import MountedService

app = FastAPI(openapi_url=None)
QUIET: dict[str, Any] = {"metrics": {"enabled": False}, "logging": {"access": {"enabled": False}}}


@app.get("/")
async def ok() -> Response:
    return PlainTextResponse("ok")


@bentoml.service(name="noop_mounted", service_class=MountedService, workers=1, **QUIET)
@bentoml.asgi_app(app, path="/")
class Mounted:
    """Nothing of BentoML's around the application."""


@bentoml.service(name="noop_mounted_whole", workers=1)
@bentoml.asgi_app(app, path="/mounted")
class MountedWhole:
    """The application inside BentoML's middleware, as `@bentoml.asgi_app` has it."""


@bentoml.service(name="noop_api", workers=1)
class Api:
    """An API of BentoML's own."""

    @bentoml.api
    async def ok(self) -> str:
        return "ok"
