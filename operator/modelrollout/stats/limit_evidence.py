"""Evidence on one version's rate against a fixed limit: for a limit by itself, and for the floor of a ratio."""

from modelrollout.stats.comparison import Floats
from modelrollout.stats.mixture_evidence import MixtureEvidence
from modelrollout.stats.nulls import LOG_WEIGHTS


class LimitEvidence(MixtureEvidence):
    """Log likelihood ratios of rates above and below a limit, which are linear in a stratum's counts."""

    def __init__(
        self,
        size: int,
        processes: int,
        dispersion: float,
        slopes: Floats,
        log_weights: Floats = LOG_WEIGHTS,
        log_pass_weights: Floats = LOG_WEIGHTS,
    ) -> None:
        """Begin at evidence 1.

        Args:
            size: how many comparisons, N.
            processes: how many against failing, R.
            dispersion: what log evidence is divided by.
            slopes: what either count of a stratum adds to the log evidence of each alternative: first those above the
                limit, then those below, shape (J + K, 2).
            log_weights: log prior weights of the alternatives above, shape (J,).
            log_pass_weights: log prior weights of the alternatives below, shape (K,).
        """
        super().__init__(size, processes, dispersion, log_weights, log_pass_weights)
        self._slopes = slopes

    def add_counts(self, counts: Floats) -> None:
        """Take in a stratum: bad and good answers, or events and exposure, shape (2, N)."""
        told = self._slopes @ counts
        above = len(self._log_weights)
        self.add(told[:above], told[above:])
