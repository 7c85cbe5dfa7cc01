"""The machine that figures were measured on."""

import os
import platform
import resource
from pathlib import Path


def hardware() -> dict[str, str | int]:
    """Processor, cores that this process may use, kernel and interpreter."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def many_open_files() -> None:
    """As many descriptors as the system lets us have, for us and for whom we start: a thousand connections and more."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
