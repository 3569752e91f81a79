"""Live values from the leading operator, read through the API server's proxy; status is written far less often."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from modelrollout.api.status import MetricStatus
from modelrollout.cli.overview import Live
from modelrollout.kube.resources import PODS, Obj

LEASE = "modelrollout"
PORT = 8080
"""As the operator's settings have them, unless somebody changed them."""

_NAMESPACES = ("modelrollout-system", "modelrollout")
_SECONDS = 2.0


class Server(Protocol):
    """The two questions that are asked of the API server."""

    async def holder(self, namespace: str, lease: str) -> str:
        """Who holds a Lease, empty when nobody does."""

    async def raw(self, path: str, seconds: float) -> Any:  # noqa: ANN401
        """The JSON answer to a GET, None when there is none within that time."""


class Leader:
    """Finds the leader once, by its lease; what cannot be reached is not asked again."""

    def __init__(self, cluster: Server, namespace: str | None) -> None:
        self._cluster = cluster
        self._namespaces = (namespace,) if namespace else _NAMESPACES
        self._root: str | None = None
        self._given_up = False

    async def values(self, rollout: Obj) -> Live | None:
        """What the leader says of the rollout beyond its status, None when it cannot be asked."""
        if self._root is None and not self._given_up:
            self._root = await self._find()
            self._given_up = self._root is None
        if self._root is None:
            return None
        metadata = rollout["metadata"]
        path = f"{self._root}/v1/rollouts/{metadata['namespace']}/{metadata['name']}"
        answer = await self._cluster.raw(path, _SECONDS)
        if answer is None:
            self._root = None  # the leader may be another one by now: its lease is read again
            return None
        return live_of(answer)

    async def _find(self) -> str | None:
        for namespace in self._namespaces:
            holder = await self._cluster.holder(namespace, LEASE)
            if holder:
                return f"{PODS.path(namespace, f'{holder}:{PORT}')}/proxy"
        return None


def live_of(answer: Any) -> Live | None:  # noqa: ANN401
    """The leader's answer as values, None when it is of another form."""
    if not isinstance(answer, Mapping):
        return None
    try:
        return Live(
            run=str(answer["run"]),
            step=int(answer["step"]),
            metrics=tuple(MetricStatus.model_validate(one) for one in answer.get("metrics") or []),
            observed={str(name): int(weight) for name, weight in (answer.get("observed") or {}).items()} or None,
            answers=None if answer.get("answers") is None else int(answer["answers"]),
            at=None if answer.get("at") is None else datetime.fromtimestamp(float(answer["at"]), UTC),
            unreachable=str(answer.get("unreachable") or ""),
        )
    except (KeyError, TypeError, ValueError):  # ValidationError is a ValueError
        return None
