"""The model servers that run here: one model each, which sleeps, raises or answers as it is asked to.

Failures come first: whatever a server does at its first request shall not make a good answer a slow one.
"""

from dev.captures.asking import Asked
from dev.captures.serving import Server

SLEPT = 0.4
"""Seconds."""

_BAD = b"[1, 2"  # no JSON


def _v2(word: str) -> dict[str, object]:
    return {"inputs": [{"name": "word", "shape": [1], "datatype": "BYTES", "data": [word]}]}


MLSERVER = Server(
    origin="Captured from MLServer 1.7.1 (Python 3.11, one worker) on loopback; series of the interpreter left out.",
    packages=("mlserver==1.7.1",),
    files={
        "settings.json": '{"host": "127.0.0.1", "http_port": {port}, "metrics_port": {metrics}, "grpc_port": {more},'
        ' "parallel_workers": 0}',
        "model-settings.json": '{"name": "digits", "implementation": "digits.Digits", "parameters": {"version": "v8"}}',
        "digits.py": f"""\
import asyncio

from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceResponse


class Digits(MLModel):
    async def predict(self, payload):
        (word,) = StringCodec.decode_input(payload.inputs[0])
        if word == "slow":
            await asyncio.sleep({SLEPT})
        if word == "wrong":
            raise RuntimeError(word)
        return InferenceResponse(model_name=self.name, outputs=[StringCodec.encode_output("class", ["a"])])
""",
    },
    command=("mlserver", "start", "."),
    ready="/v2/health/ready",
    asked=(
        Asked(5, "/v2/models/digits/infer", 422, "that are no request", {"outputs": []}),
        Asked(6, "/v2/models/digits/infer", 500, "that raise", _v2("wrong")),
        Asked(30, "/v2/models/digits/infer", 200, "good", _v2("good")),
        Asked(4, "/v2/models/digits/infer", 200, "that sleep for 0.4 s", _v2("slow")),
        Asked(5, "/v2/models/digits/versions/v8/infer", 200, "good", _v2("good")),
        Asked(3, "/v2/models/other/infer", 404, "", _v2("good")),
        Asked(2, "/v2/models/digits", 200),
        Asked(20, "/v2/health/ready", 200, "which are not seen here"),
    ),
    metrics=True,
)

KSERVE = Server(
    origin=(
        "Captured from the KServe SDK 0.21.0 (Python 3.11, one worker) on loopback; series of the interpreter left out."
    ),
    packages=("kserve==0.21.0",),
    files={
        "digits.py": f"""\
import asyncio

import kserve


class Digits(kserve.Model):
    def __init__(self):
        super().__init__("digits")
        self.ready = True

    async def predict(self, payload, headers=None, response_headers=None):
        (word,) = payload["instances"]
        if word == "slow":
            await asyncio.sleep({SLEPT})
        if word == "wrong":
            raise RuntimeError(word)
        return {{"predictions": ["a"]}}


if __name__ == "__main__":
    kserve.ModelServer(workers=1).start([Digits()])
""",
    },
    command=("python", "digits.py", "--http_port={port}", "--enable_grpc=false"),
    ready="/v2/health/ready",
    asked=(
        Asked(5, "/v1/models/digits:predict", 400, "that are no JSON", _BAD),
        Asked(30, "/v1/models/digits:predict", 200, "good", {"instances": ["good"]}),
        Asked(4, "/v1/models/digits:predict", 200, "that sleep for 0.4 s", {"instances": ["slow"]}),
        Asked(6, "/v1/models/digits:predict", 500, "that raise", {"instances": ["wrong"]}),
        Asked(3, "/v1/models/other:predict", 404, "", {"instances": ["good"]}),
        Asked(20, "/v2/health/ready", 200),
        Asked(20, "/", 200),
    ),
)

BENTOML = Server(
    origin="Captured from BentoML 1.4.39 (Python 3.11) on loopback; series of the interpreter left out.",
    packages=("bentoml==1.4.39",),
    files={
        "service.py": f"""\
import time

import bentoml


@bentoml.service
class Reader:
    @bentoml.api
    def predict(self, word: str) -> str:
        if word == "slow":
            time.sleep({SLEPT})
        if word == "wrong":
            raise RuntimeError(word)
        return "a"
""",
    },
    command=("bentoml", "serve", "service:Reader", "--host=127.0.0.1", "--port={port}"),
    # Probes are counted like requests, so it is not asked whether it is ready before it is asked 20 times.
    ready="/metrics",
    asked=(
        Asked(5, "/predict", 400, "of a wrong type", {"word": {}}),
        Asked(6, "/predict", 500, "that raise", {"word": "wrong"}),
        Asked(30, "/predict", 200, "good", {"word": "good"}),
        Asked(4, "/predict", 200, "that sleep for 0.4 s", {"word": "slow"}),
        Asked(3, "/other", 404, "", {"word": "good"}),
        Asked(20, "/readyz", 200),
        Asked(20, "/livez", 200),
    ),
    environment={"BENTOML_DO_NOT_TRACK": "True"},
)

_RAY_COUNTERS = tuple(f"ray_serve_{one}_total{{" for one in ("num_http_requests", "deployment_request_counter"))
"""Each process of Ray tells its own some seconds later."""

RAY_SERVE = Server(
    origin=(
        "Captured from Ray Serve 2.60.0 (Python 3.11, one node, one replica) on loopback; other families and labels "
        "that name sessions, nodes and telemetry scopes left out."
    ),
    packages=("ray[serve]==2.60.0",),
    files={
        "digits.py": f"""\
import asyncio
import os
import signal

import ray
from ray import serve


@serve.deployment
class Reader:
    async def __call__(self, request):
        word = (await request.json())["word"]
        if word == "slow":
            await asyncio.sleep({SLEPT})
        if word == "wrong":
            raise RuntimeError(word)
        return {{"class": "a"}}


ray.init(num_cpus=1, include_dashboard=False, _temp_dir=os.path.abspath("ray"), _metrics_export_port={{metrics}})
serve.start(http_options={{"host": "127.0.0.1", "port": {{port}}}})
serve.run(Reader.bind(), name="digits", route_prefix="/digits")
signal.pause()
""".replace("{{metrics}}", "{metrics}").replace("{{port}}", "{port}"),
    },
    command=("python", "digits.py"),
    ready="/-/healthz",
    asked=(
        Asked(5, "/digits", 500, "that are no JSON", _BAD),
        Asked(6, "/digits", 500, "that raise", {"word": "wrong"}),
        Asked(30, "/digits", 200, "good", {"word": "good"}),
        Asked(4, "/digits", 200, "that sleep for 0.4 s", {"word": "slow"}),
        Asked(3, "/other", 404, "", {"word": "good"}),
        Asked(19, "/-/healthz", 200, "after the one that found it ready"),
        Asked(5, "/-/routes", 200),
    ),
    kept=r"ray_serve_(num_http_|http_request_latency_ms|deployment_(error|request)_counter)",
    metrics=True,
    unlabelled=frozenset(
        {
            *("SessionName", "NodeAddress", "WorkerId", "ReplicaId", "replica"),
            *("otel_scope_name", "otel_scope_version", "otel_scope_schema_url"),
        }
    ),
    complete=lambda text: all(name in text for name in _RAY_COUNTERS),
)

SERVERS = {"mlserver": MLSERVER, "kserve": KSERVE, "bentoml": BENTOML, "ray-serve": RAY_SERVE}
"""By the name of the scrape."""
