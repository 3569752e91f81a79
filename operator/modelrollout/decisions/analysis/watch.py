"""Judges a promoted version that is alone: against the limit from the former stable version's history."""

import math
from dataclasses import replace

from modelrollout.api import Better, Metric
from modelrollout.api.status import Verdict
from modelrollout.decisions.analysis.blind import blind
from modelrollout.decisions.analysis.state import ComparedState
from modelrollout.decisions.findings import Finding
from modelrollout.decisions.kinds import Kind
from modelrollout.decisions.kinds.wording import finite
from modelrollout.decisions.questions import Question


def judge_watched(
    metric: Metric, kind: Kind, state: ComparedState, question: Question, finding: Finding, at: float
) -> Finding:
    """What the candidate's answers since its promotion say; `finding` has the numbers of the trial."""
    watch, frozen = state.watch, state.frozen or ()
    if watch is None:
        why = blind(metric, kind, state, question, finding, at)
        message = f"{kind.title(metric, frozen)}: {kind.no_baseline}"
        return why or replace(finding, reason="NoBaseline", message=message)
    total, limit = float(watch.counts[1]), float(watch.state()["config"]["limit"])
    share = finite(watch.effect)
    higher = metric.better == Better.HIGHER
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
        inside_margin=None if share is None else (share >= limit if higher else share <= limit),
    )
    said = f"{kind.sentence(metric, finding, question.stable, frozen)} by its history"
    if state.failed:
        evidence = f"evidence {watch.peak_log_e_fail:.1f} of {-math.log(watch.alpha):.1f}"
        return replace(finding, verdict=Verdict.FAIL, reason="Worse", message=f"{said}; worse now: {evidence}")
    why = blind(metric, kind, state, question, finding, at)
    if why is not None:
        return why
    if watch.verdict == "Pass":
        return replace(finding, verdict=Verdict.PASS, reason="Proven", message=f"{said}; better than the limit")
    return replace(finding, reason="NotYet", message=said)
