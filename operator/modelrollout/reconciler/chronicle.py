"""Tells what was decided: events for people who look now, lines of the record for those who look back.

That happens beside reconciling: neither may hold up traffic, and neither may be told before it has happened.
"""

import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from modelrollout.decisions.decision import Event
from modelrollout.decisions.plan import LINES_KEPT
from modelrollout.kube.client import Client
from modelrollout.kube.clock import Clock
from modelrollout.kube.errors import AlreadyExists, KubeError, NotFound, Rejected, Terminating
from modelrollout.kube.resources import CONFIGMAPS, EVENTS, Obj, namespace_of, uid_of
from modelrollout.manifests.events import event_object
from modelrollout.manifests.owned import record_lines, record_name, record_object, record_patch
from modelrollout.reconciler.queue import Queue

_log = logging.getLogger(__name__)

_ATTEMPTS = 5
_QUIET = 60.0
_GATHERED = 300.0
"""Seconds for which lines of steps that were passed are gathered, so that several go in one write."""


@dataclass(slots=True)
class _Page:
    """What is still to be told of one rollout; lines may wait until `due`, so that several go in one write."""

    rollout: Obj
    events: list[Obj] = field(default_factory=list)
    lines: dict[str, str] = field(default_factory=dict)
    due: float = float("inf")
    attempts: int = 0


class Chronicle:
    """Posts events and appends to records, in the order of the decisions of each rollout."""

    def __init__(self, client: Client, clock: Clock, chance: random.Random, instance: str) -> None:
        self._client = client
        self._clock = clock
        self._instance = instance
        self._pages: dict[str, _Page] = {}
        self._sizes: dict[str, dict[str, int]] = {}
        self._said: dict[tuple[str, str, str], float] = {}
        self._queue: Queue[str] = Queue(self._write, clock, chance, workers=16)

    def tell(
        self,
        rollout: Obj,
        events: Sequence[Event],
        record: Sequence[Mapping[str, object]] = (),
        *,
        cause: str = "",
        urgent: bool = False,
    ) -> None:
        """Have events told at once, and lines of the record with those that follow, or at once if `urgent`.

        `cause` names the decision, so that an event told twice is there once; lines are there once by their own time.
        """
        page = self._pages.setdefault(uid_of(rollout), _Page(rollout))
        page.rollout = rollout
        now = self._clock.monotonic()
        for event in events:
            identity = uid_of(rollout), str(event.reason), event.message
            if now - self._said.get(identity, -_QUIET) >= _QUIET:
                self._said[identity] = now
                page.events.append(event_object(rollout, event, cause, self._instance, self._clock.now()))
        if record:
            page.lines |= record_lines(record)
            # Status keeps the newest lines for whoever comes after a crash: those that wait must be among them.
            urgent = urgent or len(page.lines) > LINES_KEPT // 2
            page.due = min(page.due, now if urgent else now + _GATHERED)
            self._queue.add_after(uid_of(rollout), page.due - now)
        if page.events:
            self._queue.add(uid_of(rollout))
        elif not page.lines:
            del self._pages[uid_of(rollout)]

    def forget(self, rollout: Obj) -> None:
        """The rollout is gone; what is still to be told of it will be."""
        self._sizes.pop(uid_of(rollout), None)

    async def run(self) -> None:
        """Tell until cancelled."""
        await self._queue.run()

    async def flush(self) -> None:
        """Tell what is left, once."""
        for uid, page in list(self._pages.items()):
            page.due = self._clock.monotonic()
            try:
                await self._write(uid)
            except KubeError as error:
                _log.warning("not told: %s", error)

    async def _write(self, uid: str) -> float | None:
        page = self._pages.get(uid)
        if page is None:
            return None
        now = self._clock.monotonic()
        self._said = {identity: at for identity, at in self._said.items() if now - at < _QUIET}
        try:
            while page.events:
                await self._post(page.events[0])
                del page.events[0]
            if page.lines and page.due <= now:
                lines, page.due = dict(page.lines), float("inf")
                await self._append(page.rollout, lines)
                page.lines = {key: text for key, text in page.lines.items() if key not in lines}
        except (NotFound, Terminating) as error:
            _log.info("not told, as its namespace goes away: %s", error)
            page.events, page.lines = [], {}
        except KubeError as error:
            page.attempts, page.due = page.attempts + 1, now
            if page.attempts < _ATTEMPTS and not isinstance(error, Rejected):
                raise
            _log.error("given up after %d attempts: %s", page.attempts, error)
            page.events, page.lines = [], {}
        page.attempts = 0
        if page.events or page.lines:
            return 0.0 if page.events else max(0.0, page.due - self._clock.monotonic())
        del self._pages[uid]
        return None

    async def _post(self, event: Obj) -> None:
        try:
            await self._client.create(EVENTS, event["metadata"]["namespace"], event)
        except AlreadyExists:
            _log.debug("told before: %s", event["note"])

    async def _append(self, rollout: Obj, lines: Mapping[str, str]) -> None:
        namespace, name = namespace_of(rollout), record_name(rollout["metadata"]["name"])
        sizes = self._sizes.get(uid_of(rollout))
        if sizes is None:
            try:
                stored = await self._client.create(CONFIGMAPS, namespace, record_object(rollout, lines))
            except AlreadyExists:
                old = await self._client.get(CONFIGMAPS, namespace, name)
                sizes = _sizes(old)
        if sizes is not None:
            try:
                stored = await self._client.patch(CONFIGMAPS, namespace, name, record_patch(sizes, lines))
            except NotFound:
                stored = await self._client.create(CONFIGMAPS, namespace, record_object(rollout, lines))
        self._sizes[uid_of(rollout)] = _sizes(stored)


def _sizes(record: Obj) -> dict[str, int]:
    return {key: len(key) + len(text.encode()) for key, text in (record.get("data") or {}).items()}
