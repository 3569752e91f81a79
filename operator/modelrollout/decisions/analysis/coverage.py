"""Whether labels cover both versions' answers alike: if not, what is compared on them is biased.

Two rules guard against it. Once coverage is found to be unequal, nothing is concluded at all. And as long as it is not
proven to be nearly equal, nothing passes: a candidate whose bad answers mostly get no label looks fine long before the
labels that are missing can be told from chance.
"""

import numpy as np

from modelrollout.api import Better, Metric
from modelrollout.decisions.analysis.state import ComparedState
from modelrollout.decisions.findings import Finding
from modelrollout.decisions.kinds import Kind
from modelrollout.decisions.kinds.wording import percent
from modelrollout.stats import Coverage, Strata

LEAD_LEVEL = 0.9
"""Of the confidence sequence of both coverages' difference; 5 % on either side, as a false promotion may have."""


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


def in_doubt(metric: Metric, kind: Kind, state: ComparedState, finding: Finding) -> str:
    """Why the missing labels might still hide that the candidate lies beyond its limit, empty when they cannot.

    Coverage may differ by as much as its confidence sequence allows. In the worst case all labels that the candidate
    lacks next to stable belong to bad answers, and all that it has beyond stable to good ones.
    """
    if state.coverage is None or finding.candidate is None or finding.limit is None:
        return ""
    low, high = (float(end) for end in state.coverage.lead(LEAD_LEVEL))
    labelled = float(state.coverage.shares[0])
    higher = metric.better == Better.HIGHER
    bad = labelled * (1 - finding.candidate if higher else finding.candidate)
    lacking, beyond = max(0.0, -low), min(max(0.0, high), labelled - bad)
    worst = max((bad + lacking) / (labelled + lacking), min(1.0, bad / max(labelled - beyond, 1e-9)))
    shown = 1 - worst if higher else worst
    if (shown >= finding.limit) if higher else (shown <= finding.limit):
        return ""
    return (
        f"labels cover {percent(labelled)} of its answers, and the missing ones could still make it "
        f"{kind.text(metric, shown)}"
    )
