"""Rollouts that go, on a real API server."""

import contextlib
import logging
from datetime import UTC, datetime

import pytest

from modelrollout.kube.client import Client
from modelrollout.kube.errors import NotFound
from modelrollout.kube.resources import MODELROLLOUTS, uid_of
from tests.cluster.conftest import Kubectl
from tests.cluster.runtime.harness import Model, running, until

PATIENT = {"canary": {"weights": [20], "hold": "1h"}}


async def _now() -> str:
    """The time as creation times are written: by the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def trial(model: Model) -> str:
    """A run with 20 % on v8; returns the rollout's uid."""
    created = await model.create(strategy=PATIENT)
    await model.until_phase("Completed")
    await model.target("v8")
    await model.until_weights(v7=800, v8=200)
    return uid_of(created)


async def test_a_rollout_deleted_in_a_run_returns_the_traffic_within_two_seconds(
    model: Model, client: Client, namespace: str
) -> None:
    async with running(namespace):
        uid = await trial(model)
        await client.delete(MODELROLLOUTS, namespace, "fraud", uid=uid)
        await until("traffic is back", model.weights, lambda weights: weights == {"v7": 1000}, patience=2.0)
        await until("nobody owns the route", model.owner, lambda owner: owner is None, patience=2.0)


async def test_a_rollout_deleted_while_no_operator_ran_is_found_at_the_next_start(
    model: Model, client: Client, namespace: str
) -> None:
    async with running(namespace):
        uid = await trial(model)
    await client.delete(MODELROLLOUTS, namespace, "fraud", uid=uid)
    async with running(namespace, identity="operator-1"):
        await model.until_weights(v7=1000)
        await until("nobody owns the route", model.owner, lambda owner: owner is None)


async def test_a_namespace_that_goes_away_is_nobodys_trouble(
    client: Client, namespace: str, gateway_api: None, kubectl: Kubectl, caplog: pytest.LogCaptureFixture
) -> None:
    going = f"{namespace}-going"
    kubectl("create", "namespace", going)
    model = Model(client, going)
    await model.deploy()

    async def untold() -> bool:
        return any("namespace" in one.message and "not told" in one.message for one in caplog.records)

    caplog.set_level(logging.INFO)
    async with running(going, home=namespace):
        uid = await trial(model)
        kubectl("delete", "namespace", going, "--wait=false")
        with contextlib.suppress(NotFound):
            await client.delete(MODELROLLOUTS, going, "fraud", uid=uid)
        await until("nothing can be told", untold, bool)
    alarming = [one for one in caplog.records if one.name.startswith("modelrollout") and one.levelno > logging.INFO]
    assert [one.getMessage() for one in alarming] == []


async def test_a_rollout_created_anew_goes_on_from_the_stable_version(
    model: Model, client: Client, namespace: str
) -> None:
    async with running(namespace):
        uid = await trial(model)
        await client.delete(MODELROLLOUTS, namespace, "fraud", uid=uid)
        await model.create()
        status = await model.until_phase("Completed")
        await model.until_weights(v7=1000)
    assert status["stable"] == "v7"


async def test_a_second_claimant_of_a_rule_is_refused_until_the_first_is_gone(
    model: Model, client: Client, namespace: str
) -> None:
    second = Model(client, namespace)
    async with running(namespace):
        created = await model.create()
        await model.until_phase("Completed")
        await until("another second has begun", _now, lambda now: now > created["metadata"]["creationTimestamp"])
        second.name = "rival"
        body = {
            "apiVersion": MODELROLLOUTS.api_version,
            "kind": MODELROLLOUTS.kind,
            "metadata": {"name": "rival", "namespace": namespace},
            "spec": model.spec(),
        }
        await client.create(MODELROLLOUTS, namespace, body)
        status = await second.until_phase("Invalid")
        claim = next(one for one in status["conditions"] if one["type"] == "RouteClaimed")
        assert claim["status"] == "False"
        assert f"{namespace}/fraud" in claim["message"]
        await client.delete(MODELROLLOUTS, namespace, "fraud", uid=uid_of(created))
        await second.until_phase("Completed")
        # The status says it first.
        await until("the route is the other's", model.owner, lambda owner: '"rival"' in str(owner))
