"""Resolved plans of runs, kept as ControllerRevisions: the last three of each rollout."""

import logging

from modelrollout.api import ModelRolloutSpec, ModelRolloutStatus, parse_spec
from modelrollout.errors import InvalidSpec
from modelrollout.kube.client import Client
from modelrollout.kube.errors import AlreadyExists, KubeError, NotFound
from modelrollout.kube.resources import CONTROLLERREVISIONS, Obj, namespace_of, uid_of
from modelrollout.manifests.owned import ROLLOUT_LABEL, snapshot_object

_log = logging.getLogger(__name__)

KEPT = 3


class Snapshots:
    """Stores and loads plans; each is read from the API server at most once in a process."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._plans: dict[str, tuple[str, ModelRolloutSpec | None]] = {}

    async def load(self, rollout: Obj, name: str) -> ModelRolloutSpec | None:
        """The plan of that name, None if it is not there or cannot be read any more."""
        known = self._plans.get(uid_of(rollout))
        if known is None or known[0] != name:
            known = name, await self._read(namespace_of(rollout), name)
            self._plans[uid_of(rollout)] = known
        return known[1]

    def known(self, rollout: Obj, name: str) -> ModelRolloutSpec | None:
        """The same without I/O: None also if it was not loaded yet."""
        known = self._plans.get(uid_of(rollout))
        return known[1] if known is not None and known[0] == name else None

    async def store(self, rollout: Obj, name: str, plan: ModelRolloutSpec) -> None:
        """Make sure that a ControllerRevision of that name holds this plan."""
        namespace, body = namespace_of(rollout), snapshot_object(rollout, name, plan)
        try:
            await self._client.create(CONTROLLERREVISIONS, namespace, body)
        except AlreadyExists:
            # Written just before a crash, or by an earlier run that had the same name and perhaps another plan.
            old = await self._client.get(CONTROLLERREVISIONS, namespace, name)
            if old.get("data") != body["data"] or _owner(old) != uid_of(rollout):
                await self._client.delete(CONTROLLERREVISIONS, namespace, name, uid=uid_of(old))
                await self._client.create(CONTROLLERREVISIONS, namespace, body)
        self._plans[uid_of(rollout)] = name, plan

    async def prune(self, rollout: Obj, status: ModelRolloutStatus) -> None:
        """Remove plans beyond the last three. A rollout with a shorter history has none, so nothing is asked."""
        if len(status.history) < KEPT or status.run is None:
            return
        present, selector = status.run.plan, f"{ROLLOUT_LABEL}={rollout['metadata']['name']}"
        try:
            listed = await self._client.list(CONTROLLERREVISIONS, namespace_of(rollout), selector=selector)
            ours = [one for one in listed.items if _owner(one) == uid_of(rollout)]
            ours.sort(key=lambda one: (one["metadata"]["name"] == present, one["metadata"]["creationTimestamp"]))
            for old in ours[:-KEPT]:
                await self._client.delete(
                    CONTROLLERREVISIONS, namespace_of(old), old["metadata"]["name"], uid=uid_of(old)
                )
        except KubeError as error:
            _log.warning("old plans of %s: %s", rollout["metadata"]["name"], error)

    def forget(self, rollout: Obj) -> None:
        """The rollout is gone."""
        self._plans.pop(uid_of(rollout), None)

    async def _read(self, namespace: str, name: str) -> ModelRolloutSpec | None:
        try:
            obj = await self._client.get(CONTROLLERREVISIONS, namespace, name)
            return parse_spec(obj["data"]["spec"])
        except (NotFound, InvalidSpec, KeyError) as error:
            _log.error(
                "the plan %s/%s of a run cannot be read, the written spec counts instead: %s", namespace, name, error
            )
            return None


def _owner(obj: Obj) -> str:
    owners = obj["metadata"].get("ownerReferences") or [{}]
    return str(owners[0].get("uid", ""))
