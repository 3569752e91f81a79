"""A finding as status shows it: numbers as text, of few digits, so that noise alone writes nothing."""

from modelrollout.api.status import MetricStatus, SliceStatus
from modelrollout.decisions.findings import Finding, SliceFinding


def metric_status(finding: Finding) -> MetricStatus:
    """A finding as status shows it to people."""
    return MetricStatus(
        name=finding.metric,
        role=str(finding.role),
        verdict=finding.verdict,
        reason=finding.reason,
        message=finding.message[:1024],
        candidate=_number(finding.candidate),
        stable=_number(finding.stable),
        limit=_number(finding.limit),
        effect=_effect(finding),
        candidate_count=finding.candidate_count,
        stable_count=finding.stable_count,
        evidence_fail=_number(finding.evidence_fail),
        evidence_pass=_number(finding.evidence_pass),
        alpha=_number(finding.alpha),
        dispersion=_number(finding.dispersion),
        dispersion_assumed=True if finding.assumed else None,
        lost_strata=finding.lost or None,
        slices=[_slice_status(one) for one in finding.slices[:3]] or None,
    )


def _slice_status(finding: SliceFinding) -> SliceStatus:
    return SliceStatus(
        value=finding.value[:128],
        verdict=finding.verdict,
        candidate=_number(finding.candidate),
        stable=_number(finding.stable),
        effect=_effect(finding),
        evidence_fail=_number(finding.evidence_fail),
        candidate_count=finding.candidate_count,
        stable_count=finding.stable_count,
    )


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.4g}"


def _effect(finding: Finding | SliceFinding) -> str | None:
    if finding.effect is None:
        return None
    interval = "" if finding.low is None or finding.high is None else f" [{finding.low:.3g}, {finding.high:.3g}]"
    return f"{finding.effect_kind} {finding.effect:.3g}{interval}"
