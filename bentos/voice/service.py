"""The `voice` service: live calls, recordings and the page to watch them, on port 3001 by default."""

import bentoml

from bentos.mounted import MountedService
from lintel.settings import settings
from serving.autoscaling.targets import of_voice
from serving.voice.application import application

app = application(of_voice(settings()))


@bentoml.service(
    name="voice",
    service_class=MountedService,
    workers=1,  # a live call lies in the memory of the worker that hears it
    http={"host": settings().host, "port": settings().voice_port},
    # the decoder has the cores; the small nets beside it would only spin on them
    envs=[{"name": "OMP_NUM_THREADS", "value": "1"}],
    metrics={"enabled": False},  # ours are in serving.voice.metrics
    logging={"access": {"enabled": False}},  # paths and counts are metrics; words are nobody's
)
@bentoml.asgi_app(app, path="/")
class Voice:
    """Hears calls of humans with humans, writes down who said what, and coaches the agent."""
