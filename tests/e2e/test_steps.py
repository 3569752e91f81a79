"""Steps in any mix behind the gateway: copies, one in a hundred, a person, a half; and webhooks that are asked."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.cluster import Cluster
from tests.e2e.copies import GOAL, METRICS, NAMESPACE, Copies

KEY = b"a key that only the receiver knows"
RECEIVER = f"http://receiver.{NAMESPACE}.svc:8080"


@pytest.fixture
def copies(cluster: Cluster) -> Iterator[Copies]:
    """Three versions of which the third one is bad."""
    made = Copies(cluster, "steps")
    yield made
    made.remove()


def test_copies_then_one_percent_then_an_approval_then_a_quarter_then_half_with_a_goal_then_everything(
    copies: Copies,
) -> None:
    guardrails = ["errors", "slow"]
    copies.begin(
        {
            "steps": [
                {"name": "shadow", "mirror": 50, "hold": "2s", "require": "Pass", "metrics": guardrails},
                {"name": "one-percent", "weight": 1, "hold": "2s", "samples": 1, "metrics": ["errors"]},
                {"name": "look", "approval": True, "samples": 0, "metrics": []},
                {"name": "quarter", "weight": 25, "hold": "2s", "metrics": guardrails},
                {"name": "half", "weight": 50, "hold": "2s"},
            ]
        },
        metrics=[*METRICS, GOAL],
    )
    with copies.visitors() as users:
        copies.patch(target="v2")
        copies.phase("AwaitingApproval")
        assert copies.status["weights"]["desired"] == {"v1": 990, "v2": 10}
        assert copies.status["message"] == "step 3 of 5 (look) has passed and waits for a person to approve"
        copies.command("Approve", "looked at the confusion matrix")
        copies.phase("Completed")
    lines = copies.record()
    left = [(one["step"], one["weight"], one.get("mirror", 0)) for one in lines if one["decision"] == "StepPassed"]
    assert left == [(1, 0, 500), (2, 10, 0), (3, 10, 0), (4, 250, 0), (5, 500, 0)]
    last = next(one for one in lines if one["decision"] == "StepPassed" and one["step"] == 5)
    assert {one["metric"]: one["verdict"] for one in last["findings"]} == dict.fromkeys([*guardrails, "clicks"], "Pass")
    approved = [one["approved"] for one in lines if "approved" in one]
    assert approved == [f"by {copies.user}: looked at the confusion matrix"]
    assert ({one.version for one in users.came}, users.failed()) == ({"v1", "v2"}, [])


@pytest.fixture
def companion(cluster: Cluster) -> Iterator[Copies]:
    """Another rollout of the same versions, on a route of its own."""
    made = Copies(cluster, "companion")
    yield made
    made.remove()


def test_rollouts_that_belong_together_are_promoted_together(copies: Copies, companion: Copies) -> None:
    half = {"canary": {"weights": [50], "hold": "1s"}}
    copies.begin(half, metrics=[], promoteTogether={"rollouts": [companion.name], "release": "r1"})
    companion.begin(half, metrics=[], promoteTogether={"rollouts": [copies.name], "release": "r1"}, promotion="Manual")
    copies.patch(target="v2", promoteTogether={"release": "r2"})
    copies.until(lambda: "is of release r1, not r2" in copies.status["message"], "that it waits for an edit")
    companion.patch(target="v2", promoteTogether={"release": "r2"})
    companion.phase("AwaitingApproval")
    run = companion.status["run"]["id"]
    copies.until(lambda: f"waits for ModelRollout {companion.name} (run {run})" in copies.status["message"], "the run")
    assert copies.status["weights"]["desired"] == {"v1": 500, "v2": 500}
    companion.command("Approve")
    for one in (copies, companion):
        one.phase("Completed")
        assert one.status["stable"] == "v2"


class Receiver:
    """Who is called."""

    def __init__(self, copies: Copies) -> None:
        """Bring it up, with a Secret whose key it knows."""
        self._copies = copies
        manifest = (Path(__file__).parent / "receiver.yaml").read_text()
        copies.kubectl("apply", "--filename=-", input=manifest)
        copies.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "hooks", "labels": {"modelrollout.io/webhook": "true"}},
                "data": {"key": base64.b64encode(KEY).decode()},
            }
        )
        copies.kubectl("rollout", "status", "deployment/receiver", "--timeout=60s")

    def remove(self) -> None:
        """Take it away."""
        names = ("deployment/receiver", "service/receiver", "secret/hooks")
        self._copies.kubectl("delete", *names, "--ignore-not-found")

    def say(self, verdict: str) -> None:
        """From now on the committee says that."""
        self._get(f"say/{verdict}")

    def calls(self, name: str) -> list[dict[str, Any]]:
        """The calls of one webhook."""
        return [one for one in self._get("calls") if one["path"] == f"/hooks/{name}"]

    def _get(self, path: str) -> Any:
        proxy = f"/api/v1/namespaces/{NAMESPACE}/services/receiver:http/proxy"
        return json.loads(self._copies.cluster.kubectl("get", "--raw", f"{proxy}/{path}"))


@pytest.fixture
def receiver(copies: Copies) -> Iterator[Receiver]:
    """The receiver, which tells the committee's gate to wait."""
    made = Receiver(copies)
    yield made
    made.remove()


def test_webhooks_are_told_asked_again_after_a_failure_and_waited_for(copies: Copies, receiver: Receiver) -> None:
    hooks = [
        {"name": "announce", "when": "Before", "url": f"{RECEIVER}/hooks/announce", "body": "v2 begins"},
        {"name": "committee", "url": f"{RECEIVER}/hooks/committee", "secretRef": {"name": "hooks"}},
        {"name": "archive", "when": "After", "url": f"{RECEIVER}/hooks/archive"},
    ]
    copies.begin({"steps": [{"name": "tenth", "weight": 10, "hold": "1s", "webhooks": hooks}]}, metrics=[])
    copies.patch(target="v2")
    copies.until(lambda: bool(receiver.calls("committee")), "that the committee is asked")
    announced = receiver.calls("announce")
    assert [json.loads(one["body"])["attempt"] for one in announced] == [1, 2], "the first one got 503"
    assert len({one["headers"]["X-ModelRollout-Delivery"] for one in announced}) == 1
    assert json.loads(announced[0]["body"])["body"] == "v2 begins"
    asked = receiver.calls("committee")[0]
    signed = asked["headers"]["X-ModelRollout-Timestamp"].encode() + b"." + asked["body"].encode()
    wanted = "sha256=" + hmac.new(KEY, signed, hashlib.sha256).hexdigest()
    assert asked["headers"]["X-ModelRollout-Signature"] == wanted

    copies.until(lambda: "says: so be it" in copies.status["message"], "that the committee's answer is shown")
    assert (copies.status["weights"]["desired"], receiver.calls("archive")) == ({"v1": 900, "v2": 100}, [])
    receiver.say("Pass")
    copies.phase("Completed")
    assert len(receiver.calls("archive")) == 1
    called = [(one["webhook"], one["attempt"], one["verdict"]) for one in copies.record() if "webhook" in one]
    assert called == [
        ("announce", 1, "Error"),
        ("announce", 2, "Pass"),
        ("committee", 1, "Pass"),
        ("archive", 1, "Pass"),
    ]


def test_a_receiver_that_refuses_takes_the_candidate_back(copies: Copies, receiver: Receiver) -> None:
    receiver.say("Fail")
    hooks = [{"name": "committee", "url": f"{RECEIVER}/hooks/committee"}]
    copies.begin({"steps": [{"name": "tenth", "weight": 10, "hold": "1s", "webhooks": hooks}]}, metrics=[])
    copies.patch(target="v2")
    copies.phase("RolledBack")
    assert copies.status["run"]["reason"] == "WebhookRefused"
    assert "webhook committee (Gate) refused: so be it" in copies.status["run"]["message"]
