"""What came of each run under each judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from benchmarks.stats.streams import Decisions, Floats, Stream

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of R runs, arrays of shape (R,).

    Attributes:
        rolled_back: whether it was rolled back.
        promoted: whether it was promoted.
        exposures: answers of the candidate until the decision; to the end where there was none.
        excess: bad answers of the candidate until then, beyond what stable's rate would have brought.
        wrong: whether the decision was the wrong one: an equal candidate rolled back, a bad one promoted (or, where the
            rollout is held, not rolled back to its end), one with a late fault rolled back before it.
    """

    rolled_back: Flags
    promoted: Flags
    exposures: Floats
    excess: Floats
    wrong: Flags

    @property
    def decided(self) -> Flags:
        """Whether there was a decision."""
        return self.rolled_back | self.promoted

    def take(self, number: int) -> "Outcome":
        """The first so many runs."""
        return Outcome(*(getattr(self, one.name)[:number] for one in fields(self)))


Outcomes = Mapping[str, Outcome]


def joined(parts: Sequence[Outcomes]) -> dict[str, Outcome]:
    """The runs of several chunks, one after the other; a judge may be missing in the later ones."""
    names = list(dict.fromkeys(name for part in parts for name in part))
    return {
        name: Outcome(
            *(
                np.concatenate([getattr(part[name], one.name) for part in parts if name in part])
                for one in fields(Outcome)
            )
        )
        for name in names
    }


def outcome(decisions: Decisions, stream: Stream, truth: str) -> Outcome:
    """From times of decisions to what came of the runs.

    An equal candidate counts as rolled back if the judge would ever have done so, also after a promotion: that is
    harder than life. It is promoted if that came first. Any other candidate meets the first of the two. A fault that
    begins late is for a rollout that is still held: promotion does not count, and exposures are those since the fault.
    A rollout that is "held" to the end of the scenario must be rolled back by then.
    """
    strata, runs = stream.shape
    fail, passed = decisions.fail, decisions.passed
    if truth in ("late", "held"):
        rolled_back, promoted, at = fail < strata, np.zeros(runs, dtype=bool), fail
        wrong = fail < stream.since if truth == "late" else ~rolled_back
    else:
        until = strata if truth == "equal" else np.minimum(passed, strata)
        rolled_back, promoted = fail < until, passed < np.minimum(fail, strata)
        at = np.minimum(fail, passed)
        wrong = {"equal": rolled_back, "bad": promoted, "margin": promoted}.get(truth, np.zeros(runs, dtype=bool))
    number = np.arange(runs)
    last = np.minimum(at, strata - 1)
    counted = np.arange(strata)[:, None] >= stream.since
    m = np.where(counted, stream.counts.total_c, 0.0)
    excess = np.where(counted, stream.counts.bad_c - m * stream.rate_s, 0.0)
    exposures, beyond = (np.cumsum(one, axis=0)[last, number] for one in (m, excess))
    return Outcome(rolled_back, promoted, exposures, beyond, wrong)
