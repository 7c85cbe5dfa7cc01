"""Bundles that were learnt from several tenants: where they are registered, and whether they may still be lent."""

from collections.abc import Iterable

from lintel.errors import IncompatibleError, UnavailableError
from lintel.features.catalogue import catalogue
from lintel.labels.definition import LabelSet
from lintel.registry.models import ModelRegistry
from lintel.scoring.bundle import Bundle
from lintel.scoring.pooling import SCOPE
from lintel.store.tenants import Tenant


def pool_scope(label_source: str) -> str:
    """The scope of the pool of all tenants with these labels; no tenant can have such an id."""
    return f"{SCOPE}.{label_source}"


def lending_pool(
    registry: ModelRegistry, borrower: Tenant, labels: LabelSet, tenants: Iterable[Tenant]
) -> Bundle | None:
    """The newest pool that may be lent to a tenant; None if there is none.

    It has the borrower's labels and this code's features, every tenant that it was learnt from still allows that, and
    a real tenant borrows nothing that was learnt from simulated ones. A borrower need not allow anything itself.
    """
    allowed = {one.id for one in tenants if one.pooled}
    for version in registry.versions(pool_scope(labels.source)):
        try:
            pool = Bundle.load(registry.fetch_digest(pool_scope(labels.source), version.digest))
        except (IncompatibleError, UnavailableError):
            continue  # of other features or signals than this code's, or gone: an older one may still do
        manifest = pool.manifest
        current = (manifest.feature_digest, manifest.label_digest) == (catalogue().digest, labels.digest)
        if current and set(manifest.tenants) <= allowed and manifest.simulated == borrower.simulated:
            return pool
    return None
