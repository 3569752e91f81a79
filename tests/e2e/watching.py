"""What end-to-end tests see of the rollout, its route and its users, and how they wait for it."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import yaml

from dev import paths
from dev.cluster import Cluster
from dev.demo import stage
from tests.e2e.rollouts import Rollout


class Scene(Rollout):
    """The demo's rollout, route and users on a cluster.

    Attributes:
        began: since when failed answers count, seconds since the epoch.
        metrics: those of the demo's manifest.
    """

    def __init__(self, cluster: Cluster) -> None:
        """Look at this cluster."""
        super().__init__(cluster, stage.ROLLOUT)
        self.began = time.time()
        manifest = yaml.safe_load((stage.MANIFESTS / "rollout.yaml").read_text())
        self.metrics: list[dict[str, Any]] = manifest["spec"]["metrics"]

    @property
    def weights(self) -> dict[str, int]:
        """Weights on the route by version, those at 0 left out."""
        refs = self.get("httproute")["spec"]["rules"][0]["backendRefs"]
        return {ref["name"].removeprefix("digits-"): ref["weight"] for ref in refs if ref["weight"]}

    def set_weights(self, **weights: int) -> None:
        """Change weights of the route behind the operator's back."""
        refs = self.get("httproute")["spec"]["rules"][0]["backendRefs"]
        operations = [
            {
                "op": "replace",
                "path": f"/spec/rules/0/backendRefs/{index}/weight",
                "value": weights.get(ref["name"][7:], 0),
            }
            for index, ref in enumerate(refs)
        ]
        where = (f"--namespace={stage.NAMESPACE}", "--type=json", "--field-manager=somebody")
        self.cluster.kubectl("patch", "httproute", stage.ROLLOUT, *where, f"--patch={json.dumps(operations)}")

    @contextmanager
    def also(self, version: str, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
        """A version more, a copy of the first one, with a pod spec that is changed."""
        name, where = f"digits-{version}", f"--namespace={stage.NAMESPACE}"
        copies = [_copy(self.get(kind, "digits-v1"), name, version) for kind in ("deployment", "service")]
        change(copies[0]["spec"]["template"]["spec"])
        versions = self.get("modelrollout")["spec"]["versions"]
        added = {**versions[0], "name": version, "service": {**versions[0]["service"], "name": name}}
        added["workload"] = {**versions[0]["workload"], "name": name}
        for each in copies:
            self.cluster.kubectl("apply", "--filename=-", input=json.dumps(each))
        self._backends("add", {"name": name, "port": 8080, "weight": 0})
        self.patch(versions=[*versions, added])
        try:
            yield
        finally:
            self.patch(target="v1", versions=versions)
            self._backends("remove")
            self.cluster.kubectl("delete", f"deployment/{name}", f"service/{name}", where, "--ignore-not-found")

    def plugin(self, *arguments: str) -> str:
        """Output of `kubectl modelrollout` with these arguments."""
        done = subprocess.run(
            [paths.CHECKOUT / ".venv/bin/kubectl-modelrollout", *arguments, f"--namespace={stage.NAMESPACE}"],
            capture_output=True,
            text=True,
            check=False,
            env={"KUBECONFIG": str(self.cluster.kubeconfig)},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _backends(self, op: str, value: dict[str, Any] | None = None) -> None:
        last = len(self.get("httproute")["spec"]["rules"][0]["backendRefs"]) - (op == "remove")
        operation = {"op": op, "path": f"/spec/rules/0/backendRefs/{last}", **({"value": value} if value else {})}
        where = (f"--namespace={stage.NAMESPACE}", "--type=json")
        self.cluster.kubectl("patch", "httproute", stage.ROLLOUT, *where, f"--patch={json.dumps([operation])}")

    def account(self) -> str:
        """The route, too."""
        return f"weights {self.weights}\n{super().account()}"

    def begin(self, version: str) -> None:
        """Ask for a version and wait for its first weight; one that was rejected before is tried again."""
        self.patch(target=version)
        self.until(self._seen, "that the operator has seen the edit", 20)
        if self.status["run"]["target"] != version or self.status["run"]["state"] == "Done":
            assert self.command("Retry")["accepted"]
        self.until(lambda: self.weights.get(version, 0) > 0, "the first weight", 30)

    def reach(self, version: str) -> None:
        """Bring the rollout to rest with all traffic on this version, from wherever it is."""
        self.patch(target=version)
        self.until(self._seen, "that the operator has seen the edit", 20)
        status = self.status
        if status["stable"] != version and status["run"]["state"] != "TakingBack":
            self.begin(version)
            assert self.command("Promote", full=True)["accepted"]
        self.until(lambda: self.status.get("run", {"state": "Done"})["state"] == "Done", f"{version} at rest")
        assert self.weights == {version: 1000}

    def _seen(self) -> bool:
        rollout = self.get("modelrollout")
        return bool(rollout["status"].get("observedGeneration") == rollout["metadata"]["generation"])

    def asked(self) -> int:
        """How many requests of users are over since the scene began, whoever answered them."""
        seen = self.seen_by("traffic", self.began, time.time() + 60)
        return sum(int(one.get("answers") or 0) for one in seen.values())

    def failed_answers(self) -> list[str]:
        """Answers since the scene began that failed and were no degraded version's own to give, as users saw them."""
        return [
            f"{datetime.fromtimestamp(one['sent'], UTC):%H:%M:%S.%f} after {one['seconds']:.3f} s,"
            f" {one['version']}, {one['code']}: {one['why']}"
            for one in stage.failures(self.cluster, self.began, time.time() + 60)
            if one["version"] != "v3"
        ]


def _copy(obj: dict[str, Any], name: str, version: str) -> dict[str, Any]:
    """The same object for another version, with nothing that the API server gave it."""
    spec: dict[str, Any] = json.loads(json.dumps(obj["spec"]).replace('"v1"', f'"{version}"'))
    for given in ("clusterIP", "clusterIPs"):
        spec.pop(given, None)
    metadata = {"namespace": obj["metadata"]["namespace"], "name": name}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata, "spec": spec}
