"""E-processes that are mixtures over fixed alternatives, each a sum of log evidence over the strata."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelrollout.stats import restarts
from modelrollout.stats.comparison import Floats
from modelrollout.stats.nulls import LOG_WEIGHTS


class FailingMixture:
    """Log evidence of each alternative, for every process against failing.

    Log evidence is divided by the dispersion; by Jensen's inequality it stays that of an e-process.

    Attributes:
        dispersion: by how much more the data vary than independent answers would.
    """

    def __init__(self, size: int, processes: int, dispersion: float, log_weights: Floats = LOG_WEIGHTS) -> None:
        """Begin at evidence 1.

        Args:
            size: how many comparisons, N.
            processes: how many against failing, R.
            dispersion: what log evidence is divided by.
            log_weights: log prior weights of the alternatives against failing, shape (J,).
        """
        self.dispersion = dispersion
        self._log_weights = log_weights
        self._fail = np.zeros((processes, len(log_weights), size), dtype=np.float32)

    def add_failing(self, failing: Floats) -> None:
        """Take in a stratum's log evidence for each alternative, shape (J, N)."""
        self._fail = restarts.add(self._fail, failing / self.dispersion)

    def log_fail(self) -> Floats:
        """As `Evidence` says."""
        return restarts.mixed(self._fail, self._log_weights)

    def begin_anew(self, where: NDArray[np.bool_]) -> None:
        """As `Evidence` says."""
        self._fail[:, :, where] = 0

    def restart(self) -> None:
        """As `Evidence` says."""
        self._fail = restarts.with_restart(self._fail)

    def raise_dispersion(self, dispersion: float) -> None:
        """As `Evidence` says."""
        self._fail = restarts.raise_dispersion(self._fail, self.dispersion, dispersion)
        self.dispersion = dispersion

    def arrays(self) -> list[NDArray[Any]]:
        """As `Evidence` says."""
        return [self._fail]

    def restore(self, arrays: list[NDArray[Any]]) -> None:
        """As `Evidence` says."""
        (self._fail,) = arrays


class MixtureEvidence(FailingMixture):
    """The same, and log evidence of each alternative for passing."""

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
        super().__init__(size, processes, dispersion, log_weights)
        self._log_pass_weights = log_pass_weights
        self._pass = np.zeros((1, len(log_pass_weights), size), dtype=np.float32)

    def add(self, failing: Floats, passing: Floats) -> None:
        """Take in a stratum's log evidence for each alternative, shape (J, N) and (K, N)."""
        self.add_failing(failing)
        self._pass = restarts.add(self._pass, passing / self.dispersion)

    def log_pass(self) -> Floats:
        """As `Evidence` says."""
        result: Floats = restarts.mixed(self._pass, self._log_pass_weights)[0]
        return result

    def raise_dispersion(self, dispersion: float) -> None:
        """As `Evidence` says."""
        self._pass = restarts.raise_dispersion(self._pass, self.dispersion, dispersion)
        super().raise_dispersion(dispersion)

    def arrays(self) -> list[NDArray[Any]]:
        """As `Evidence` says."""
        return [*super().arrays(), self._pass]

    def restore(self, arrays: list[NDArray[Any]]) -> None:
        """As `Evidence` says."""
        super().restore(arrays[:-1])
        self._pass = arrays[-1]
