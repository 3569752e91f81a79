"""Lines of the decision record: what was known when a step was entered or left, small enough to keep."""

from collections.abc import Mapping

from modelrollout.decisions.draft import Draft
from modelrollout.decisions.findings import Finding

_NUMBERS = (
    "candidate",
    "stable",
    "limit",
    "effect",
    "low",
    "high",
    "evidence_fail",
    "evidence_pass",
    "candidate_count",
    "stable_count",
)


def boundary(draft: Draft, decision: str) -> Mapping[str, object]:
    """One line: when, which run and step, what was decided, and every finding it was decided from."""
    run, evidence = draft.run, draft.evidence
    ours = evidence is not None and evidence.run == run.id
    line: dict[str, object] = {
        "at": draft.now.isoformat(timespec="milliseconds"),
        "run": run.id,
        "step": run.step + 1,
        "steps": run.steps,
        "weight": run.weight,
        **({"audience": list(run.audience)} if run.audience else {}),
        **({"mirror": run.mirror} if run.mirror else {}),
        "decision": decision,
        **({"approved": run.approved} if run.approved else {}),
        "findings": [_finding(one) for one in evidence.findings] if ours and evidence else [],
    }
    if ours and evidence:
        line["until"] = evidence.until
        line["answers"] = dict(evidence.answers)
        if evidence.arms:
            line["arms"] = {name: [_finding(one) for one in of.findings] for name, of in evidence.arms.items()}
            line["duels"] = [{"first": d.first, "second": d.second, **_finding(d.finding)} for d in evidence.duels]
    if run.arms:
        line["weights"] = {arm.version: arm.weight for arm in run.arms}
    if run.sticky:
        line["sticky"] = run.sticky
    return line


def _finding(finding: Finding) -> Mapping[str, object]:
    numbers = {name: getattr(finding, name) for name in _NUMBERS}
    return {
        "metric": finding.metric,
        "role": str(finding.role),
        "verdict": str(finding.verdict),
        "reason": finding.reason,
        **({"effect_kind": finding.effect_kind} if finding.effect is not None else {}),
        **{name: round(value, 6) for name, value in numbers.items() if value is not None},
    }
