"""What a soak must have kept, and what of it was broken: pure, from what was counted."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.load_lab.delivered import Delivered, Logged, missing
from benchmarks.load_lab.plan import Report, StreamReport
from benchmarks.load_lab.tally import OK, REFUSALS
from benchmarks.load_lab.watch import Reading

ALLOWED = frozenset({OK, *REFUSALS})
LESSER_SHARE = 0.05
"""Of the answers when all is calm: a slow moment of the machine may cost a few their full answer, labelled so."""
_SPARE_DESCRIPTORS = 16  # connections of the moment


@dataclass(frozen=True, slots=True)
class Promise:
    """One thing that was promised; `broken` says how it was not kept, and is empty if it was."""

    name: str
    broken: str

    @property
    def kept(self) -> bool:
        return not self.broken


def answered_once(report: Report) -> Promise:
    """Every request that was sent and not cut has one answer, its own."""
    faults = [fault for stream in report.streams for fault in _unanswered(stream)]
    if report.unsolicited:
        faults.append(f"{report.unsolicited} answers that nobody asked for")
    return Promise("every request is answered once, with its own answer", "; ".join(faults))


def _unanswered(stream: StreamReport) -> Iterable[str]:
    for fault, count in stream.errors.items():
        yield f"{stream.name}: {count} x {fault}"
    if stream.wrong:
        yield f"{stream.name}: {stream.wrong} answers to another request"
    lost = stream.offered - stream.completed - stream.cut - sum(stream.errors.values())
    if lost:
        yield f"{stream.name}: {lost} without any end"


def allowed_statuses(report: Report) -> Promise:
    """Answers and refusals only, and each refusal says when to come again."""
    faults = []
    for stream in report.streams:
        faults += [f"{stream.name}: {n} x {status}" for status, n in stream.statuses.items() if status not in ALLOWED]
        if stream.refused_without_retry_after:
            faults.append(f"{stream.name}: {stream.refused_without_retry_after} refusals without Retry-After")
    return Promise("statuses are 200, 429 and 503, the latter with Retry-After", "; ".join(faults))


def calm_in_the_end(stream: StreamReport) -> Promise:
    """After all faults, every request is answered, and all but a few in full."""
    right = stream.statuses.get(OK, 0)
    faults = []
    if right + stream.cut < stream.offered:
        faults.append(f"{stream.offered - right - stream.cut} of {stream.offered} were not answered")
    if stream.lesser_rows > LESSER_SHARE * stream.rows:
        faults.append(f"{stream.lesser_rows} of {stream.rows} answers were lesser ones")
    return Promise("after the last fault everything is answered again, in full", "; ".join(faults))


def poison_never_serves(delivered: Delivered, poisoned: Mapping[str, str]) -> Promise:
    """No delivered answer is of a bundle that must not serve (name -> digest)."""
    served = {name: delivered.of_bundle(digest) for name, digest in poisoned.items()}
    faults = [f"{count} as {rung} by the {name} one" for name, rungs in served.items() for rung, count in rungs.items()]
    return Promise("a poisoned bundle never answers", "; ".join(faults))


def swaps_served(delivered: Delivered, good: Collection[str]) -> Promise:
    """Every good bundle that was named answered."""
    idle = [digest[:19] for digest in good if not delivered.of_bundle(digest)["champion"]]
    return Promise("every good bundle answers in its turn", ", ".join(idle))


def logged_once(delivered: Delivered, logged: Logged) -> Promise:
    """The prediction log holds each delivered decision once."""
    faults = {
        "decision ids were given twice": delivered.twice,
        "delivered answers have no decision id": delivered.nameless,
        "delivered decisions are not in the log": missing(delivered.decisions, logged),
        "decisions are in the log more than once": sum(count > 1 for count in logged.decisions.values()),
        "decisions were dropped by the log": logged.lost,
    }
    broken = "; ".join(f"{count} {fault}" for fault, count in faults.items() if count)
    return Promise("the prediction log holds each delivered decision once", broken)


def flat(readings: Sequence[Reading], growth: float) -> Promise:
    """Memory and descriptors in the last third of the time stand no higher than `growth` above the second third."""
    third = len(readings) // 3
    if third == 0:
        return Promise("memory and descriptors stay flat", "nothing was read")
    faults = []
    for name, spare in (("rss_mb", 0.0), ("descriptors", _SPARE_DESCRIPTORS)):
        before, after = (_median(part, name) for part in (readings[third : 2 * third], readings[2 * third :]))
        if after > before * (1 + growth) + spare:
            faults.append(f"{name} went from {before:.0f} to {after:.0f}")
    return Promise("memory and descriptors stay flat", "; ".join(faults))


def same_workers(before: Collection[int], after: Collection[int]) -> Promise:
    """No process died or was started."""
    gone = sorted(set(before) ^ set(after))
    return Promise("no worker dies", f"{len(gone)} processes came or went" if gone else "")


def faults_happened(done: Sequence[str], failed: Sequence[str], planned: int) -> Promise:
    """Everything that was to go wrong did."""
    broken = "; ".join(failed) or ("" if len(done) == planned else f"{planned - len(done)} faults were not made")
    return Promise("every fault that was planned was made", broken)


def _median(readings: Sequence[Reading], name: str) -> float:
    values = sorted(float(getattr(one, name)) for one in readings)
    return values[len(values) // 2]
