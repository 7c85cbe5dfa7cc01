"""Which leads a canary answers: the one draw that the router makes and that evidence is gathered by."""

from collections.abc import Iterable
from hashlib import blake2b


def salt_of(scope: str, digests: Iterable[str]) -> str:
    """What makes the draw of one rollout independent of those of others: it stays the same while weights change."""
    return "/".join((scope, *digests))


def share(salt: str, tenant: str, lead_id: str) -> float:
    """A lead's place in [0, 1): the same in every process, uniform over leads, independent between salts."""
    text = "\x00".join((salt, tenant, lead_id)).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") / 2.0**64
