"""How far rates and means of one version's processes lie apart, beyond what chance alone would bring."""

from collections.abc import Sequence

from modelrollout.stats.counters import CounterSeries
from modelrollout.stats.dispersion import MINIMUM_EVENTS, Dispersion, process_blocks, summarised


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
    statistics, freedoms = [], []
    counters = {"exposure": exposure, "events": events}
    for exposed, counts in process_blocks(counters, "exposure", version=version, measured={"exposure"}):
        expected = counts.sum() * exposed / exposed.sum()
        if counts.sum() < MINIMUM_EVENTS:
            continue
        statistics.append(float(((counts - expected) ** 2 / expected).sum()))
        freedoms.append(len(counts) - 1)
    return summarised(statistics, freedoms)


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
    statistics, freedoms = [], []
    counters = {"count": counts, "sum": sums, "squares": squares}
    for count, total, square in process_blocks(counters, "count", version=version, sums={"sum", "squares"}):
        enough = count >= MINIMUM_EVENTS
        n, y, y2 = count[enough], total[enough], square[enough]
        if len(n) < 2:
            continue
        within = float((y2 - y**2 / n).sum() / (n.sum() - len(n)))
        if not within > 0:
            continue
        statistics.append(float((n * (y / n - y.sum() / n.sum()) ** 2).sum() / within))
        freedoms.append(len(n) - 1)
    return summarised(statistics, freedoms)
