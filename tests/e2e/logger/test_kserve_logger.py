"""The agent that KServe puts before model servers sends to a collector: its own headers, not our idea of them.

It stands here because the agent is built together with KServe's controller.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests

from dev.collector import Running, collector
from dev.kserve_agent import kserve_agent, with_token
from dev.models import ModelServer, v1, v2
from tests.cluster.collector.test_process import _apply
from tests.cluster.conftest import Kubectl

TOKEN = "s3cr/t+of=who:sends@night"  # noqa: S105 - of this test
EITHER = "predictions[0] || outputs[0].data[0]"
COUNTRY = {"name": "country", "header": "x-country"}


@contextlib.contextmanager
def _telling(
    kubectl: Kubectl, kubeconfig: Path, namespace: str, folder: Path, telemetry: Mapping[str, Any]
) -> Iterator[Running]:
    """A collector that asks for a token, and knows a rollout whose stable version is v7."""
    _apply(kubectl, namespace, telemetry=telemetry)
    stable = json.dumps({"status": {"stable": "v7"}})
    kubectl("patch", "mro", "fraud", "-n", namespace, "--subresource=status", "--type=merge", "-p", stable)
    tokens = folder / "tokens"
    tokens.write_text(f"{TOKEN} {namespace}\n")
    # What was counted can be compared for six times as long as it settles: the second agent must come within that.
    settings = {"NAMESPACES": namespace, "TOKEN_FILE": str(tokens), "ANONYMOUS": "false", "SETTLE": "15"}
    with collector(kubeconfig, f"sqlite:///{folder / 'c.db'}", folder / "log", settings) as running:
        yield running


def _call(port: int, path: str, body: Any = None, **headers: str) -> int:
    method = "GET" if body is None else "POST"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.request(method, f"http://127.0.0.1:{port}{path}", json=body, headers=named, timeout=30).status_code


def test_what_kserve_logs_is_paired_labelled_and_counted_by_slice(
    kubectl: Kubectl, kubeconfig: Path, namespace: str, tmp_path: Path
) -> None:
    known = {"name": "known", "path": EITHER, "allowed": ["low", "high"]}
    telemetry = {"prediction": EITHER, "slices": [COUNTRY], "invariants": [known]}
    with _telling(kubectl, kubeconfig, namespace, tmp_path, telemetry) as running:
        _pair(running, namespace, tmp_path)


def _pair(running: Running, namespace: str, folder: Path) -> None:
    url = with_token(f"{running.events}/", TOKEN)
    features = (0.1, 0.3, 0.6, 0.9)
    _label(running, namespace, {f"r-{number}": "high" for number in range(len(features))})
    # Two versions, which differ between 0.5 and 0.7. There can be one agent at a time, so the copies come later.
    for round_, (workload, threshold) in enumerate((("fraud-v7", 0.5), ("fraud-v8", 0.7)), 1):
        with (
            ModelServer(threshold) as server,
            kserve_agent(server.port, url, (namespace, workload), folder / "agent", ["X-Country"]) as agent,
        ):
            for number, feature in enumerate(features):
                path, body = (v1, v2)[number % 2](feature)
                country = "BR" if number else "DE"
                assert _call(agent, path, body, Ce_Id=f"r-{number}", X_Country=country) == 200
            for kind in ("request", "response"):
                running.until("modelrollout_collector_events_total", 4 * round_, kind=kind)
    running.until("model_requests_total", 8, code_class="2xx")
    assert running.counted("model_requests_total", version="v7", country="DE") == 1
    assert running.counted("model_requests_total", version="v7", country="BR") == 3
    assert running.counted("model_invariant_failures_total") == 0
    assert running.counted("model_outcomes_total", version="v7", correct="true") == 2
    assert running.counted("model_outcomes_total", version="v8", correct="true") == 1
    assert running.counted("model_shadow_pairs_total", version="v8", result="agree") == 3
    assert running.counted("model_shadow_pairs_total", version="v8", result="differ") == 1
    assert running.counted("model_pair_outcomes_total", stable="right", candidate="wrong") == 1
    assert running.counted("modelrollout_collector_refused_total") == 0


def test_the_gateways_id_counts_where_it_is_copied_and_what_was_no_request_of_a_user_does_not(
    kubectl: Kubectl, kubeconfig: Path, namespace: str, tmp_path: Path
) -> None:
    copied = ["X-Request-Id", "User-Agent"]
    with (
        _telling(kubectl, kubeconfig, namespace, tmp_path, {"prediction": EITHER}) as running,
        ModelServer() as server,
        kserve_agent(
            server.port, with_token(running.events, TOKEN), (namespace, "fraud-v7"), tmp_path / "agent", copied
        ) as agent,
    ):
        _label(running, namespace, {"gateway-1": "high"})
        path, body = v2(0.9)
        assert _call(agent, path, body, X_Request_Id="gateway-1") == 200
        assert _call(agent, "/v1/models/digits") == 200
        assert _call(agent, path, body, User_Agent="modelrollout") == 200
        # Of a failure the logger tells that it was asked, and not that it failed.
        assert _call(agent, *v2(-1), X_Request_Id="gateway-2") == 500
        running.until("modelrollout_collector_events_total", 4, kind="request")
        running.until("modelrollout_collector_events_total", 3, kind="response")
        running.until("model_outcomes_total", 1, correct="true")
        running.until("modelrollout_collector_dropped_total", 1, reason="empty-request")
        assert running.counted("modelrollout_collector_events_total", result="ignored") == 2
        assert running.counted("model_requests_total") == 1
        assert running.counted("model_requests_total", code_class="5xx") == 0


def _label(running: Running, namespace: str, labels: Mapping[str, str]) -> None:
    listed = [{"namespace": namespace, "rollout": "fraud", "id": id_, "value": value} for id_, value in labels.items()]
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    answer = requests.post(f"{running.events}/v1/labels", json=listed, headers=bearer, timeout=30)
    assert answer.json()["accepted"] == len(labels)
