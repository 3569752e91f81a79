"""E-processes that are mixtures over fixed alternatives, each a sum of log evidence over the strata."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelrollout.stats import restarts
from modelrollout.stats.comparison import Floats
from modelrollout.stats.nulls import LOG_WEIGHTS


class MixtureEvidence:
    """Log evidence of each alternative, for every process against failing and for passing.

    Log evidence is divided by the dispersion; by Jensen's inequality it stays that of an e-process.
    """

    def __init__(
        self,
        size: int,
        processes: int,
        dispersion: float,
        log_weights: Floats = LOG_WEIGHTS,
        log_pass_weights: Floats = LOG_WEIGHTS,
    ) -> None:
        """Begin at evidence 1.

        Args:
            size: how many comparisons, N.
            processes: how many against failing, R.
            dispersion: what log evidence is divided by.
            log_weights: log prior weights of the alternatives against failing, shape (J,).
            log_pass_weights: log prior weights of the alternatives for passing, shape (K,).
        """
        self.dispersion = dispersion
        self._log_weights, self._log_pass_weights = log_weights, log_pass_weights
        self._fail = np.zeros((processes, len(log_weights), size), dtype=np.float32)
        self._pass = np.zeros((1, len(log_pass_weights), size), dtype=np.float32)

    def add(self, failing: Floats, passing: Floats) -> None:
        """Take in a stratum's log evidence for each alternative, shape (J, N) and (K, N)."""
        self._fail = restarts.add(self._fail, failing / self.dispersion)
        self._pass = restarts.add(self._pass, passing / self.dispersion)

    def log_fail(self) -> Floats:
        """As `Evidence` says."""
        return restarts.mixed(self._fail, self._log_weights)

    def log_pass(self) -> Floats:
        """As `Evidence` says."""
        result: Floats = restarts.mixed(self._pass, self._log_pass_weights)[0]
        return result

    def begin_anew(self, where: NDArray[np.bool_]) -> None:
        """As `Evidence` says."""
        self._fail[:, :, where] = 0

    def restart(self) -> None:
        """As `Evidence` says."""
        self._fail = restarts.with_restart(self._fail)

    def raise_dispersion(self, dispersion: float) -> None:
        """As `Evidence` says."""
        self._fail = restarts.raise_dispersion(self._fail, self.dispersion, dispersion)
        self._pass = restarts.raise_dispersion(self._pass, self.dispersion, dispersion)
        self.dispersion = dispersion

    def arrays(self) -> list[NDArray[Any]]:
        """As `Evidence` says."""
        return [self._fail, self._pass]

    def restore(self, arrays: list[NDArray[Any]]) -> None:
        """As `Evidence` says."""
        self._fail, self._pass = arrays
