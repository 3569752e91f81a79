"""Two versions of a model whose counters rise with the time, for tests against a real Prometheus."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from modelrollout.decisions.questions import Question, SeriesTarget
from tests.prometheus.conftest import Exporter, Server
from tests.unit.decisions.analysis_histories import question

RATE = 400.0


@dataclass
class Model:
    """A pod that answers at a rate, some of it badly and some of it slowly, since a moment; `born` moves on a reset."""

    version: str
    bad: float = 0.01
    slow: float = 0.05
    rate: float = RATE
    born: float = 0.0
    price: float = 10.0
    bad_in_france: float = 0.01
    extra: str = ""

    def __call__(self, now: float) -> str:
        answered = int(self.rate * max(0.0, now - self.born))
        bad, slow = int(answered * self.bad), int(answered * self.slow)
        fast, low, spread = answered - slow, self.price - 5, answered % 2
        french = answered // 4
        countries = (("fr", french, int(french * self.bad_in_france)), ("de", answered - french, 0))
        by_country = "".join(
            f'asked_total{{country="{name}"}} {all_of}\nrefused_total{{country="{name}"}} {refused}\n'
            for name, all_of, refused in countries
        )
        return f"""# TYPE http_requests_total counter
http_requests_total{{code="200"}} {answered - bad}
http_requests_total{{code="503"}} {bad}
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{{le="0.1"}} {fast // 2}
http_request_duration_seconds_bucket{{le="0.250"}} {fast}
http_request_duration_seconds_bucket{{le="+Inf"}} {answered}
http_request_duration_seconds_count {answered}
http_request_duration_seconds_sum {answered / 10}
# TYPE memory_ratio gauge
memory_ratio{{device="0"}} 0.5
memory_ratio{{device="1"}} 0.7
# TYPE order_value summary
order_value_sum {answered * self.price - 5 * spread}
order_value_count {answered}
# TYPE order_squares counter
order_squares {(answered - spread) / 2 * ((self.price + 5) ** 2 + low**2) + spread * low**2}
# TYPE gpu_hours_total counter
gpu_hours_total {answered / 40}
{by_country}nothing_ratio NaN
{self.extra}"""


class World:
    """A namespace of its own with v7 and v8 in it, one pod each, scraped for a few seconds already."""

    def __init__(self, server: Server, exporter: Exporter, **versions: Model) -> None:
        self.namespace = f"risk-{uuid.uuid4().hex[:8]}"
        self.server, self.exporter = server, exporter
        self.models = versions
        for name, model in versions.items():
            model.born = model.born or time.time()
            self.show(name, model)
        server.scrape(*(self._target(name) for name in versions))

    def show(self, name: str, model: Callable[[float], str] | None) -> None:
        self.exporter.show(f"/{self.namespace}/{name}", model)

    def _target(self, name: str) -> dict[str, str]:
        return {
            "path": f"/{self.namespace}/{name}",
            "namespace": self.namespace,
            "pod": f"fraud-{name}-a",
            "version": name,
            "service": f"fraud-{name}",
            "workload": f"fraud-{name}",
        }

    def question(self, *metrics: dict, analysis: dict | None = None, **fields) -> Question:
        """Asks about v8 against v7 since now."""
        now = time.time()
        given = {"interval": "1s", **(analysis or {})}
        asked = question(*metrics, analysis=given, since=now, step_since=now, namespace=self.namespace)
        targets = {
            name: SeriesTarget(f"fraud-{name}", 8080, f"fraud-{name}", (f"fraud-{name}-a",)) for name in ("v7", "v8")
        }
        return replace(asked, targets=targets, **fields)
