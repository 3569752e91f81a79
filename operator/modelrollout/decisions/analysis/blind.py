"""Why nothing may be concluded from a metric: silence never says anything."""

from dataclasses import replace

from modelrollout.api import Metric
from modelrollout.api.status import Verdict
from modelrollout.decisions.analysis.state import ComparedState
from modelrollout.decisions.findings import Finding
from modelrollout.decisions.kinds import Kind
from modelrollout.decisions.kinds.wording import percent
from modelrollout.decisions.questions import Question

MISSED = 3.0
"""Numerator events that must be expected of the candidate before their absence means that nobody counts them.

An equal candidate shows none with a chance of exp(-3) = 5 %; the finding waits then, it does not fail.
"""


def blind(
    metric: Metric, kind: Kind, state: ComparedState, question: Question, finding: Finding, at: float
) -> Finding | None:
    """The finding with the reason, None when something may be concluded."""
    if state.trouble is not None:
        return replace(finding, verdict=Verdict.ERROR, reason=state.trouble.reason, message=state.trouble.message)
    missing = _missing(state, question, kind)
    if missing:
        message = f"{metric.name}: no series of {missing} found; check the selectors, and series: {metric.series}"
        return replace(finding, reason="NoData", message=message)
    old = stale(state, question, kind, at)
    if old:
        return replace(finding, reason="Stale", message=f"{metric.name}: {old}")
    return _biased(metric, state, question, finding) or _uncounted(metric, kind, state, question, finding)


def _biased(metric: Metric, state: ComparedState, question: Question, finding: Finding) -> Finding | None:
    """Labels that cover one version more than the other."""
    if state.coverage is None or state.coverage.verdict != "Biased":
        return None
    mine, theirs = (percent(float(share)) for share in state.coverage.shares)
    return replace(
        finding,
        fresh=False,  # as good as no data: no step may be left on it
        reason="LabelBias",
        message=(
            f"{metric.name}: {mine} of the answers of {question.candidate} have a label and {theirs} of "
            f"{question.stable}: the labelled ones are no fair sample, so nothing is concluded from them"
        ),
    )


def _uncounted(
    metric: Metric, kind: Kind, state: ComparedState, question: Question, finding: Finding
) -> Finding | None:
    """A candidate whose numerator was never there looks perfect, or as bad as can be: most likely nobody counts it."""
    if state.seen[0] or not state.seen[1] or kind.numerator(metric) is None:
        return None
    expected = kind.expected(finding.stable, finding.candidate_count or 0)
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


def _wanted(question: Question, one_sided: bool) -> tuple[str, ...]:
    return (question.candidate,) if question.watching or one_sided else (question.candidate, question.stable)


def _missing(state: ComparedState, question: Question, kind: Kind) -> str:
    wanted = _wanted(question, kind.one_sided)
    return " and ".join(name for name, newest in zip(wanted, state.newest, strict=False) if newest is None)


def stale(state: ComparedState, question: Question, kind: Kind, at: float) -> str:
    """Which side's newest sample is too old, as a sentence; empty when neither is."""
    interval = question.spec.analysis.interval.total_seconds()
    # Scrapes that come less often than the interval are new when each has come in its time.
    allowed = max(2 * interval, state.width or 0.0)
    for name, newest in zip(_wanted(question, kind.one_sided), state.newest, strict=False):
        if newest is None:
            return f"no data of {name}"
        if at - newest > allowed:
            return f"the newest data of {name} are {at - newest:.0f} s old, more than {allowed:g} s"
    return ""
