"""A worker's HTTP server: uvicorn, which also tells its supervisor how many connections it holds, and can retire.

To retire is gentler than to end on SIGTERM, where uvicorn closes idle connections at once, on which a request may be
under way. Here nothing new is accepted, every answer ends its connection, and an idle connection ends when it would
have ended anyway.
"""

import asyncio
import os
import socket
from contextlib import suppress
from typing import Any

import uvicorn

from lintel.errors import InputError
from lintel.settings import settings
from serving import ending
from serving.autoscaling.place import Place, hear
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

REPORT_SECONDS = 0.5


class WorkerServer(uvicorn.Server):
    """Reports to the supervisor that the settings name, and follows its instructions, between requests."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        application: Any = config.app
        config.app = self._release = Release(application)
        self._supervisor = settings().supervisor
        self._channel: socket.socket | None = None
        self._report_at = 0.0
        self._retires_by: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, then say so."""
        await super().startup(sockets)
        if self.started and self._supervisor is not None:
            self._channel = datagram_socket(worker_address(self._supervisor, os.getpid()))
            asyncio.get_running_loop().add_reader(self._channel, self._hear, self._channel)

    async def on_tick(self, counter: int) -> bool:
        ends = await super().on_tick(counter)
        now = asyncio.get_running_loop().time()
        if now >= self._report_at:
            self._report_at = now + REPORT_SECONDS
            self._report()
        return ends or self._has_retired(now)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._channel is not None:
            asyncio.get_running_loop().remove_reader(self._channel)
            self._channel.close()
        for server in self.servers:
            server.close()  # nothing new comes while what is live ends
        await ending.end()
        await super().shutdown(sockets)

    def _report(self) -> None:
        if self._channel is not None and self._supervisor is not None:
            send(self._channel, Report(os.getpid(), connections=len(self.server_state.connections)), self._supervisor)

    def _hear(self, channel: socket.socket) -> None:
        # nobody else should write here; if somebody does, there is nothing to follow in it
        with suppress(BlockingIOError, InputError):
            self._follow(decode_instruction(channel.recv(MOST_BYTES)))

    def _follow(self, instruction: Instruction) -> None:
        self._release.release(instruction.release)
        if instruction.workers:
            hear(Place(instruction.place, instruction.workers))
        if instruction.retire and self._retires_by is None:
            patience = self.config.timeout_keep_alive + 1
            self._retires_by = asyncio.get_running_loop().time() + patience
            self._release.release_all()
            for server in self.servers:
                server.close()

    def _has_retired(self, now: float) -> bool:
        """No connection is left, or none that is idle for its time; the shutdown waits for what is being answered."""
        if self._retires_by is None:
            return False
        return not self.server_state.connections or now > self._retires_by
