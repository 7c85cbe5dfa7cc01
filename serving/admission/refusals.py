"""The refusals of admission: 429 to who asks for too much, 503 to everyone while there is too much."""

import math

from serving.admission.quota import Verdict
from serving.problems import RequestError
from serving.urgency import Urgency


def retry_after(seconds: float) -> dict[str, str]:
    """`Retry-After` in whole seconds, never too early (RFC 9110 §10.2.3)."""
    return {"Retry-After": str(max(1, math.ceil(seconds - 1e-6)))}


def rate_limit_headers(verdict: Verdict) -> dict[str, str]:
    """`RateLimit-Policy` and `RateLimit` of the tightest bucket (draft-ietf-httpapi-ratelimit-headers-10): what may be
    asked at once, in how many seconds it comes back, and what is left of it."""
    quota = verdict.claim.quota
    window = max(1, math.ceil(quota.burst_rows / quota.rows_per_second))
    name = f'"{verdict.claim.holder}-rows"'
    return {
        "RateLimit-Policy": f"{name};q={quota.burst_rows};w={window}",
        "RateLimit": f"{name};r={verdict.remaining_rows};t={math.ceil(verdict.backlog_seconds)}",
    }


def quota_exceeded(verdict: Verdict, rows: int) -> RequestError:
    """429: a bucket has too little left."""
    quota = verdict.claim.quota
    return RequestError(
        429,
        "quota-exceeded",
        f"{rows} leads are more than is left of the {verdict.claim.holder}'s quota of {quota.rows_per_second:g} leads"
        f" a second and {quota.burst_rows} at once.",
        mend="Ask again after Retry-After seconds, or ask for a larger quota.",
        headers=retry_after(verdict.wait_seconds) | rate_limit_headers(verdict),
    )


def quota_empty(wait_seconds: float) -> RequestError:
    """429 before the body is read: a bucket has nothing left."""
    return RequestError(
        429,
        "quota-exceeded",
        "Nothing is left of the quota now.",
        mend="Ask again after Retry-After seconds, or ask for a larger quota.",
        headers=retry_after(wait_seconds),
    )


def share_exceeded(seconds: float) -> RequestError:
    """429: the caller has its share of the rows in flight, and others are there too."""
    return RequestError(
        429,
        "share-exceeded",
        "Too many leads of this caller are being scored at once while others ask, too.",
        mend="Wait for answers before asking for more.",
        headers=retry_after(seconds),
    )


def overloaded(urgency: Urgency, seconds: float) -> RequestError:
    """503: there is too much to do for this class to be taken now."""
    return RequestError(
        503,
        "overloaded",
        f"There is too much to do now to take {urgency.label} requests.",
        mend="It is safe to repeat after Retry-After seconds.",
        headers=retry_after(seconds),
    )
