"""Dispersion of rates and means from a version's own processes."""

import numpy as np
import pytest

from modelrollout.stats import CounterSeries
from modelrollout.stats.process_scatter import estimate_mean_dispersion, estimate_rate_dispersion

HOURS, PROCESSES = 12, 4


def recorded(spread: float, draw):
    """Counters of equal processes; in each block a process's level varies by a gamma factor with this variance."""
    rng = np.random.default_rng(2)
    times = np.arange(0, HOURS * 3600 + 1, 60.0)
    block = (np.ceil(times / 300) - 1).clip(0).astype(int)
    counters: dict[str, list[CounterSeries]] = {}
    for i in range(PROCESSES):
        factor = rng.gamma(1 / spread, spread, block.max() + 1)[block] if spread else np.ones(len(times))
        for name, rose in draw(rng, factor).items():
            counters.setdefault(name, []).append(CounterSeries("v1", f"p{i}", times, np.cumsum(rose)))
    return counters


def events(rng, factor):
    return {"events": rng.poisson(4.0 * factor), "exposure": np.full(len(factor), 0.5)}


def values(rng, factor):
    drawn = rng.normal(10 * factor[:, None], 3.0, (len(factor), 20))
    return {"sum": drawn.sum(axis=1), "count": np.full(len(factor), 20.0), "squares": (drawn**2).sum(axis=1)}


@pytest.mark.parametrize(("spread", "expected"), [(0.0, 1.0), (0.1, 3.0)])
def test_events_that_come_in_bursts_of_one_process_show(spread, expected):
    # 20 events a block and process: the chi-square is about 1 + 20 x the variance of the factor
    counters = recorded(spread, events)
    found = estimate_rate_dispersion(counters["events"], counters["exposure"], version="v1")
    assert found.value == pytest.approx(expected, rel=0.25)
    assert found.reason is None


@pytest.mark.parametrize(("spread", "expected"), [(0.0, 1.0), (0.001, 2.1)])
def test_means_that_move_with_the_process_show(spread, expected):
    # 100 values a block and process: 1 + 100 x (10^2 x the variance of the factor) / 3^2
    counters = recorded(spread, values)
    found = estimate_mean_dispersion(counters["sum"], counters["count"], counters["squares"], version="v1")
    assert found.value == pytest.approx(expected, rel=0.25)


def test_a_single_process_tells_nothing():
    counters = {name: many[:1] for name, many in recorded(0.1, events).items()}
    found = estimate_rate_dispersion(counters["events"], counters["exposure"], version="v1")
    assert (found.value, found.reason) == (2.0, "DispersionAssumed")
