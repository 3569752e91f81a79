import asyncio
import json
import random
from collections import Counter as CounterOf
from itertools import pairwise

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dev.demo.digits.traffic.by_http import PATH, users
from dev.demo.digits.traffic.counters import Counters
from dev.demo.digits.traffic.labels import Labels
from dev.demo.digits.traffic.sender import Load, due_times, scans, send


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 (draws of a load)


def load(rate: float = 100.0, seconds: float = 1e9, requests: int = 10**9, waiting: int = 10) -> Load:
    return Load(rate, seconds, requests, waiting, patience=1)


def test_the_load_ends_at_its_number_of_requests() -> None:
    assert len(list(due_times(load(requests=500), seeded(1)))) == 500


def test_the_load_ends_at_its_time() -> None:
    times = list(due_times(load(seconds=20), seeded(1)))
    assert times[-1] <= 20
    assert len(times) == pytest.approx(20 * 100, rel=0.1)


def test_requests_come_from_independent_users() -> None:
    times = list(due_times(load(rate=100, requests=20_000), seeded(1)))
    gaps = [after - before for before, after in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    assert mean == pytest.approx(0.01, rel=0.03)
    assert variance == pytest.approx(mean**2, rel=0.1)  # of exponential gaps, and of no even ones


def test_a_seed_repeats_the_load() -> None:
    assert list(due_times(load(requests=50), seeded(3))) == list(due_times(load(requests=50), seeded(3)))


@pytest.fixture
def held_out(tmp_path):
    path = tmp_path / "held-out.json"
    path.write_text(json.dumps({"scans": [[0, 1, 2], [3, 4, 5]], "labels": [4, 8]}))
    return path


def test_a_scan_is_a_v2_request_of_one_row(held_out) -> None:
    first = scans(held_out)[0]
    assert first.truth == 4
    assert json.loads(first.body)["inputs"] == [
        {"name": "pixels", "shape": [1, 3], "datatype": "UINT8", "data": [0, 1, 2]}
    ]


async def served(handler, sent: Load, held_out, counters: Counters | None = None, **headers: str) -> str:
    app = web.Application()
    app.router.add_post(PATH, handler)
    counters = counters or Counters(["v1"], 10, lambda: 0.0)
    labels = Labels(lambda: 0.0)
    async with TestServer(app) as server, users(str(server.make_url("")), sent, headers, seeded(1), labels) as ask:
        await send(ask, scans(held_out), sent, counters, seeded(1))
        return counters.exposition().decode()


async def test_every_answer_is_counted_under_who_gave_it_and_how(held_out) -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.headers["x-version"] == "2"
        pixels = (await request.json())["inputs"][0]["data"]
        if pixels[0] == 3:
            return web.json_response({"error": "digits v1: refused"}, status=500)
        return web.json_response({"model_version": "v1", "outputs": [{"data": [4]}]})

    counters = Counters(["v1"], 10, lambda: 0.0)
    text = await served(handler, load(rate=1000, requests=40, waiting=40), held_out, counters, **{"x-version": "2"})
    right = float(text.split('model_requests_total{code="200",version="v1"} ')[1].split("\n")[0])
    failed = float(text.split('model_requests_total{code="500",version="v1"} ')[1].split("\n")[0])
    assert right + failed == 40
    assert right > 0
    assert failed > 0
    said = {one["why"] for one in counters.journal.failures(0, float("inf"))}
    assert said == {'{"error": "digits v1: refused"}'}


class CountersThatTell(Counters):
    """Counters that call back with each skipped request."""

    def __init__(self, told) -> None:
        super().__init__(["v1"], 10, lambda: 0.0)
        self._told = told

    def skip(self) -> None:
        super().skip()
        self._told()


async def test_requests_beyond_those_that_may_wait_are_skipped_and_not_queued(held_out) -> None:
    release = asyncio.Event()
    arrived = skipped = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal arrived
        arrived += 1
        await release.wait()
        return web.json_response({"model_version": "v1", "outputs": [{"data": [4]}]})

    def one_more() -> None:
        nonlocal skipped
        skipped += 1
        if skipped == 17:  # all but those that wait
            release.set()

    text = await served(handler, load(rate=2000, requests=20, waiting=3), held_out, CountersThatTell(one_more))
    assert arrived == 3
    assert "model_requests_skipped_total 17.0" in text


async def test_a_user_who_waits_too_long_gives_up(held_out) -> None:
    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        raise AssertionError

    impatient = Load(rate=1000, seconds=10, requests=2, waiting=5, patience=0.05)
    text = await served(handler, impatient, held_out)
    assert 'model_requests_total{code="timeout",version="unknown"} 2.0' in text


async def test_users_say_where_they_come_from_and_give_each_request_an_id_of_its_own(held_out) -> None:
    seen: list[tuple[str, str]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.headers["X-Request-Id"], request.headers["X-Country"]))
        return web.json_response({"model_version": "v1", "outputs": [{"data": [4]}]})

    counters = Counters(["v1"], 10, lambda: 0.0)
    await served(handler, load(rate=2000, requests=300, waiting=300), held_out, counters)
    assert len({request_id for request_id, _ in seen}) == 300
    answers = counters.journal.summary(0, float("inf"))["v1"]["countries"]
    assert {country: of["answers"] for country, of in answers.items()} == dict(CounterOf(c for _, c in seen))
    assert 15 <= answers["BR"]["answers"] <= 80
    assert all(0 < of["bad"] < of["answers"] for of in answers.values())  # half of the scans show an 8
