"""What a canary costs the API server, counted in its own audit log."""

import asyncio
import json
from collections import Counter
from pathlib import Path

from modelrollout.kube.client import Client
from modelrollout.kube.resources import EVENTS
from tests.cluster.runtime.harness import Model, running, until

KINDS = ("modelrollouts", "httproutes", "events", "configmaps", "controllerrevisions")


def spent(log: Path, namespace: str) -> Counter[str]:
    """The operator's requests about objects of the namespace; watches, lists of whole kinds and the lease apart."""
    counted: Counter[str] = Counter()
    with log.open() as lines:
        for line in lines:
            entry = json.loads(line)
            about = entry.get("objectRef") or {}
            if entry.get("userAgent") != "modelrollout" or about.get("namespace") != namespace:
                continue
            if entry["verb"] == "watch" or about["resource"] == "leases":
                continue
            if entry["verb"] == "list" and "labelSelector" not in entry["requestURI"]:
                continue
            part = f"/{about['subresource']}" if about.get("subresource") else ""
            counted[f"{entry['verb']} {about['resource']}{part}"] += 1
    return counted


async def test_a_canary_of_five_steps_costs_at_most_thirty_requests(
    model: Model, namespace: str, audit_log: Path
) -> None:
    async with running(namespace):
        await model.create()
        await model.until_phase("Completed")
        # The status is written before the route: the adoption ends with the annotation.
        await until("the route names its owner", model.owner, bool)
        before = spent(audit_log, namespace)
        await model.target("v8")
        await model.until_phase("Watching")
        await model.until_phase("Completed")
    cost = spent(audit_log, namespace) - before
    assert cost["patch modelrollouts/status"] <= 12, cost
    assert cost["patch httproutes"] == 6, cost
    assert cost.total() <= 30, cost


async def test_an_idle_rollout_costs_nothing(model: Model, client: Client, namespace: str, audit_log: Path) -> None:
    async def told() -> list[str]:
        return [one["reason"] for one in (await client.list(EVENTS, namespace)).items]

    async with running(namespace):
        await model.create()
        await model.until_phase("Completed")
        # The adoption ends with the annotation, and with what is told of it.
        await until("the route names its owner", model.owner, bool)
        await until("it is told", told, lambda reasons: reasons == ["Adopted"])
        before = spent(audit_log, namespace)
        await asyncio.sleep(5)  # the span in which nothing may happen
        assert spent(audit_log, namespace) == before
