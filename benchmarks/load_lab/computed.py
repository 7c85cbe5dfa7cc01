"""How many rows our service computed: equal questions that wait together are computed once and answered each."""

import httpx

from benchmarks.load_lab.systems import HOST, System

_METRIC = "lintel_batch_rows_sum"


def computed_rows(system: System) -> float | None:
    """Since its start, by its own metrics; None for a system that does not tell."""
    answer = httpx.get(f"http://{HOST}:{system.port}/metrics", timeout=10.0, trust_env=False)
    return sum_of(answer.text) if answer.is_success else None


def sum_of(exposition: str) -> float | None:
    """The metric over all its labels; None if it is not there."""
    lines = [line for line in exposition.splitlines() if line.startswith((f"{_METRIC}{{", f"{_METRIC} "))]
    return sum(float(line.rpartition(" ")[2]) for line in lines) if lines else None
