"""A BentoML service that is nothing but a mounted application.

BentoML keeps what it is good at: packaging, worker processes, sockets. Its metrics, tracing and access-log layers
cannot all be switched off by configuration (the tracing layer is always there), and cost a third of the throughput;
its health routes know nothing of our stores, and its OpenAPI drops parameters and security. So the factory is
derived from, in this one place.
"""

from typing import Any

from _bentoml_impl.server.app import ContextMiddleware, ServiceAppFactory
from _bentoml_sdk.service.factory import Service
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute


class MountedServiceFactory(ServiceAppFactory):
    """Serves the one mounted application; of BentoML's own routes only the start page and docs.json are left."""

    @property
    def _mounted(self) -> Starlette:
        ((app, _, _),) = self.service.mount_apps
        return app

    @property
    def middlewares(self) -> list[Middleware]:
        return [layer for layer in super().middlewares if layer.cls is ContextMiddleware]

    @property
    def routes(self) -> list[BaseRoute]:
        return []

    async def openapi_spec_view(self, req: Request) -> Response:  # noqa: ARG002  # BentoML's signature
        return JSONResponse(self._mounted.openapi())

    def __call__(self) -> Starlette:
        app = super().__call__()
        app.router.default = self._mounted  # unknown paths are refused by the application, like everything else
        return app


class MountedService(Service[Any]):
    """A service whose ASGI application comes from `MountedServiceFactory`."""

    def to_asgi(self, is_main: bool = True) -> Starlette:
        self.inject_config()
        return MountedServiceFactory(self, is_main=is_main)()
