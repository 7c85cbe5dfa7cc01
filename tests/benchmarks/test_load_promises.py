"""What a soak holds against the service: each promise kept, and each broken in the ways that it can be."""

from collections import Counter

import pytest

from benchmarks.load_lab import promises
from benchmarks.load_lab.delivered import Delivered, Logged
from benchmarks.load_lab.plan import Counts, Report, StreamReport
from benchmarks.load_lab.watch import Reading, slope

NONE = Counts({}, 0)


def report(unsolicited: int = 0, **changes: object) -> Report:
    kept: dict[str, object] = {"name": "one", "offered": 10, "completed": 9, "cut": 1, "statuses": {200: 8, 503: 1}}
    stream = StreamReport(**(kept | changes))  # type: ignore[arg-type]
    return Report(
        began=0.0,
        seconds=1.0,
        cpu_s=0.1,
        lateness=NONE,
        waited=NONE,
        waited_requests=0,
        connects=1,
        failed_connects=0,
        unsolicited=unsolicited,
        streams=[stream],
    )


def delivered(*decisions: str, models: dict[tuple[str, str], int] | None = None, nameless: int = 0) -> Delivered:
    return Delivered(list(decisions), Counter(), Counter(models or {}), nameless)


def logged(*decisions: str, lost: int = 0) -> Logged:
    return Logged(Counter(decisions), lost, 1, 0)


def readings(rss: list[float], descriptors: list[int]) -> list[Reading]:
    return [Reading(float(at), *one, 2) for at, one in enumerate(zip(rss, descriptors, strict=True))]


def test_answered_once() -> None:
    assert promises.answered_once(report()).kept


@pytest.mark.parametrize(
    "broken",
    [report(1), report(wrong=1), report(completed=8, errors={"closed": 1}), report(completed=8), report(completed=10)],
)
def test_lost_doubled_or_anothers(broken: Report) -> None:
    assert not promises.answered_once(broken).kept


def test_statuses() -> None:
    assert promises.allowed_statuses(report()).kept
    assert "500" in promises.allowed_statuses(report(statuses={200: 8, 500: 1})).broken
    assert "Retry-After" in promises.allowed_statuses(report(refused_without_retry_after=1)).broken


def test_calm_in_the_end() -> None:
    def calm(**changes: object) -> promises.Promise:
        return promises.calm_in_the_end(report(**changes).streams[0])  # type: ignore[arg-type]

    assert calm(statuses={200: 9}).kept
    assert "1 of 10" in calm(statuses={200: 8, 503: 1}).broken
    assert "lesser" in calm(statuses={200: 9}, rows=9, lesser_rows=2).broken


def test_poison_and_swaps() -> None:
    served = delivered(models={("champion", "a"): 5, ("prior", "bad"): 1, ("previous-champion", "b"): 3})
    assert promises.poison_never_serves(served, {"other": "c"}).kept
    assert "1 as prior by the bad one" in promises.poison_never_serves(served, {"bad": "bad"}).broken
    assert promises.swaps_served(served, ["a"]).kept
    assert not promises.swaps_served(served, ["a", "b"]).kept


def test_the_log_holds_each_delivered_decision_once_and_may_hold_more() -> None:
    assert promises.logged_once(delivered("a", "b"), logged("a", "b", "cut")).kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (delivered("a", "a"), logged("a")),
        (delivered("a", "b"), logged("a")),
        (delivered("a"), logged("a", "a")),
        (delivered("a"), logged("a", lost=1)),
        (delivered("a", nameless=1), logged("a")),
    ],
)
def test_a_decision_lost_or_twice(given: Delivered, kept: Logged) -> None:
    assert not promises.logged_once(given, kept).kept


def test_flat() -> None:
    level, falling = readings([100.0] * 30, [50] * 30), readings([100.0 - at for at in range(30)], [50] * 30)
    assert promises.flat(level, 0.1).kept
    assert promises.flat(falling, 0.1).kept
    assert "rss_mb" in promises.flat(readings([100.0 + 2 * at for at in range(30)], [50] * 30), 0.1).broken
    assert "descriptors" in promises.flat(readings([100.0] * 30, [50 + 5 * at for at in range(30)]), 0.1).broken
    assert not promises.flat([], 0.1).kept


def test_one_jump_moves_no_slope_and_a_leak_does() -> None:
    jump = readings([100.0] * 10 + [130.0] + [100.0] * 10, [1] * 21)
    assert slope(jump, "rss_mb") == 0.0
    assert slope(readings([100.0 + at for at in range(20)], [1] * 20), "rss_mb") == pytest.approx(3_600)


def test_workers_and_faults() -> None:
    assert promises.same_workers([1, 2], [2, 1]).kept
    assert not promises.same_workers([1, 2], [1, 3]).kept
    assert promises.faults_happened(["swap"], [], 1).kept
    assert not promises.faults_happened(["swap"], ["outage: OSError"], 2).kept
    assert not promises.faults_happened(["swap"], [], 2).kept
