"""RFC 9457 problem bodies: the one form in which this service refuses, whatever went wrong."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from lintel.errors import LintelError

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:lintel:problem:"
RETRY_AFTER_SECONDS = 5
_OF_STATUS = {
    404: ("not-found", "There is nothing at this path."),
    405: ("method-not-allowed", "This path does not take this method."),
}
logger = logging.getLogger("lintel.serving")


@dataclass(frozen=True, slots=True)
class Fault:
    """One place in the body that is wrong, as a JSON pointer (RFC 6901)."""

    pointer: str
    detail: str

    def members(self) -> dict[str, str]:
        return {"pointer": self.pointer, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class ParameterFault:
    """One parameter that is wrong: `place` is `query` or `path`, as in OpenAPI's `in`."""

    place: str
    name: str
    detail: str

    def members(self) -> dict[str, str]:
        return {"in": self.place, "name": self.name, "detail": self.detail}


def pointer(*steps: str) -> str:
    """JSON pointer to a place in the body (RFC 6901)."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


class RequestError(LintelError):
    """A request that cannot be answered, with everything its problem body says.

    Parameters
    ----------
    status, slug: HTTP status and the name of the kind of problem.
    faults: each place in the body that is wrong; never the values, which may be personal data.
    headers: extra response headers, such as `WWW-Authenticate` or `Retry-After`.
    """

    def __init__(
        self,
        status: int,
        slug: str,
        message: str,
        *,
        mend: str | None = None,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, mend=mend)
        self.status = status  # type: ignore[misc]  # per request here, per class elsewhere
        self.slug = slug  # type: ignore[misc]
        self.faults = tuple(faults)
        self.headers = dict(headers or {})


def problem_body(
    status: int,
    slug: str,
    detail: str,
    *,
    mend: str | None = None,
    faults: Sequence[Fault | ParameterFault] = (),
    **members: Any,
) -> dict[str, Any]:
    """The members of RFC 9457 §3.1 plus `mend`, `errors` and whatever else `members` names."""
    body: dict[str, Any] = {
        "type": TYPE_PREFIX + slug,
        "title": slug.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
    }
    if mend:
        body["mend"] = mend
    if faults:
        body["errors"] = [fault.members() for fault in faults]
    return body | members


def problem(
    status: int,
    slug: str,
    detail: str,
    *,
    mend: str | None = None,
    faults: Sequence[Fault | ParameterFault] = (),
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    """A response with a problem body."""
    body = problem_body(status, slug, detail, mend=mend, faults=faults, **members)
    return Response(msgspec.json.encode(body), status, dict(headers or {}), MEDIA_TYPE)


def problem_of(error: LintelError) -> Response:
    """The response for an expected error. What is wrong on our side is named by kind only: messages about stores and
    files hold paths and addresses, which callers need not know."""
    if isinstance(error, RequestError):
        return problem(
            error.status, error.slug, error.message, mend=error.mend, faults=error.faults, headers=error.headers
        )
    if error.status < 500:
        return problem(error.status, error.slug, error.message, mend=error.mend)
    logger.error("%s: %s", error.slug, error)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return problem(error.status, error.slug, "The service cannot do this now; it is safe to repeat.", headers=headers)


def problem_of_http(error: HTTPException) -> Response:
    """The response for what a router or a folder of files raises itself: 404 and 405."""
    status = error.status_code
    slug, detail = _OF_STATUS.get(status, ("refused", "The request cannot be answered."))
    headers = dict(error.headers or {})
    if headers.get("Allow") == "GET":
        headers["Allow"] = "GET, HEAD"
    return problem(status, slug, detail, headers=headers)


def not_ready(detail: str, *, mend: str | None = None) -> RequestError:
    """503 with the seconds after which asking again may help."""
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return RequestError(503, "not-ready", detail, mend=mend, headers=headers)
