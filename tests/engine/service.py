"""A running service as its callers and its operator see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from lintel.home import Home
from lintel.scoring.answers import score_batch, score_leads, store_batch
from lintel.scoring.bundle import Bundle
from serving.engine import Engine
from serving.inference import Inference
from tests.bentos.conftest import TENANT
from tests.hot.logs_in_store import incoming
from tests.serving.clients import Client

Json = dict[str, Any]


@dataclass(frozen=True)
class Service:
    """The service, asked in process, and the handles of another process on its stores."""

    client: Client
    home: Home

    @property
    def inference(self) -> Inference:
        return self.client.app.state.runtime.scoring

    @property
    def engine(self) -> Engine:
        return self.inference.engine

    def ask(self, *leads: str, status: int = 200, headers: dict[str, str] | None = None, **options: Any) -> Any:
        """The answers about some leads, or the problem where another status is expected."""
        response = self.response(*leads, headers=headers, **options)
        assert response.status_code == status, response.text
        body = response.json()
        return body["scores"] if status == 200 else body

    def response(self, *leads: str, headers: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        return self.client.post("/v1/score", {"lead_ids": list(leads), **options}, headers=headers or {})

    def append(self, lead: str, kind: str, at: datetime, **more: Any) -> int:
        """One event through another handle than the service's; its `seq`."""
        row = {"event_id": f"{lead} {kind} {at}", "lead_id": lead, "kind": kind, "occurred_at": at} | more
        report = self.home.events.append(TENANT, incoming([row]), now=datetime.now(UTC))
        assert report.last_seq is not None, report
        return report.last_seq

    def computed(self, *leads: str, explain: bool = False, as_of: datetime | None = None, now: datetime) -> list[Json]:
        """What the library says of the leads, by the champion and with what is stored."""
        events = self.home.events
        model = self.client.app.state.runtime.models.serving(TENANT)
        return score_leads(
            events,
            model.bundle,
            events.tenant(TENANT),
            leads,
            as_of,
            explain=explain,
            model_version=model.version,
            served_by="champion",
            scores=self.home.scores,
            now=now,
        )

    def metric(self, name: str, /, **labels: str) -> float:
        """The sum of a metric's samples with these labels."""
        families = text_string_to_metric_families(self.client.get("/metrics", key=None).text)
        found = [sample for family in families for sample in family.samples if sample.name == name]
        return sum(one.value for one in found if labels.items() <= one.labels.items())


def plain(answers: Sequence[Json]) -> list[Json]:
    """The answers without the ids of their decisions."""
    return [{name: value for name, value in one.items() if name != "decision_id"} for one in answers]


def logged(home: Home, tenant: str = TENANT) -> list[Json]:
    """The prediction log of a service that has stopped."""
    home.predictions.compact(now=datetime.now(UTC), keep_days=100_000)
    rows: list[Json] = home.predictions.read(tenant).to_pylist()
    return rows


def nightly(home: Home, bundle: Bundle, now: datetime) -> list[Json]:
    """The nightly run by the same bundle, in another process: its answers, which are kept outside the store, too."""
    log = home.log(TENANT, now=now)
    answers = score_batch(bundle, log, seq=home.events.latest_seq(TENANT), model_version=1, now=now)
    store_batch(home.scores, log, bundle.digest, answers, now)
    home.last_scores.write(TENANT, answers, now)
    return answers
