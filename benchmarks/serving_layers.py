"""What each layer of serving costs: routes that do nothing, and scores behind each of them, at 64 connections.

    python -m benchmarks.serving_layers [--json] [--seconds 10] [--home PATH]

Real processes behind a socket, on a copy of a home; the load comes from a process of its own. The rows that do nothing
tell what a layer leaves of a core. The rows that score ask for one open lead a request, drawn at random, of the same
champion: FastAPI scores each request by itself; the next two batch as simply as can be, so that they differ by their
layer alone; the last ones are the whole service, with keys, quotas, deadlines, fallbacks and the prediction log, and
with its score cache off.
"""

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.load_lab import questions
from benchmarks.load_lab.bench import Bench
from benchmarks.load_lab.hardware import hardware, many_open_files
from benchmarks.load_lab.laboratory import Laboratory, lab_settings, laboratory
from benchmarks.load_lab.plan import Question
from benchmarks.load_lab.systems import HOST, System, free_port
from cli.processes import Service, start, stop, wait
from lintel.environment import service_environment
from lintel.errors import LintelError
from lintel.settings import settings
from serving.process import PROJECT, bento

CONNECTIONS = 64
SECONDS = 10.0
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
UVICORN = ("uvicorn", "--no-access-log", "--log-level", "warning", "--host", HOST)
BENTOML = ("bentoml", "serve", "--host", HOST)
API_QUESTION = Question(questions.post("/ok", {}))
"""BentoML's own APIs are asked by POST."""

NOTHING: Sequence[tuple[str, tuple[str, ...], Question]] = (
    ("nothing: Starlette", (*UVICORN, "benchmarks.load_lab.noop_service:app"), questions.get("/")),
    ("nothing: mounted, without its middleware", (*BENTOML, "benchmarks.layers.noop:Mounted"), questions.get("/")),
    ("nothing: mounted", (*BENTOML, "benchmarks.layers.noop:MountedWhole"), questions.get("/mounted/")),
    ("nothing: @bentoml.api", (*BENTOML, "benchmarks.layers.noop:Api"), API_QUESTION),
)
SCORING: Sequence[tuple[str, tuple[str, ...]]] = (
    ("FastAPI a request, 1 worker", (*UVICORN, "benchmarks.load_lab.plain_service:app")),
    ("FastAPI a request, 2 workers", (*UVICORN, "--workers", "2", "benchmarks.load_lab.plain_service:app")),
    ("@bentoml.api, batched, 1 worker", (*BENTOML, "benchmarks.layers.scoring:Api")),
    ("mounted, batched, 1 worker", (*BENTOML, "benchmarks.layers.scoring:Mounted")),
)


def measured(bench: Bench) -> list[dict[str, Any]]:
    """All rows, each on a system that runs alone."""
    lab = bench.lab
    for title, command, asked in NOTHING:
        with served(lab, title, command) as system:
            bench.closed(title, system, [asked], CONNECTIONS)
    # BentoML's JSON has blanks between its parts, so that an answer is known by the lead's name alone
    asked_plain = [Question(questions.plain(lab, [lead]).request, [json.dumps(lead).encode()]) for lead in lab.leads]
    for title, command in SCORING:
        with served(lab, title, command) as system:
            bench.closed(title, system, asked_plain, CONNECTIONS)
    # as for events: interactive requests that miss their objective would be given the light model's answers
    asked_whole = questions.singles(lab, urgency=questions.EVENT)
    for workers in (1, 2):
        with whole(lab, workers) as system:
            bench.closed(f"Lintel, {workers} worker{'s' * (workers > 1)}", system, asked_whole, CONNECTIONS)
    return bench.rows


@contextlib.contextmanager
def served(lab: Laboratory, title: str, command: Sequence[str]) -> Iterator[System]:
    """A Python module's server on a free port, until the block ends."""
    port = free_port()
    address = f"http://{HOST}:{port}"
    line = [sys.executable, "-m", *command, "--port", str(port)]
    environment = service_environment(lab.settings) | ONE_THREAD
    health = address + ("/health" if "scoring:Mounted" in command[-1] or "plain" in command[-1] else "/")
    child = start(Service("layer", line, environment, address, health), folder=lab.settings.home / "logs", root=PROJECT)
    try:
        wait(child, health)
        yield System(title, port, child.pid, Path(child.log))
    finally:
        stop(child)


@contextlib.contextmanager
def whole(lab: Laboratory, workers: int) -> Iterator[System]:
    """Our service from the source tree."""
    chosen = lab_settings(lab.settings.home).model_copy(update={"inference_workers": workers})
    with bento(chosen, port=free_port()) as endpoint:
        yield System("lintel", int(endpoint.url.rpartition(":")[2]), endpoint.pid, endpoint.log)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each row; 10 by default")
    parser.add_argument("--home", type=Path, help="a finished home; LINTEL_HOME or .lintel by default")
    arguments = parser.parse_args()
    console = Console(stderr=arguments.json)
    many_open_files()
    with tempfile.TemporaryDirectory(prefix="lintel-layers-") as folder:
        try:
            lab = laboratory(arguments.home or settings().home, Path(folder))
        except LintelError as error:
            sys.exit(str(error))
        console.print(f"{lab.title}; {hardware()}", highlight=False, soft_wrap=True)
        rows = measured(Bench(lab, arguments.seconds, console))
    if arguments.json:
        print(json.dumps({"rows": rows, "leads": lab.title, "simulated": lab.simulated, "hardware": hardware()}))


if __name__ == "__main__":
    main()
