"""Puts taps in front of a version's pods and takes them away, so that no request meets a pod without the port it needs.

Added: the pods first, then, when all of them have the tap, the Service's target port. Removed: the other way round.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from modelrollout.api import ModelRollout, Version, parse_rollout
from modelrollout.api.telemetry import Telemetry
from modelrollout.cli.cluster import Cluster
from modelrollout.cli.exits import CommandFailed, Exit
from modelrollout.kube.errors import NotFound
from modelrollout.kube.resources import DEPLOYMENTS, SERVICES, STATEFULSETS, Obj, Resource
from modelrollout.manifests import tap

_KINDS: Mapping[str, Resource] = {"Deployment": DEPLOYMENTS, "StatefulSet": STATEFULSETS}
_LOOK = 0.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `tap add` was asked for; None for bodies and headers means what spec.telemetry needs."""

    image: str
    collector: str
    secret: tuple[str, str] | None
    headers: tuple[str, ...] | None
    bodies: str | None
    sample: float


class Tapping:
    """One version's workload and Service, as they are."""

    def __init__(self, cluster: Cluster, rollout: ModelRollout, version: Version, workload: Obj, service: Obj) -> None:
        self._cluster = cluster
        self._rollout = rollout
        self._version = version
        self._workload = workload
        self._service = service
        self._resource = _KINDS[workload["kind"]]

    @classmethod
    async def of(cls, cluster: Cluster, rollout_name: str, workload_name: str) -> "Tapping":
        """Look everything up.

        Raises:
            CommandFailed: the workload serves no version of that rollout, or cannot have a tap.
        """
        rollout = parse_rollout(await cluster.rollout(rollout_name))
        version = _version_of(rollout, rollout_name, workload_name)
        assert version.workload is not None  # noqa: S101 - it was found by it
        kind = version.workload.kind
        if kind == "InferenceService":
            raise CommandFailed(
                f"{workload_name} is an InferenceService, whose pods KServe makes",
                "KServe sends the same events itself: set spec.predictor.logger.url to the collector.",
            )
        if kind not in _KINDS:
            raise CommandFailed(
                f"{workload_name} is a {kind}, whose pod template is not known",
                "Put the container into its template by hand: docs/tap.md has it.",
            )
        try:
            workload = await cluster.object(_KINDS[kind], workload_name)
            service = await cluster.object(SERVICES, version.service.name)
        except NotFound as error:
            raise CommandFailed(str(error), "Create the version's workload and Service first.") from None
        if all(entry.get("port") != version.service.port for entry in service["spec"].get("ports") or []):
            raise CommandFailed(
                f"the Service {version.service.name} has no port {version.service.port}",
                f"Mend spec.versions of {rollout_name} or the Service.",
            )
        return cls(cluster, rollout, version, workload, service)

    def added(self, wanted: Wanted) -> list[dict[str, Any]]:
        """The patches that add the tap, or bring it up to date, in the order in which they are to be applied.

        Raises:
            CommandFailed: the pods leave no room for a tap.
        """
        name, port = self._workload["metadata"]["name"], self._version.service.port
        target = tap.untapped_target_port(self._service, port)
        server_port = tap.container_port(self._workload, target)
        if server_port is None:
            raise CommandFailed(
                f"no container of {name} has a port named {target}, which the Service {self._version.service.name} "
                f"points to",
                "Name the container's port, or point the Service to its number.",
            )
        taken = sorted(tap.taken_ports(self._workload))
        if taken:
            raise CommandFailed(f"another container of {name} uses port {taken[0]}, which the tap needs")
        telemetry = self._rollout.spec.telemetry or Telemetry()
        sidecar = tap.Sidecar(
            wanted.image,
            wanted.collector,
            wanted.secret,
            wanted.headers if wanted.headers is not None else tap.needed_headers(telemetry),
            wanted.bodies or tap.needed_bodies(telemetry),
            wanted.sample,
            server_port,
        )
        patches = [tap.workload_patch(self._workload, tap.container(sidecar, name))]
        if target == tap.target_port(self._service, port):
            patches.append(tap.service_patch(self._service, port, tapped=True))
        return patches

    def removed(self) -> list[dict[str, Any]]:
        """The patches that take the tap away, in their order; none where there is no tap."""
        port, patches = self._version.service.port, []
        if tap.target_port(self._service, port) == tap.PORT_NAME:
            patches.append(tap.service_patch(self._service, port, tapped=False))
        if tap.has_tap(self._workload):
            patches.append(tap.workload_patch(self._workload, None))
        return patches

    async def apply(self, patches: list[dict[str, Any]], seconds: float) -> None:
        """Apply patches one after the other; after one of the workload, its pods are waited for, that many seconds.

        Raises:
            CommandFailed: the pods were not ready in time; what is left was not done.
        """
        for number, patch in enumerate(patches):
            kind, name = patch["kind"], patch["metadata"]["name"]
            if kind == "Service":
                await self._cluster.merge(SERVICES, name, patch)
                click.echo(
                    f"Service {self._cluster.namespace}/{name}: target port {patch['spec']['ports'][0]['targetPort']}"
                )
                continue
            await self._cluster.merge(self._resource, name, patch)
            click.echo(f"{kind} {self._cluster.namespace}/{name}: pod template changed")
            if number + 1 < len(patches):
                await self._pods(kind, name, seconds)

    async def _pods(self, kind: str, name: str, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not _rolled_out(await self._cluster.object(self._resource, name)):  # noqa: ASYNC110 - no right to watch
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            raise CommandFailed(
                f"the pods of {kind} {self._cluster.namespace}/{name} are not all ready with the tap after "
                f"{seconds:g}s; the Service still points past it",
                f"Look with `kubectl rollout status {kind.lower()}/{name} -n {self._cluster.namespace}`; the same "
                "command again does what is left.",
                Exit.TIMEOUT,
            ) from None


def _version_of(rollout: ModelRollout, rollout_name: str, workload: str) -> Version:
    known = {one.workload.name: one for one in rollout.spec.versions if one.workload is not None}
    if workload not in known:
        hint = f"Its workloads are: {', '.join(sorted(known))}" if known else "None of its versions names a workload."
        raise CommandFailed(f"no version of ModelRollout {rollout_name} is served by {workload}", hint)
    return known[workload]


def _rolled_out(workload: Obj) -> bool:
    """Whether all pods are of the newest template and ready."""
    spec, status = workload["spec"], workload.get("status") or {}
    wanted = spec.get("replicas", 1)
    return bool(
        status.get("observedGeneration", 0) >= workload["metadata"]["generation"]
        and status.get("updatedReplicas", 0) >= wanted
        and status.get("replicas", 0) == wanted
        and status.get("readyReplicas", 0) >= wanted
    )
