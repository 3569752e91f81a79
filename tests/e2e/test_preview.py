"""Blue/green behind the gateway with a preview by header, under load, until a person approves the switch."""

import json
import time
from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from dev.demo import stage
from dev.visitors import Visitors
from tests.e2e.rollouts import Rollout

NAME, HOST = "previewed", "previewed.example"
HEADER = {"name": "x-preview", "value": "4f1c"}
SCAN = json.dumps({"inputs": [{"name": "pixels", "shape": [1, 64], "datatype": "UINT8", "data": [0] * 64}]}).encode()

ROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": NAME, "namespace": stage.NAMESPACE},
    "spec": {
        "parentRefs": [{"name": "models", "namespace": "gateway"}],
        "hostnames": [HOST],
        "rules": [
            {
                "name": "predict",
                "matches": [{"path": {"type": "PathPrefix", "value": "/ask"}}],
                # The preview needs it too: no model answers at /ask.
                "filters": [
                    {
                        "type": "URLRewrite",
                        "urlRewrite": {
                            "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/v2/models/digits/infer"}
                        },
                    }
                ],
                "backendRefs": [
                    {"name": f"digits-{version}", "port": 8080, "weight": weight}
                    for version, weight in (("v1", 1), ("v2", 0))
                ],
            }
        ],
    },
}
ROLLOUT = {
    "apiVersion": "modelrollout.io/v1alpha1",
    "kind": "ModelRollout",
    "metadata": {"name": NAME, "namespace": stage.NAMESPACE},
    "spec": {
        "versions": [
            {
                "name": version,
                "service": {"name": f"digits-{version}", "port": 8080},
                "workload": {"kind": "Deployment", "name": f"digits-{version}"},
            }
            for version in ("v1", "v2")
        ],
        "target": "v1",
        "traffic": {"gatewayAPI": {"httpRoute": NAME}},
        "strategy": {"blueGreen": {"hold": "1s", "preview": {"header": HEADER}}},
        "promotion": "Manual",
        "watch": "5s",
    },
}


class Previewed(Rollout):
    """The route and its rollout, beside the demo's."""

    def __init__(self, cluster: Cluster) -> None:
        """Set it up and wait until version 1 is adopted and answers."""
        super().__init__(cluster, NAME)
        self.apply(ROUTE, ROLLOUT)
        self.until(lambda: self.status.get("stable") == "v1", "that version 1 is adopted")
        with self.visitors() as first:
            self.until(lambda: any(not one.failed for one in first.came), "the first answer")

    def remove(self) -> None:
        """Take everything away again."""
        names = (f"modelrollout/{NAME}", f"httproute/{NAME}")
        self.kubectl("delete", *names, "--ignore-not-found")

    def visitors(self, headers: dict[str, str] | None = None) -> Visitors:
        """People who ask the model by the gateway, told apart by the version that answered."""
        told = {"Host": HOST, "Content-Type": "application/json", **(headers or {})}
        return Visitors(f"{self.cluster.gateway_url}/ask", 10, _version, told, SCAN)

    def approve(self) -> None:
        """A person approves."""
        user = self.cluster.kubectl("auth", "whoami", "--output=jsonpath={.status.userInfo.username}")
        body = {
            "apiVersion": "modelrollout.io/v1alpha1",
            "kind": "ModelRolloutCommand",
            "metadata": {"generateName": "approve-", "namespace": stage.NAMESPACE},
            "spec": {"rollout": NAME, "verb": "Approve", "by": user},
        }
        self.cluster.kubectl("create", "--filename=-", input=json.dumps(body))

    def second_rules(self) -> list[str]:
        """Names of the rules of the second route."""
        found = self.get("httproute", f"{NAME}-modelrollout")
        return [rule["name"] for rule in found["spec"]["rules"]]


def _version(body: bytes) -> str:
    return str(json.loads(body).get("model_version") or "")


def _answered(visitors: Visitors, since: float, until: float = float("inf")) -> set[str]:
    return {one.version for one in visitors.since(since) if one.received <= until}


@pytest.fixture
def previewed(cluster: Cluster) -> Iterator[Previewed]:
    """The route and its rollout, with all users on version 1."""
    made = Previewed(cluster)
    yield made
    made.remove()


def test_who_sends_the_header_gets_the_candidate_and_all_others_stable_until_the_switch_and_no_request_fails(
    previewed: Previewed,
) -> None:
    with previewed.visitors() as users, previewed.visitors({HEADER["name"]: HEADER["value"]}) as testers:
        previewed.until(lambda: bool(testers.came), "the first of those who try it")
        began = time.time()
        previewed.patch(target="v2")
        previewed.until(lambda: "v2" in _answered(testers, began), "an answer of the candidate")
        shown = time.time()
        previewed.until(lambda: previewed.status["phase"] == "AwaitingApproval", "that only the approval is missing")
        previewed.until(lambda: len(users.since(shown)) > 30 and len(testers.since(shown)) > 30, "some requests")
        assert previewed.second_rules() == ["preview.0", "v1", "v2"]
        asked = time.time()
        previewed.approve()
        assert (_answered(users, 0, asked), _answered(testers, shown, asked)) == ({"v1"}, {"v2"})

        previewed.until(lambda: "v2" in _answered(users, asked), "that users get the candidate")
        previewed.until(lambda: previewed.status["phase"] == "Completed", "the end of the watch")
        over = time.time()
        previewed.until(lambda: len(users.since(over)) > 10 and len(testers.since(over)) > 10, "some requests more")
        assert (_answered(users, over), _answered(testers, shown)) == ({"v2"}, {"v2"})
        assert previewed.second_rules() == ["v1", "v2"]
    assert (users.failed(), testers.failed()) == ([], [])
