"""A route that does nothing: what the server, the sockets and the generator reach together at most."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


async def _ok(_: Request) -> Response:
    return PlainTextResponse("ok")


app = Starlette(routes=[Route("/", _ok), Route("/", _ok, methods=["POST"])])
