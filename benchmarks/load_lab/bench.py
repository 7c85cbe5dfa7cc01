"""Measures a row: a plan against a system, what came of it, and a line that says so while the rest still runs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from benchmarks.load_lab import questions
from benchmarks.load_lab.computed import computed_rows
from benchmarks.load_lab.generator_process import generate
from benchmarks.load_lab.laboratory import Laboratory
from benchmarks.load_lab.plan import Plan, Question, Report, Stream, StreamReport, total
from benchmarks.load_lab.systems import HOST, System
from benchmarks.load_lab.tally import OK, REFUSALS

WARM_SECONDS = 1.0
_CALM_RATE, _CALM_CONNECTIONS, _CALM_ROUNDS = 10.0, 4, 30
_ROW = "{:<44} {:>9} {:>9} {:>9} {:>9} {:>8} {:>7} {:>9}"
_HEAD = _ROW.format("row", "offered", "done/s", "p50 ms", "p99 ms", "refused", "errors", "generator")


@dataclass(frozen=True, slots=True)
class Measured:
    """A stream of one run, or of several runs of the same one."""

    title: str
    seconds: float
    reports: tuple[Report, ...]
    name: str
    computed: float | None = None  # rows that our service computed for the answers, as far as it tells

    @property
    def streams(self) -> list[StreamReport]:
        return [one.stream(self.name) for one in self.reports]

    @property
    def per_second(self) -> float:
        """Answers within the time."""
        return sum(one.in_time for one in self.streams) / self.seconds

    @property
    def rows_per_second(self) -> float:
        """Leads answered within the time, in full: a lesser answer is a good one and no throughput."""
        return sum(one.whole_in_time for one in self.streams) / self.seconds

    @property
    def computed_share(self) -> float | None:
        """Rows computed for each lead that was answered: less than 1 where equal questions shared a computation."""
        rows = sum(one.rows for one in self.streams)
        return None if self.computed is None or not rows else round(self.computed / rows, 3)

    @property
    def refused(self) -> int:
        return sum(count for one in self.streams for status, count in one.statuses.items() if status in REFUSALS)

    @property
    def errors(self) -> dict[str, int]:
        """Everything but an answer that is right and a refusal."""
        found: dict[str, int] = {}
        for one in self.streams:
            other = {str(status): count for status, count in one.statuses.items() if status not in {OK, *REFUSALS}}
            wrong = {"wrong answer": one.wrong} if one.wrong else {}
            for name, count in (other | wrong | one.errors).items():
                found[name] = found.get(name, 0) + count
        return found

    @property
    def lesser(self) -> int:
        """Leads that a lower rung answered, or without the reasons that were asked for."""
        return sum(one.lesser_rows for one in self.streams)

    @property
    def lesser_rungs(self) -> dict[str, int]:
        """Who answered where not all answers were whole."""
        counted: Counter[str] = Counter()
        for one in self.streams:
            counted.update(one.lesser_rungs)
        return dict(counted)

    def milliseconds(self, share: float) -> float | None:
        """Quantile of answers' latencies, from when the requests were due."""
        found = total([one.answered for one in self.streams]).quantile(share)
        return None if found is None else found / 1e3

    @property
    def generator(self) -> dict[str, float | int | None]:
        """How hard the generator worked and how late it was."""
        late = total([one.lateness for one in self.reports]).quantile(0.99)
        return {
            "cpu_share": round(sum(one.cpu_s for one in self.reports) / sum(one.seconds for one in self.reports), 3),
            "lateness_p99_ms": None if late is None else late / 1e3,
            "waited_for_a_connection": sum(one.waited_requests for one in self.reports),
        }

    def to_json(self) -> dict[str, Any]:
        streams = self.streams
        return {
            "row": self.title,
            "offered": sum(one.offered for one in streams),
            "completed": sum(one.completed for one in streams),
            "per_second": round(self.per_second, 1),
            "rows_per_second": round(self.rows_per_second, 1),
            "computed_share": self.computed_share,
            "p50_ms": self.milliseconds(0.5),
            "p99_ms": self.milliseconds(0.99),
            "refused": self.refused,
            "lesser_rows": self.lesser,
            "lesser_rungs": self.lesser_rungs,
            "errors": self.errors,
            "retried": sum(one.retried for one in streams),
            "generator": self.generator,
        }

    def line(self) -> str:
        facts = self.to_json()
        working = f"{self.generator['cpu_share']:.2f} cpu"
        shown = (f"{self.per_second:,.0f}", _shown(facts["p50_ms"]), _shown(facts["p99_ms"]))
        return _ROW.format(self.title, facts["offered"], *shown, self.refused, sum(self.errors.values()), working)


@dataclass(slots=True)
class Bench:
    """Runs plans one after the other and keeps their rows."""

    lab: Laboratory
    seconds: float
    console: Console
    seed: int = 7
    rows: list[dict[str, Any]] = field(default_factory=list)

    def closed(self, title: str, system: System, asked: Sequence[Question], connections: int) -> Measured:
        """Every connection asks again as soon as it is answered."""
        warm = Stream(name="one", questions=list(asked), arrivals="closed", end_s=WARM_SECONDS)
        stream = Stream(name="one", questions=list(asked), arrivals="closed", end_s=self.seconds)
        return self._measured(title, system, warm, stream, connections)

    def open(
        self, title: str, system: System, asked: Sequence[Question], rate: float, *, connections: int = 32
    ) -> Measured:
        """`rate` requests a second, whatever the answers."""
        warm = Stream(name="one", questions=list(asked), rate=rate, end_s=WARM_SECONDS)
        stream = Stream(name="one", questions=list(asked), rate=rate, end_s=self.seconds)
        return self._measured(title, system, warm, stream, connections)

    def _measured(self, title: str, system: System, warm: Stream, stream: Stream, connections: int) -> Measured:
        self.run(system, [warm], connections)
        before = computed_rows(system)
        report = self.run(system, [stream], connections)
        after = computed_rows(system)
        computed = None if before is None or after is None else after - before
        return self.noted(Measured(title, self.seconds, (report,), stream.name, computed))

    def calm(self, system: System) -> None:
        """Wait until the service answers in full again: what one row did to it is not the next one's."""
        stream = Stream(name="one", questions=questions.singles(self.lab), rate=_CALM_RATE, end_s=WARM_SECONDS)
        for _ in range(_CALM_ROUNDS):
            report = self.run(system, [stream], _CALM_CONNECTIONS).stream("one")
            if report.statuses == {OK: report.offered} and not report.lesser_rows:
                return
        self.console.print("    the service did not come to rest", style="red")

    def run(self, system: System, streams: list[Stream], connections: int) -> Report:
        self.seed += 1
        return generate(
            Plan(host=HOST, port=system.port, connections=connections, streams=streams, seed=self.seed, drain_s=20.0)
        )

    def noted(self, measured: Measured) -> Measured:
        """Keep a row and show it."""
        if not self.rows:
            self.console.print(_HEAD, style="bold", highlight=False)
        self.rows.append(measured.to_json())
        self.console.print(measured.line(), highlight=False, soft_wrap=True)
        if measured.lesser:
            self.console.print(
                f"    {measured.lesser} leads got a lesser answer: {measured.lesser_rungs}",
                style="yellow",
                highlight=False,
            )
        for fault, count in sorted(measured.errors.items()):
            self.console.print(f"    {count} x {fault}", style="red", highlight=False)
        return measured


def merged(title: str, parts: Sequence[Measured]) -> Measured:
    """Rounds of one measurement that were alternated with others."""
    reports = tuple(report for part in parts for report in part.reports)
    told = [part.computed for part in parts if part.computed is not None]
    computed = sum(told) if len(told) == len(parts) else None
    return Measured(title, sum(part.seconds for part in parts), reports, parts[0].name, computed)


def _shown(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:,.1f}"
