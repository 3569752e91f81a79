"""A rollout on a cluster as people see it with kubectl, and how tests wait for it."""

import json
from collections.abc import Callable
from typing import Any

from dev.cluster import Cluster
from dev.demo import stage
from dev.progress import wait_until

SECONDS = 90.0

Record = Callable[[str, object], None]
"""Pytest's `record_property`: what a test counted, for the report of the run (`--junitxml`)."""


class Rollout:
    """A ModelRollout and whatever has its namespace.

    Attributes:
        cluster: where it is.
        name, namespace: of the ModelRollout; what belongs to it mostly has the same name.
    """

    def __init__(self, cluster: Cluster, name: str, namespace: str = stage.NAMESPACE) -> None:
        """Look at it; it need not be there yet."""
        self.cluster, self.name, self.namespace = cluster, name, namespace

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 (as subprocess.run calls it)
        """Run kubectl in the namespace."""
        return self.cluster.kubectl(*arguments, f"--namespace={self.namespace}", input=input)

    def apply(self, *objects: dict[str, Any]) -> None:
        """Apply objects."""
        for each in objects:
            self.kubectl("apply", "--filename=-", input=json.dumps(each))

    def get(self, kind: str, name: str = "") -> dict[str, Any]:
        """An object of the namespace, of the rollout's name unless another is given."""
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, name or self.name, "--output=json"))
        return found

    @property
    def status(self) -> dict[str, Any]:
        """The rollout's status, empty before it has one."""
        found: dict[str, Any] = self.get("modelrollout").get("status", {})
        return found

    def condition(self, kind: str) -> dict[str, Any]:
        """A condition of the rollout, empty when it is not there."""
        return next((one for one in self.status.get("conditions", []) if one["type"] == kind), {})

    def patch(self, **spec: Any) -> None:
        """Edit the rollout."""
        text = json.dumps({"spec": spec})
        self.kubectl("patch", "modelrollout", self.name, "--type=merge", f"--patch={text}")

    def command(self, verb: str, **more: Any) -> dict[str, Any]:
        """Create a command; returns what became of it once the operator has answered."""
        user = self.cluster.kubectl("auth", "whoami", "--output=jsonpath={.status.userInfo.username}")
        body = {
            "apiVersion": "modelrollout.io/v1alpha1",
            "kind": "ModelRolloutCommand",
            "metadata": {"generateName": f"{verb.lower()}-"},
            "spec": {"rollout": self.name, "verb": verb, "by": user, **more},
        }
        made = json.loads(self.kubectl("create", "--filename=-", "--output=json", input=json.dumps(body)))
        uid = made["metadata"]["uid"]

        def answers() -> list[dict[str, Any]]:
            return [one for one in self.status.get("commands", []) if one["uid"] == uid]

        self.until(lambda: bool(answers()), f"an answer to {verb}", 20)
        return answers()[0]

    def until(self, holds: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
        """Wait until it holds; with the rollout as it then is in the error when it does not."""
        try:
            wait_until(holds, what, seconds, pause=0.2)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.account()}") from None

    def account(self) -> str:
        """What helps to understand why something did not happen."""
        return f"status {json.dumps(self.status, indent=1)}"

    def seen_by(self, users: str, since: float, until: float) -> dict[str, Any]:
        """What the users of that Service got in an interval (seconds since the epoch), by version."""
        path = f"/api/v1/namespaces/{self.namespace}/services/{users}:http/proxy/summary"
        query = f"?since={since:.3f}&until={until:.3f}"
        found: dict[str, Any] = json.loads(self.cluster.kubectl("get", "--raw", path + query))["versions"]
        return found
