"""The conditional likelihood of a two-by-two table: Fisher's noncentral hypergeometric distribution.

Given how many bad answers both versions had together, the split between them depends on the odds ratio alone. The
share of the hour, an incident that hits both versions, or a new weight all cancel, and no baseline has to be guessed.

Source: J. ter Schure, M. F. Perez-Ortiz, A. Ly, P. Grünwald, "The anytime-valid logrank test", arXiv:2011.06931,
whose argument (a product of conditional likelihood ratios, one per stratum) is used here for stratified tables.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Floats = NDArray[np.float64]

_EXACT_TERMS = 1024  # up to this many terms the sum is taken over every table
_LARGEST_EXPONENT = 650.0  # exp() of more than about 700 overflows a double
_HALF_WINDOW = 48


class ConditionalLikelihood:
    """Log-likelihood of tables at a fixed grid of log odds ratios.

    Attributes:
        thetas: the grid, natural logarithms of odds ratios (candidate over stable), shape (G,).
    """

    __slots__ = ("_bands", "thetas")

    def __init__(self, thetas: Floats) -> None:
        self.thetas = thetas
        self._bands: dict[int, list[tuple[float, NDArray[np.intp], Floats]]] = {}

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
        result = np.zeros((len(bad), len(self.thetas)))
        bucket = np.exp2(np.ceil(np.log2(np.maximum(terms, 2.0))))
        for size in np.unique(bucket[terms > 1]):
            rows = np.flatnonzero((bucket == size) & (terms > 1))
            table = (total_c[rows], total_s[rows], bad[rows], low[rows])
            log_sum = self._every_term(int(size), *table) if size <= _EXACT_TERMS else self._around_the_mode(*table)
            result[rows] = (bad_c - low)[rows, None] * self.thetas - log_sum
        return result

    def _every_term(self, size: int, m: Floats, n: Floats, k: Floats, low: Floats) -> Floats:
        """Sum over all tables by matrix products: the powers of the odds ratio are the same for every row."""
        u = np.arange(size, dtype=np.float64)
        at = low[:, None] + u[:-1]
        step = (m[:, None] - at) * (k[:, None] - at) / ((at + 1) * ((n - k)[:, None] + at + 1))
        h = np.zeros((len(m), size))
        with np.errstate(divide="ignore"):
            np.cumsum(np.log(np.maximum(step, 0.0)), axis=1, out=h[:, 1:])
        result = np.empty((len(m), len(self.thetas)))
        for centre, columns, powers in self._bands_for(size):
            tilted = h + u * centre
            top = tilted.max(axis=1, keepdims=True)
            result[:, columns] = np.log(np.exp(tilted - top) @ powers) + top
        return result

    def _bands_for(self, size: int) -> list[tuple[float, NDArray[np.intp], Floats]]:
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

    def _around_the_mode(self, m: Floats, n: Floats, k: Floats, low: Floats) -> Floats:
        """Sum over a window of nine standard deviations, on every s-th table where the spread is wide.

        A sum over a lattice whose step is under half the standard deviation of a bell-shaped term equals the full
        sum to within exp(-2π²/r²) for a step of r standard deviations (Poisson summation), far below a rounding error.
        """
        result = np.empty((len(m), len(self.thetas)))
        omega = np.exp(self.thetas)
        offsets = np.arange(-_HALF_WINDOW, _HALF_WINDOW + 1, dtype=np.float64)
        for i in range(len(m)):
            high = min(k[i], m[i])
            b = omega * (m[i] + k[i]) + n[i] - k[i]
            mode = 2 * omega * m[i] * k[i] / (b + np.sqrt(b * b - 4 * (omega - 1) * omega * m[i] * k[i]))
            mode = np.clip(mode, low[i] + 0.5, high - 0.5)
            spread = 1 / np.sqrt(1 / mode + 1 / (k[i] - mode) + 1 / (m[i] - mode) + 1 / (n[i] - k[i] + mode))
            stride = np.maximum(1.0, np.floor(0.375 * spread))
            u = np.round(mode)[:, None] + offsets * stride[:, None]
            inside = (u >= low[i]) & (u <= high)
            u = np.clip(u, low[i], high)
            h = -gammaln(u + 1) - gammaln(m[i] - u + 1) - gammaln(k[i] - u + 1) - gammaln(n[i] - k[i] + u + 1)
            h = np.where(inside, h + (u - low[i]) * self.thetas[:, None], -np.inf)
            top = h.max(axis=1)
            result[i] = np.log(np.exp(h - top[:, None]).sum(axis=1)) + top + np.log(stride)
        return result


@lru_cache(maxsize=64)
def conditional_likelihood(thetas: tuple[float, ...]) -> ConditionalLikelihood:
    """The likelihood on this grid; grids are shared, since most rollouts have the same limits."""
    return ConditionalLikelihood(np.array(thetas))
