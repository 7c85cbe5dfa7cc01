"""Stand-ins for models, so that these tests are about the service: they count the events known of a lead.

Signatures are those of `lintel.scoring.bundle.Bundle` and `lintel.scoring.answers.answer_leads`; a test compares them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from lintel.errors import IncompatibleError, NotFoundError
from lintel.events.moments import to_microseconds
from lintel.scoring.answers import Answered, Histories
from lintel.scoring.comparison import Comparison
from lintel.scoring.decision_id import decision_id
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


def counting_answers(
    bundle: CountingBundle,
    tenant: Tenant,
    histories: Histories,
    lead_ids: Sequence[str],
    moment: datetime,
    *,
    explain: bool,
    model_version: int | None,
    served_by: str,
    comparison: Comparison,
    now: datetime,
) -> Answered:
    """The scoring call's stand-in: how many events of each lead were known."""
    known = histories.columns.known_at <= to_microseconds(moment)
    counts = np.bincount(histories.columns.lead[known], minlength=len(histories.lead_ids))
    by_lead = dict(zip(histories.lead_ids, counts.tolist(), strict=True))
    answers: list[dict[str, Any]] = []
    for lead in lead_ids:
        count = by_lead.get(lead)
        if not count:
            slug = "unknown-lead" if count is None else "not-enough-history"
            answers.append({"lead_id": lead, "error": {"type": slug, "detail": "Not known."}})
            continue
        answer = {"lead_id": lead, "as_of": moment.isoformat(), "decision_id": decision_id(now), "known": count}
        answer |= {"seq": histories.seq, "dimensions": {}}
        model = {"digest": bundle.digest, "version": model_version}
        answers.append(answer | {"model": model, "served_by": served_by} | ({"reasons": []} if explain else {}))
    return Answered(answers, {}, np.empty((0, 1), np.float32))
