"""Which of a tenant's models answers for a lead: the champion, or a canary for its share of the leads."""

from collections.abc import Sequence

from lintel.rollouts.draw import salt_of, share
from serving.model import Models, Route, ServedModel


class Router:
    """Assigns leads by the weights of the traffic table. A lead stays with its model while the table stands still, and
    a canary that grows keeps the leads it has."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def assigned(self, tenant: str, lead_id: str) -> ServedModel:
        """The model for a lead, under the id that was asked for. Raises RequestError (503) if none serves the tenant.

        A canary that cannot be loaded leaves its leads to the champion.
        """
        champion = self._models.serving(tenant)
        return drawn(self._models.route(tenant), tenant, lead_id) or champion

    def split(self, tenant: str, lead_ids: Sequence[str]) -> list[tuple[ServedModel, list[int]]]:
        """Positions in `lead_ids` by the model that is to answer, the champion first. Raises as `assigned`."""
        champion, route = self._models.serving(tenant), self._models.route(tenant)
        if not route.canaries:
            return [(champion, list(range(len(lead_ids))))]
        parts: dict[ServedModel, list[int]] = {champion: []}
        for position, lead_id in enumerate(lead_ids):
            parts.setdefault(drawn(route, tenant, lead_id) or champion, []).append(position)
        return [(model, positions) for model, positions in parts.items() if positions]


def drawn(route: Route, tenant: str, lead_id: str) -> ServedModel | None:
    """The canary whose part of 0..1 the lead falls in; None for the champion's."""
    if not route.canaries:
        return None
    place, end = share(route.salt, tenant, lead_id), 0.0
    for canary in route.canaries:
        end += canary.weight
        if place < end:
            return canary.model
    return None


def mirrored(route: Route, tenant: str, lead_id: str) -> list[ServedModel]:
    """The shadows whose part of 0..1 the lead falls in, each drawn by itself."""
    return [
        one.model
        for one in route.shadows
        if one.model is not None and share(salt_of(route.scope, (one.model.digest,)), tenant, lead_id) < one.weight
    ]
