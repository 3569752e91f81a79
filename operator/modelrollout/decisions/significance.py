"""Whether a new status says enough more than the stored one to be worth a write."""

from datetime import timedelta
from typing import Any

from modelrollout.api.status import ModelRolloutStatus
from modelrollout.decisions.telling import without_numbers

VERDICT_INTERVAL = timedelta(seconds=30)
"""Changed verdicts of a step are gathered this long, so that several metrics cost one write."""

NUMBERS_INTERVAL = timedelta(minutes=5)
"""Numbers alone are written this often; `status -w` reads the live ones elsewhere."""


def worth_writing(old: ModelRolloutStatus, new: ModelRolloutStatus) -> bool:
    """Whether to write. Decisions always; verdicts soon; numbers now and then; what was merely observed never alone."""
    if _decided(old) != _decided(new):
        return True
    told = _told(old) == _told(new)
    if old.metrics_at is None or new.metrics_at is None:
        return not told
    waited = new.metrics_at - old.metrics_at
    return waited >= (NUMBERS_INTERVAL if told else VERDICT_INTERVAL)


def _decided(status: ModelRolloutStatus) -> dict[str, Any]:
    document = status.document()
    for numbers in ("metrics", "metricsAt", "evidence", "nextCheck", "message"):
        document.pop(numbers, None)
    document.get("weights", {}).pop("observed", None)
    # Learnt a moment after the run began; until the next write another process can learn it as well.
    document.get("run", {}).pop("restarts", None)
    for condition in document.get("conditions", []):
        # That of the whole status says it; a condition that was left alone meanwhile is not worth a write.
        condition.pop("observedGeneration", None)
    return document


def _told(status: ModelRolloutStatus) -> tuple[str, list[tuple[str, str]]]:
    """What people read between decisions: what a step waits for, and the verdicts."""
    return without_numbers(status.message), [(metric.name, str(metric.verdict)) for metric in status.metrics]
