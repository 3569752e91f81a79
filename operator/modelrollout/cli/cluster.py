"""A command's connection to the API server: the few calls the command line makes, with errors that say what to do."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from difflib import get_close_matches
from typing import Any, TypeVar

import yaml

from modelrollout.cli.exits import CommandFailed
from modelrollout.cli.kubeconfig import namespace_of
from modelrollout.cli.target import Target
from modelrollout.kube.client import Client
from modelrollout.kube.connect import NoCluster, connect
from modelrollout.kube.errors import Forbidden, Gone, KubeError, NotFound, Rejected, Unavailable
from modelrollout.kube.resources import (
    COMMANDS,
    CONFIGMAPS,
    CONTROLLERREVISIONS,
    ENDPOINTSLICES,
    LEASES,
    MODELROLLOUTS,
    Obj,
    Resource,
)
from modelrollout.kube.transport import Request, Transport
from modelrollout.manifests.owned import record_name

REVIEWS = Resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview")
DEFINITIONS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition")

_WATCH_SECONDS = 240
_T = TypeVar("_T")


def run(target: Target, work: "Callable[[Cluster], Coroutine[Any, Any, _T]]") -> _T:
    """Connect, do the work, and turn what the API server says into what a person can act on.

    Raises:
        CommandFailed: for every answer that is not the one that was wanted.
    """
    if target.kubeconfig:
        # Credential plugins, and every file that the kubeconfig names, go by the variable too.
        os.environ["KUBECONFIG"] = target.kubeconfig

    async def connected() -> _T:
        async with _cluster(target) as cluster:
            return await work(cluster)

    try:
        return asyncio.run(connected())
    except KubeError as error:
        raise explained(error) from None


@asynccontextmanager
async def _cluster(target: Target) -> "AsyncIterator[Cluster]":
    try:
        transport = await connect(target.context)
    except yaml.YAMLError as error:
        hint = "`kubectl config view` shows what kubectl reads."
        raise CommandFailed(f"the kubeconfig is no YAML: {error}", hint) from None
    try:
        yield Cluster(transport, target.namespace or namespace_of(target.context))
    finally:
        await transport.close()


class Cluster:
    """The calls that commands make. `namespace` is the one asked for, else that of the context."""

    def __init__(self, transport: Transport, namespace: str) -> None:
        self.namespace = namespace
        self._transport = transport
        self._client = Client(transport)

    async def rollout(self, name: str) -> Obj:
        """The rollout of that name.

        Raises:
            CommandFailed: there is none; the hint names near ones.
        """
        try:
            return await self._client.get(MODELROLLOUTS, self.namespace, name)
        except NotFound as error:
            if _kind_is_missing(error):
                raise
            raise await self._not_there(name) from None

    async def rollouts(self, *, everywhere: bool) -> list[Obj]:
        """All rollouts of the namespace, or of all namespaces, by namespace and name."""
        listed = await self._client.list(MODELROLLOUTS, None if everywhere else self.namespace)
        return sorted(listed.items, key=lambda one: (one["metadata"]["namespace"], one["metadata"]["name"]))

    async def follow(self, name: str) -> AsyncGenerator[Obj]:
        """The rollout as it is, then again each time it changes, without end.

        Raises:
            CommandFailed: it does not exist, or was deleted.
        """
        current = await self.rollout(name)
        while True:
            yield current
            uid, since = current["metadata"]["uid"], current["metadata"]["resourceVersion"]
            try:
                stream = self._client.watch(MODELROLLOUTS, self.namespace, since=since, seconds=_WATCH_SECONDS)
                async for event in stream:
                    metadata = event.object["metadata"]
                    if metadata.get("name") != name or event.type == "BOOKMARK":
                        continue
                    if event.type == "DELETED":
                        raise CommandFailed(f"ModelRollout {self.namespace}/{name} was deleted", "")
                    current = event.object
                    yield current
            except (Gone, Unavailable):
                # Too old, or cut off: what matters is how it stands now.
                await asyncio.sleep(1)
            fresh = await self._fresh(name, current)
            if fresh["metadata"]["uid"] != uid:
                raise CommandFailed(f"ModelRollout {self.namespace}/{name} was deleted and created anew", "")
            current = fresh

    async def user(self) -> str:
        """Name of the user that this command line acts as, as the API server sees it."""
        body = {"apiVersion": REVIEWS.api_version, "kind": REVIEWS.kind}
        answer = await self._client.create(REVIEWS, "", body)
        return str(answer["status"]["userInfo"]["username"])

    async def send(self, command: Mapping[str, Any]) -> Obj:
        """Create a ModelRolloutCommand from its spec, under a readable name of its own."""
        body = {
            "apiVersion": COMMANDS.api_version,
            "kind": COMMANDS.kind,
            "metadata": {"generateName": f"{command['rollout']}-{str(command['verb']).lower()}-"},
            "spec": dict(command),
        }
        return await self._client.create(COMMANDS, self.namespace, body)

    async def plan(self, name: str) -> Mapping[str, Any] | None:
        """The resolved spec that a run goes by, None when it may not be read or is gone."""
        try:
            revision = await self._client.get(CONTROLLERREVISIONS, self.namespace, name)
        except (NotFound, Forbidden):
            return None
        plan = (revision.get("data") or {}).get("spec")
        return plan if isinstance(plan, Mapping) else None

    async def record(self, rollout: str) -> Mapping[str, str] | None:
        """Lines of a rollout's decision record by their keys, None where it may not be read; empty before the first."""
        try:
            found = await self._client.get(CONFIGMAPS, self.namespace, record_name(rollout))
        except NotFound:
            return {}
        except Forbidden:
            return None
        return dict(found.get("data") or {})

    async def ready(self, services: Sequence[str]) -> Mapping[str, int] | None:
        """Ready endpoints by Service, None when they may not be read."""
        if not services:
            return {}
        selector = f"kubernetes.io/service-name in ({','.join(services)})"
        try:
            slices = await self._client.list(ENDPOINTSLICES, self.namespace, selector=selector)
        except Forbidden:
            return None
        counts = dict.fromkeys(services, 0)
        for one in slices.items:
            service = one["metadata"]["labels"]["kubernetes.io/service-name"]
            # Absent means ready: so the API says.
            states = [(point.get("conditions") or {}).get("ready", True) for point in one.get("endpoints") or []]
            counts[service] += sum(state is not False for state in states)
        return counts

    async def holder(self, namespace: str, lease: str) -> str:
        """Who holds a Lease, empty when nobody does or it may not be read."""
        try:
            found = await self._client.get(LEASES, namespace, lease)
        except (NotFound, Forbidden):
            return ""
        return str((found.get("spec") or {}).get("holderIdentity") or "")

    async def object(self, resource: Resource, name: str) -> Obj:
        """An object of the namespace.

        Raises:
            NotFound: there is none of that name.
        """
        found = await self._client.get(resource, self.namespace, name)
        return {"apiVersion": resource.api_version, "kind": resource.kind, **found}

    async def merge(self, resource: Resource, name: str, patch: Mapping[str, Any]) -> Obj:
        """The object after a strategic merge patch."""
        return await self._client.merge(resource, self.namespace, name, patch)

    async def definition(self, name: str) -> Obj | None:
        """A CustomResourceDefinition, None where it is not installed."""
        try:
            return await self._client.get(DEFINITIONS, None, name)  # type: ignore[arg-type]  # not in a namespace
        except NotFound:
            return None

    async def raw(self, path: str, seconds: float) -> Any:  # noqa: ANN401
        """The JSON answer to a plain GET, None when there is no such answer within that time."""
        try:
            reply = await self._transport.request(Request("GET", path, seconds))
        except KubeError:
            return None
        try:
            return json.loads(reply.body) if reply.status == 200 else None
        except ValueError:
            return None

    async def _fresh(self, name: str, current: Obj) -> Obj:
        try:
            return await self._client.get(MODELROLLOUTS, self.namespace, name)
        except NotFound:
            raise CommandFailed(f"ModelRollout {self.namespace}/{name} was deleted", "") from None
        except Unavailable:
            return current

    async def _not_there(self, name: str) -> CommandFailed:
        try:
            everything = (await self._client.list(MODELROLLOUTS, None)).items
        except KubeError:
            everything = (await self._client.list(MODELROLLOUTS, self.namespace)).items
        elsewhere = [one["metadata"]["namespace"] for one in everything if one["metadata"]["name"] == name]
        here = [one["metadata"]["name"] for one in everything if one["metadata"]["namespace"] == self.namespace]
        near = get_close_matches(name, here, n=3)
        if near:
            hint = f"Did you mean {' or '.join(near)}?"
        elif elsewhere:
            hint = f"There is one in namespace {' and one in '.join(elsewhere[:3])}: add -n {elsewhere[0]}"
        elif here:
            hint = f"There are: {', '.join(here[:10])}"
        else:
            hint = "There is none in this namespace: `kubectl modelrollout list -A` shows all."
        return CommandFailed(f'ModelRollout "{name}" was not found in namespace {self.namespace}', hint)


def explained(error: KubeError) -> CommandFailed:
    """An error of the API server as one sentence, and what to do."""
    text = str(error).partition(": ")[2] or str(error)
    if isinstance(error, NoCluster):
        return CommandFailed(
            str(error), "Set KUBECONFIG or pass --kubeconfig; `kubectl config view` shows what kubectl uses."
        )
    if isinstance(error, NotFound) and _kind_is_missing(error):
        return CommandFailed(
            "this cluster does not know ModelRollouts",
            "Install the chart, or the resources alone: kubectl apply -f crds/ (or choose another --context)",
        )
    if isinstance(error, Forbidden) and error.status == 401:
        return CommandFailed("the API server does not accept your credentials", "Log in again, as you do for kubectl.")
    if isinstance(error, Forbidden):
        return CommandFailed(
            f"you may not do this: {text}",
            "The chart has three roles to ask for: viewer looks, operator uses the verbs, editor changes rollouts.",
        )
    if isinstance(error, Rejected):
        return CommandFailed(f"the API server refused it: {text}")
    if isinstance(error, Unavailable):
        return CommandFailed(f"the API server did not answer: {text}", "Does `kubectl get namespaces` answer?")
    return CommandFailed(text)


def _kind_is_missing(error: NotFound) -> bool:
    # A missing object is named in quotes; a missing kind gives one of two general texts.
    text = str(error)
    return "could not find the requested resource" in text or "page not found" in text
