"""Numbers for people in events and in the status' message: short, and apart from what is worth a write."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from modelrollout.api import ModelRolloutSpec
from modelrollout.api.status import Run, Verdict
from modelrollout.decisions.expectation import Expectation, Outlook, answers_per_second, in_words, last_of
from modelrollout.decisions.findings import Evidence, Finding
from modelrollout.decisions.gate import Gate, deciding
from modelrollout.decisions.outlook import to_pass
from modelrollout.decisions.steps import answer_share
from modelrollout.decisions.strategies import compile_steps

_SEPARATOR = " · "
_LENGTH = 1024  # of a status' message, and of an event's note
_ROOM = 800  # what is said before may take the rest


def with_numbers(message: str, numbers: str) -> str:
    """A message followed by numbers that change with every scrape; `without_numbers` takes them off again."""
    return (f"{message}{_SEPARATOR}{numbers}" if numbers else message)[:_LENGTH]


def without_numbers(message: str) -> str:
    """The part of a message whose change is worth a write."""
    return message.partition(_SEPARATOR)[0]


def in_short(findings: Sequence[Finding], room: int = _ROOM) -> str:
    """Every finding's sentence, as many as fit, and how many did not."""
    told: list[str] = []
    for place, finding in enumerate(findings):
        sentence = _sentence(finding)
        if sum(len(one) + len(_SEPARATOR) for one in told) + len(sentence) > room:
            return _SEPARATOR.join([*told, f"and {len(findings) - place} more"])
        told.append(sentence)
    return _SEPARATOR.join(told)


def progress(spec: ModelRolloutSpec, run: Run, gate: Gate | None, evidence: Evidence | None, now: datetime) -> str:
    """What keeps the run longest from its promotion, in numbers; empty when nothing is measured or missing.

    Moments stand there as times of day, so that they stay true while the status is not written.
    """
    if gate is None or evidence is None or (evidence.run, evidence.step) != (run.id, run.step) or evidence.unreachable:
        return ""
    open_findings = {
        one.metric: one for one in evidence.findings if one.verdict is Verdict.INCONCLUSIVE and one.reason == "NotYet"
    }
    expected = {
        name: _expectation(spec, run, open_findings[name], evidence)
        for name in deciding(spec, compile_steps(spec)[run.step])
        if name in open_findings
    }
    if not expected:
        return ""
    latest = last_of(list(expected.values()))
    name = next(name for name, one in expected.items() if one == latest)
    finding = open_findings[name]
    return f"{_sentence(finding)}; {_when(latest, now)}" if finding.candidate_count else _sentence(finding)


def _expectation(spec: ModelRolloutSpec, run: Run, finding: Finding, evidence: Evidence) -> Expectation:
    metric = spec.metric(finding.metric)
    if metric is None or run.compared_since is None or evidence.until is None:
        return Expectation(Outlook.UNKNOWN, why="no answers judged yet")
    seconds = evidence.until - run.compared_since.timestamp()
    rate = answers_per_second(
        (finding.candidate_count, finding.stable_count), seconds, answer_share(run.weight, run.mirror)
    )
    return to_pass(metric, finding, spec.analysis, rate)


def _when(expected: Expectation, now: datetime) -> str:
    if expected.outlook is not Outlook.EXPECTED:
        return in_words(expected)
    half_a_minute = 30.0  # the text has whole minutes
    moment = (now + timedelta(seconds=(expected.seconds or 0.0) + half_a_minute)).astimezone(UTC)
    day = "" if moment.date() == now.astimezone(UTC).date() else f"{moment:%d %b} "
    return f"expected about {day}{moment:%H:%M} UTC"


def _sentence(finding: Finding) -> str:
    text = finding.message or finding.reason or str(finding.verdict)
    return text if text.startswith(finding.metric) else f"{finding.metric}: {text}"
