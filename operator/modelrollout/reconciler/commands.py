"""Commands of people: which are not answered yet, and which have had their time."""

import contextlib
import logging
from collections import defaultdict
from datetime import datetime, timedelta

from modelrollout.api import ModelRolloutCommand, ModelRolloutStatus, parse_command
from modelrollout.decisions.observed import CommandSeen
from modelrollout.decisions.verbs import answered
from modelrollout.errors import InvalidSpec
from modelrollout.kube.cache import Cache, Change, Key
from modelrollout.kube.client import Client
from modelrollout.kube.errors import KubeError, NotFound
from modelrollout.kube.resources import COMMANDS, Obj, name_of, namespace_of, uid_of

_log = logging.getLogger(__name__)

AGE = timedelta(hours=1)
"""How long a command is kept for people to look at."""


class Commands:
    """Commands in the cache, by the rollout that they are for."""

    def __init__(self, cache: Cache, client: Client) -> None:
        self._cache = cache
        self._client = client
        self._by_rollout: defaultdict[Key, dict[str, Obj]] = defaultdict(dict)
        cache.subscribe(self._file)

    def pending(self, key: Key, status: ModelRolloutStatus) -> tuple[CommandSeen, ...]:
        """Commands that status does not answer yet, oldest first."""
        known = map(_seen, self._by_rollout.get(key, {}).values())
        waiting = [command for command in known if command is not None and not answered(status, command)]
        return tuple(sorted(waiting, key=lambda command: (command.created_at, command.uid)))

    async def remove_old(self, now: datetime) -> None:
        """Remove commands that are older than an hour."""
        for obj in list(self._cache.list(COMMANDS)):
            created = datetime.fromisoformat(obj["metadata"]["creationTimestamp"])
            if now - created >= AGE:
                try:
                    await self._remove(obj)
                except KubeError as error:
                    _log.warning("old command: %s", error)

    async def _remove(self, obj: Obj) -> None:
        with contextlib.suppress(NotFound):
            await self._client.delete(COMMANDS, namespace_of(obj), name_of(obj), uid=uid_of(obj))
        self._cache.remove(COMMANDS, obj)

    def _file(self, change: Change) -> None:
        if change.resource is not COMMANDS:
            return
        if change.old is not None:
            self._by_rollout[key_of(change.old)].pop(uid_of(change.old), None)
            if not self._by_rollout[key_of(change.old)]:
                del self._by_rollout[key_of(change.old)]
        if change.new is not None:
            self._by_rollout[key_of(change.new)][uid_of(change.new)] = change.new


def key_of(command: Obj) -> Key:
    """The rollout that a command is for."""
    return namespace_of(command), str((command.get("spec") or {}).get("rollout", ""))


def _seen(obj: Obj) -> CommandSeen | None:
    try:
        command: ModelRolloutCommand = parse_command(obj)
    except InvalidSpec as error:
        # The API server has checked it against the same schema: it was made for a newer operator.
        _log.warning("command %s cannot be read: %s", name_of(obj), error)
        return None
    created = command.metadata.creation_timestamp
    if created is None:
        return None
    spec = command.spec
    return CommandSeen(
        name=command.metadata.name,
        uid=command.metadata.uid,
        verb=spec.verb,
        by=spec.by,
        created_at=created,
        run=spec.run or "",
        reason=spec.reason,
        full=spec.full,
        expires_at=created + spec.expires_after,
    )
