"""Judges the evidence of a proportion or latency metric, and says it in numbers for people."""

import math
from dataclasses import replace

from modelrollout.api import Metric, Role, format_duration
from modelrollout.api.status import Verdict
from modelrollout.decisions.analysis_limits import dispersion_of, within, worst_allowed
from modelrollout.decisions.analysis_state import ComparedState
from modelrollout.decisions.findings import Finding
from modelrollout.decisions.questions import Question

MISSED = 3.0
"""Numerator events that must be expected of the candidate before their absence means that nobody counts them.

An equal candidate shows none with a chance of exp(-3) = 5 %; the finding waits then, it does not fail.
"""


def judge_compared(metric: Metric, state: ComparedState, question: Question, at: float) -> Finding:
    """What the evidence says at the moment `at` (seconds since the epoch)."""
    finding = _measured(metric, state, question, at)
    if question.watching and metric.role == Role.GUARDRAIL:
        return _watched(metric, state, question, finding, at)
    test = state.test
    said = _sentence(metric, question, finding)
    if state.failed:
        what = "does not reach the gain" if metric.role == Role.GOAL else "is worse than acceptable"
        evidence = f"evidence {test.peak_log_e_fail:.1f} of {-math.log(test.alpha):.1f}"
        return replace(
            finding, verdict=Verdict.FAIL, reason="Worse", message=f"{said}; {question.candidate} {what}: {evidence}"
        )
    blind = _blind(metric, state, question, finding, at)
    if blind is not None:
        return blind
    needed = -math.log(test.beta)
    if float(test.log_e_pass) >= needed:
        proof = f"{said}; proven, evidence {test.log_e_pass:.1f} of {needed:.1f}"
        return replace(finding, verdict=Verdict.PASS, reason="Proven", message=proof)
    so_far = _so_far(finding, needed, -math.log(test.alpha))
    aside = f" (dispersion {test.dispersion:g} assumed)" if finding.assumed else ""
    return replace(finding, reason="NotYet", message=f"{said}; {so_far}{aside}")


def _so_far(finding: Finding, for_pass: float, for_fail: float) -> str:
    """The evidence that is further on its way, in natural units, against what it needs."""
    passing, failing = finding.evidence_pass or 0.0, finding.evidence_fail or 0.0
    if failing > max(passing, 0.0):
        return f"evidence of worse {failing * for_fail:.1f} of {for_fail:.1f}"
    return f"evidence {max(0.0, passing) * for_pass:.1f} of {for_pass:.1f}"


def _measured(metric: Metric, state: ComparedState, question: Question, at: float) -> Finding:
    """Every number of the finding; the verdict is still open."""
    test = state.test
    (events, total), (stable_events, stable_total) = test.candidate, test.stable
    candidate, stable = _share(events, total), _share(stable_events, stable_total)
    kind = "ratio" if metric.limits().margin.ratio is not None else "difference"
    interval = None if not total else test.ratio() if kind == "ratio" else test.difference()
    own_step = state.step_since == question.step_since and float(test.step_candidate[1]) > 0
    step_share = _share(*test.step_candidate) if own_step else None
    inside = None if step_share is None else within(metric, float(test.step_effect), step_share)
    return Finding(
        metric=metric.name,
        role=metric.role,
        verdict=Verdict.INCONCLUSIVE,
        candidate=candidate,
        stable=stable,
        limit=None if stable is None else worst_allowed(metric, stable),
        effect=_finite(test.effect),
        low=None if interval is None else _finite(interval.low),
        high=None if interval is None else _finite(interval.high),
        effect_kind=kind,
        evidence_fail=float(test.log_e_fail) / -math.log(test.alpha),
        evidence_pass=float(test.log_e_pass) / -math.log(test.beta),
        candidate_count=int(total),
        stable_count=int(stable_total),
        fresh=state.trouble is None and not _stale(state, question, at),
        inside_margin=inside,
        alpha=test.alpha,
        dispersion=test.dispersion,
        assumed=dispersion_of(question.spec) is None and not state.measured,
        lost=state.lost,
    )


def _blind(metric: Metric, state: ComparedState, question: Question, finding: Finding, at: float) -> Finding | None:
    """Why nothing may be concluded, None when something may."""
    if state.trouble is not None:
        return replace(finding, verdict=Verdict.ERROR, reason=state.trouble.reason, message=state.trouble.message)
    missing = _missing(state, question)
    if missing:
        message = f"{metric.name}: no series of {missing} found; check the selectors, and series: {metric.series}"
        return replace(finding, reason="NoData", message=message)
    stale = _stale(state, question, at)
    if stale:
        return replace(finding, reason="Stale", message=f"{metric.name}: {stale}")
    if state.seen[0] or not state.seen[1] or metric.better == "Higher" or metric.latency is not None:
        return None  # without its numerator a candidate looks perfect only where fewer events are better
    expected = (finding.stable or 0.0) * (finding.candidate_count or 0)
    if expected < MISSED:
        return None
    return replace(
        finding,
        fresh=False,  # as good as no data: no step may be left on it
        reason="NumeratorNeverSeen",
        message=(
            f"{metric.name}: {question.candidate} has never shown the numerator's series, where about {expected:.0f} "
            f"events would be expected from {question.stable}: it may not be counted there"
        ),
    )


def _missing(state: ComparedState, question: Question) -> str:
    wanted = (question.candidate,) if question.watching else (question.candidate, question.stable)
    return " and ".join(name for name, newest in zip(wanted, state.newest, strict=False) if newest is None)


def _stale(state: ComparedState, question: Question, at: float) -> str:
    """Which side's newest sample is too old, as a sentence; empty when neither is."""
    interval = question.spec.analysis.interval.total_seconds()
    # Scrapes that come less often than the interval are new when each has come in its time.
    allowed = max(2 * interval, state.width or 0.0)
    wanted = (question.candidate,) if question.watching else (question.candidate, question.stable)
    for name, newest in zip(wanted, state.newest, strict=False):
        if newest is None:
            return f"no data of {name}"
        if at - newest > allowed:
            return f"the newest data of {name} are {at - newest:.0f} s old, more than {allowed:g} s"
    return ""


def _watched(metric: Metric, state: ComparedState, question: Question, finding: Finding, at: float) -> Finding:
    """A promoted version against the limit from the former stable version's history."""
    watch = state.watch
    if watch is None:
        blind = _blind(metric, state, question, finding, at)
        return blind or replace(finding, reason="NoBaseline", message=f"{metric.name}: nothing to compare with yet")
    (events, total), limit = watch.counts, float(watch.state()["config"]["limit"])
    share = _share(events, total)
    finding = replace(
        finding,
        candidate=share,
        limit=limit,
        effect=None,
        low=None,
        high=None,
        effect_kind="",
        evidence_fail=float(watch.log_e_fail) / -math.log(watch.alpha),
        evidence_pass=float(watch.log_e_pass) / -math.log(watch.beta),
        candidate_count=int(total),
        inside_margin=None if share is None else (share >= limit if metric.better == "Higher" else share <= limit),
    )
    said = f"{_sentence(metric, question, finding)} by its history"
    if state.failed:
        evidence = f"evidence {watch.peak_log_e_fail:.1f} of {-math.log(watch.alpha):.1f}"
        return replace(finding, verdict=Verdict.FAIL, reason="Worse", message=f"{said}; worse now: {evidence}")
    blind = _blind(metric, state, question, finding, at)
    if blind is not None:
        return blind
    if watch.verdict == "Pass":
        return replace(finding, verdict=Verdict.PASS, reason="Proven", message=f"{said}; better than the limit")
    return replace(finding, reason="NotYet", message=said)


def _sentence(metric: Metric, question: Question, finding: Finding) -> str:
    what = metric.name
    if metric.latency is not None:
        what += f" (above {format_duration(metric.latency.above)})"
    if not finding.candidate_count:
        return f"{what}: no answers judged yet"
    limit = "" if finding.limit is None else f", {_limit_word(metric)} {percent(finding.limit)}"
    return (
        f"{what} {percent(finding.candidate)} of {finding.candidate_count:,} against {percent(finding.stable)} of "
        f"{question.stable}{limit}"
    )


def _limit_word(metric: Metric) -> str:
    return "goal" if metric.role == Role.GOAL else "limit"


def percent(share: float | None) -> str:
    """A share as people read it: three digits that count, and "unknown" without data."""
    if share is None:
        return "unknown"
    return f"{100 * share:.3g} %" if abs(share) < 0.9995 else f"{100 * share:.5g} %"


def _share(events: object, total: object) -> float | None:
    events, total = float(str(events)), float(str(total))
    return events / total if total else None


def _finite(value: object) -> float | None:
    number = float(str(value))
    return number if math.isfinite(number) else None
