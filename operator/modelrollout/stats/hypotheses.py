"""The hypotheses of a comparison, and the one grid on which a stratum is read for all of them."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from modelrollout.stats.comparison import Floats
from modelrollout.stats.conditional import ConditionalLikelihood, conditional_likelihood
from modelrollout.stats.limits import Limit
from modelrollout.stats.nulls import Forecast, Null, Table


class Hypotheses:
    """The nulls of a comparison and the grids on which they read the conditional likelihood.

    Attributes:
        acceptable: the candidate is not worse than acceptable; what a Fail rejects.
        margin: the candidate is not worse than the margin; what a Fail after a Pass rejects.
        beyond_margin: the candidate is not better than the margin; what a Pass rejects.
    """

    __slots__ = ("_grids", "_nodes", "acceptable", "beyond_margin", "margin")

    def __init__(self, acceptable: Limit, margin: Limit, nodes: tuple[float, ...]) -> None:
        self.acceptable = Null(acceptable, "above")
        self.margin = Null(margin, "above")
        self.beyond_margin = Null(margin, "below")
        self._nodes = nodes
        # most strata come before any Pass or after all of them, and need no more than two of the nulls
        self._grids = {
            (False, True): self._grid(self.acceptable, self.beyond_margin),
            (True, False): self._grid(self.margin, self.beyond_margin),
            (True, True): self._grid(self.acceptable, self.margin, self.beyond_margin),
        }

    def _grid(self, *nulls: Null) -> tuple[ConditionalLikelihood, dict[Null, slice]]:
        thetas, columns = list(self._nodes), {}
        for null in nulls:
            columns[null] = slice(len(thetas), len(thetas) + len(null.thetas))
            thetas += null.thetas.tolist()
        return conditional_likelihood(tuple(thetas)), columns

    def weigh(self, counts: Floats, passed: NDArray[np.bool_], forecast: Forecast) -> tuple[Floats, Floats, Floats]:
        """What a stratum says of N comparisons.

        Args:
            counts: bad and total of the candidate, bad and total of stable, shape (4, N).
            passed: which comparisons have passed before, shape (N,).
            forecast: of stable's rate, from the strata before this one.

        Returns:
            Conditional log-likelihood at the nodes (N, K), log evidence of "worse" and of "better" per alternative
            (J, N) each.
        """
        some = bool(passed.any())
        all_of_them = some and bool(passed.all())
        likelihood, columns = self._grids[some, not all_of_them]
        bad_c, total_c, bad_s, total_s = counts
        table = Table(bad_c, total_c, bad_s, total_s, likelihood.at(bad_c, total_c, bad_s, total_s), columns)
        if not all_of_them:
            worse = self.acceptable.log_evidence(table, forecast)
        if some:
            against_margin = self.margin.log_evidence(table, forecast)
            worse = against_margin if all_of_them else np.where(passed, against_margin, worse)
        return table.likelihood[:, : len(self._nodes)], worse, self.beyond_margin.log_evidence(table, forecast)


@lru_cache(maxsize=64)
def hypotheses(acceptable: Limit, margin: Limit, nodes: tuple[float, ...]) -> Hypotheses:
    """The nulls for these limits; shared, since a comparison is restored from its state at every look."""
    return Hypotheses(acceptable, margin, nodes)
