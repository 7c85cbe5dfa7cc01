"""A worker's HTTP server: uvicorn, which also tells its supervisor how many connections it holds, and can retire.

To retire is gentler than to end on SIGTERM, where uvicorn closes idle connections at once, on which a request may be
under way. Here nothing new is accepted, every answer ends its connection, and an idle connection ends when it would
have ended anyway.
"""

import os
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from lintel.errors import InputError
from lintel.settings import settings
from serving.autoscaling.release import Release
from serving.autoscaling.report import (
    MOST_BYTES,
    Instruction,
    Report,
    datagram_socket,
    decode_instruction,
    send,
    worker_address,
)

_TICKS_A_SECOND = 10
_REPORT_TICKS = 5


class WorkerServer(uvicorn.Server):
    """Reports to the supervisor and follows its instructions, ten times a second, between requests."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        application: Any = config.app
        config.app = self._release = Release(application)
        self._retiring = False
        self._retiring_ticks = 0
        self._supervisor = settings().supervisor
        self._channel: socket.socket | None = None

    async def on_tick(self, counter: int) -> bool:
        ends = await super().on_tick(counter)
        for instruction in self._instructions():
            self._follow(instruction)
        if counter % _REPORT_TICKS == 0:
            self._report()
        return ends or self._has_retired()

    def _follow(self, instruction: Instruction) -> None:
        self._release.release(instruction.release)
        if instruction.retire and not self._retiring:
            self._retiring = True
            self._release.release_all()
            for server in self.servers:
                server.close()

    def _has_retired(self) -> bool:
        """No connection is left, or those that are have never asked anything; the shutdown waits for answers."""
        if not self._retiring:
            return False
        self._retiring_ticks += 1
        patience = (self.config.timeout_keep_alive + 1) * _TICKS_A_SECOND
        return not self.server_state.connections or self._retiring_ticks > patience

    def _report(self) -> None:
        if self._channel is not None and self._supervisor is not None:
            send(self._channel, Report(os.getpid(), connections=len(self.server_state.connections)), self._supervisor)

    def _instructions(self) -> Iterator[Instruction]:
        if self._supervisor is None:
            return
        if self._channel is None:
            self._channel = datagram_socket(worker_address(self._supervisor, os.getpid()))
        while True:
            try:
                yield decode_instruction(self._channel.recv(MOST_BYTES))
            except BlockingIOError:
                return
            except InputError:
                continue  # from somebody else on this machine: there is nothing to follow in it
