"""The conditional likelihood of a two-by-two table: Fisher's noncentral hypergeometric distribution.

Given how many bad answers both versions had together, the split between them depends on the odds ratio alone. The
share of the hour, an incident that hits both versions, or a new weight all cancel, and no baseline has to be guessed.

Source: J. ter Schure, M. F. Perez-Ortiz, A. Ly, P. Grünwald, "The anytime-valid logrank test", arXiv:2011.06931,
whose argument (a product of conditional likelihood ratios, one per stratum) is used here for stratified tables.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Floats = NDArray[np.float64]
Whole = NDArray[np.intp]

_FEWEST_TERMS = 4  # tables with fewer than 2**4 terms are padded to that many: fewer groups, less overhead
_EXACT_TERMS = 8  # up to 2**8 terms the sum is taken over every table
_LARGEST_EXPONENT = 650.0  # exp() of more than about 700 overflows a double
_AT_ONCE = 1 << 15  # numbers worked on at a time: they and what is made of them stay in a core's own cache

_LOG_FACTORIALS: Floats = gammaln(np.arange(1 << 17) + 1.0)  # 1 MiB; looked up ten times faster than computed


class ConditionalLikelihood:
    """Log-likelihood of tables at a fixed grid of log odds ratios.

    Attributes:
        thetas: the grid, natural logarithms of odds ratios (candidate over stable), shape (G,).
    """

    __slots__ = ("_bands", "_odds", "thetas")

    def __init__(self, thetas: Floats) -> None:
        self.thetas = thetas
        self._odds = np.exp(thetas)
        self._bands: dict[int, list[tuple[float, Whole, Floats]]] = {}

    def at(self, bad_c: Floats, total_c: Floats, bad_s: Floats, total_s: Floats) -> Floats:
        """Log-likelihood of each table, up to a constant that does not depend on the odds ratio.

        Args:
            bad_c: bad answers of the candidate, whole numbers, shape (N,).
            total_c: all answers of the candidate, shape (N,).
            bad_s: bad answers of stable, shape (N,).
            total_s: all answers of stable, shape (N,).

        Returns:
            Shape (N, G): ``b·θ - ln Σ_u C(m,u)·C(n,k-u)·exp(u·θ)`` with k = a + b held fixed.
        """
        bad = bad_c + bad_s
        low = np.maximum(0.0, bad - total_s)
        terms = np.minimum(bad, total_c) - low + 1
        doublings = np.maximum(np.frexp(terms - 0.5)[1], _FEWEST_TERMS)  # terms <= 2**doublings
        doublings[terms == 1] = 0  # a single possible table says nothing
        tables = np.array([total_c, total_s, bad, low], dtype=np.intp)
        result = np.zeros((len(bad), len(self.thetas)))
        for rows, size in _groups(doublings):
            log_sum = self._every_term(size, *tables[:, rows]) if size else self._around_the_mode(*tables[:, rows])
            result[rows] = (bad_c - low)[rows, None] * self.thetas - log_sum
        return result

    def _every_term(self, size: int, m: Whole, n: Whole, k: Whole, low: Whole) -> Floats:
        """Sum over all tables by matrix products: the powers of the odds ratio are the same for every row."""
        u = np.arange(size)
        span = (np.minimum(k, m) - low)[:, None]
        h = _log_weight(low[:, None] + np.minimum(u, span), m[:, None], n[:, None], k[:, None])
        h[u > span] = -np.inf
        result = np.empty((len(m), len(self.thetas)))
        for centre, columns, powers in self._bands_for(size):
            tilted = h + u * centre
            top = tilted.max(axis=1, keepdims=True)
            result[:, columns] = np.log(np.exp(tilted - top) @ powers) + top
        return result

    def _bands_for(self, size: int) -> list[tuple[float, Whole, Floats]]:
        """Group the grid so that within a group no power over- or underflows for this many terms."""
        if size not in self._bands:
            reach = _LARGEST_EXPONENT / size
            number = np.round(self.thetas / (2 * reach))
            u = np.arange(size, dtype=np.float64)[:, None]
            bands = []
            for value in np.unique(number):
                columns = np.flatnonzero(number == value)
                centre = float(value * 2 * reach)
                bands.append((centre, columns, np.exp(u * (self.thetas[columns] - centre))))
            self._bands[size] = bands
        return self._bands[size]

    def _around_the_mode(self, m: Whole, n: Whole, k: Whole, low: Whole) -> Floats:
        """Sum over a window around the mode, on every s-th table where the spread is wide.

        A sum over a lattice of step s equals the full sum but for the characteristic function at the frequency 2π/s
        and its multiples (Poisson summation): exp(-2π²/r²) for a bell-shaped term and a step of r standard deviations,
        exp(-λ(1-cos(2π/s))) for the longest tail there is, Poisson's. With the steps and windows below both that and
        what lies outside the window are under 1e-8 of the sum.
        """
        total_c, total_s, bad = (x[:, None].astype(np.float64) for x in (m, n, k))
        b = self._odds * (total_c + bad) + total_s - bad
        both = self._odds * total_c * bad
        mode = 2 * both / (b + np.sqrt(b * b - 4 * (self._odds - 1) * both))
        mode = np.clip(mode, low[:, None] + 0.5, np.minimum(bad, total_c) - 0.5)
        spread = 1 / np.sqrt(1 / mode + 1 / (bad - mode) + 1 / (total_c - mode) + 1 / (total_s - bad + mode))
        result = np.empty_like(mode)
        for wide, half_window in ((True, 10), (False, 20)):
            rows, columns = np.nonzero((spread >= 10) == wide)
            if len(rows):
                stride = np.maximum(1, (0.85 * spread[rows, columns] - 0.7).astype(np.intp))
                middle = np.rint(mode[rows, columns]).astype(np.intp)
                table = np.stack([m[rows], n[rows], k[rows], low[rows]])
                result[rows, columns] = _window_sum(table, self.thetas[columns], middle, stride, half_window)
        return result


def _groups(doublings: NDArray[np.int32]) -> Iterator[tuple[Whole, int]]:
    """Rows to work on together and the number of terms they are padded to, 0 for more than are summed one by one."""
    for power in range(_FEWEST_TERMS, int(doublings.max(initial=0)) + 1):
        size = 0
        if power <= _EXACT_TERMS:
            rows, size = np.flatnonzero(doublings == power), 1 << power
            width = size
        elif power == _EXACT_TERMS + 1:
            rows, width = np.flatnonzero(doublings >= power), 1024
        else:
            return
        step = max(1, _AT_ONCE // width)
        for begin in range(0, len(rows), step):
            yield rows[begin : begin + step], size


def _log_weight(u: Whole, m: Whole, n: Whole, k: Whole) -> Floats:
    """Log of C(m,u)·C(n,k-u), up to a constant of the table."""
    log_factorial = _LOG_FACTORIALS.take if (m + n).max() < len(_LOG_FACTORIALS) else _computed_log_factorial
    result = log_factorial(u) + log_factorial(m - u) + log_factorial(k - u) + log_factorial(n - k + u)
    return np.negative(result, out=result)


def _computed_log_factorial(whole: Whole) -> Floats:
    result: Floats = gammaln(whole + 1.0)
    return result


def _window_sum(table: Whole, theta: Floats, middle: Whole, stride: Whole, half_window: int) -> Floats:
    """Log of the sum of C(m,u)·C(n,k-u)·exp((u-low)·θ) over every stride-th u around the middle, shape (P,).

    `table` holds m, n, k and low, shape (4, P).
    """
    m, n, k, low = table
    high = np.minimum(k, m)
    reach = half_window * stride
    # where the window meets an end of the support it goes on at its other side
    first = np.maximum(low, np.minimum(middle - reach, high - 2 * reach))
    points = np.arange(2 * half_window + 1)[:, None]
    u = np.minimum(first + points * stride, high)
    h = _log_weight(u, m, n, k) + (u - low) * theta
    top = h.max(axis=0)
    h = np.exp(h - top)
    h[1:][u[1:] == u[:-1]] = 0.0
    result: Floats = np.log(h.sum(axis=0) * stride) + top
    return result


@lru_cache(maxsize=64)
def conditional_likelihood(thetas: tuple[float, ...]) -> ConditionalLikelihood:
    """The likelihood on this grid; grids are shared, since most rollouts have the same limits."""
    return ConditionalLikelihood(np.array(thetas))
