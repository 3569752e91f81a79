"""A collector's process beside a real API server, for tests and benchmarks."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from dev.controlplane import free_ports
from dev.supervise import die_with_parent

_SECONDS = 60.0


class Running:
    """One process of the collector.

    Attributes:
        events: address for events and labels.
        metrics: address of its metrics and probes.
    """

    def __init__(self, kubeconfig: Path, store: str, log: Path, settings: Mapping[str, str], core: int | None) -> None:
        ports = dict(zip(("PORT", "PROBE_PORT"), map(str, free_ports(2)), strict=True)) | dict(settings)
        self.events, self.metrics = (f"http://127.0.0.1:{ports[name]}" for name in ("PORT", "PROBE_PORT"))
        fixed = {"STORE": store, "HOST": "127.0.0.1", "PROBE_HOST": "127.0.0.1", "ANONYMOUS": "true", "SETTLE": "1"}
        given = {f"MODELROLLOUT_COLLECTOR_{name}": value for name, value in (fixed | ports).items()}
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            [str(Path(sys.executable).parent / "modelrollout"), "collector"],
            env={**os.environ, **given, "KUBECONFIG": str(kubeconfig)},
            stdout=self._log,
            stderr=self._log,
            preexec_fn=die_with_parent,
        )
        if core is not None:
            os.sched_setaffinity(self.process.pid, {core})

    def wait_ready(self) -> None:
        """Return when it takes events."""
        end = time.monotonic() + _SECONDS
        while not self._answers("/readyz"):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the collector is not ready: see {self._log.name}")
            time.sleep(0.05)

    def post(self, path: str, body: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Send JSON, as a batch of events where the path is that of events."""
        kind = "application/cloudevents-batch+json" if path == "/v1/events" else "application/json"
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"{self.events}{path}", data, {"Content-Type": kind})  # noqa: S310 - http
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - http
            taken: dict[str, Any] = json.load(answer)
            return taken

    def counted(self, name: str, **labels: str) -> float:
        """Sum of the series of that name with these labels."""
        return sum(self._series(name, labels))

    def shows(self, name: str, **labels: str) -> bool:
        """Whether there is such a series."""
        return bool(self._series(name, labels))

    def until(self, name: str, value: float, seconds: float = _SECONDS, **labels: str) -> None:
        """Wait until the series add up to that value."""
        end = time.monotonic() + seconds
        while (found := self.counted(name, **labels)) != value:
            if time.monotonic() > end:
                raise TimeoutError(f"{name} is {found}, not {value}")
            time.sleep(0.1)

    def processor_seconds(self) -> float:
        """Processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> float:
        """Resident set, most ever."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it by that signal; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout=_SECONDS)
        self._log.close()
        return code

    def _series(self, name: str, labels: Mapping[str, str]) -> list[float]:
        with urllib.request.urlopen(f"{self.metrics}/metrics", timeout=30) as answer:  # noqa: S310 - http
            families = text_string_to_metric_families(answer.read().decode())
        samples = [sample for family in families for sample in family.samples]
        return [one.value for one in samples if one.name == name and labels.items() <= one.labels.items()]

    def _answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"{self.metrics}{path}", timeout=5) as answer:  # noqa: S310 - http
                return bool(answer.status == 200)
        except OSError:
            return False


@contextlib.contextmanager
def collector(
    kubeconfig: Path, store: str, log: Path, settings: Mapping[str, str] | None = None, core: int | None = None
) -> Iterator[Running]:
    """A collector that takes events; it is ended with the block.

    Args:
        kubeconfig: of the API server whose ModelRollouts it watches.
        store: URL of its store.
        log: file for its log.
        settings: further settings by the end of their variable's name.
        core: of the processor, to which it is bound.
    """
    running = Running(kubeconfig, store, log, settings or {}, core)
    try:
        running.wait_ready()
        yield running
    finally:
        running.end()
