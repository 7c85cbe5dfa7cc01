"""Stand-ins for models, so that these tests are about the service: they count the events known of a lead.

Signatures are those of `lintel.scoring.bundle.Bundle` and `lintel.scoring.answers.score_leads`; a test compares them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lintel.errors import IncompatibleError, NotFoundError
from lintel.store.events import EventStore
from lintel.store.scores import ScoreStore
from lintel.store.tenants import Tenant

DIGEST = "sha256:" + "a" * 64


@dataclass(frozen=True)
class CountingBundle:
    """Stands in for `lintel.scoring.bundle.Bundle`: a folder that holds a digest and a scope."""

    digest: str
    manifest: SimpleNamespace

    @property
    def name(self) -> str:
        return f"lead-scoring.{self.manifest.scope}"

    @property
    def lighter(self) -> None:
        """It has no light model."""

    def check_golden(self) -> None:
        """It computes the same everywhere."""

    @classmethod
    def load(cls, path: Path) -> "CountingBundle":
        if not path.is_dir():
            raise NotFoundError(f"There is no bundle at {path}.")
        digest, _, scope = (path / "bundle.sha256").read_text().partition(" ")
        if not digest.startswith("sha256:"):
            raise IncompatibleError(f"The bundle at {path} is broken.")
        return cls(digest, SimpleNamespace(scope=scope))


def counting_scores(
    store: EventStore,
    bundle: CountingBundle,
    tenant: Tenant,
    lead_ids: Sequence[str],
    as_of: datetime | None,
    *,
    explain: bool,
    model_version: int | None,
    served_by: str,
    scores: ScoreStore,
    now: datetime,
) -> list[dict[str, Any]]:
    """The scoring call's stand-in: how many events of each lead were known."""
    moment = as_of or now
    seqs = store.lead_seq(tenant.id, lead_ids)
    answers: list[dict[str, Any]] = []
    for lead in lead_ids:
        if lead not in seqs:
            answers.append({"lead_id": lead, "error": {"type": "unknown-lead", "detail": "Not known."}})
            continue
        known = store.lead_events(tenant.id, [lead]).column("known_at").to_pylist()
        count = sum(time <= moment for time in known)
        if not count:
            answers.append({"lead_id": lead, "error": {"type": "not-enough-history", "detail": "Nothing was known."}})
            continue
        answer = {"lead_id": lead, "as_of": moment.isoformat(), "known": count, "seq": seqs[lead]}
        model = {"digest": bundle.digest, "version": model_version}
        answers.append(answer | {"model": model, "served_by": served_by} | ({"reasons": []} if explain else {}))
    return answers
