"""The state of ConfigMaps and Secrets that workloads read, asked for by name and only when it can matter.

They are not watched: that would need the right to list Secrets. Only their metadata is asked for.
"""

import asyncio
import logging
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from modelrollout.kube.client import Client
from modelrollout.kube.clock import Clock
from modelrollout.kube.errors import Forbidden, KubeError, NotFound
from modelrollout.kube.resources import CONFIGMAPS, SECRETS, version_of
from modelrollout.workloads.revision import Reference

_log = logging.getLogger(__name__)

_RESOURCES = {"ConfigMap": CONFIGMAPS, "Secret": SECRETS}
_RETRY = 5.0

Reader = tuple[str, str]
"""Namespace, and a name that is unique in it, of who reads references."""


@dataclass(frozen=True, slots=True)
class _Known:
    tag: Hashable
    at: float
    states: Mapping[Reference, str]


class References:
    """What was last seen of each reader's references. `on_change` is called with the reader when more is known."""

    def __init__(self, client: Client, clock: Clock, on_change: Callable[[Reader], None]) -> None:
        self._client = client
        self._clock = clock
        self._on_change = on_change
        self._known: dict[Reader, _Known] = {}
        self._asking: dict[Reader, tuple[Hashable, asyncio.Task[None]]] = {}

    def states(
        self, reader: Reader, wanted: frozenset[Reference], tag: Hashable, oldest: float = float("inf")
    ) -> Mapping[Reference, str] | None:
        """The resourceVersion of each wanted reference, or None while that is not known; then it is being asked.

        Args:
            reader: whose references these are.
            wanted: what it reads; nothing wanted costs no request.
            tag: what was known with another tag is out of date.
            oldest: seconds after which what is known is asked again, and used meanwhile.
        """
        if not wanted:
            return {}
        known = self._known.get(reader)
        fresh = known is not None and known.tag == (wanted, tag)
        if not fresh or known is None or self._clock.monotonic() - known.at > oldest:
            self._ask(reader, wanted, tag)
        return known.states if known is not None and fresh else None

    def forget(self, reader: Reader) -> None:
        """Drop what is known of a reader that is gone."""
        self._known.pop(reader, None)
        asking = self._asking.pop(reader, None)
        if asking:
            asking[1].cancel()

    def _ask(self, reader: Reader, wanted: frozenset[Reference], tag: Hashable) -> None:
        asking = self._asking.get(reader)
        if asking is not None:
            if asking[0] == (wanted, tag):
                return
            asking[1].cancel()
        task = asyncio.create_task(self._fetch(reader, wanted, tag), name=f"references of {reader}")
        self._asking[reader] = (wanted, tag), task

    async def _fetch(self, reader: Reader, wanted: frozenset[Reference], tag: Hashable) -> None:
        while True:
            try:
                states = {reference: await self._state(reader[0], reference) for reference in sorted(wanted)}
                break
            except KubeError as error:
                _log.warning("references of %s/%s: %s", *reader, error)
                await self._clock.sleep(_RETRY)
        self._known[reader] = _Known((wanted, tag), self._clock.monotonic(), states)
        self._asking.pop(reader, None)
        self._on_change(reader)

    async def _state(self, namespace: str, reference: Reference) -> str:
        kind, name = reference
        try:
            return version_of(await self._client.get(_RESOURCES[kind], namespace, name, metadata_only=True))
        except NotFound:
            return "absent"
        except Forbidden as error:
            # An operator without the right to read Secrets works; it does not notice their changes.
            _log.info("%s %s/%s does not count in revisions: %s", kind, namespace, name, error)
            return "hidden"
