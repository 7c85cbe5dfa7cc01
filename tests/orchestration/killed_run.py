"""`python -m tests.orchestration.killed_run HOME`: a nightly run in a process of its own, for tests that kill it."""

import sys
from pathlib import Path

from tests.orchestration.nightly_home import nightly

if __name__ == "__main__":
    nightly(Path(sys.argv[1]))
