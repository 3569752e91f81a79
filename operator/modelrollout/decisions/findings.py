"""What the evidence says: made by `analysis`, read by the gates."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelrollout.api.status import Verdict
from modelrollout.stats.chances import chance_of_larger_mean
from modelrollout.stats.fixed_horizon import Sample


@dataclass(frozen=True, slots=True)
class SliceFinding:
    """What one metric says now of one group of requests.

    Attributes:
        value: of the label that tells the groups apart.
        verdict: as of the metric.
        candidate, stable, effect, low, high, effect_kind, evidence_fail, candidate_count, stable_count, samples: as of
            the metric, from this group alone.
    """

    value: str
    verdict: Verdict
    candidate: float | None = None
    stable: float | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    effect_kind: str = ""
    evidence_fail: float | None = None
    candidate_count: int | None = None
    stable_count: int | None = None
    samples: tuple[Sample, Sample] | None = None

    @property
    def chance_higher(self) -> float | None:
        """As of the metric."""
        return _chance_higher(self.samples)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one metric says now.

    Attributes:
        metric: its name.
        role: Guardrail, Goal or Monitor.
        verdict: Fail is sticky within a run, Pass is not.
        reason: one CamelCase word: Proven, Worse, NoData, Stale, QueryFailed, NumeratorNeverSeen, ...
        message: a sentence with the numbers.
        candidate, stable: point estimates over the run (share, seconds or the threshold's value).
        limit: the worst value of the candidate that may be promoted, given the stable version's value.
        effect, low, high: estimate and confidence sequence of the effect the test tests (ratio or difference).
        effect_kind: "ratio" or "difference", empty for thresholds.
        evidence_fail, evidence_pass: log evidence divided by the log limit; 1 and more is decisive.
        candidate_count, stable_count: exposures behind it.
        fresh: the newest data of both sides is at most two analysis intervals old.
        inside_margin: the point estimate from this step's data alone is inside the margin; None without data.
        alpha: the chance of a false Fail that this metric may use up; None for thresholds.
        dispersion: by what the log evidence is divided, at least 1; None for thresholds.
        assumed: the dispersion was to be measured, and stable's history was too short for it.
        lost: strata left out because Prometheus did not have them for both versions.
        slices: the worst groups of requests, worst first, at most three.
        identical: the candidate's answers that were exactly stable's; None where nobody counts them.
        samples: mean, deviation and effective size of candidate and stable over the whole run, pooled, for what is said
            of chances and for classical tests; None for kinds that have none.
    """

    metric: str
    role: str
    verdict: Verdict
    reason: str = ""
    message: str = ""
    candidate: float | None = None
    stable: float | None = None
    limit: float | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    effect_kind: str = ""
    evidence_fail: float | None = None
    evidence_pass: float | None = None
    candidate_count: int | None = None
    stable_count: int | None = None
    fresh: bool = False
    inside_margin: bool | None = None
    alpha: float | None = None
    dispersion: float | None = None
    assumed: bool = False
    lost: int = 0
    slices: tuple[SliceFinding, ...] = ()
    identical: int | None = None
    samples: tuple[Sample, Sample] | None = None

    @property
    def chance_higher(self) -> float | None:
        """Chance that the candidate's value is the higher one; for people, nothing is decided by it."""
        return _chance_higher(self.samples)


def _chance_higher(samples: tuple[Sample, Sample] | None) -> float | None:
    chance = chance_of_larger_mean(*samples) if samples is not None else math.nan
    return None if math.isnan(chance) else chance


@dataclass(frozen=True, slots=True)
class Duel:
    """Two candidates of an experiment against each other, by the metric that ranks them.

    Attributes:
        first, second: their versions.
        finding: of the first as the candidate and the second in the place of stable. Pass: the first is proven to be
            the better one; Fail: the second is.
    """

    first: str
    second: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class Split:
    """Whether traffic is split as the weights say, over all strata in which they did not change.

    Attributes:
        mismatch: it is not, at a level that looking often does not change. What is compared is in doubt then.
        found: the candidate's share of the answers, 0 to 1.
        intended: its share of the traffic by the weights, over the same strata.
        p_value: of the split being as intended; valid whenever one looks.
    """

    mismatch: bool
    found: float
    intended: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """All findings of a run at one moment.

    Attributes:
        run: id of the run it belongs to.
        step: index of the step it was gathered for; evidence of another step is not used to leave this one.
        findings: one per metric, in the order of the spec.
        until: end of the last closed stratum, seconds since the epoch; None before the first one.
        answers: answers of each version since the step began, from closed strata.
        traffic_lost: the metrics by whose counts the candidate answered less than half of its share three strata in a
            row; empty while any that sees the traffic says otherwise.
        split: whether traffic is split as intended; None before there are answers. A warning, never a verdict.
        unreachable: why Prometheus could not be asked, empty when it answered.
        checkpoint: JSON state from which folding goes on after a restart.
        arms: of an experiment, what there is of each candidate against stable, by version; `findings` are empty then.
        duels: and what there is of the candidates against each other.
    """

    run: str
    step: int
    findings: tuple[Finding, ...] = ()
    until: float | None = None
    answers: Mapping[str, int] = field(default_factory=dict)
    traffic_lost: tuple[str, ...] = ()
    split: Split | None = None
    unreachable: str = ""
    checkpoint: Mapping[str, Any] = field(default_factory=dict)
    arms: Mapping[str, "Evidence"] = field(default_factory=dict)
    duels: tuple[Duel, ...] = ()
