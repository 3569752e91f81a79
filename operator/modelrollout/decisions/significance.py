"""Whether a new status says enough more than the stored one to be worth a write."""

from datetime import datetime, timedelta
from typing import Any

from modelrollout.api.status import ModelRolloutStatus

VERDICT_INTERVAL = timedelta(seconds=10)
"""Changed verdicts of a step are gathered this long, so that several metrics cost one write."""

NUMBERS_INTERVAL = timedelta(minutes=5)
"""Numbers alone are written this often; `status -w` reads the live ones elsewhere."""


def worth_writing(old: ModelRolloutStatus, new: ModelRolloutStatus, now: datetime) -> bool:
    """Whether to write. Decisions always; verdicts soon; numbers now and then; what was merely observed never alone."""
    if _decided(old) != _decided(new):
        return True
    waited = now - old.metrics_at if old.metrics_at is not None else None
    if _verdicts(old) != _verdicts(new):
        return waited is None or waited >= VERDICT_INTERVAL
    return bool(new.metrics) and waited is not None and waited >= NUMBERS_INTERVAL


def _decided(status: ModelRolloutStatus) -> dict[str, Any]:
    document = status.document()
    for numbers in ("metrics", "metricsAt", "evidence", "nextCheck", "message"):
        document.pop(numbers, None)
    document.get("weights", {}).pop("observed", None)
    return document


def _verdicts(status: ModelRolloutStatus) -> list[tuple[str, str]]:
    return [(metric.name, str(metric.verdict)) for metric in status.metrics]
