"""Judges the evidence of a metric that is tested by counters, and says it in numbers for people."""

import math
from dataclasses import replace

from modelrollout.api import Metric, Role
from modelrollout.api.status import Verdict
from modelrollout.decisions.analysis.alone import judge_preview
from modelrollout.decisions.analysis.blind import blind, stale
from modelrollout.decisions.analysis.coverage import in_doubt
from modelrollout.decisions.analysis.family import Needed
from modelrollout.decisions.analysis.limits import dispersion_of
from modelrollout.decisions.analysis.slice_findings import effective, slice_findings
from modelrollout.decisions.analysis.state import ComparedState
from modelrollout.decisions.analysis.watch import judge_watched
from modelrollout.decisions.findings import Finding
from modelrollout.decisions.kinds import Kind, kind_of
from modelrollout.decisions.kinds.wording import finite
from modelrollout.decisions.questions import Question


def judge_compared(metric: Metric, state: ComparedState, question: Question, at: float, held_to: Needed) -> Finding:
    """What the evidence says at the moment `at` (seconds since the epoch)."""
    kind = kind_of(metric)
    if kind is None:
        raise ValueError(f"{metric.name} is of a kind that compares nothing")
    for_fail = held_to.metrics.get(metric.name, -math.log(state.test.alpha))
    finding = _measured(metric, kind, state, question, at, for_fail, held_to)
    if question.watching and metric.role == Role.GUARDRAIL:
        return judge_watched(metric, kind, state, question, finding, at)
    if question.preview:
        return judge_preview(metric, kind, state, question, finding)
    test = state.test
    said = sentence(metric, kind, state, question, finding)
    if state.failed:
        what = "does not reach the gain" if metric.role == Role.GOAL else "is worse than acceptable"
        evidence = f"evidence {test.peak_log_e_fail:.1f} of {for_fail:.1f}"
        return replace(
            finding, verdict=Verdict.FAIL, reason="Worse", message=f"{said}; {question.candidate} {what}: {evidence}"
        )
    if state.slices is not None and state.slices.failed:
        return _failed_slice(metric, kind, state, finding, question)
    why = blind(metric, kind, state, question, finding, at)
    if why is not None:
        return why
    if question.audience:
        title = kind.title(metric, state.frozen or ())
        aside = f"{title}: not compared while only an audience meets {question.candidate}"
        return replace(finding, reason="Audience", message=aside)
    if not finding.candidate_count:
        return replace(finding, reason="NotYet", message=said)
    needed = -math.log(test.beta)
    if float(test.log_e_pass) >= needed:
        doubt = in_doubt(metric, kind, state, finding)
        if doubt:
            return replace(finding, reason="LabelsMissing", message=f"{said}; {doubt}")
        proof = f"{said}; proven, evidence {test.log_e_pass:.1f} of {needed:.1f}"
        return replace(finding, verdict=Verdict.PASS, reason="Proven", message=proof)
    so_far = _so_far(finding, needed, for_fail)
    aside = f" (dispersion {test.dispersion:g} assumed)" if finding.assumed else ""
    return replace(finding, reason="NotYet", message=f"{said}; {so_far}{aside}")


def _so_far(finding: Finding, for_pass: float, for_fail: float) -> str:
    """The evidence that is further on its way, in natural units, against what it needs."""
    passing, failing = finding.evidence_pass or 0.0, finding.evidence_fail or 0.0
    if failing > max(passing, 0.0):
        return f"evidence of worse {failing * for_fail:.1f} of {for_fail:.1f}"
    return f"evidence {max(0.0, passing) * for_pass:.1f} of {for_pass:.1f}"


def _measured(
    metric: Metric, kind: Kind, state: ComparedState, question: Question, at: float, for_fail: float, held_to: Needed
) -> Finding:
    """Every number of the finding; the verdict is still open."""
    test = state.test
    candidate, stable = (None if value is None else finite(value) for value in test.estimates)
    total, stable_total = test.exposures
    interval = test.interval() if total else None
    given = dispersion_of(question.spec) is not None
    scatter = float(test.dispersion) if state.measured or given else 1.0
    own_step = state.step_since == question.step_since and float(test.step_exposures[0]) > 0
    return Finding(
        metric=metric.name,
        role=metric.role,
        verdict=Verdict.INCONCLUSIVE,
        candidate=candidate,
        stable=stable,
        limit=kind.limit(metric, stable),
        effect=finite(test.effect),
        low=None if interval is None else finite(interval.low),
        high=None if interval is None else finite(interval.high),
        effect_kind=test.effect_kind,
        evidence_fail=float(test.log_e_fail) / for_fail,
        evidence_pass=float(test.log_e_pass) / -math.log(test.beta),
        candidate_count=int(total),
        stable_count=None if stable_total is None else int(stable_total),
        fresh=state.trouble is None and not stale(state, question, kind, at),
        inside_margin=kind.inside(metric, test) if own_step else None,
        alpha=math.exp(-for_fail),
        dispersion=float(test.dispersion),
        assumed=not given and not state.measured,
        lost=state.lost,
        slices=slice_findings(metric, kind, state, held_to, scatter),
        identical=None if state.identical is None else int(state.identical),
        samples=effective(kind.samples(test), scatter),
    )


def _failed_slice(metric: Metric, kind: Kind, state: ComparedState, finding: Finding, question: Question) -> Finding:
    """A guardrail that failed in a group of requests, in that group's numbers."""
    label = metric.slices.label if metric.slices is not None else ""
    failed = [one for one in finding.slices if one.verdict is Verdict.FAIL]
    names = ", ".join(state.slices.failed) if state.slices is not None else ""
    numbers = ""
    if failed:
        mine, theirs = (kind.text(metric, value) for value in (failed[0].candidate, failed[0].stable))
        numbers = f": {mine} of {failed[0].candidate_count or 0:,} against {theirs} of {question.stable}"
    return replace(
        finding,
        verdict=Verdict.FAIL,
        reason="SliceWorse",
        message=f"{kind.title(metric, state.frozen or ())} is worse than acceptable where {label} is {names}{numbers}",
    )


def sentence(metric: Metric, kind: Kind, state: ComparedState, question: Question, finding: Finding) -> str:
    """The numbers of a finding in the words of the metric's kind."""
    frozen = state.frozen or ()
    if not finding.candidate_count:
        return f"{kind.title(metric, frozen)}: no answers judged yet"
    return kind.sentence(metric, finding, question.stable, frozen)
