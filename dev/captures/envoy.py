"""Envoy as Envoy Gateway runs it, with clusters named as it names them, before a backend that does as it is told."""

import json
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from dev.captures.asking import Asked, ask, wrapped
from dev.captures.serving import families, got
from dev.controlplane import free_ports
from dev.images import parts
from dev.progress import wait_until
from dev.supervise import die_with_parent

_FILTERS = "type.googleapis.com/envoy.extensions.filters"
_VERSIONS = ("v7", "v8")
_SLEPT = 0.4
_FLUSHED = 10.0
"""Seconds after which Envoy has merged its histograms, which it does every five."""


def _asked(version: str, **times: int) -> list[Asked]:
    """Requests by what the backend is to do: good, slow, or a status."""
    found = []
    for what, number in times.items():
        status = int(what[1:]) if what[1:].isdigit() else 200
        found.append(Asked(number, f"/{version}/{what}", status))
    return found


ASKED = [*_asked("v8", good=30, slow=4, s500=6, s503=2, s404=5), *_asked("v7", good=90, s500=1)]
_TOLD = (
    f"Captured from Envoy {parts.ENVOY_VERSION}, the proxy of Envoy Gateway, on loopback, with clusters named as Envoy "
    "Gateway names them; other families left out. It was asked for fraud-v8: 30 good, 4 that sleep for 0.4 s, 6 "
    "answers 500, 2 answers 503, 5 answers 404; for fraud-v7: 90 good, 1 answer 500."
)


def capture() -> str:
    """The scrape, with its first lines."""
    port, admin = free_ports(2)
    backend = ThreadingHTTPServer(("127.0.0.1", 0), _Backend)
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "envoy.json"
        config.write_text(json.dumps(_config(port, admin, backend.server_port)))
        with (Path(name) / "log").open("wb") as log:
            command = [str(parts.envoy_binary()), "-c", str(config), "--concurrency", "1", "--base-id", str(admin)]
            process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=die_with_parent)
            try:
                wait_until(lambda: got(admin, "/ready") is not None, "Envoy", 60)
                ask(port, ASKED)
                text = _flushed(admin)
            finally:
                process.kill()
                process.wait()
                backend.shutdown()
                backend.server_close()
    return wrapped(_TOLD) + families(
        text, "envoy_(server|listener)", "envoy_cluster_(external_upstream_rq_xx|upstream_rq)"
    )


def _flushed(admin: int) -> str:
    """The metrics once the histograms hold every request."""
    last = f'envoy_cluster_upstream_rq_time_count{{envoy_cluster_name="{_cluster("v7")}"}} 91'
    wait_until(lambda: last in (got(admin, "/stats/prometheus") or ""), "Envoy's histograms", 6 * _FLUSHED, 1.0)
    return got(admin, "/stats/prometheus") or ""


class _Backend(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        what = self.path.rpartition("/")[2]
        if what == "slow":
            time.sleep(_SLEPT)
        self.send_response(int(what[1:]) if what[1:].isdigit() else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library calls it
        """Say nothing."""


def _cluster(version: str) -> str:
    return f"service/risk/fraud-{version}/8080/http"


def _config(port: int, admin: int, backend: int) -> dict[str, Any]:
    routes = [{"match": {"prefix": f"/{one}/"}, "route": {"cluster": _cluster(one)}} for one in _VERSIONS]
    hosts = [{"name": "all", "domains": ["*"], "routes": routes}]
    router = f"{_FILTERS}.http.router.v3.Router"
    manager = {
        "@type": f"{_FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "http",
        "route_config": {"virtual_hosts": hosts},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": router}}],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {
        "admin": {"address": _address(admin)},
        "static_resources": {
            "listeners": [{"address": _address(port), "filter_chains": [chain]}],
            "clusters": [
                {
                    "name": _cluster(one),
                    "connect_timeout": "5s",
                    "load_assignment": {
                        "cluster_name": _cluster(one),
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(backend)}}]}],
                    },
                }
                for one in _VERSIONS
            ],
        },
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
