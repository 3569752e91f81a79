"""Counts in, evidence and intervals out. Pure functions: no clock, no I/O.

The whole public interface of the room:

- `close_strata`, `CounterSeries`, `Strata`, `stratum_width`: raw cumulative counters to strata.
- `Proportion`: two versions' proportions compared stratum by stratum; `Interval`: effect and confidence sequence.
- `UnknownState`: a stored state of another version; fold again from the run's start.
"""

from modelrollout.stats.effects import Interval
from modelrollout.stats.proportion import DEFAULT_FLOOR, Proportion
from modelrollout.stats.state import UnknownState
from modelrollout.stats.strata import CounterSeries, Strata, close_strata, stratum_width

__all__ = [
    "DEFAULT_FLOOR",
    "CounterSeries",
    "Interval",
    "Proportion",
    "Strata",
    "UnknownState",
    "close_strata",
    "stratum_width",
]
