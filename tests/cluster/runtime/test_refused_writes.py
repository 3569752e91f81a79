"""Writes of a route that something in the cluster refuses in the middle of a run, on a real API server."""

from collections.abc import Callable, Iterator

import pytest
import yaml

from modelrollout.kube.client import Client
from modelrollout.kube.resources import EVENTS, Obj
from tests.cluster.conftest import Kubectl
from tests.cluster.runtime.harness import PATIENCE, Model, running, until

BY_HAND = {"canary": {"weights": [20, 50], "hold": "1h", "samples": 10}}
WORDS = "routes are frozen by the network team"
SAID = 30.0
"""Seconds after which a write that keeps failing is said."""
AGAIN = 60.0
"""Seconds after which it is tried again at the latest."""


@pytest.fixture
def policy(kubectl: Kubectl, namespace: str) -> Iterator[Callable[[], None]]:
    """From the call on nobody may change a route in the namespace, until the policy's binding is deleted."""
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": namespace}}
    rule = {
        "apiGroups": ["gateway.networking.k8s.io"],
        "apiVersions": ["*"],
        "operations": ["UPDATE"],
        "resources": ["httproutes"],
    }
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "false", "message": WORDS}],
    }
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    bound = {"policyName": namespace, "validationActions": ["Deny"], "matchResources": where}
    text = yaml.safe_dump_all(
        [
            {**kind, "kind": "ValidatingAdmissionPolicy", "spec": spec},
            {**kind, "kind": "ValidatingAdmissionPolicyBinding", "spec": bound},
        ]
    )
    yield lambda: kubectl("apply", "-f", "-", stdin=text) and None
    kubectl("delete", "--ignore-not-found", "-f", "-", stdin=text)


async def traffic_matches(model: Model) -> Obj:
    """The condition as it is now, empty before it was first set."""
    conditions = (await model.status()).get("conditions", [])
    return next((one for one in conditions if one["type"] == "TrafficMatches"), {})


async def until_failing(model: Model) -> str:
    """Wait until it is said that the route cannot be written; returns the words."""
    found = await until(
        "a write that keeps failing is said",
        lambda: traffic_matches(model),
        lambda one: one.get("reason") == "WriteFailing",
        SAID + PATIENCE,
    )
    assert found["status"] == "False"
    return str(found["message"])


async def until_matching(model: Model) -> None:
    """Wait until the route says again what was decided."""
    await until(
        "the write is made",
        lambda: traffic_matches(model),
        lambda one: one.get("status") == "True",
        AGAIN + PATIENCE,
    )


async def test_a_policy_that_refuses_is_named_in_its_own_words_once_and_the_run_goes_on_when_it_is_gone(
    model: Model, client: Client, namespace: str, kubectl: Kubectl, policy: Callable[[], None]
) -> None:
    async def refused() -> str:
        change = ("annotate", "httproute", "fraud", "-n", namespace, "a=b", "--dry-run=server")
        return kubectl(*change, check=False).stderr

    async def told() -> list[Obj]:
        return [one for one in (await client.list(EVENTS, namespace)).items if one["reason"] == "NotCarriedOut"]

    async with running(namespace):
        await model.create(strategy=BY_HAND)
        await model.until_phase("Completed")
        await model.target("v8")
        await model.until_weights(v7=800, v8=200)
        policy()
        await until("the policy is in force", refused, lambda said: WORDS in said)
        await model.command("Promote")
        assert WORDS in await until_failing(model)
        status = await model.status()
        assert status["weights"]["desired"] == {"v7": 500, "v8": 500}
        assert await model.weights() == {"v7": 800, "v8": 200}
        (event,) = await until("people are told", told, bool)
        assert (event["type"], WORDS in event["note"]) == ("Warning", True)
        kubectl("delete", "validatingadmissionpolicybinding", namespace)
        await until_matching(model)
        assert await model.weights() == {"v7": 500, "v8": 500}
    assert len(await told()) == 1
