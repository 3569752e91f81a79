"""What the evidence of a metric is heading for, and when it can be expected there; pure."""

import math

from modelrollout.api import Analysis, Better, Metric
from modelrollout.decisions.expectation import Expectation, Outlook, of_checks, of_evidence
from modelrollout.decisions.findings import Finding


def to_pass(metric: Metric, finding: Finding, analysis: Analysis, per_second: float) -> Expectation:
    """When the metric passes.

    Args:
        metric: as the plan has it.
        finding: what it says now.
        analysis: how large the errors may be, and how often one looks.
        per_second: answers of the candidate that come now.
    """
    if finding.verdict == "Fail":
        return Expectation(Outlook.NEVER, why="it failed, which stays so in this run")
    if metric.threshold is not None:
        interval = analysis.interval.total_seconds()
        return of_checks(finding.evidence_pass or 0.0, metric.threshold.consecutive, interval)
    needed = -math.log(analysis.false_promotion)
    outside = beyond_limit(metric, finding)
    return of_evidence(finding.evidence_pass, needed, finding.candidate_count, per_second, outside=outside)


def to_fail(metric: Metric, finding: Finding, per_second: float) -> Expectation | None:
    """When the metric fails; None where that is not what it is heading for."""
    failing, passing = finding.evidence_fail or 0.0, finding.evidence_pass or 0.0
    if metric.threshold is not None or finding.alpha is None or failing <= max(0.0, passing):
        return None
    return of_evidence(failing, -math.log(finding.alpha), finding.candidate_count, per_second)


def beyond_limit(metric: Metric, finding: Finding) -> bool:
    """Whether the candidate's value over the whole run lies beyond the worst that may be promoted."""
    if finding.candidate is None or finding.limit is None:
        return False
    higher = metric.better == Better.HIGHER or metric.agreement is not None
    return finding.candidate < finding.limit if higher else finding.candidate > finding.limit
