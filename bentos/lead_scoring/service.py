"""The `lead_scoring` service: scores, events and leads over HTTP, on port 3000 by default."""

from pathlib import Path

import bentoml

from bentos.mounted import MountedService
from lintel.settings import settings
from serving.application import application

CHAMPION_PATH = Path(__file__).with_name("champion")
"""The champion of the day the bento was built; absent in the source tree."""

app = application(settings(), baked=CHAMPION_PATH)


@bentoml.service(
    name="lead_scoring",
    service_class=MountedService,
    workers=settings().inference_workers,
    http={"host": settings().host, "port": settings().port},
    # one row through small trees takes less time than waking a second thread, and spinning ones starve the others
    envs=[{"name": "OMP_NUM_THREADS", "value": "1"}],
    metrics={"enabled": False},  # ours are in serving.metrics
    logging={"access": {"enabled": False}},  # paths and counts are metrics; bodies are nobody's
)
@bentoml.asgi_app(app, path="/")
class LeadScoring:
    """Six calibrated scores for every lead, over the event log of its tenant."""
