"""Classical tests of an experiment with a fixed horizon: valid once, at the end that was planned before it began."""

from modelrollout.api import Better, Metric
from modelrollout.stats.fixed_horizon import FixedHorizonResult, Sample, two_proportions, welch


def classical(metric: Metric, samples: tuple[Sample, Sample] | None, level: float = 0.05) -> FixedHorizonResult | None:
    """The two-sided test of two versions' values: Welch's for means, the z test for shares; None without data.

    Args:
        metric: a proportion, a latency or a mean.
        samples: of the first version and of the second.
        level: its chance of finding what is not there; the interval has the rest.
    """
    if samples is None:
        return None
    try:
        if metric.mean is not None:
            return welch(*samples, level=1 - level)
        first, second = ((side.mean * side.size, side.size) for side in samples)
        return two_proportions(first, second, level=1 - level)
    except ValueError:
        return None


def superior(metric: Metric, samples: tuple[Sample, Sample] | None, level: float, *, gain: float | None = None) -> bool:
    """Whether the first version is better than the second by more than the gain: the whole interval says so.

    Args:
        metric: says which direction is good.
        samples: of the first version and of the second.
        level: of the two-sided test.
        gain: least improvement as a difference; None: that of the metric.
    """
    found = classical(metric, samples, level)
    if found is None or found.low is None or found.high is None:
        return False
    least = gain if gain is not None else (metric.gain.difference or 0.0) if metric.gain is not None else 0.0
    return found.low > least if metric.better == Better.HIGHER else found.high < -least
