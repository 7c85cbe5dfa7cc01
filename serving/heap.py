"""Giving freed memory back to the operating system, where the C library can."""

import ctypes
from functools import cache


@cache
def _malloc_trim() -> "ctypes._NamedFuncPointer | None":
    try:
        function = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None  # not glibc
    function.argtypes, function.restype = [ctypes.c_size_t], ctypes.c_int
    return function


def give_back() -> None:
    """Return free pages of the heap; nothing where there is no `malloc_trim` (glibc's own). Takes milliseconds."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)
