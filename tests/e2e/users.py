"""Users like those of the demo, but of another gateway or another kind, and what they get."""

import string
import time
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from dev.cluster import Cluster
from dev.demo import stage
from tests.e2e.rollouts import SECONDS, Rollout


def prefix(rollout: str) -> str:
    """How the names of the metrics of its users begin."""
    return rollout.replace("-", "_")


class Served(Rollout):
    """A ModelRollout with users of its own.

    Attributes:
        users: name of their Deployment and their Service. Their metrics are called like those of the demo's users,
            with another prefix.
        began: since when their answers count, seconds since the epoch.
    """

    def __init__(self, cluster: Cluster, name: str, namespace: str = stage.NAMESPACE) -> None:
        """Nobody comes before they are invited."""
        super().__init__(cluster, name, namespace)
        self.users, self.began = f"{name}-users", 0.0

    def invite(
        self,
        gateway: str,
        arguments: Sequence[str] = ("--rate=40", "--patience=9"),
        hosts: Mapping[str, str] | None = None,
    ) -> None:
        """Let users come, and wait until version 1 has answered some.

        Args:
            gateway: where they send.
            arguments: of the program, over those of the demo.
            hosts: addresses by name, as only they resolve it.
        """
        text = string.Template((stage.MANIFESTS / "traffic.yaml").read_text()).substitute(gateway=gateway, seed=1)
        deployment, service = yaml.safe_load_all(text)
        labels = {"app": self.users}
        for each in (deployment, service):
            each["metadata"] = {"name": self.users, "namespace": self.namespace}
        service["spec"]["selector"] = deployment["spec"]["selector"]["matchLabels"] = labels
        pod = deployment["spec"]["template"]
        pod["metadata"]["labels"] = labels
        pod["spec"]["hostAliases"] = [{"ip": address, "hostnames": [host]} for host, address in (hosts or {}).items()]
        # What they get is no part of what the demo's rollout is judged by.
        pod["spec"]["containers"][0]["args"] += (*arguments, f"--prefix={prefix(self.name)}")
        self.apply(deployment, service)
        self.kubectl("rollout", "status", f"deployment/{self.users}", f"--timeout={SECONDS:.0f}s")
        self.began = time.time()
        self.until(lambda: self.answers("v1") > 0, "the first answers")

    @property
    def seen(self) -> dict[str, Any]:
        """What users got since the beginning, by version."""
        return self.seen_by(self.users, self.began, time.time() + 60)

    def answers(self, version: str) -> int:
        """Answers that users got from a version."""
        return int((self.seen.get(version) or {}).get("answers") or 0)

    def asked(self) -> int:
        """How many requests of users are over, whoever answered them."""
        return sum(int(one.get("answers") or 0) for one in self.seen.values())

    def failed(self, *versions: str) -> int:
        """Failed answers of these versions, or of nobody."""
        seen = self.seen
        return sum(int((seen.get(version) or {}).get("failed") or 0) for version in (*versions, "unknown"))

    def ends(self, version: str, outcome: str) -> None:
        """Wait for the end of the run of that version, which is to be this one."""

        def done() -> bool:
            run = self.status.get("run") or {}
            return bool(run.get("target") == version and run["state"] in ("Done", "Watching"))

        self.until(done, f"the end of the run of {version}")
        assert self.status["run"]["outcome"] == outcome, self.account()

    def account(self) -> str:
        """What users got, too."""
        return f"users {self.seen}\n{super().account()}"
