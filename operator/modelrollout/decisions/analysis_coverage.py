"""Whether labels cover both versions' answers alike: if not, what is compared on them is biased."""

import numpy as np

from modelrollout.api import Metric
from modelrollout.decisions.analysis_state import ComparedState
from modelrollout.decisions.kinds import Kind
from modelrollout.stats import Coverage, Strata


def covered(state: ComparedState, metric: Metric, kind: Kind, strata: Strata) -> tuple[Coverage | None, int]:
    """The coverage with these strata, and how many of them came before it was found to be unequal.

    Those after it are no evidence: the labelled answers are no fair sample of either version.
    """
    if state.coverage is None:
        return None, len(strata)
    coverage = Coverage.from_state(state.coverage.state())
    coverage.raise_dispersion(state.dispersion or 1.0)
    labelled, answers = kind.reference(metric), kind.answers(metric)
    for i in range(len(strata)):
        if coverage.verdict == "Biased":
            return coverage, i
        # labels of one instant can be a request ahead of the answers in a busy process
        sides = [
            (np.minimum(side[labelled][i], side[answers][i]), side[answers][i])
            for side in (strata.candidate, strata.stable)
        ]
        coverage.update(*sides)
    return coverage, len(strata)
