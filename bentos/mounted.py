"""A BentoML service that is nothing but a mounted application.

BentoML keeps what it is good at: packaging, worker processes, sockets. What it would put around the application is
left out, which takes deriving from its factory, in this one place: its metrics, tracing and access-log layers cost a
third of the throughput and cannot all be configured away; its health routes know nothing of our stores; its start
page loads a third party's tag manager; its OpenAPI drops parameters and security.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import bentoml
from _bentoml_impl.server.app import ServiceAppFactory
from _bentoml_sdk.service.factory import Service
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from serving.parent import ending_with_parent
from serving.problems import problem_of_http

OPENAPI_URL = "/docs.json"
_ASSETS = Path(bentoml.__file__).parent / "_internal" / "server" / "static_content"


class MountedServiceFactory(ServiceAppFactory):
    """The one mounted application, begun and ended with BentoML's own instance, and a page to try it from."""

    def __call__(self) -> Starlette:
        ((mounted, _, _),) = self.service.mount_apps
        start = partial(_start_page, title=getattr(mounted, "title", self.service.name))
        pages = [Route("/", start), Mount("/static_content", StaticFiles(directory=_ASSETS))]
        app = Starlette(routes=pages, lifespan=self._lifespan, exception_handlers={HTTPException: _refusal})
        app.router.redirect_slashes = False
        app.router.default = mounted  # unknown paths too are refused by the application, like everything else
        return app

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with ending_with_parent(), self.lifespan(app):
            yield


class MountedService(Service[Any]):
    """A service whose ASGI application comes from `MountedServiceFactory`."""

    def to_asgi(self, is_main: bool = True) -> Starlette:
        self.inject_config()
        return MountedServiceFactory(self, is_main=is_main)()


async def _refusal(_: Request, error: Any) -> Response:
    """Files that are not there are refused in the form of everything else."""
    return problem_of_http(error)


async def _start_page(_: Request, *, title: str) -> Response:
    """Swagger UI from the files that BentoML ships; nothing comes from elsewhere."""
    return get_swagger_ui_html(
        openapi_url=OPENAPI_URL,
        title=title,
        swagger_js_url="/static_content/swagger-ui-bundle.js",
        swagger_css_url="/static_content/swagger-ui.css",
        swagger_favicon_url="/static_content/favicon-light-32x32.png",
    )
