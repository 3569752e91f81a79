"""Follows a rollout as it happens, says what changes, and keeps what the final table needs."""

import json
import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dev import programs
from dev.demo import stage
from dev.errors import DevError

RUN_SECONDS = 420.0
"""A run of the demo that takes longer than this has gone wrong."""


@dataclass(slots=True)
class Story:
    """One rollout from the change of its target to its end. Times are seconds since the epoch.

    Attributes:
        version: the target.
        asked_at: when the target was changed.
        run: id of the run.
        outcome: how it ended.
        reason: why, in the operator's words.
        weights: every weight the route showed for the version, with the moment it was first seen.
        done_at: when status said that it was over.
    """

    version: str
    asked_at: float
    run: str = ""
    outcome: str = ""
    reason: str = ""
    weights: list[tuple[float, int]] = field(default_factory=list)
    done_at: float = 0.0

    @property
    def top_weight(self) -> int:
        """The greatest weight it had, of 1000."""
        return max((weight for _, weight in self.weights), default=0)

    @property
    def exposed_at(self) -> float | None:
        """When the route first gave it a weight."""
        return next((at for at, weight in self.weights if weight > 0), None)

    @property
    def withdrawn_at(self) -> float | None:
        """When the route showed weight 0 after that."""
        exposed = self.exposed_at
        return next((at for at, weight in self.weights if weight == 0 and exposed and at > exposed), None)


def tell(cluster: stage.Cluster, version: str) -> Story:
    """Ask for a version and follow what happens to its end.

    Raises:
        DevError: the run did not end in time.
    """
    changes: queue.Queue[Mapping[str, Any]] = queue.Queue()
    with _watch(cluster.kubeconfig, "modelrollout", changes), _watch(cluster.kubeconfig, "httproute", changes):
        changes.get(timeout=30)  # the watch has begun
        story = Story(version, time.time())
        stage.target(cluster, version)
        teller = _Teller(story)
        for change in _until(changes, story.asked_at + RUN_SECONDS):
            if change["kind"] == "HTTPRoute":
                teller.route(change)
            elif teller.rollout(change):
                break
        # The watch of the route may lag behind the status that was derived from it.
        for change in _until(changes, time.time() + 2, patient=True):
            if change["kind"] == "HTTPRoute":
                teller.route(change)
    return story


class _Teller:
    """Prints a line whenever something changed that people care about."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._said: tuple[object, ...] = ()
        self._verdicts: list[tuple[str, str]] = []

    def route(self, obj: Mapping[str, Any]) -> None:
        rules = obj["spec"]["rules"]
        name = f"digits-{self._story.version}"
        weight = next((ref.get("weight", 1) for ref in rules[0]["backendRefs"] if ref["name"] == name), 0)
        if not self._story.weights or self._story.weights[-1][1] != weight:
            self._story.weights.append((time.time(), weight))
            if len(self._story.weights) > 1:
                self._say(f"route: {weight / 10:g} % of the traffic goes to {self._story.version}")

    def rollout(self, obj: Mapping[str, Any]) -> bool:
        """Take in a change; True when the run is over."""
        status = obj.get("status", {})
        run = status.get("run") or {}
        if run.get("target") != self._story.version:
            return False
        self._story.run = run["id"]
        now = (status.get("phase"), status.get("message"))
        if now != self._said:
            self._said = now
            self._say(f"{status.get('phase')}: {status.get('message')}")
        verdicts = [(one["name"], one["verdict"]) for one in status.get("metrics", [])]
        if verdicts != self._verdicts:
            self._verdicts = verdicts
            for one in status["metrics"]:
                self._say(f"    {one['verdict']:<12} {one.get('message', one['name'])}")
        if run.get("state") != "Done":
            return False
        self._story.outcome, self._story.reason = run.get("outcome", ""), run.get("message", "")
        self._story.done_at = time.time()
        return True

    def _say(self, line: str) -> None:
        print(f"  {time.time() - self._story.asked_at:6.1f} s  {line}", flush=True)


def _until(
    changes: "queue.Queue[Mapping[str, Any]]", deadline: float, *, patient: bool = False
) -> Iterator[Mapping[str, Any]]:
    while True:
        left = deadline - time.time()
        try:
            yield changes.get(timeout=max(0.01, left))
        except queue.Empty:
            if patient:
                return
            raise DevError(
                "The rollout has not ended in time: look with `kubectl modelrollout status digits -n digits`."
            ) from None


@contextmanager
def _watch(kubeconfig: Path, kind: str, into: "queue.Queue[Mapping[str, Any]]") -> Iterator[None]:
    """Put every state of the objects of a kind into a queue."""
    kubectl = shutil.which("kubectl") or str(programs.path_of(programs.KUBECTL))
    command = [kubectl, "get", kind, f"--namespace={stage.NAMESPACE}", "--watch"]
    process = subprocess.Popen(
        [*command, "--output=json", f"--field-selector=metadata.name={stage.ROLLOUT}"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
    )
    reader = threading.Thread(target=_read, args=(process, into), daemon=True)
    reader.start()
    try:
        yield
    finally:
        process.terminate()
        process.wait()
        reader.join()


def _read(process: "subprocess.Popen[str]", into: "queue.Queue[Mapping[str, Any]]") -> None:
    """The program prints objects one after the other, each ending with a brace in the first column."""
    lines: list[str] = []
    for line in process.stdout or ():
        lines.append(line)
        if line.rstrip("\n") == "}":
            into.put(json.loads("".join(lines)))
            lines = []
