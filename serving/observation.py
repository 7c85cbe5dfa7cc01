"""The outermost layer: measures every request and turns what nobody expected into a problem body."""

import logging
import time
import traceback
import uuid

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http_metrics import HttpMetrics
from serving.problems import problem

UNMATCHED = "unmatched"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CLIENT_GONE = 499
"""Status by which proxies count requests whose caller left before the answer."""

logger = logging.getLogger("lintel.serving")


class Observation:
    """ASGI middleware. An unexpected exception is logged as an id, a type and a place, never with its message:
    messages of parsers and databases quote their input."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self.metrics.in_progress.track_inprogress():
            try:
                await self.app(scope, receive, watched)
            except ClientDisconnect:
                pass  # nobody is left to answer
            except Exception as error:
                answer = _unexpected(error)
                if status:  # the head is out: all that is left is to break the connection off
                    raise ConnectionAbortedError("the answer broke off") from None
                await answer(scope, receive, watched)
            finally:
                seconds = time.perf_counter() - started
                self.metrics.observe(_method(scope), _route(scope), status or CLIENT_GONE, seconds)


def _unexpected(error: Exception) -> ASGIApp:
    error_id = uuid.uuid4()
    frame = traceback.extract_tb(error.__traceback__)[-1]
    logger.error("error %s: %s in %s, line %s", error_id, type(error).__name__, frame.name, frame.lineno)
    return problem(
        500,
        "unexpected",
        "Something went wrong that should not have.",
        mend="Tell the operator the instance below; the log has it.",
        instance=f"urn:uuid:{error_id}",
    )


def _route(scope: Scope) -> str:
    """The route's template, so that paths made up by callers do not become time series."""
    return getattr(scope.get("route"), "path", "") or UNMATCHED


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in METHODS else "other"
