"""A process that logs answers: `python -m tests.prediction_log.worker FOLDER WRITTEN WAITING [FILE_BYTES]`.

Says "ready" when WRITTEN answers are on the disk and WAITING more are in memory, because the disk has stalled, and
ends in order at the end of its input. FILE_BYTES bounds what the system lets it write to one file.
"""

import os
import resource
import sys
import threading
import time
from pathlib import Path

from serving.prediction_log.log import PredictionLog
from tests.store.predicting import prediction

_POLL_SECONDS = 0.005


def main(folder: str, written: int, waiting: int, file_bytes: int = -1) -> None:
    with PredictionLog(Path(folder), max_rows=1_000, max_bytes=2_000_000, flush_seconds=_POLL_SECONDS) as log:
        if file_bytes >= 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
        for number in range(written):
            log.put([prediction(number)])
            while log.counters().waiting_rows:
                time.sleep(_POLL_SECONDS)
        if waiting:
            os.write = lambda *_: threading.Event().wait() or 0
        log.put([prediction(written + number) for number in range(waiting)])
        print("ready", flush=True)  # what the test waits for
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
