"""The collector over HTTP, whole but for the API server, which is one in memory."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner, Result
from prometheus_client.parser import text_string_to_metric_families

from dev import pki
from modelrollout.cli.commands.collector import command
from modelrollout.collector import Settings
from modelrollout.collector.events import BATCH, REQUEST, RESPONSE
from modelrollout.collector.process import Collector
from modelrollout.decisions.golden import read_golden
from modelrollout.kube.fake import FakeServer
from tests.unit.collector.world import fraud, until

SAMPLED = {
    "prediction": "class",
    "signals": [{"name": "complaint"}],
    "sample": {"path": "/infer", "fields": ["x"], "random": 1},
}
BEARER = {"Authorization": "Bearer secret"}


class Site:
    """A running collector and a client that knows its token."""

    def __init__(self, collector: Collector, session: aiohttp.ClientSession) -> None:
        self.collector = collector
        self._session = session

    async def post(self, path: str, body: Any, headers: dict[str, str] = BEARER) -> tuple[int, dict[str, Any]]:
        url = f"http://127.0.0.1:{self.collector.server.port}{path}"
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self._session.post(url, data=data, headers=headers) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str, headers: dict[str, str] = BEARER) -> tuple[int, dict[str, Any]]:
        async with self._session.get(f"http://127.0.0.1:{self.collector.server.port}{path}", headers=headers) as answer:
            return answer.status, await answer.json()

    async def metric(self, name: str, **labels: str) -> float:
        async with self._session.get(f"http://127.0.0.1:{self.collector.probes.port}/metrics") as answer:
            families = text_string_to_metric_families(await answer.text())
        samples = [sample for family in families for sample in family.samples]
        return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())

    async def probe(self, path: str) -> int:
        async with self._session.get(f"http://127.0.0.1:{self.collector.probes.port}{path}") as answer:
            return answer.status


def _settings(folder: Path, **more: Any) -> Settings:
    (folder / "tokens").write_text("secret\nads-only ads\n")
    fixed = {"store": f"sqlite:///{folder / 'collector.db'}", "host": "127.0.0.1", "probe_host": "127.0.0.1"}
    fixed |= {"port": 0, "probe_port": 0, "token_file": str(folder / "tokens"), "settle": 0.1}
    # The API server in memory lists one namespace at a time.
    fixed |= {"namespaces": ("risk",)}
    return Settings(**(fixed | more))


async def _site(folder: Path, server: FakeServer, **more: Any) -> AsyncIterator[Site]:
    collector = Collector(_settings(folder, **more), server)
    stopped = asyncio.Event()
    task = asyncio.create_task(collector.run(stopped))
    async with aiohttp.ClientSession() as session, asyncio.timeout(30):
        await until(lambda: collector.server.port > 0 and (server.hang or collector.known()))
        yield Site(collector, session)
        stopped.set()
        await task


@pytest.fixture
def server() -> FakeServer:
    server = FakeServer()
    server.put("/apis/modelrollout.io/v1alpha1/namespaces/risk/modelrollouts/fraud", fraud(SAMPLED))
    return server


@pytest.fixture
async def site(tmp_path: Path, server: FakeServer) -> AsyncIterator[Site]:
    async for site in _site(tmp_path, server):
        yield site


@pytest.fixture
async def small(tmp_path: Path, server: FakeServer) -> AsyncIterator[Site]:
    async for site in _site(tmp_path, server, largest_body=2000, rate=2, queue=3):
        yield site


def _event(id_: str, kind: str, data: Any = None, **more: Any) -> dict[str, Any]:
    event = {"specversion": "1.0", "id": id_, "source": "/test", "type": kind, "namespace": "risk"}
    return event | {"inferenceservicename": "fraud-v7", "data": data} | more


def _exchange(id_: str) -> list[dict[str, Any]]:
    return [_event(id_, REQUEST, {"x": 1, "name": "secret"}), _event(id_, RESPONSE, {"class": "a"})]


async def test_requests_of_the_operator_itself_are_taken_and_not_counted(site: Site) -> None:
    own = {"metadata": json.dumps({"user-agent": ["modelrollout"]})}
    users = _exchange("1")
    sent = [*users, *(one | own | {"id": "2"} for one in users)]
    status, answer = await site.post("/", sent, BEARER | {"Content-Type": BATCH})
    assert (status, answer) == (202, {"accepted": 4, "refused": 0, "refusals": []})
    await until(lambda: site.metric("model_requests_total", version="v7", code_class="2xx"))
    assert await site.metric("model_requests_total") == 1
    assert await site.metric("modelrollout_collector_events_total", kind="response", result="ignored") == 1


async def test_events_and_labels_become_counters(site: Site) -> None:
    status, answer = await site.post("/", _exchange("1"), BEARER | {"Content-Type": BATCH})
    assert (status, answer) == (202, {"accepted": 2, "refused": 0, "refusals": []})
    label = {"namespace": "risk", "rollout": "fraud", "id": "1", "value": "a"}
    assert (await site.post("/v1/labels", label))[0] == 202
    complaint = {"namespace": "risk", "rollout": "fraud", "id": "1", "signal": "complaint"}
    assert (await site.post("/v1/signals", [complaint]))[0] == 202
    heartbeat = {"namespace": "risk", "workload": "fraud-v7", "source": "tap"}
    assert (await site.post("/v1/heartbeats", heartbeat))[0] == 202
    await until(lambda: site.metric("model_requests_total", version="v7", code_class="2xx"))
    assert await site.metric("model_outcomes_total", version="v7", correct="true") == 1
    assert await site.metric("model_signals_total", signal="complaint") == 1
    assert await site.metric("modelrollout_collector_events_total", kind="response", result="accepted") == 1
    assert await site.probe("/readyz") == await site.probe("/healthz") == 200
    status, kept = await site.get("/v1/samples/risk/fraud")
    assert status == 200
    assert [one["request"] for one in kept["samples"]] == [{"path": "/infer", "body": {"x": 1}}]


async def test_a_binary_event_is_taken_too(site: Site) -> None:
    headers = {f"Ce-{name}": value for name, value in _event("1", REQUEST).items() if value}
    assert (await site.post("/v1/events", {"x": 1}, BEARER | headers | {"Content-Type": "application/json"}))[0] == 202


async def test_of_a_batch_what_is_right_is_taken_and_the_rest_is_told(site: Site) -> None:
    batch = [_event("1", REQUEST), _event("2", "other"), _event("3", REQUEST, inferenceservicename="other")]
    status, answer = await site.post("/", batch, BEARER | {"Content-Type": BATCH})
    assert (status, answer["accepted"], answer["refused"]) == (202, 1, 2)
    assert [(one["index"], one["reason"]) for one in answer["refusals"]] == [(1, "type"), (2, "workload")]
    assert await site.metric("modelrollout_collector_refused_total", reason="workload") == 1


async def test_an_id_that_no_store_can_keep_is_refused_alone(site: Site) -> None:
    batch = [*_exchange("1"), _event("half a pair: \ud800", RESPONSE, {"class": "a"})]
    status, said = await site.post("/v1/events", batch, BEARER | {"Content-Type": BATCH})
    assert (status, said["accepted"], said["refused"]) == (202, 2, 1)
    await until(lambda: site.metric("model_requests_total"))


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "reason"),
    [
        ("/", _exchange("1"), {"Content-Type": BATCH}, 401, "token"),
        ("/", _exchange("1"), {"Content-Type": BATCH, "Authorization": "Bearer other"}, 401, "token"),
        ("/", _exchange("1"), {"Content-Type": BATCH, "Authorization": "Bearer ads-only"}, 400, "namespace"),
        ("/", b"{", BEARER, 400, "unreadable"),
        ("/v1/labels", {"namespace": "risk", "rollout": "x", "id": "1", "value": 1}, BEARER, 400, "rollout"),
    ],
)
async def test_what_is_not_taken_is_refused_with_a_reason_that_is_counted(
    site: Site, path: str, body: Any, headers: dict[str, str], status: int, reason: str
) -> None:
    found, answer = await site.post(path, body, headers)
    assert (found, answer["reason"], answer["accepted"]) == (status, reason, 0)
    assert "secret" not in answer["message"]
    assert await site.metric("modelrollout_collector_refused_total", reason=reason) >= 1


async def test_a_message_that_is_too_large_is_refused(small: Site) -> None:
    status, answer = await small.post("/", b"[" + b" " * 3000 + b"]", BEARER | {"Content-Type": BATCH})
    assert (status, answer["reason"]) == (413, "too-large")


async def test_more_than_fits_into_the_queue_is_told_to_come_again(small: Site) -> None:
    status, answer = await small.post("/", _exchange("1") + _exchange("2"), BEARER | {"Content-Type": BATCH})
    assert (status, answer["reason"]) == (503, "queue")


async def test_a_namespace_that_sends_too_much_is_told_to_come_again(small: Site) -> None:
    found = [await small.post("/", _event("1", REQUEST), BEARER | {"Content-Type": "application/cloudevents+json"})]
    while found[-1][0] == 202 and len(found) < 100:
        found.append(
            await small.post("/", _event("1", REQUEST), BEARER | {"Content-Type": "application/cloudevents+json"})
        )
    assert (found[-1][0], found[-1][1]["reason"]) == (429, "rate")


async def test_a_message_that_is_not_kept_takes_nothing_from_what_its_namespace_may_send(small: Site) -> None:
    batch = BEARER | {"Content-Type": BATCH}
    found = [await small.post("/", [_event(str(n), REQUEST) for n in range(size)], batch) for size in (5, 3)]
    assert [(status, answer.get("reason")) for status, answer in found] == [(429, "rate"), (202, None)]


async def test_before_the_rollouts_are_known_nothing_is_taken(tmp_path: Path) -> None:
    server = FakeServer()
    server.hang = True
    async for site in _site(tmp_path, server):
        status, answer = await site.post("/", _exchange("1"), BEARER | {"Content-Type": BATCH})
        assert (status, answer["reason"], await site.probe("/readyz")) == (503, "start", 503)


async def test_samples_need_the_permission_of_the_rollout(site: Site, server: FakeServer) -> None:
    assert (await site.get("/v1/samples/risk/other"))[0] == 404
    assert (await site.get("/v1/samples/risk/fraud", {}))[0] == 401
    assert (await site.get("/v1/samples/risk/fraud", {"Authorization": "Bearer ads-only"}))[0] == 401
    changed = fraud({"prediction": "class"})
    changed["metadata"] |= {"generation": 2}
    server.put("/apis/modelrollout.io/v1alpha1/namespaces/risk/modelrollouts/fraud", changed)

    async def forbidden() -> bool:
        return (await site.get("/v1/samples/risk/fraud"))[0] == 403

    await until(forbidden)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"token_file": ""}, "say who may write"),
        ({"tls_key": "x"}, "TLS needs"),
        ({"tls_client_ca": "x"}, "TLS needs"),
    ],
)
def test_settings_that_would_let_anybody_in_by_mistake_are_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        _settings(tmp_path, **change)


async def test_with_mutual_tls_only_clients_of_the_authority_get_through(tmp_path: Path, server: FakeServer) -> None:
    authority = pki.Authority()
    authority.pair.write(tmp_path, "ca")
    authority.issue("collector", hosts=("127.0.0.1",)).write(tmp_path, "tls")
    authority.issue("logger").write(tmp_path, "client")
    files = {"tls_certificate": "tls.crt", "tls_key": "tls.key", "tls_client_ca": "ca.crt"}
    settings = {name: str(tmp_path / file) for name, file in files.items()}
    async for site in _site(tmp_path, server, token_file="", **settings):
        known = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        stranger = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        known.load_cert_chain(tmp_path / "client.crt", tmp_path / "client.key")
        url = f"https://127.0.0.1:{site.collector.server.port}/"
        batch = {"data": json.dumps(_exchange("1")), "headers": {"Content-Type": BATCH}}
        async with aiohttp.ClientSession() as session:
            async with session.post(url, ssl=known, **batch) as answer:  # type: ignore[arg-type]
                assert answer.status == 202
            with pytest.raises(aiohttp.ClientError):
                await session.post(url, ssl=stranger, **batch)  # type: ignore[arg-type]


async def test_the_command_prints_samples_as_golden_requests(site: Site, tmp_path: Path) -> None:
    await site.post("/", _exchange("1"), BEARER | {"Content-Type": BATCH})
    await until(lambda: site.metric("model_requests_total", version="v7", code_class="2xx"))
    address = f"http://127.0.0.1:{site.collector.server.port}"
    options = ["sample", "fraud", "-n", "risk", "--collector", address]

    def run(*more: str) -> Result:
        return CliRunner().invoke(command, [*options, *more])

    printed = await asyncio.to_thread(run, "--token-file", str(tmp_path / "tokens"))
    (golden,) = read_golden(printed.output)
    assert (golden.path, golden.body, golden.status) == ("/infer", {"x": 1}, 200)
    refused = await asyncio.to_thread(run)
    assert "this needs a token" in str(refused.exception)
