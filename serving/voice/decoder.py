"""The one thread of a process that decodes: it batches what the channels of all calls want heard."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lintel.voice.streaming.pressure import Pressure, Rung, ladder
from lintel.voice.transcription.engine import Engine, Hypothesis, Window

BATCH_MOST = 8
"""Windows decoded together: more of them make each wait longer than the batch saves."""
logger = logging.getLogger("lintel.serving.voice")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a window: `hypothesis`, or None where the engine failed. `lag` is in seconds from when the window
    was due until its words were known."""

    hypothesis: Hypothesis | None
    lag: float


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """A window to hear. `due` and `deadline` are on the decoder's clock; `deliver` is called on its thread."""

    window: Window
    language: str
    due: float
    deadline: float
    deliver: Callable[[Outcome], None] = field(repr=False)


class Decoder:
    """Takes the tickets whose deadlines come first, as many of one language as fit a batch.

    Parameters
    ----------
    engines: the preferred one first, then smaller ones to fall back on. All must know the same languages.
    clock: seconds, monotonic.
    """

    def __init__(
        self, engines: Sequence[Engine], *, clock: Callable[[], float], pressure: Pressure | None = None
    ) -> None:
        self._engines = tuple(engines)
        self._clock = clock
        self._pressure = pressure or Pressure(ladder(len(self._engines)))
        self._pending: list[Ticket] = []
        self._changed = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    @property
    def rung(self) -> Rung:
        return self._pressure.rung

    @property
    def model(self) -> str:
        """The name of the weights in use."""
        return self._engines[self.rung.model].name

    @property
    def pending(self) -> int:
        return len(self._pending)

    def knows(self, language: str) -> bool:
        return language == "en" or all(engine.multilingual for engine in self._engines)

    def submit(self, ticket: Ticket) -> None:
        with self._changed:
            self._pending.append(ticket)
            self._changed.notify()

    def replace(self, old: Ticket, new: Ticket) -> bool:
        """Put a fuller window in a ticket's place. False if that one is being decoded already."""
        with self._changed:
            if old not in self._pending:
                return False
            self._pending[self._pending.index(old)] = new
            return True

    def withdraw(self, ticket: Ticket) -> None:
        """The window is not wanted any more; if it is being decoded, its outcome still comes."""
        with self._changed:
            if ticket in self._pending:
                self._pending.remove(ticket)

    def start(self) -> None:
        """Begin to decode on a thread of its own; without it, whoever calls `step` decodes."""
        self._thread = threading.Thread(target=self._run, name="voice-decoder", daemon=True)
        self._thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        """End the thread after the batch that it decodes now, for which this waits at most so long."""
        with self._changed:
            self._stopping = True
            self._pending.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)

    def step(self) -> int:
        """Decode one batch of what is pending; how many windows it had."""
        with self._changed:
            batch = self._take()
        if not batch:
            return 0
        hypotheses = self._decode(batch)
        now = self._clock()
        self._pressure.observe(now - min(ticket.due for ticket in batch), now)
        for ticket, hypothesis in zip(batch, hypotheses, strict=True):
            ticket.deliver(Outcome(hypothesis, now - ticket.due))
        return len(batch)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._stopping)
                if self._stopping:
                    return
            self.step()

    def _take(self) -> list[Ticket]:
        by_deadline = sorted(self._pending, key=lambda ticket: ticket.deadline)
        same = [ticket for ticket in by_deadline if ticket.language == by_deadline[0].language]
        batch = same[:BATCH_MOST]
        self._pending = [ticket for ticket in self._pending if ticket not in batch]
        return batch

    def _decode(self, batch: list[Ticket]) -> Sequence[Hypothesis | None]:
        """A hypothesis a ticket; one that makes the engine fail takes none of the others with it."""
        rung = self.rung
        engine, windows = self._engines[rung.model], [ticket.window for ticket in batch]
        try:
            return engine.decode(windows, language=batch[0].language, beam_size=rung.beam_size)
        except Exception as error:  # the thread serves every call: it outlives whatever an engine raises
            if len(batch) > 1:
                return [hypothesis for ticket in batch for hypothesis in self._decode([ticket])]
            logger.error("%s could not decode a window: %s", engine.name, type(error).__name__)
            return [None]
