"""Where others do better than we do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.stats.goals import FALSE_PROMOTION, FALSE_ROLLBACK, RUN
from benchmarks.stats.judges import OURS

DECIDED = 95.0
"""Percent of the runs in which a judge must have decided rightly to be called faster."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A judge that kept its promise and needed fewer exposures.

    Attributes:
        scenario: its name.
        rival: the judge.
        theirs: its mean exposures to the decision.
        ours: the same of ours.
        wrong: its wrong decisions in percent.
    """

    scenario: str
    rival: str
    theirs: float
    ours: float
    wrong: float


def losses(scenarios: Mapping[str, Any]) -> Iterator[Loss]:
    """Every honest judge that was faster than ours as the operator runs it; the oracle is no rival."""
    for name, scenario in scenarios.items():
        judges = scenario["judges"]
        if RUN not in judges or scenario["truth"] == "indifferent":
            continue
        limit = FALSE_ROLLBACK if scenario["truth"] in ("equal", "late") else FALSE_PROMOTION
        right = "promoted" if scenario["truth"] == "equal" else "rolled_back"
        for rival, found in judges.items():
            if rival in (*OURS, "oracle") or found["wrong"]["is"] > limit or found[right]["is"] < DECIDED:
                continue
            theirs, mine = found["exposures"], judges[RUN]["exposures"]
            if theirs["is"] < mine["is"]:
                yield Loss(name, rival, theirs["is"], mine["is"], found["wrong"]["is"])
