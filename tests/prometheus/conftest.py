"""A real Prometheus on loopback that scrapes an exporter of ours every second."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread

import pytest
import requests

from dev import programs, supervise


class Exporter:
    """Serves the text format; what a path shows is a function of the time, so counters rise by themselves."""

    def __init__(self) -> None:
        self._pages: dict[str, Callable[[float], str]] = {}
        self._lock = Lock()
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = exporter.page(self.path)
                self.send_response(200 if page is not None else 404)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write((page or "").encode())

            def log_message(self, *_args: object) -> None:
                """Nothing: scrapes are no news."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def page(self, path: str) -> str | None:
        with self._lock:
            page = self._pages.get(path)
        return None if page is None else page(time.time())

    def show(self, path: str, page: Callable[[float], str] | None) -> None:
        with self._lock:
            if page is None:
                self._pages.pop(path, None)
            else:
                self._pages[path] = page

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Server:
    """A Prometheus process that can be killed, stopped and started again on its data."""

    def __init__(self, folder: Path, exporter: Exporter) -> None:
        self.folder, self.exporter = folder, exporter
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.targets = folder / "targets.json"
        self.targets.write_text("[]")
        discovery = [{"files": [str(self.targets)], "refresh_interval": "1s"}]
        job = {"job_name": "models", "file_sd_configs": discovery}
        (folder / "prometheus.yml").write_text(
            json.dumps({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]})
        )
        self._process: subprocess.Popen[bytes] | None = None
        # The kernel ends it together with the thread that started it, so that one must last as long as all tests.
        self._starter = ThreadPoolExecutor(1, "prometheus-starter")

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [
            str(programs.path_of(programs.PROMETHEUS)),
            f"--config.file={self.folder}/prometheus.yml",
            f"--storage.tsdb.path={self.folder}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=error",
        ]
        with (self.folder / "log").open("ab") as log:
            # An interrupted test must leave no process behind.
            starting = self._starter.submit(
                subprocess.Popen, command, stdout=log, stderr=log, preexec_fn=supervise.die_with_parent
            )
            self._process = starting.result()
        until(self._ready, seconds=60)

    def _ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError((self.folder / "log").read_text())
        try:
            return requests.get(f"{self.address}/-/ready", timeout=1).ok
        except requests.RequestException:
            return False

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self, frozen: bool) -> None:
        """Stop the process where it stands, or let it go on."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGSTOP if frozen else signal.SIGCONT)

    def scrape(self, *pods: dict[str, str]) -> None:
        """Scrape these targets too; each needs a path and its labels."""
        known = json.loads(self.targets.read_text())
        new = [
            {
                "targets": [self.exporter.address],
                "labels": {"__metrics_path__": pod["path"], **{k: v for k, v in pod.items() if k != "path"}},
            }
            for pod in pods
        ]
        fresh = self.targets.with_suffix(".new")
        fresh.write_text(json.dumps([*known, *new]))
        fresh.rename(self.targets)


def until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{condition} did not come true within {seconds:g} s")
        time.sleep(0.05)


@pytest.fixture(scope="session")
def exporter() -> Iterator[Exporter]:
    one = Exporter()
    yield one
    one.close()


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory, exporter: Exporter) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("prometheus"), exporter)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool
