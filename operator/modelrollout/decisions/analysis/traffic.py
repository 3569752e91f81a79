"""Whether the candidate answers what its weight brings, and whether traffic is split as it was meant to be."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np

from modelrollout.decisions.analysis.state import ComparedState, MetricState
from modelrollout.decisions.findings import Split
from modelrollout.stats import Strata

OF_USERS = 0.1
"""Part of its weight's requests that a version must answer half of where users, not requests, are split.

Its users may be the quiet ones. With some hundreds of them hardly any split gives a version less than a twentieth of
its share of the requests, and nobody answers nothing.
"""


@dataclass(frozen=True, slots=True)
class Weighted:
    """The candidate's share of the traffic, 0 to 1, and since when it has been that (seconds since the epoch).

    Attributes:
        part: of the requests that the share brings, what is expected at least: 1, or less where users are split.
    """

    weight: float
    since: float
    part: float = 1.0


def with_share(state: ComparedState, strata: Strata, answers: str, weighted: Weighted) -> ComparedState:
    """The answered share and the split with the strata that lie wholly within the present weight.

    A stratum in which stable was scraped and the candidate was not counts as one without answers, once the candidate
    has been seen: a version that nobody has found yet is missing data, one that has gone is missing traffic.

    Args:
        state: the metric that keeps the share.
        strata: new ones, without any warm-up.
        answers: name of the counter of all answers.
        weighted: the weight now.
    """
    if state.share is None or not (len(strata) or len(strata.alone_starts)):
        return state
    share, split, answered = deepcopy(state.share), deepcopy(state.split), state.answered
    if split is not None:
        split.raise_dispersion(state.dispersion or 1.0)
    starts = np.concatenate([strata.starts, strata.alone_starts])
    candidate = np.concatenate([strata.candidate[answers], np.full(len(strata.alone), np.nan)])
    stable = np.concatenate([strata.stable[answers], strata.alone])
    for i in np.argsort(starts, kind="stable"):
        answered = answered or not np.isnan(candidate[i])
        if not answered:
            continue
        count, steady = float(np.nan_to_num(candidate[i])), bool(starts[i] >= weighted.since)
        share.update(count, float(stable[i]), weighted.weight * weighted.part if steady else None)
        if split is not None and steady and 0 < weighted.weight < 1:
            split.update([candidate[i], stable[i]], [weighted.weight, 1 - weighted.weight])
    return replace(state, share=share, split=split, answered=answered)


def lost(metrics: Mapping[str, MetricState]) -> tuple[str, ...]:
    """The metrics by whose counts the candidate's traffic went missing; empty unless they all agree.

    Labels that come late, which nobody declared, look like missing traffic in one metric, and so does an exporter that
    broke. Traffic that is really missing is missing in all. Metrics that count less than half of what the fullest one
    counts have no voice: they need long for three judgements.
    """
    shares = {
        name: one.share for name, one in metrics.items() if isinstance(one, ComparedState) and one.share is not None
    }
    fullest = max((share.expected for share in shares.values()), default=0.0)
    heard = {name: share for name, share in shares.items() if share.expected >= fullest / 2}
    return tuple(heard) if all(share.lost for share in heard.values()) else ()


def split_of(state: ComparedState) -> Split | None:
    """What the answers say of the split, None before there are any."""
    if state.split is None or not state.split.counts.sum():
        return None
    found, intended = state.split.shares
    return Split(state.split.verdict == "Mismatch", float(found[0]), float(intended[0]), float(state.split.p_value))
