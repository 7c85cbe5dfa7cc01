"""A worker of the supervisor that serves next to nothing: its pid, after as long as it is asked to take.

``python toy_worker.py FD``. Its load is what a file in LINTEL_HOME says, so that a test decides what the supervisor
hears.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from lintel.settings import settings
from serving.autoscaling.policy import WorkerLoad
from serving.autoscaling.report import report_load
from serving.autoscaling.server import WorkerServer
from serving.parent import ending_with_parent

UTILISATION = Path("utilisation")


def read() -> WorkerLoad:
    return WorkerLoad(os.getpid(), float((settings().home / UTILISATION).read_text()))


async def pid(request: Request) -> PlainTextResponse:
    await asyncio.sleep(float(request.query_params.get("seconds", "0")))
    return PlainTextResponse(str(os.getpid()))


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    reporting = asyncio.create_task(report_load(read, settings().supervisor, 0.2))
    async with ending_with_parent():
        yield
    reporting.cancel()


if __name__ == "__main__":
    app = Starlette(routes=[Route("/", pid)], lifespan=lifespan)
    config = uvicorn.Config(app, log_level="error", timeout_keep_alive=10)
    WorkerServer(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
