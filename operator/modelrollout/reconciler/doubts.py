"""Decisions whose write may have taken effect: they are told as soon as the status shows that it did."""

from modelrollout.api.status import ModelRolloutStatus
from modelrollout.decisions.decision import Decision
from modelrollout.kube.cache import Key


class Doubts:
    """Remembers, per rollout, the last decision whose write had no answer, and the status that it was made from."""

    def __init__(self) -> None:
        self._open: dict[Key, tuple[ModelRolloutStatus, Decision]] = {}

    def unanswered(self, key: Key, before: ModelRolloutStatus, decision: Decision) -> None:
        """The write of that decision was sent, and nobody knows what became of it."""
        self._open[key] = before, decision

    def settled(self, key: Key, now: ModelRolloutStatus) -> tuple[ModelRolloutStatus, Decision] | None:
        """Take in the status as it was read since; the decision if it is what stands there, and what it followed."""
        before, decision = self._open.pop(key, (now, None))
        if decision is None or decision.status.document() != now.document():
            return None
        return before, decision

    def forget(self, key: Key) -> None:
        """The rollout is gone."""
        self._open.pop(key, None)
