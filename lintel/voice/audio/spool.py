"""The channels of a recording as they are decoded: minutes in memory, hours in nameless files."""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from typing import IO, Self

import numpy as np

from lintel.errors import StorageFullError
from lintel.voice.audio.samples import SAMPLE_RATE, Samples

IN_MEMORY_SECONDS = 600.0
"""Of each channel. An hour of one channel is 230 MB."""


class Spool:
    """Takes a recording piece by piece and gives it back whole.

    A long one lies in files of the folder for temporary files (`TMPDIR`) that have no name from the beginning, so that
    nothing is left of them however the process ends; its channels are memory maps, of which the system holds what is
    being read. They stay when the spool is closed.
    """

    def __init__(self, channels: int, *, in_memory_seconds: float = IN_MEMORY_SECONDS) -> None:
        self.length = 0
        """Samples of each channel so far."""
        self._in_memory = round(in_memory_seconds * SAMPLE_RATE)
        self._pieces: list[list[Samples]] = [[] for _ in range(channels)]
        self._files: list[IO[bytes]] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, piece: Sequence[Samples]) -> None:
        """A piece of each channel, of equal length. Raises StorageFullError."""
        self.length += len(piece[0])
        for held, part in zip(self._pieces, piece, strict=True):
            held.append(np.asarray(part, np.float32))
        if self._files or self.length > self._in_memory:
            self._write()

    def channels(self) -> tuple[Samples, ...]:
        """All channels, shape (length,) each."""
        if not self._files:
            return tuple(np.concatenate([np.empty(0, np.float32), *held]) for held in self._pieces)
        for file in self._files:
            file.flush()
        return tuple(np.asarray(np.memmap(file, np.float32, mode="c", shape=(self.length,))) for file in self._files)

    def _write(self) -> None:
        try:
            while len(self._files) < len(self._pieces):
                self._files.append(self._open.enter_context(tempfile.TemporaryFile()))  # noqa: SIM115 it does
            for file, held in zip(self._files, self._pieces, strict=True):
                for part in held:
                    file.write(part.tobytes())
                held.clear()
        except OSError as error:
            raise StorageFullError(
                f"The recording does not fit into {tempfile.gettempdir()} ({error.strerror}).",
                mend="Make room there, or name another folder by TMPDIR; an hour takes 230 MB a channel.",
            ) from None
