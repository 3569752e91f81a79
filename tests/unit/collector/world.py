"""A collector without sockets and API server: a real store, a catalogue that is told, and a clock that is set."""

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from modelrollout.collector.catalogue import Catalogue
from modelrollout.collector.counting import Counting
from modelrollout.collector.diagnosis import Diagnosis
from modelrollout.collector.documents import Heartbeat, Label, SignalSeen
from modelrollout.collector.engines import Store
from modelrollout.collector.events import NOT_SENT, Event
from modelrollout.collector.exposition import PROBLEM, Exposition
from modelrollout.collector.hashing import Hasher
from modelrollout.collector.keeping import Keeping
from modelrollout.collector.recording import Ages, Rows, Scribe
from modelrollout.collector.retention import Retention
from tests.unit.api.cases import rollout, spec

START = 1_800_000_000.0
AGES = Ages(settle=10, patience=600, retention=86_400)
KEY = ("risk", "fraud")
CLASSES = {"prediction": "class"}


def fraud(telemetry: Mapping[str, Any] | None = None, stable: str = "v7", **changes: Any) -> dict[str, Any]:
    """The ModelRollout risk/fraud, versions v7 and v8, workloads fraud-v7 and fraud-v8."""
    body = rollout(spec(telemetry=CLASSES if telemetry is None else dict(telemetry), **changes))
    body["metadata"] |= {"namespace": KEY[0], "uid": "1", "resourceVersion": "1"}
    return body | {"status": {"stable": stable}}


class World:
    """One replica on a store."""

    def __init__(self, store: Store, telemetry: Mapping[str, Any] | None = None, replica: str = "a") -> None:
        store.prepare()
        self.store = store
        self.now = START
        self.catalogue = Catalogue(Hasher(b"key"))
        self.catalogue.take(fraud(telemetry))
        diagnosis = Diagnosis()
        self.scribe = Scribe(self.catalogue, AGES, diagnosis)
        self.keeping = Keeping(store)
        self.counting = Counting(store, self.catalogue, AGES, 1000, diagnosis)
        self.retention = Retention(store, self.catalogue, AGES)
        self.exposition = Exposition(store, self.catalogue, replica, diagnosis)
        self.late: dict[str, int] = {}
        self.unmatched: dict[str, int] = {}

    def send(self, *sent: Event | Label | SignalSeen | Heartbeat) -> None:
        """Keep all of it in one transaction."""
        rows = Rows()
        for one in sent:
            match one:
                case Event():
                    self.scribe.event(one, self.now, rows)
                case Label():
                    self.scribe.label(one, self.now, rows)
                case SignalSeen():
                    self.scribe.signal(one, self.now, rows)
                case Heartbeat():
                    self.scribe.heartbeat(one, self.now, rows)
        self.late |= self.keeping.keep(rows)

    def later(self, seconds: float) -> None:
        """Let time pass, and count what is due."""
        self.now += seconds
        for count in (self.counting.exchanges, self.counting.units):
            while (done := count(self.now)).taken:
                for kind, number in done.unmatched.items():
                    self.unmatched[kind] = self.unmatched.get(kind, 0) + number

    def counted(self, name: str, **labels: str) -> float | None:
        """Sum of the series of that name with these labels, as Prometheus would read it; None where there is none."""
        found = [
            sample.value
            for family in text_string_to_metric_families(self.exposition.text(self.now))
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return sum(found) if found else None

    def problems(self) -> list[Mapping[str, str]]:
        """Labels of what keeps series at 0, as Prometheus would read them."""
        return [
            sample.labels
            for family in text_string_to_metric_families(self.exposition.text(self.now))
            for sample in family.samples
            if sample.name == PROBLEM
        ]


async def until(condition: Callable[[], Any]) -> None:
    """Wait until the condition, or what it gives to wait for, is true; at most 20 s."""
    async with asyncio.timeout(20):
        while not (await found if inspect.isawaitable(found := condition()) else found):  # noqa: ASYNC110 - it happens in a thread
            await asyncio.sleep(0.01)


def asked(id_: str, version: str = "v7", body: Any = NOT_SENT, **more: Any) -> Event:
    """A request to a version."""
    return Event(False, id_, KEY[0], f"fraud-{version}", more.pop("time", None), body, **more)


def answered(id_: str, version: str = "v7", body: Any = NOT_SENT, **more: Any) -> Event:
    """The answer of a version."""
    return Event(True, id_, KEY[0], f"fraud-{version}", more.pop("time", None), body, **more)


def exchange(id_: str, version: str = "v7", body: Any = NOT_SENT, **more: Any) -> Sequence[Event]:
    """A request and its answer; what is given beside the answer's body holds for both, `question` is the request's."""
    question, code = more.pop("question", NOT_SENT), more.pop("code", 200)
    return asked(id_, version, question, **more), answered(id_, version, body, code=code, **more)


def label(id_: str, value: Any, time: float | None = None) -> Label:
    """The truth about a request."""
    return Label(*KEY, id_, value, time)


def signal(id_: str, name: str, value: float = 1.0, time: float | None = None) -> SignalSeen:
    """What a user did."""
    return SignalSeen(*KEY, id_, name, value, time)
