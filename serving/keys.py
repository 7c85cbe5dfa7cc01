"""Who asks: a bearer key is resolved to a principal of one tenant, and its role decides what it may do."""

import time
from collections.abc import Callable
from hashlib import sha256

from anyio import to_thread
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

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
_REMEMBERED_KEYS = 1_000


class Keys:
    """The key ring as the endpoints see it. Only digests of keys are held, and only they are compared."""

    def __init__(self, ring: KeyRing, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ring = ring
        self._clock = clock
        self._known: dict[bytes, tuple[float, Principal]] = {}

    async def principal(self, credentials: HTTPAuthorizationCredentials | None, right: str) -> Principal:
        """The caller. Raises RequestError: 401 without a key or with an unknown one, 403 if it may not do `right`."""
        if credentials is None:
            raise _unauthorized("no-key", "This needs a key.", "Send `Authorization: Bearer KEY`.")
        principal = await self._resolve(credentials.credentials)
        if principal is None:
            raise _unauthorized("unknown-key", "This key is not known here.", "Ask the operator for one.")
        if right not in GRANTS.get(principal.role, frozenset()):
            raise RequestError(
                403, "role-too-weak", f"The role {principal.role!r} may not {right}.", mend=f"Use a {right} key."
            )
        return principal

    async def _resolve(self, token: str) -> Principal | None:
        digest = sha256(token.encode()).digest()
        until, principal = self._known.get(digest, (0.0, None))
        if principal is not None and self._clock() < until:
            return principal
        found = await to_thread.run_sync(self._ring.resolve, token)
        self._known.pop(digest, None)
        if found is not None:  # unknown keys are not remembered: guesses must not fill the memory
            if len(self._known) >= _REMEMBERED_KEYS:
                self._known.clear()
            self._known[digest] = (self._clock() + REMEMBERED_SECONDS, found)
        return found


def own_tenant(principal: Principal, tenant: str | None) -> str:
    """The caller's tenant. Raises RequestError (403) if the request names another."""
    if tenant is not None and tenant != principal.tenant:
        raise RequestError(403, "other-tenant", "The key belongs to another tenant than the request names.")
    return principal.tenant


def _unauthorized(slug: str, message: str, mend: str) -> RequestError:
    return RequestError(401, slug, message, mend=mend, headers={"WWW-Authenticate": 'Bearer realm="lintel"'})
