"""The real supervisor, of toy workers: ``python toy_supervisor.py PORT``, with the settings in the environment."""

import sys
from pathlib import Path

from lintel.settings import settings
from serving.autoscaling.supervisor import supervise

WORKER = Path(__file__).with_name("toy_worker.py")
PROJECT = Path(__file__).resolve().parents[2]


def command(_: int, descriptor: int) -> list[str]:
    return [sys.executable, str(WORKER), str(descriptor)]


if __name__ == "__main__":
    sys.exit(supervise(settings(), command, PROJECT, int(sys.argv[1])))
