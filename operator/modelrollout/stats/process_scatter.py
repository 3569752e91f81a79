"""How far rates and means of one version's processes lie apart, beyond what chance alone would bring."""

from collections.abc import Iterator, Sequence

from modelrollout.stats.counters import CounterSeries
from modelrollout.stats.dispersion import MINIMUM_EVENTS, Dispersion, Scatter, over_blocks, process_blocks


def estimate_rate_dispersion(
    events: Sequence[CounterSeries], exposure: Sequence[CounterSeries], *, version: str
) -> Dispersion:
    """Dispersion of events per exposure in one version's recent history, its processes against each other.

    Given how many events a block has in all, independent ones fall to the processes by their exposure; Pearson's
    chi-square of that has its degrees of freedom as expectation.

    Args:
        events: counters of events, one or more per process.
        exposure: counters of exposure.
        version: whose processes to compare (at least two of them).

    Source: P. McCullagh, J. A. Nelder, "Generalized Linear Models", 2nd ed., section 6.2.3 (over-dispersed counts).
    """
    counters = {"exposure": exposure, "events": events}

    def scatter(block: float) -> Iterator[Scatter]:
        for exposed, counts in process_blocks(
            counters, "exposure", version=version, block=block, measured={"exposure"}
        ):
            expected = counts.sum() * exposed / exposed.sum()
            if counts.sum() >= MINIMUM_EVENTS:
                yield float(((counts - expected) ** 2 / expected).sum()), len(counts) - 1

    return over_blocks(scatter)


def estimate_mean_dispersion(
    sums: Sequence[CounterSeries],
    counts: Sequence[CounterSeries],
    squares: Sequence[CounterSeries],
    *,
    version: str,
) -> Dispersion:
    """Dispersion of means in one version's recent history: scatter between its processes over that within them.

    Args:
        sums: counters of the sum of values, one or more per process.
        counts: counters of how many values there are.
        squares: counters of the sum of their squares.
        version: whose processes to compare (at least two of them).

    Source: R. A. Fisher, "Statistical Methods for Research Workers" (1925), chapter VII (analysis of variance).
    """
    counters = {"count": counts, "sum": sums, "squares": squares}

    def scatter(block: float) -> Iterator[Scatter]:
        blocks = process_blocks(counters, "count", version=version, block=block, sums={"sum", "squares"})
        for count, total, square in blocks:
            enough = count >= MINIMUM_EVENTS
            n, y, y2 = count[enough], total[enough], square[enough]
            within = float((y2 - y**2 / n).sum() / (n.sum() - len(n))) if len(n) > 1 else 0.0
            if within > 0:
                yield float((n * (y / n - y.sum() / n.sum()) ** 2).sum() / within), len(n) - 1

    return over_blocks(scatter)
