"""What collects evidence behind a comparison, and can be stored."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from modelrollout.stats.comparison import Floats


class Evidence(Protocol):
    """The e-processes of N comparisons: R against "acceptable" (after a Pass: against the margin), one for passing."""

    @property
    def dispersion(self) -> float:
        """By how much more the data vary than independent answers would."""

    def log_fail(self) -> Floats:
        """Log evidence of every running process that the candidate is worse than its limit, shape (R, N)."""

    def log_pass(self) -> Floats:
        """Log evidence that the candidate is better than the margin, shape (N,)."""

    def begin_anew(self, where: NDArray[np.bool_]) -> None:
        """Set the processes against failing back to 1 in these comparisons."""

    def restart(self) -> None:
        """Start one more process against failing."""

    def raise_dispersion(self, dispersion: float) -> None:
        """Take a larger dispersion, for the past, too."""

    def arrays(self) -> list[NDArray[Any]]:
        """All that the evidence consists of, in single or double precision."""

    def restore(self, arrays: list[NDArray[Any]]) -> None:
        """Take over what `arrays` gave."""
