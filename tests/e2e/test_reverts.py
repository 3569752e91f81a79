"""Reverts as a person does them: `git revert`, and a pipeline that applies what the branch has."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster import Cluster
from dev.visitors import Visitors
from tests.e2e.rollouts import Record
from tests.e2e.small import Small, behind_gateway, small

HOST = "reverts.example"


class Repository:
    """The manifest of a rollout under version control, and a pipeline that applies it."""

    def __init__(self, folder: Path, model: Small) -> None:
        """The rollout as it is on the cluster is the first commit."""
        self._folder, self._model = folder, model
        found = model.get("modelrollout")
        self._manifest = folder / "rollout.json"
        self._written = {
            "apiVersion": found["apiVersion"],
            "kind": found["kind"],
            "metadata": {"name": model.name},
            "spec": found["spec"],
        }
        self._git("init", "--quiet")
        self.commit("v1 serves")

    def commit(self, message: str, **spec: object) -> None:
        """Edit the manifest, commit it; the pipeline applies it."""
        self._written["spec"] |= spec
        self._manifest.write_text(json.dumps(self._written, indent=2))
        self._git("add", "rollout.json")
        self._git("commit", "--quiet", f"--message={message}")
        self._deploy()

    def revert(self) -> None:
        """Take the last commit back, as people do when something looks wrong; the pipeline applies that."""
        self._git("revert", "--no-edit", "HEAD")
        self._written = json.loads(self._manifest.read_text())
        self._deploy()

    def _deploy(self) -> None:
        self._model.kubectl("apply", f"--filename={self._manifest}")

    def _git(self, *arguments: str) -> None:
        who = ("-c", "user.name=Ana", "-c", "user.email=ana@example.com")
        subprocess.run(["git", *who, *arguments], cwd=self._folder, check=True, capture_output=True)


@pytest.fixture
def model(cluster: Cluster) -> Iterator[Small]:
    """Two versions behind the gateway; the first serves."""
    with small(cluster, "small-reverts") as made:
        made.serve("v1", 1)
        made.serve("v2", 1)
        made.roll(
            *("v1", "v2"),
            traffic=behind_gateway(HOST),
            strategy={"canary": {"weights": [20, 50], "hold": "1h"}},
            metrics=[],
            watch="1h",
        )
        yield made


def _writes(model: Small) -> int:
    return int(model.get("httproute")["metadata"]["generation"])


def test_git_revert_is_one_write_in_a_run_in_its_watch_and_long_after(
    cluster: Cluster, model: Small, tmp_path: Path, record_property: Record
) -> None:
    git = Repository(tmp_path, model)
    with Visitors(f"{cluster.gateway_url}/ask", 40, bytes.decode, {"Host": HOST}) as users:
        # In the middle of the run.
        git.commit("v2 shall serve", target="v2")
        model.until(lambda: model.weights == {"v1": 800, "v2": 200}, "the first weight", 30)
        before = _writes(model)
        git.revert()
        model.until(lambda: model.status["phase"] == "Withdrawn", "that v2 is withdrawn", 10)
        assert (model.weights, _writes(model)) == ({"v1": 1000}, before + 1)
        assert model.condition("Ready")["status"] == "True"
        assert model.status.get("rejected", []) == []

        # In the watch after the promotion: a second try, of what nobody rejected, is a run like the first.
        git.commit("v2 shall serve after all", target="v2")
        model.until(lambda: model.weights == {"v1": 800, "v2": 200}, "the first weight again", 30)
        assert model.command("Promote", full=True)["accepted"]
        model.until(lambda: model.status["phase"] == "Watching", "the watch", 10)
        before = _writes(model)
        git.revert()
        model.until(lambda: model.status["stable"] == "v1", "that v1 serves again", 10)
        assert (model.weights, _writes(model)) == ({"v1": 1000}, before + 1)

        # Long after it: a commit that was good for a while.
        git.commit("a shorter watch", watch="1s")
        git.commit("v2 shall serve at last", target="v2")
        model.until(lambda: model.weights == {"v1": 800, "v2": 200}, "the first weight once more", 30)
        assert model.command("Promote", full=True)["accepted"]
        model.until(lambda: model.status["phase"] == "Completed", "the end of the watch", 20)
        before = _writes(model)
        git.revert()
        model.until(lambda: model.status["stable"] == "v1", "that v1 serves again", 10)
        assert (model.weights, _writes(model)) == ({"v1": 1000}, before + 1)
        assert model.condition("Ready")["status"] == "True"
    assert users.failed() == []
    record_property("requests", len(users.came))
