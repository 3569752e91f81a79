"""The processes under measurement: the operator, and the Prometheus that it asks."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.operator.traffic import GROUPS
from dev import programs
from dev.controlplane import free_ports
from dev.supervise import die_with_parent

SCRAPE = 1.0
"""Seconds between two scrapes."""

_TICKS = os.sysconf("SC_CLK_TCK")
_MIB = 1024.0


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB of a process: resident, of that its own (not files it maps), and the most that was ever resident."""

    resident: float
    own: float
    peak: float


class _Program:
    """A child that the kernel ends with this process."""

    def __init__(self, command: list[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment,
                preexec_fn=die_with_parent,
            )  # fmt: skip

    def answers(self, url: str) -> bool:
        """Whether it says 200."""
        self.check()
        return fetched(url) is not None

    def check(self) -> None:
        """Make sure that it runs.

        Raises:
            RuntimeError: it has ended; with what it said last.
        """
        if self._process.poll() is not None:
            raise RuntimeError(f"ended with {self._process.returncode}: {self._log.read_text()[-3000:]}")

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Prometheus(_Program):
    """Scrapes the traffic's pages every second."""

    def __init__(self, folder: Path, exporter: str) -> None:
        folder.mkdir()
        targets = [
            {"targets": [exporter], "labels": {"__metrics_path__": f"/{group}", "instance": f"group-{group}"}}
            for group in range(GROUPS)
        ]
        scraping = {"scrape_interval": f"{int(SCRAPE)}s", "scrape_timeout": f"{int(SCRAPE)}s"}
        config = {"global": scraping, "scrape_configs": [{"job_name": "models", "static_configs": targets}]}
        (folder / "prometheus.yml").write_text(json.dumps(config))
        self.address = f"http://127.0.0.1:{free_ports(1)[0]}"
        command = [
            str(programs.path_of(programs.PROMETHEUS)),
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={self.address.removeprefix('http://')}",
            "--log.level=error",
        ]
        super().__init__(command, folder / "log")

    def ready(self) -> bool:
        """Whether it answers queries."""
        return self.answers(f"{self.address}/-/ready")


class Operator(_Program):
    """`modelrollout operator` as its container runs it, settings but for addresses at their defaults."""

    def __init__(self, folder: Path, kubeconfig: Path, namespace: str, prometheus: str) -> None:
        port = free_ports(1)[0]
        self._url = f"http://127.0.0.1:{port}"
        settings = {
            "KUBECONFIG": str(kubeconfig),
            "MODELROLLOUT_NAMESPACES": namespace,
            "MODELROLLOUT_LEASE_NAMESPACE": namespace,
            "MODELROLLOUT_PROMETHEUS_ADDRESS": prometheus,
            "MODELROLLOUT_PROBE_HOST": "127.0.0.1",
            "MODELROLLOUT_PROBE_PORT": str(port),
        }
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("MODELROLLOUT_", "KUBE"))}
        command = [str(Path(sys.executable).with_name("modelrollout")), "operator"]
        super().__init__(command, folder / f"operator-{namespace}.log", {**kept, **settings})

    def ready(self) -> bool:
        """Whether it leads and has seen all that there is."""
        return self.answers(f"{self._url}/readyz") and self.reconciles() > 0

    def reconciles(self) -> int:
        """How often it has looked at a rollout."""
        found = re.search(
            r"^modelrollout_reconcile_seconds_count (\S+)", fetched(f"{self._url}/metrics") or "", re.MULTILINE
        )
        return int(float(found[1])) if found else 0

    def judged(self, namespace: str, name: str) -> bool:
        """Whether it knows answers of the candidate by now."""
        page = fetched(f"{self._url}/v1/rollouts/{namespace}/{name}")
        metrics = json.loads(page)["metrics"] if page else []
        return any(metric.get("candidateCount") for metric in metrics)

    def memory(self) -> Memory:
        """What it takes now."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        resident, own, peak = (
            float(found[1]) / _MIB if (found := re.search(rf"^{key}:\s+(\d+) kB", status, re.MULTILINE)) else 0.0
            for key in ("VmRSS", "RssAnon", "VmHWM")
        )
        return Memory(resident, own, peak)

    def cpu(self) -> float:
        """Seconds of processor time that it has used."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def fetched(url: str) -> str | None:
    """The page of our own at this address, None when it does not answer 200 within seconds."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own http addresses
            text: str = answer.read().decode()
            return text
    except (urllib.error.URLError, OSError):
        return None
