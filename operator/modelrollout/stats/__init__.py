"""Counts in, evidence and intervals out. Pure functions: no clock, no I/O.

The whole public interface of the room:

- `close_strata`, `CounterSeries`, `Strata`, `stratum_width`: raw cumulative counters to strata.
- `Proportion`: two versions' proportions compared stratum by stratum.
- `Mean`: two versions' means compared, best from sums, counts and sums of squares.
- `RatioOfSums`: a ratio of two sums compared, with users as the unit; `Rate`: events per exposure compared.
- `PairedMean`, `PairedProportion`: differences on the same requests, and requests that only one version got wrong.
- `Comparison`, `TwoSided`, `OneSided`: what all such tests have in common; `Interval`: effect and confidence sequence.
- `Distribution`: how far two versions' distributions over the same buckets have drifted apart.
- `Quantile`: a quantile of candidate and stable, by the share of answers beyond stable's own; `bounds_around`.
- `Agreement`: the share of answers equal to stable's, against a least share.
- `AgainstLimit`: one version's proportion against a fixed limit (while watching after a promotion).
- `Threshold`: a value against a bound, without statistics.
- `SampleRatio`: whether traffic is split as intended; `Coverage`: whether labels cover both versions alike.
- `Arms`: several arms against a baseline. For reports there are the modules `chances`, `fixed_horizon` and `power`.
- `AnsweredShare`: whether the candidate answers what its weight should bring.
- `estimate_dispersion`, `Dispersion`: how much more counts vary than independent answers would.
- `Heterogeneity`: the same from within a run, by how the contrast of both versions varies.
- `holm`, `StepDown`: which of many comparisons fail, and the evidence each one needs.
- `UnknownState`: a stored state of another version; fold again from the run's start.
"""

from modelrollout.stats.against_limit import AgainstLimit
from modelrollout.stats.agreement import Agreement
from modelrollout.stats.arms import Arms
from modelrollout.stats.buckets import bounds_around
from modelrollout.stats.comparison import Comparison, Interval, OneSided, TwoSided
from modelrollout.stats.counters import CounterSeries
from modelrollout.stats.coverage import Coverage
from modelrollout.stats.dispersion import Dispersion, estimate_dispersion
from modelrollout.stats.distribution import Distribution
from modelrollout.stats.heterogeneity import Heterogeneity
from modelrollout.stats.mean import Mean
from modelrollout.stats.multiplicity import StepDown, holm
from modelrollout.stats.paired_mean import PairedMean
from modelrollout.stats.paired_proportion import PairedProportion
from modelrollout.stats.proportion import DEFAULT_FLOOR, Proportion
from modelrollout.stats.quantile import Quantile
from modelrollout.stats.rate import Rate
from modelrollout.stats.ratio_of_sums import RatioOfSums
from modelrollout.stats.sample_ratio import SampleRatio
from modelrollout.stats.state import UnknownState
from modelrollout.stats.strata import SliceColumns, Strata, close_strata, stratum_width
from modelrollout.stats.threshold import Threshold
from modelrollout.stats.traffic import AnsweredShare

__all__ = [
    "DEFAULT_FLOOR",
    "AgainstLimit",
    "Agreement",
    "AnsweredShare",
    "Arms",
    "Comparison",
    "CounterSeries",
    "Coverage",
    "Dispersion",
    "Distribution",
    "Heterogeneity",
    "Interval",
    "Mean",
    "OneSided",
    "PairedMean",
    "PairedProportion",
    "Proportion",
    "Quantile",
    "Rate",
    "RatioOfSums",
    "SampleRatio",
    "SliceColumns",
    "StepDown",
    "Strata",
    "Threshold",
    "TwoSided",
    "UnknownState",
    "bounds_around",
    "close_strata",
    "estimate_dispersion",
    "holm",
    "stratum_width",
]
