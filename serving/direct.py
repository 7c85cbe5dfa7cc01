"""Hot routes: declared to FastAPI like any other, for the OpenAPI document, but called without its machinery.

Solving dependencies and building a response by declaration costs some .2 ms a request, which is as much as reading a
lead's history. A direct endpoint takes the request and returns the response, and nothing else.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials


class DirectRoute(APIRoute):
    """Calls its endpoint with the request; the parameters that the endpoint declares beside it are for the document
    alone and get their defaults."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return self.endpoint


def credentials_of(request: Request) -> HTTPAuthorizationCredentials | None:
    """The bearer key of a request, as `fastapi.security.HTTPBearer` reads it; None if there is none."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        return None
    return HTTPAuthorizationCredentials(scheme=scheme, credentials=key)
