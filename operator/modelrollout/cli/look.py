"""One look at a rollout through the API server: the object, its run's plan, its endpoints, the leader's live values."""

import asyncio
from typing import Any

from modelrollout.cli.cluster import Cluster
from modelrollout.cli.gathering import gather
from modelrollout.cli.live import Leader
from modelrollout.cli.overview import Overview
from modelrollout.kube.resources import Obj


class Observer:
    """Looks at one rollout again and again; what cannot change is read once."""

    def __init__(self, cluster: Cluster, leader: Leader) -> None:
        self._cluster = cluster
        self._leader = leader
        self._plans: dict[str, Any] = {}

    async def look(self, rollout: Obj) -> Overview:
        """Everything there is to see of the rollout as it was just read."""
        services = [version["service"]["name"] for version in (rollout.get("spec") or {}).get("versions") or []]
        plan, ready, live = await asyncio.gather(
            self._plan(rollout), self._cluster.ready(services), self._leader.values(rollout)
        )
        return gather(rollout, plan=plan, ready=ready, live=live)

    async def _plan(self, rollout: Obj) -> Any:  # noqa: ANN401
        name = ((rollout.get("status") or {}).get("run") or {}).get("plan")
        if not name:
            return None
        if name not in self._plans:
            self._plans = {name: await self._cluster.plan(name)}
        return self._plans[name]
