"""One worker: BentoML's own, with our server in it.

``python -m bentos.lead_scoring.worker SUPERVISOR_PID TARGET --fd N ...``; what follows the pid is for BentoML's worker,
which loads the target and serves it on the inherited socket.
"""

import sys

import uvicorn
from _bentoml_impl.worker import service

from serving.autoscaling.server import WorkerServer
from serving.parent import PARENT


def main() -> None:
    """Run the worker, unless its supervisor has died before we could begin to watch it."""
    supervisor = int(sys.argv.pop(1))
    if supervisor != PARENT:
        sys.exit(f"process {supervisor}, which started this worker, is gone")
    uvicorn.Server = WorkerServer  # type: ignore[misc]  # what BentoML's worker makes its server of
    service.main()


if __name__ == "__main__":
    main()
