"""The evidence of a run so far: all that later folds and judgements need, and its form in the resource's status.

States are values: folding makes a new one and leaves the old one as it was. The tests inside are never changed once
they are part of a state.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from modelrollout.decisions.analysis.samples import Trouble
from modelrollout.decisions.analysis.slices import SliceState
from modelrollout.decisions.kinds.kind import Frozen
from modelrollout.stats import AgainstLimit, AnsweredShare, Coverage, SampleRatio, Threshold
from modelrollout.stats.heterogeneity import Heterogeneity

VERSION = 3
ONLY_FAILURES = 0
"""Version of a checkpoint that holds nothing but which metrics, and which of their slices, have failed."""

ELSEWHERE = -1.0
"""Stands for the candidate's share of the answers while the route does not give it the share that was decided."""

LARGEST = 48 * 1024
"""Characters of a checkpoint; a status has 64 KiB in all."""


@dataclass(frozen=True, slots=True)
class ComparedState:
    """Evidence of a metric that is tested by counters.

    Attributes:
        test: of the metric's kind: candidate against stable, or the candidate against a limit.
        frozen: what the kind fixed before the first stratum; None until it did.
        dispersion: by what its log evidence is divided; None until the history before the run was looked at.
        measured: the dispersion is the history's, not written in the spec and not assumed.
        scatter: what the run itself shows of it, where it is to be measured; it is only raised.
        width: of its strata in seconds, None until scrapes showed how often they come; never changed after.
        scrape: seconds between two scrapes, as seen then.
        until: end of the last closed stratum, seconds since the epoch; None before the first one.
        step_since: beginning of the step whose strata were folded last.
        strata: how many were folded.
        lost: how many Prometheus had not for both versions.
        seen: whether any numerator series of the candidate, and of stable, was ever there.
        newest: time of the newest sample of the candidate, and of stable.
        slices: evidence of groups of requests, where those are judged apart.
        share: whether the candidate answers what its weight brings, where the metric counts all answers.
        answered: the candidate's answers were counted in some closed stratum, for `share`.
        split: whether traffic is split as the weight says; the first metric with a share keeps it.
        coverage: whether labels cover both versions' answers alike, where the metric counts them all.
        baseline: stable counted by itself, where the candidate never answers beside it.
        watch: the candidate alone against a limit, once it was promoted.
        identical: the candidate's answers that were exactly stable's, where somebody counts them.
        failed: Fail was reached in this run.
        trouble: why the last question was not answered, None when it was.
        hint: why there was nothing new in the last answer, as the samples say; for people, nothing follows from it.
    """

    test: Any
    frozen: Frozen | None = ()
    dispersion: float | None = None
    measured: bool = False
    scatter: Heterogeneity | None = None
    width: float | None = None
    scrape: float = 0.0
    until: float | None = None
    step_since: float | None = None
    strata: int = 0
    lost: int = 0
    seen: tuple[bool, bool] = (False, False)
    newest: tuple[float | None, float | None] = (None, None)
    slices: SliceState | None = None
    share: AnsweredShare | None = None
    answered: bool = False
    split: SampleRatio | None = None
    coverage: Coverage | None = None
    baseline: Any = None
    watch: AgainstLimit | None = None
    identical: float | None = None
    failed: bool = False
    trouble: Trouble | None = None
    hint: str = ""

    def stored(self) -> dict[str, Any]:
        """As JSON."""
        document: dict[str, Any] = {
            "test": self.test.state(),
            "frozen": None if self.frozen is None else list(self.frozen),
            "dispersion": self.dispersion,
            "measured": self.measured,
            "width": self.width,
            "scrape": self.scrape,
            "until": self.until,
            "stepSince": self.step_since,
            "strata": self.strata,
            "lost": self.lost,
            "seen": list(self.seen),
            "newest": list(self.newest),
            "failed": self.failed,
        }
        if self.scatter is not None:
            document["scatter"] = self.scatter.state()
        if self.slices is not None:
            document["slices"] = self.slices.stored()
        if self.share is not None:
            document["share"] = self.share.state()
            document["answered"] = self.answered
        if self.split is not None:
            document["split"] = self.split.state()
        if self.coverage is not None:
            document["coverage"] = self.coverage.state()
        if self.baseline is not None:
            document["baseline"] = self.baseline.state()
        if self.identical is not None:
            document["identical"] = self.identical
        if self.watch is not None:
            document["watch"] = self.watch.state()
        return document

    def failures(self) -> dict[str, Any]:
        """That the metric has failed, and which of its slices, as JSON."""
        slices = {} if self.slices is None else {"slices": {"failed": list(self.slices.failed)}}
        return {"failed": self.failed, **slices}

    @classmethod
    def from_stored(cls, document: Mapping[str, Any], fresh: Self) -> Self:
        """From `stored()`, where `fresh` is the state of the same metric before any data.

        KeyError, TypeError or ValueError (UnknownState) for anything else.
        """
        slices = fresh.slices
        frozen = document["frozen"]
        return cls(
            test=type(fresh.test).from_state(document["test"]),
            frozen=None if frozen is None else tuple(map(float, frozen)),
            dispersion=_number(document["dispersion"]),
            measured=bool(document["measured"]),
            scatter=Heterogeneity.from_state(document["scatter"]) if "scatter" in document else None,
            width=_number(document["width"]),
            scrape=float(document["scrape"]),
            until=_number(document["until"]),
            step_since=_number(document["stepSince"]),
            strata=int(document["strata"]),
            lost=int(document["lost"]),
            seen=(bool(document["seen"][0]), bool(document["seen"][1])),
            newest=(_number(document["newest"][0]), _number(document["newest"][1])),
            slices=None if slices is None else SliceState.from_stored(document["slices"], slices.test),
            share=AnsweredShare.from_state(document["share"]) if "share" in document else None,
            answered=bool(document.get("answered")),
            split=SampleRatio.from_state(document["split"]) if "split" in document else None,
            coverage=Coverage.from_state(document["coverage"]) if "coverage" in document else None,
            baseline=type(fresh.test).from_state(document["baseline"]) if "baseline" in document else None,
            watch=AgainstLimit.from_state(document["watch"]) if "watch" in document else None,
            identical=_number(document.get("identical")),
            failed=bool(document["failed"]),
        )


@dataclass(frozen=True, slots=True)
class ThresholdState:
    """Checks of a threshold.

    Attributes:
        test: counts the checks outside the bounds.
        inside: checks in a row, in this step, that found the value inside.
        cell: number of the analysis interval of the last check, counted from the epoch.
        at: when a value was last found.
        step_since: beginning of the step of the last check.
        trouble: why the last question was not answered, None when it was.
    """

    test: Threshold
    inside: int = 0
    cell: int | None = None
    at: float | None = None
    step_since: float | None = None
    trouble: Trouble | None = None

    def stored(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "test": self.test.state(),
            "inside": self.inside,
            "cell": self.cell,
            "at": self.at,
            "stepSince": self.step_since,
        }

    @classmethod
    def from_stored(cls, document: Mapping[str, Any]) -> Self:
        """From `stored()`; KeyError, TypeError or ValueError (UnknownState) for anything else."""
        return cls(
            test=Threshold.from_state(document["test"]),
            inside=int(document["inside"]),
            cell=None if document["cell"] is None else int(document["cell"]),
            at=_number(document["at"]),
            step_since=_number(document["stepSince"]),
        )


MetricState = ComparedState | ThresholdState | Trouble
"""A Trouble stands for a metric that no test can be made of."""


@dataclass(frozen=True, slots=True)
class AnalysisState:
    """Evidence of a run.

    Attributes:
        run: its id.
        baseline: revision of the stable version that the evidence compares with, empty when unknown.
        router: short for the names under which the router counted the versions when last folded, empty before.
        share: the candidate's share of all answers when last folded, 0 to 1, and `weight_since` when it began;
            ELSEWHERE while the route had another one.
        at: the moment up to which samples were last asked for, None before the first fold.
        unreachable: why Prometheus could not be asked then, empty when it answered.
        metrics: by the metric's name.
    """

    run: str
    baseline: str = ""
    router: str = ""
    share: float = 0.0
    weight_since: float = 0.0
    at: float | None = None
    unreachable: str = ""
    metrics: Mapping[str, MetricState] = field(default_factory=dict)

    @property
    def until(self) -> float | None:
        """End of the last stratum that is closed for every compared metric, None before the first."""
        ends = [one.until for one in self.metrics.values() if isinstance(one, ComparedState)]
        closed = [end for end in ends if end is not None]
        return min(closed) if closed and len(closed) == len(ends) else None

    def checkpoint(self, room: int | None = None) -> dict[str, Any]:
        """As JSON for the resource's status: about 1 KiB for each compared metric, and half of one for each slice.

        Where that would not fit into a status, only what has failed is kept, and a restart folds from the run's start.

        Args:
            room: characters that there are for it; None: all that a status has.
        """
        document = self._document()
        if len(json.dumps(document)) <= (LARGEST if room is None else room):
            return document
        kept = {"v": ONLY_FAILURES, "run": self.run}
        compared = {name: one for name, one in self.metrics.items() if isinstance(one, ComparedState)}
        return kept | {"metrics": {name: one.failures() for name, one in compared.items()}}

    def _document(self) -> dict[str, Any]:
        return {
            "v": VERSION,
            "run": self.run,
            "until": self.until,
            "baseline": self.baseline,
            "router": self.router,
            "share": self.share,
            "weightSince": self.weight_since,
            "metrics": {name: one.stored() for name, one in self.metrics.items() if not isinstance(one, Trouble)},
        }


def _number(value: Any) -> float | None:  # noqa: ANN401 - JSON
    return None if value is None else float(value)
