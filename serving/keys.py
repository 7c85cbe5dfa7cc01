"""Who asks: a bearer key is resolved to a principal of one tenant, and its role decides what it may do."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256

from anyio import to_thread
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from lintel.errors import UnavailableError
from lintel.store.state import KeyRing, Principal
from serving.problems import RequestError

bearer = HTTPBearer(auto_error=False, scheme_name="key", description="An API key of one tenant.")

GRANTS = {
    "read": frozenset({"read"}),
    "write": frozenset({"read", "write"}),
    "admin": frozenset({"read", "write", "admin"}),
}
"""What each role may do: `read` scores and lists leads, `write` also appends events."""

REMEMBERED_SECONDS = 1.0
"""How long a worker trusts an answer of the key ring: a revoked key works no longer than this."""
OUTAGE_SECONDS = 300.0
"""How long it does while the key ring does not answer: what answers without the store needs to know for whom."""
RING_SECONDS = 0.25
"""How long a known caller waits for the key ring before it counts as away."""
_REMEMBERED_KEYS = 1_000


@dataclass(frozen=True, slots=True)
class _Known:
    """What the key ring said of a key. Times on the monotonic clock."""

    principal: Principal
    resolved_at: float
    ask_again_at: float


class Keys:
    """The key ring as the endpoints see it. Only digests of keys are held, and only they are compared."""

    def __init__(self, ring: KeyRing, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ring = ring
        self._clock = clock
        self._known: dict[bytes, _Known] = {}

    async def principal(self, credentials: HTTPAuthorizationCredentials | None, right: str) -> Principal:
        """The caller. Raises RequestError: 401 without a key or with an unknown one, 403 if it may not do `right`;
        UnavailableError if the key ring does not answer and has not said who it is of late."""
        if credentials is None:
            raise _unauthorized("no-key", "This needs a key.", "Send `Authorization: Bearer KEY`.")
        principal = await self._resolve(credentials.credentials)
        if principal is None:
            raise _unauthorized("unknown-key", "This key is not known here.", "Ask the operator for one.")
        if right not in GRANTS.get(principal.role, frozenset()):
            raise RequestError(
                403,
                "role-too-weak",
                f"The role {principal.role!r} is too weak for this.",
                mend=f"Use a key of the role {right!r}.",
            )
        return principal

    async def _resolve(self, token: str) -> Principal | None:
        digest, now = sha256(token.encode()).digest(), self._clock()
        known = self._known.get(digest)
        if known is not None and now < known.ask_again_at:
            return known.principal
        trusted = known if known is not None and now < known.resolved_at + OUTAGE_SECONDS else None
        try:
            async with asyncio.timeout(RING_SECONDS if trusted else None):
                found = await to_thread.run_sync(self._ring.resolve, token)
        except (UnavailableError, TimeoutError):
            if trusted is None:
                raise
            self._known[digest] = replace(trusted, ask_again_at=self._clock() + REMEMBERED_SECONDS)
            return trusted.principal
        self._remember(digest, found)
        return found

    def _remember(self, digest: bytes, found: Principal | None) -> None:
        self._known.pop(digest, None)
        if found is not None:  # unknown keys are not remembered: guesses must not fill the memory
            if len(self._known) >= _REMEMBERED_KEYS:
                self._known.clear()
            now = self._clock()
            self._known[digest] = _Known(found, now, now + REMEMBERED_SECONDS)


def own_tenant(principal: Principal, tenant: str | None) -> str:
    """The caller's tenant. Raises RequestError (403) if the request names another."""
    if tenant is not None and tenant != principal.tenant:
        raise RequestError(403, "other-tenant", "The key belongs to another tenant than the request names.")
    return principal.tenant


def _unauthorized(slug: str, message: str, mend: str) -> RequestError:
    return RequestError(401, slug, message, mend=mend, headers={"WWW-Authenticate": 'Bearer realm="lintel"'})
