"""How much data a test can be expected to need: the test itself, led along the average path.

Log evidence grows on average by its drift per answer, so a sequential test needs about its limit divided by the drift
(A. Wald, "Sequential tests of statistical hypotheses", Ann. Math. Statist. 16 (1945) 117-186, formula (4.7)). Here the
drift is not worked out by a formula for each kind: a test is fed with what both versions show on average, without
chance, and the mixture over alternatives, the floor and the split of the traffic are all in what it says.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

_FIRST = 10.0
_GROWTH = 0.05
MOST = 100_000_000.0
_HOPELESS = -100.0  # on the average path, evidence that is this far down does not come round

Feed = Callable[[Any, float, float], None]
"""Updates a test with what comes on average between two numbers of the candidate's exposures so far."""


def expected_exposures(
    test: Any,  # noqa: ANN401 - any sequential test
    feed: Feed,
    needed: float,
    verdict: Literal["Pass", "Fail"],
    *,
    most: float = MOST,
) -> float | None:
    """The candidate's exposures after which a test is expected to have reached its verdict.

    Half of all runs need less, about; how many more the slow ones need, only simulation can tell.

    Args:
        test: one comparison before any data; it is used up.
        feed: what both versions show on average.
        needed: log evidence at which the verdict is reached.
        verdict: which evidence is asked about.
        most: exposures after which it counts as never.

    Returns:
        The number of exposures, None for never.
    """
    have, before = 0.0, 0.0
    while have < most:
        more = max(_FIRST, have * _GROWTH)
        feed(test, have, have + more)
        evidence = np.asarray(test.log_e_pass if verdict == "Pass" else test.log_e_fail).item()
        if evidence >= needed:
            part = (needed - before) / (evidence - before) if evidence > before else 1.0
            return have + more * min(1.0, max(0.0, part))
        have, before = have + more, evidence
        if evidence < _HOPELESS:
            return None
    return None
