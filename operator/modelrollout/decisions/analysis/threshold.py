"""Folds and judges thresholds: a value of the candidate within bounds, so many checks in a row."""

import math
from dataclasses import replace

from modelrollout.api import Metric, ThresholdMetric
from modelrollout.api.status import Verdict
from modelrollout.decisions.analysis.samples import ValueSample
from modelrollout.decisions.analysis.state import ThresholdState
from modelrollout.decisions.findings import Finding
from modelrollout.decisions.questions import Question
from modelrollout.stats import Threshold


def threshold_test(threshold: ThresholdMetric) -> Threshold:
    """The test before any check."""
    return Threshold(min=threshold.min, max=threshold.max, consecutive=threshold.consecutive)


def is_inside(threshold: ThresholdMetric, value: float) -> bool:
    """Whether a value lies within the bounds, which belong to them."""
    return not ((threshold.min is not None and value < threshold.min) or _above(threshold, value))


def _above(threshold: ThresholdMetric, value: float) -> bool:
    return threshold.max is not None and value > threshold.max


def fold_threshold(
    state: ThresholdState, threshold: ThresholdMetric, question: Question, sample: ValueSample, at: float
) -> ThresholdState:
    """The state after a check; a second one in the same analysis interval is no check of its own.

    A missing value ends the checks in a row that found the value inside, and leaves those outside as they are.
    """
    cell = math.floor(at / question.spec.analysis.interval.total_seconds() + 1e-6)
    state = replace(state, trouble=None)
    if state.cell is not None and cell <= state.cell:
        return state
    test = Threshold.from_state(state.test.state())
    test.update(sample.value)
    before = state.inside if state.step_since == question.step_since else 0
    good = sample.value is not None and is_inside(threshold, sample.value)
    return replace(
        state,
        test=test,
        inside=before + 1 if good else 0,
        cell=cell,
        at=state.at if sample.value is None else at,
        step_since=question.step_since,
    )


def judge_threshold(
    metric: Metric, threshold: ThresholdMetric, state: ThresholdState, question: Question, at: float
) -> Finding:
    """What the checks say at the moment `at` (seconds since the epoch)."""
    needed = threshold.consecutive
    value = None if math.isnan(state.test.value) else float(state.test.value)
    allowed = 2 * question.spec.analysis.interval.total_seconds()
    beyond, inside = int(state.test.beyond), state.inside if state.step_since == question.step_since else 0
    finding = Finding(
        metric=metric.name,
        role=metric.role,
        verdict=Verdict.INCONCLUSIVE,
        candidate=value if value is not None and math.isfinite(value) else None,
        limit=_limit(threshold, value),
        evidence_fail=beyond / needed,
        evidence_pass=inside / needed,
        fresh=value is not None and state.at is not None and at - state.at <= allowed and state.trouble is None,
        inside_margin=None if value is None else is_inside(threshold, value),
    )
    said = f"{metric.name} {_text(value)} of {question.candidate}, {_bounds(threshold)}"
    if state.test.verdict == "Fail":
        return replace(
            finding,
            verdict=Verdict.FAIL,
            reason="OutsideBounds",
            message=f"{said}: outside for {beyond} checks in a row, {needed} fail",
        )
    if state.trouble is not None:
        return replace(finding, verdict=Verdict.ERROR, reason=state.trouble.reason, message=state.trouble.message)
    if value is None:
        return replace(finding, reason="NoData", message=f"{metric.name}: the query finds nothing, or no number")
    if not finding.fresh and state.at is not None:
        age = f"{at - state.at:.0f} s"
        return replace(finding, reason="Stale", message=f"{said}, but that was {age} ago")
    if inside >= needed:
        return replace(
            finding, verdict=Verdict.PASS, reason="WithinBounds", message=f"{said}: within for {inside} checks in a row"
        )
    count = f"outside for {beyond}" if not finding.inside_margin else f"within for {inside}"
    return replace(finding, reason="NotYet", message=f"{said}: {count} of {needed} checks in a row")


def _limit(threshold: ThresholdMetric, value: float | None) -> float | None:
    if threshold.max is None or (threshold.min is not None and value is not None and value < threshold.min):
        return threshold.min
    return threshold.max


def _bounds(threshold: ThresholdMetric) -> str:
    known = (("at least", threshold.min), ("at most", threshold.max))
    return "allowed " + " and ".join(f"{word} {_text(bound)}" for word, bound in known if bound is not None)


def _text(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"
