"""The simulation in short: the same each time, nothing lost, and the policy where it claims to be."""

import numpy as np
import pytest

from benchmarks.autoscaling import ByPolicy, Fixed, Load, measure, surge
from benchmarks.simulated_fleet import Service, Simulation

SERVICE = Service()
SHORT = (20, 40, 20)


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, dict[str, float]]]:
    return measure(SERVICE, 10, 120.0, SHORT, seed=7)


def test_it_is_the_same_each_time(measured: dict[str, dict[str, dict[str, float]]]) -> None:
    assert measure(SERVICE, 10, 120.0, SHORT, seed=7) == measured


def test_in_a_surge_the_policy_sheds_less_than_a_cpu_target_and_costs_less_than_the_peak(
    measured: dict[str, dict[str, dict[str, float]]],
) -> None:
    table = measured["surge"]
    assert table["policy"]["shed_percent"] < table["cpu_target"]["shed_percent"]
    assert table["policy"]["surge_seconds_late"] < 15
    assert table["policy"]["worker_hours"] < table["fixed_for_peak"]["worker_hours"]


def test_every_request_is_answered_or_refused_once() -> None:
    load = surge(SERVICE, 5, SHORT)
    arrivals = list(load.arrivals(3))
    outcome = Simulation(SERVICE, ByPolicy(SERVICE, 1, 5), 3).run(arrivals)
    assert np.array_equal(np.sort(outcome.arrived), [at for at, _ in arrivals])
    assert (outcome.waits >= 0).all()


def test_a_queue_of_one_worker_waits_as_theory_says() -> None:
    """M/D/1: at utilisation u the mean wait is u / (2 (1 - u)) of the time of service."""
    service = Service(batch_seconds=0.01, row_seconds=0.0, batch_rows=1, queue_rows=10**9)
    rng = np.random.default_rng(5)
    times = np.cumsum(rng.exponential(0.01 / 0.7, 200_000))
    outcome = Simulation(service, Fixed(1), 5).run((at, 1) for at in times.tolist())
    assert outcome.waits.mean() == pytest.approx(0.01 * 0.7 / (2 * 0.3), rel=0.05)
    assert outcome.worker_seconds == pytest.approx(times[-1])


def test_arrivals_are_in_order_and_as_many_as_the_load_says() -> None:
    load = Load("level", np.full(100, 760.0), 1.0)
    arrivals = list(load.arrivals(1))
    assert arrivals == sorted(arrivals, key=lambda one: one[0])
    assert sum(rows for _, rows in arrivals) == pytest.approx(76_000, rel=0.05)
