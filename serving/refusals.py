"""How an application of ours refuses: every error as a problem body, and nothing of it in FastAPI's own logs."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.responses import Response

from lintel.errors import LintelError
from serving.problems import ParameterFault, problem, problem_of, problem_of_http

# FastAPI would write spans, and log records with the text of exceptions; what we measure is in serving.http_metrics
TELEMETRY_OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}


def refuse_with_problems(app: FastAPI) -> None:
    """Answer expected errors, unknown paths and wrong parameters with problem bodies."""
    app.add_exception_handler(LintelError, _expected)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(RequestValidationError, _parameters)


async def _expected(_: Request, error: Any) -> Response:
    return problem_of(error)


async def _framework(_: Request, error: Any) -> Response:
    return problem_of_http(error)


async def _parameters(_: Request, error: Any) -> Response:
    faults = [ParameterFault(one["loc"][0], str(one["loc"][-1]), one["msg"]) for one in error.errors()]
    return problem(422, "wrong-parameter", "A parameter of the address is not acceptable.", faults=faults)
