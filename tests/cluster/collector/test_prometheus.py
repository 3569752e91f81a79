"""What a real Prometheus sees of the collector while that is killed and started again."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from dev.collector import Running, collector
from tests.cluster.collector.test_process import _apply, _events, _labels
from tests.cluster.conftest import Kubectl
from tests.prometheus.conftest import Exporter, Server

CLASSES = {"prediction": "class"}


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "prometheus"
    folder.mkdir()
    exporter = Exporter()
    server = Server(folder, exporter)
    yield server
    server.kill()
    exporter.close()


def _scrape(server: Server, target: str) -> None:
    """Scrape that target every second, as docs/telemetry.md says."""
    job = {"job_name": "collector", "honor_labels": True, "static_configs": [{"targets": [target]}]}
    timing = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    (server.folder / "prometheus.yml").write_text(json.dumps({"global": timing, "scrape_configs": [job]}))
    server.start()


def _asked(server: Server, query: str) -> float | None:
    answer = requests.get(f"{server.address}/api/v1/query", {"query": query}, timeout=5).json()
    found = answer["data"]["result"]
    return float(found[0]["value"][1]) if found else None


def _until(server: Server, query: str, value: float) -> None:
    end = time.monotonic() + 60
    while (found := _asked(server, query)) != value:
        assert time.monotonic() < end, f"{query} is {found}, not {value}"
        time.sleep(0.2)


def _send(running: Running, namespace: str, ids: range) -> None:
    running.post("/v1/events", _events(namespace, ids))
    running.post("/v1/labels", _labels(namespace, ids))


def test_killed_and_started_again_it_shows_no_reset_and_no_jump(
    kubectl: Kubectl, kubeconfig: Path, namespace: str, tmp_path: Path, prometheus: Server
) -> None:
    _apply(kubectl, namespace, telemetry=CLASSES)
    store, log = f"sqlite:///{tmp_path / 'c.db'}", tmp_path / "log"
    right = f'model_outcomes_total{{namespace="{namespace}",version="v7",correct="true"}}'
    with collector(kubeconfig, store, log) as first:
        address = first.metrics.removeprefix("http://")
        _scrape(prometheus, address)
        # The zero is there before the first answer, so that nothing of it is lost on who looks at the growth.
        _until(prometheus, right, 0)
        _send(first, namespace, range(100))
        _until(prometheus, right, 100)
        _send(first, namespace, range(100, 150))
        first.end(signal.SIGKILL)
    with collector(kubeconfig, store, log, {"PROBE_PORT": address.rpartition(":")[2]}) as second:
        _until(prometheus, right, 150)
        _send(second, namespace, range(200, 225))
        _until(prometheus, right, 175)
    assert _asked(prometheus, f"resets({right}[5m])") == 0
    assert _asked(prometheus, f"max_over_time({right}[5m]) - min_over_time({right}[5m])") == 175
    # Over a range, since a series whose target has ended is no longer there at a moment.
    assert _asked(prometheus, f"count(last_over_time({right}[5m]))") == 1
