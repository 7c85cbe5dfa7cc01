"""A timer of an event loop that is due to the microsecond: the loops' own ones are rounded up to milliseconds."""

import ctypes
import os
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import suppress

_CLOCK_MONOTONIC, _NONBLOCK, _ABSOLUTE = 1, os.O_NONBLOCK, 1
_libc = ctypes.CDLL(None, use_errno=True)


class _Spec(ctypes.Structure):
    """itimerspec of timerfd_settime(2): the interval, which we leave at none, and the moment."""

    _fields_ = [(name, ctypes.c_long) for name in ("every_s", "every_ns", "at_s", "at_ns")]


class Timer:
    """Calls back at moments of `time.monotonic`; one at a time. Linux only (timerfd, CLOCK_MONOTONIC)."""

    def __init__(self, loop: AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._file = _libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        loop.add_reader(self._file, self._due)

    def set(self, moment: float) -> None:
        """Call back at `moment`, or at once if it has passed."""
        nanoseconds = max(1, int(max(moment, time.monotonic()) * 1e9))
        spec = _Spec(0, 0, *divmod(nanoseconds, 1_000_000_000))
        if _libc.timerfd_settime(self._file, _ABSOLUTE, ctypes.byref(spec), None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def _due(self) -> None:
        with suppress(BlockingIOError):  # set anew between the poll and the read
            os.read(self._file, 8)
        self._callback()

    def close(self) -> None:
        self._loop.remove_reader(self._file)
        os.close(self._file)
