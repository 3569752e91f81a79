"""One-sided hypotheses on two versions' rates of bad answers, and the evidence a stratum holds against them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from modelrollout.stats import two_by_two
from modelrollout.stats.comparison import Floats
from modelrollout.stats.limits import RARE, Limit

# Alternatives as factors on the odds, and their prior weights. The weights are about minimax: found by simulation (300
# answers a stratum, or a fortieth of what the oracle needs), so that the samples to a Fail, over those of a test that
# knows both rates, stay nearest below 1.3 at factors of 1.1 to 1.3 and below 1.2 at 1.5 to 5. The last is for a
# baseline without any bad answers.
FACTORS = np.array([1.1, 1.2, 1.4, 1.7, 2.5, 5.0, 10.0, 30.0])
WEIGHTS = np.array([0.145, 0.11, 0.165, 0.14, 0.2, 0.17, 0.05, 0.02])
LOG_FACTORS = np.log(FACTORS)
LOG_WEIGHTS = np.log(WEIGHTS)
ALTERNATIVES = len(FACTORS)

_SWITCH = 0.08  # forecasts above this leave the odds ratio, so that the true baseline stays below RARE
_MEMORY = 0.97  # weight of past strata in the forecast of stable's rate, per stratum
_DRIFT = 1.5  # how much wider than its sampling error the forecast is taken

_WIDE = expit(np.linspace(-9.0, 4.0, 27))[:, None]
_WIDE_LOG_WEIGHTS = np.full(27, -math.log(27.0))
_NARROW = np.array([-math.sqrt(3.0), 0.0, math.sqrt(3.0)])[:, None]  # Gauss-Hermite nodes of the normal
_NARROW_LOG_WEIGHTS = np.log([1 / 6, 2 / 3, 1 / 6])


class Forecast:
    """Stable's rate of bad answers as the past strata tell it.

    Attributes:
        bad: discounted bad answers, shape (N,).
        total: discounted answers, shape (N,).
    """

    __slots__ = ("bad", "total")

    def __init__(self, bad: Floats, total: Floats) -> None:
        self.bad = bad
        self.total = total

    def common(self) -> NDArray[np.bool_]:
        """Where bad answers are too common for the odds ratio to stand for the ratio, shape (N,)."""
        result: NDArray[np.bool_] = (self.bad + 0.5) > _SWITCH * (self.total + 1)
        return result & (self.total > 0)

    def nodes(self, rows: NDArray[np.intp]) -> tuple[Floats, Floats]:
        """Rates stable may have in the next stratum (Q, N) and their log weights (Q,); all rows known or all not."""
        bad, total = self.bad[rows], self.total[rows]
        if not total.all():
            return np.repeat(_WIDE, len(rows), axis=1), _WIDE_LOG_WEIGHTS
        good = total - bad
        spread = _DRIFT * np.sqrt(1 / (bad + 0.5) + 1 / (good + 0.5))
        centre = np.log((bad + 0.5) / (good + 0.5))
        rates = 1 / (1 + np.exp(-(centre + _NARROW * spread)))
        return np.clip(rates, 1e-7, 1 - 1e-7), _NARROW_LOG_WEIGHTS

    def learn(self, bad: Floats, total: Floats) -> None:
        """Take in a stratum of stable; a stratum without answers changes nothing."""
        seen = total > 0
        self.bad = np.where(seen, _MEMORY * self.bad + bad, self.bad)
        self.total = np.where(seen, _MEMORY * self.total + total, self.total)


@dataclass(frozen=True, slots=True)
class Table:
    """A stratum of N comparisons: whole numbers of shape (N,), and what they say on a grid of odds ratios.

    Attributes:
        likelihood: conditional log-likelihood, shape (N, G).
        columns: where in it each null finds its own `thetas`.
    """

    bad_c: Floats
    total_c: Floats
    bad_s: Floats
    total_s: Floats
    likelihood: Floats
    columns: Mapping["Null", slice]

    def rows(self, rows: NDArray[np.intp]) -> tuple[Floats, Floats, Floats, Floats]:
        """The counts of some of the comparisons."""
        return self.bad_c[rows], self.total_c[rows], self.bad_s[rows], self.total_s[rows]


class Null:
    """The hypothesis that the candidate lies on one side of a limit; evidence is collected against it.

    Attributes:
        thetas: log odds ratios at which the conditional likelihood is needed: the limit, then the alternatives.
    """

    __slots__ = ("_limit", "_needs_rare", "_shifts", "thetas")

    def __init__(self, limit: Limit, side: Literal["above", "below"]) -> None:
        """The null against which evidence on `side` of the limit speaks.

        Args:
            limit: the limit.
            side: where the alternatives lie: "above" (worse than the limit) or "below" (better).
        """
        self._limit = limit
        self._shifts = LOG_FACTORS if side == "above" else -LOG_FACTORS
        odds_ratio = limit.odds_ratio(side)
        self._needs_rare = odds_ratio is not None and not limit.is_equality and odds_ratio != limit.value
        self.thetas = np.empty(0) if odds_ratio is None else math.log(odds_ratio) + np.append(0.0, self._shifts)

    def log_evidence(self, table: Table, forecast: Forecast) -> Floats:
        """Log e-value of a stratum for each alternative, shape (J, N); 0 where a side has no answers."""
        if not len(self.thetas):
            return self._two_by_two(table, forecast, (table.total_c > 0) & (table.total_s > 0))
        columns = table.likelihood[:, table.columns[self]]
        result = (columns[:, 1:] - columns[:, :1]).T
        if self._limit.is_equality:
            return result
        if self._needs_rare:  # a condition on k and the past only, so the conditional likelihood ratio stays one
            rare = table.bad_c + table.bad_s <= RARE * (table.total_c + table.total_s)
            result = np.where(rare, result, 0.0)
        common = forecast.common()
        if common.any():
            answered = (table.total_c > 0) & (table.total_s > 0)
            result = np.where(common, self._two_by_two(table, forecast, common & answered), result)
        return result

    def _two_by_two(self, table: Table, forecast: Forecast, wanted: NDArray[np.bool_]) -> Floats:
        result = np.zeros((len(self._shifts), len(wanted)))
        known = forecast.total > 0
        for rows in (np.flatnonzero(wanted & known), np.flatnonzero(wanted & ~known)):
            if len(rows):
                nodes, log_weights = forecast.nodes(rows)
                result[:, rows] = two_by_two.log_evidence(
                    table.rows(rows), nodes, log_weights, self._limit.kind, self._limit.value, self._shifts
                )
        return result
