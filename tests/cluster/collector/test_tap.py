"""Taps in front of two versions, and the collector that they tell: counted is what the users got."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dev.collector import Running, collector
from modelrollout.api import parse_rollout
from modelrollout.manifests.tap import needed_bodies, needed_headers
from tests.cluster.conftest import Kubectl
from tests.unit.api.cases import rollout, spec
from tests.unit.tap.stand import tapping

TELEMETRY = {
    "prediction": "class",
    "slices": [{"name": "country", "header": "X-Country"}],
    "invariants": [{"name": "sure", "path": "p", "min": 0.5}],
}
REQUESTS = 60
COUNTRIES = ("DE", "FR", "BR")


def server(*, misreads: str) -> TestServer:
    """A model that answers "fair", and "foul" to users of one country; every tenth answer fails."""

    async def answer(request: web.Request) -> web.Response:
        number = int(request.headers["X-Request-Id"])
        if number % 10 == 9:
            return web.Response(status=500)
        wrong = request.headers["X-Country"] == misreads
        return web.json_response({"class": "foul" if wrong else "fair", "p": 0.4 if wrong else 0.9})

    app = web.Application()
    app.router.add_post("/infer", answer)
    return TestServer(app)


async def ask(port: int, request_id: int, *, shadow: bool) -> None:
    host = "fraud.example.com-shadow" if shadow else "fraud.example.com"
    headers = {"X-Request-Id": str(request_id), "X-Country": COUNTRIES[request_id % 3], "Host": host, "X-Secret": "s"}
    url = f"http://127.0.0.1:{port}/infer"
    async with aiohttp.ClientSession() as session, session.post(url, json={"amount": 1}, headers=headers) as answer:
        await answer.read()


@pytest.mark.parametrize("kind", ["users", "shadow"])
async def test_what_users_and_shadows_got_is_counted_with_their_labels(
    kubectl: Kubectl, kubeconfig: Path, namespace: str, tmp_path: Path, kind: str
) -> None:
    applied = rollout(spec(telemetry=TELEMETRY))
    kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(applied))
    telemetry = parse_rollout(applied).spec.telemetry
    assert telemetry is not None
    settings = {
        "namespace": namespace,
        "headers": ",".join(needed_headers(telemetry)),
        "bodies": needed_bodies(telemetry),
    }
    with collector(kubeconfig, f"sqlite:///{tmp_path / 'c.db'}", tmp_path / "log") as running:
        await asyncio.to_thread(running.until, "model_outcomes_total", 0, version="v8", namespace=namespace)
        # Known before the answers, so that no answer is counted before its label is there.
        labels = [
            {"namespace": namespace, "rollout": "fraud", "id": str(number), "value": "fair"}
            for number in range(REQUESTS)
        ]
        await asyncio.to_thread(running.post, "/v1/labels", labels)
        to = SimpleNamespace(url=running.events)
        async with (
            server(misreads="") as good,
            server(misreads="BR") as bad,
            tapping(to, good.port, workload="fraud-v7", **settings) as first,
            tapping(to, bad.port, workload="fraud-v8", **settings) as second,
        ):
            for number in range(REQUESTS):
                if kind == "shadow":
                    await ask(first.port, number, shadow=False)
                    await ask(second.port, number, shadow=True)
                else:
                    await ask((first, second)[number % 2].port, number, shadow=False)
        await asyncio.to_thread(check_shadow if kind == "shadow" else check_users, running, namespace)


def check_users(running: Running, namespace: str) -> None:
    mine = [n for n in range(REQUESTS) if n % 2 == 1]  # version 8's, among which are all that fail
    answered = [n for n in mine if n % 10 != 9]
    wrong = [n for n in answered if n % 3 == 2]
    version = {"namespace": namespace, "version": "v8"}
    running.until("model_requests_total", len(answered), **version, code_class="2xx")
    running.until("model_requests_total", len(mine) - len(answered), **version, code_class="5xx")
    running.until("model_outcomes_total", len(answered), **version)
    running.until("model_outcomes_total", len(wrong), **version, country="BR", correct="false")
    running.until("model_outcomes_total", len(wrong), **version, correct="false")
    running.until("model_invariant_failures_total", len(wrong), **version)
    running.until("model_outcomes_total", REQUESTS / 2, namespace=namespace, version="v7", correct="true")


def check_shadow(running: Running, namespace: str) -> None:
    answered = [n for n in range(REQUESTS) if n % 10 != 9]
    differ = [n for n in answered if n % 3 == 2]
    version = {"namespace": namespace, "version": "v8"}
    running.until("model_shadow_pairs_total", len(differ), **version, result="differ")
    running.until("model_shadow_pairs_total", len(answered) - len(differ), **version, result="agree")
    running.until("model_pair_outcomes_total", len(differ), **version, stable="right", candidate="wrong")
