"""When counters hold everybody's requests again, after steps in which only an audience met the candidate."""

from modelrollout.api import Metric, Series
from modelrollout.api.telemetry import UNIT_WINDOW
from modelrollout.decisions.questions import Question

COLLECTED = 20.0
"""Seconds that an answer is in the collector at least before it is counted, and another one's that belongs to it."""


def opening(question: Question, metric: Metric) -> float | None:
    """From when on the metric's counters rise by everybody's requests, seconds since the epoch; None: from the start.

    The collector counts an answer when its label is due, and a user when the user's window is over.
    """
    if question.opened is None:
        return None
    telemetry = question.spec.telemetry
    if telemetry is None or metric.series is not Series.VERSION:
        return question.opened
    late = COLLECTED
    if telemetry.label_delay is not None:
        late += telemetry.label_delay.total_seconds()
    if metric.mean is not None and telemetry.unit is not None:
        late += (telemetry.unit.window or UNIT_WINDOW).total_seconds()
    return question.opened + late
