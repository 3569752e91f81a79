"""What should be written and has not arrived, since when, and what the last write of it met with."""

import re
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from modelrollout.decisions.delivery import PATIENCE
from modelrollout.decisions.observed import Undelivered
from modelrollout.errors import ModelRolloutError

REWORDED = timedelta(minutes=5)
"""Words that people have read already give way to others so often at most: a status that says them is written anew."""


_CHANGING = re.compile(r"\S*\d\S*")
"""What differs from try to try: ports, times, identifiers. Names go with it, which does no harm."""


@dataclass(slots=True)
class _Memory:
    missing: Undelivered
    worded_at: datetime | None = None

    def failed(self, error: ModelRolloutError, now: datetime) -> None:
        """Take in why a write failed. Words that say the same as those before do not take their place."""
        words, known = " ".join(str(error).split()), self.missing.refusal
        read = bool(known) and now >= self.missing.since + PATIENCE
        fixed = read and self.worded_at is not None and now < self.worded_at + REWORDED
        if _CHANGING.sub("", words) != _CHANGING.sub("", known) and not fixed:
            self.worded_at, self.missing = now, replace(self.missing, refusal=words)


class Deliveries:
    """Remembers, per rollout, whether what should be written has arrived.

    Pure but for its memory: it is told what was seen and what a write met with, and at what time. After a restart it
    begins anew, which makes a failing write be said a little later.
    """

    def __init__(self) -> None:
        self._memory: dict[Hashable, _Memory] = {}

    def saw(self, rollout: Hashable, now: datetime, *, arrived: bool) -> Undelivered | None:
        """Take in whether all of it is found; None if it is."""
        if arrived:
            self._memory.pop(rollout, None)
            return None
        return self._memory.setdefault(rollout, _Memory(Undelivered(now))).missing

    @contextmanager
    def attempt(self, rollout: Hashable, now: datetime) -> Iterator[None]:
        """What is done within is a write of it, which is remembered if it fails."""
        memory = self._memory.setdefault(rollout, _Memory(Undelivered(now)))
        try:
            yield
        except ModelRolloutError as error:
            memory.failed(error, now)
            raise
        memory.missing = replace(memory.missing, refusal="")

    def forget(self, rollout: Hashable) -> None:
        """The rollout is gone."""
        self._memory.pop(rollout, None)
