"""Senders that send as fast as they are acknowledged."""

import asyncio
import json
import time
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp

from dev.collector import Running

BATCH = "application/cloudevents-batch+json"
REQUEST = "org.kubeflow.serving.inference.request"
RESPONSE = "org.kubeflow.serving.inference.response"
COUNTRIES = ("BR", "DE", "FR", "IN", "US")


@dataclass(frozen=True, slots=True)
class Sent:
    """What was acknowledged.

    Attributes:
        events: their number.
        seconds: from the first to the last.
        processor: processor time of the collector meanwhile, in seconds; it counts what came before, too.
    """

    events: int
    seconds: float
    processor: float

    def document(self) -> dict[str, Any]:
        """Its JSON form, with the rates."""
        rates = {"rate": round(self.events / self.seconds), "rate_per_core": round(self.events / self.processor)}
        return {name: round(value, 2) for name, value in asdict(self).items()} | rates


def drive(running: Running, seconds: float, name: str, batch: int, senders: int) -> Sent:
    """Send for so long: batches of so many events, from so many senders, each of which waits for its answer."""
    began, used = time.monotonic(), running.processor_seconds()
    events = asyncio.run(_all(running.events, began + seconds, name, batch, senders))
    return Sent(events, time.monotonic() - began, running.processor_seconds() - used)


async def _all(address: str, end: float, name: str, batch: int, senders: int) -> int:
    connector = aiohttp.TCPConnector(limit=senders)
    async with aiohttp.ClientSession(connector=connector) as session:
        work = [_send(session, address, end, f"{name}-{one}", batch) for one in range(senders)]
        return sum(await asyncio.gather(*work))


async def _send(session: aiohttp.ClientSession, address: str, end: float, name: str, batch: int) -> int:
    sent, number = 0, 0
    while time.monotonic() < end:
        if batch == 1:
            for event in exchange(f"{name}-{number}"):
                await _post(session, address, *binary(event))
        else:
            events = [event for one in range(batch // 2) for event in exchange(f"{name}-{number}-{one}")]
            await _post(session, address, {"Content-Type": BATCH}, json.dumps(events).encode())
        number += 1
        sent += max(2, batch)
    return sent


async def _post(session: aiohttp.ClientSession, address: str, headers: dict[str, str], body: bytes) -> None:
    async with session.post(f"{address}/v1/events", headers=headers, data=body) as answer:
        if answer.status != 202:
            raise RuntimeError(f"{answer.status}: {await answer.text()}")


def exchange(id_: str) -> Iterator[dict[str, Any]]:
    """A request of a model with 30 features, and its answer, in the V2 protocol."""
    number = zlib.crc32(id_.encode())
    version = "v8" if number % 10 == 0 else "v7"
    common = {"specversion": "1.0", "id": id_, "source": "/benchmark", "namespace": "default"}
    common |= {"inferenceservicename": f"fraud-{version}", "datacontenttype": "application/json"}
    metadata = json.dumps({"x-country": [COUNTRIES[number % len(COUNTRIES)]]})
    inputs = [{"name": "features", "shape": [1, 30], "datatype": "FP32", "data": [one / 7 for one in range(30)]}]
    yield common | {"type": REQUEST, "metadata": metadata, "data": {"inputs": inputs}}
    outputs = [
        {"name": "class", "shape": [1], "datatype": "BYTES", "data": ["fair"]},
        {"name": "p", "shape": [2], "datatype": "FP32", "data": [0.9, 0.1]},
    ]
    yield common | {"type": RESPONSE, "code": "200", "data": {"model_name": "fraud", "outputs": outputs}}


def binary(event: dict[str, Any]) -> tuple[dict[str, str], bytes]:
    """An event as headers and a body, as the logger of KServe sends it."""
    headers = {f"Ce-{name}": value for name, value in event.items() if name not in ("data", "datacontenttype")}
    return headers | {"Content-Type": "application/json"}, json.dumps(event["data"]).encode()
