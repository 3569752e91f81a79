"""The collector's own process beside a real API server: it follows ModelRollouts, and survives being killed."""

import json
import signal
import threading
import time
import urllib.error
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from dev.collector import Running, collector
from dev.postgresql import PostgreSQL
from tests.cluster.conftest import Kubectl
from tests.unit.api.cases import rollout, spec

BATCH = 20
CLASSES = {"prediction": "class"}


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path, postgresql: PostgreSQL) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'collector.db'}"
    return postgresql.database(f"process_{time.monotonic_ns()}")


def _events(namespace: str, ids: range, workload: str = "fraud-v7") -> list[dict[str, Any]]:
    common = {"specversion": "1.0", "source": "/test", "namespace": namespace, "inferenceservicename": workload}
    kinds = ("request", "response")
    return [
        common | {"id": str(id_), "type": f"org.kubeflow.serving.inference.{kind}", "data": {"class": "a"}}
        for id_ in ids
        for kind in kinds
    ]


def _labels(namespace: str, ids: range) -> list[dict[str, Any]]:
    return [{"namespace": namespace, "rollout": "fraud", "id": str(id_), "value": "a"} for id_ in ids]


def _apply(kubectl: Kubectl, namespace: str, **changes: Any) -> None:
    kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(rollout(spec(**changes))))


class Sender(threading.Thread):
    """Sends until it is stopped; what is not acknowledged is sent again, as every sender should.

    Attributes:
        acknowledged: exchanges of which request, answer and label were.
    """

    def __init__(self, running: Running, namespace: str, first: int) -> None:
        super().__init__()
        self._namespace = namespace
        self._next = first
        self._stopped = threading.Event()
        self.running = running
        self.acknowledged = 0
        self.wrong: Exception | None = None

    def run(self) -> None:
        while not self._stopped.is_set() and self.wrong is None:
            ids = range(self._next, self._next + BATCH)
            # The labels go first: who waits for the events' answer must not find them counted without.
            while not (self._sent("/v1/labels", _labels(self._namespace, ids)) and self._sent(*self._batch(ids))):
                time.sleep(0.05)  # it is gone, or is just coming up
                if self.wrong is not None:
                    return
            self.acknowledged += BATCH
            self._next += BATCH

    def _batch(self, ids: range) -> tuple[str, list[dict[str, Any]]]:
        return "/v1/events", _events(self._namespace, ids)

    def _sent(self, path: str, body: Any) -> bool:
        try:
            self.running.post(path, body)
        except urllib.error.HTTPError as error:
            self.wrong = error if error.code != 503 else None
            return False
        except (OSError, ValueError, HTTPException):
            return False
        return True

    def stop(self) -> None:
        self._stopped.set()
        self.join(timeout=60)


def test_killed_under_load_it_counts_what_it_acknowledged_and_each_once(
    kubectl: Kubectl, kubeconfig: Path, namespace: str, store: str, tmp_path: Path
) -> None:
    _apply(kubectl, namespace, telemetry=CLASSES)
    log, seen = tmp_path / "log", 0.0
    senders: list[Sender] = []
    for life in range(4):
        # A container that is started anew keeps the name of its pod.
        with collector(kubeconfig, store, log, {"IDENTITY": "collector-0"}) as running:
            if not senders:
                senders = [Sender(running, namespace, first * 1_000_000) for first in range(3)]
                for sender in senders:
                    sender.start()
            for sender in senders:
                sender.running = running
            # Killed while it takes, keeps and counts: in each life some of it has been counted before.
            end = time.monotonic() + 60
            while (counted := running.counted("model_outcomes_total", correct="true")) <= seen:
                assert time.monotonic() < end
                time.sleep(0.05)
            assert counted >= seen, "counters go on where they were"
            seen = counted
            if life < 3:
                running.end(signal.SIGKILL)
                continue
            for sender in senders:
                sender.stop()
            acknowledged = sum(sender.acknowledged for sender in senders)
            assert [sender.wrong for sender in senders] == [None] * 3
            running.until("model_outcomes_total", acknowledged, correct="true", namespace=namespace)
            time.sleep(2)  # nothing more may come, which cannot be waited for
            assert running.counted("model_outcomes_total", correct="true") == acknowledged
            assert running.counted("model_requests_total", code_class="2xx") == acknowledged
    assert acknowledged > 3 * BATCH


def test_it_follows_what_rollouts_say(kubectl: Kubectl, kubeconfig: Path, namespace: str, tmp_path: Path) -> None:
    with collector(
        kubeconfig, f"sqlite:///{tmp_path / 'c.db'}", tmp_path / "log", {"NAMESPACES": namespace}
    ) as running:
        with pytest.raises(urllib.error.HTTPError, match="400"):
            running.post("/v1/events", _events(namespace, range(1)))
        _apply(kubectl, namespace)
        _until_taken(running, namespace, range(1))
        with pytest.raises(urllib.error.HTTPError, match="400"):
            running.post("/v1/labels", _labels(namespace, range(1)))
        _apply(kubectl, namespace, telemetry=CLASSES)
        _until(lambda: running.shows("model_outcomes_total", namespace=namespace, version="v8"))
        _until_taken(running, namespace, range(10, 12), "fraud-v8")
        running.post("/v1/labels", _labels(namespace, range(10, 12)))
        running.until("model_outcomes_total", 2, namespace=namespace, rollout="fraud", version="v8", correct="true")
        kubectl("delete", "mro", "fraud", "-n", namespace)
        running.until("modelrollout_collector_rollouts", 0)
        with pytest.raises(urllib.error.HTTPError, match="400"):
            running.post("/v1/events", _events(namespace, range(20, 21)))
        assert running.end() == 0


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def _until_taken(running: Running, namespace: str, ids: range, workload: str = "fraud-v7") -> None:
    """Send until the watch has told the collector of the rollout."""
    end = time.monotonic() + 30
    while True:
        try:
            running.post("/v1/events", _events(namespace, ids, workload))
        except urllib.error.HTTPError:
            assert time.monotonic() < end
            time.sleep(0.05)
        else:
            return
