"""Conditions as metav1 has them: the transition time moves only when the status does."""

from datetime import datetime
from typing import Literal

from modelrollout.api.status import Condition, ModelRolloutStatus

MESSAGE = 1024
"""Characters of a condition's message that are kept."""

_Text = Literal["True", "False", "Unknown"]


def set_condition(
    status: ModelRolloutStatus,
    kind: str,
    value: bool | None,
    *,
    reason: str,
    message: str = "",
    generation: int,
    now: datetime,
) -> None:
    """Set one condition of a status in place; None means Unknown. Conditions stay sorted by type."""
    text: _Text = "Unknown" if value is None else "True" if value else "False"
    old = status.condition(kind)
    since = old.last_transition_time if old is not None and old.status == text else now
    new = Condition(
        type=kind,
        status=text,
        reason=reason,
        message=message[:MESSAGE],
        observed_generation=generation,
        last_transition_time=since,
    )
    status.conditions = sorted([one for one in status.conditions if one.type != kind] + [new], key=lambda one: one.type)
