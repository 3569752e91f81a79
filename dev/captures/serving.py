"""A model server in a virtual environment of its own below the cache, started, asked, scraped and ended."""

import contextlib
import hashlib
import http.client
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dev import paths
from dev.captures.asking import Asked, ask, told
from dev.controlplane import free_ports
from dev.progress import step, wait_until
from dev.supervise import die_with_parent

_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Server:
    """What is started, what it is asked, and what of its metrics is kept.

    Args:
        origin: the sentence about where the scrape comes from.
        packages: pinned, as pip takes them.
        files: what lies in its working directory, by name; {port}, {metrics} and {more} are filled in.
        command: what is started there; the first word is a program of the virtual environment.
        ready: path that answers 200 when it serves.
        asked: the requests, in order.
        dropped: families that are left out, as a pattern of their beginnings.
        kept: families that are kept, all where it is empty.
        metrics: whether these are on a port of their own.
        unlabelled: labels that are left out, because they name this run alone.
        complete: whether the metrics tell of everything yet, for servers that count late.
        environment: further variables.
    """

    origin: str
    packages: tuple[str, ...]
    files: Mapping[str, str]
    command: tuple[str, ...]
    ready: str
    asked: tuple[Asked, ...]
    dropped: str = "python_|process_"
    kept: str = ""
    metrics: bool = False
    unlabelled: frozenset[str] = frozenset()
    complete: Callable[[str], bool] = field(default=lambda _: True)
    environment: Mapping[str, str] = field(default_factory=dict)

    def capture(self) -> str:
        """The scrape, with its first lines."""
        venv = _venv(self.packages)
        ports = dict(zip(("port", "metrics", "more"), map(str, free_ports(3)), strict=True))
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for file, text in self.files.items():
                (folder / file).write_text(_filled(text, ports))
            command = [str(venv / "bin" / self.command[0]), *(_filled(one, ports) for one in self.command[1:])]
            variables = {**os.environ, "PATH": f"{venv / 'bin'}:{os.environ['PATH']}", "HOME": name}
            variables |= {key: _filled(value, ports) for key, value in self.environment.items()}
            with (folder / "log").open("wb") as log:
                process = subprocess.Popen(
                    command, cwd=folder, env=variables, stdout=log, stderr=log, preexec_fn=_alone
                )
                try:
                    text = self._asked(process, ports, folder / "log")
                finally:
                    _end(process)
        return told(self.origin, self.asked) + families(text, self.dropped, self.kept, self.unlabelled)

    def _asked(self, process: subprocess.Popen[bytes], ports: Mapping[str, str], log: Path) -> str:
        port = int(ports["port"])
        metrics = int(ports["metrics"]) if self.metrics else port

        def ready() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"the server has ended: {log.read_text(errors='replace')[-2000:]}")
            return got(port, self.ready) is not None

        wait_until(ready, "the server", _SECONDS, pause=0.5)
        try:
            ask(port, self.asked)
        except (OSError, http.client.HTTPException) as error:
            raise RuntimeError(f"the server broke off: {log.read_text(errors='replace')[-2000:]}") from error
        wait_until(lambda: self.complete(got(metrics, "/metrics") or ""), "metrics of all requests", _SECONDS, 1.0)
        return got(metrics, "/metrics") or ""


def got(port: int, path: str) -> str | None:
    """What is there, None where nothing answers with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return text if answer.status == 200 else None


def families(text: str, dropped: str, kept: str, unlabelled: frozenset[str] = frozenset()) -> str:
    """The metrics without the families, the moments of creation and the labels that are left out."""
    lines = []
    for line in text.splitlines():
        name = line.split()[2] if line.startswith("# ") and len(line.split()) > 2 else re.split(r"[{ ]", line)[0]
        if re.match(dropped, name) or (kept and not re.match(kept, name)) or re.search(r"_created\b", name):
            continue
        for label in unlabelled:
            line = re.sub(rf'([{{,]){label}="[^"]*",?', r"\1", line).replace(",}", "}")
        lines.append(line)
    # A family without a series says nothing.
    shown = tuple(re.split(r"[{ ]", line)[0] for line in lines if not line.startswith("#"))
    told = (one for one in lines if not one.startswith("#") or any(name.startswith(one.split()[2]) for name in shown))
    return "".join(f"{line}\n" for line in told if line)


def _filled(text: str, ports: Mapping[str, str]) -> str:
    for name, port in ports.items():
        text = text.replace(f"{{{name}}}", port)
    return text


def _venv(packages: tuple[str, ...]) -> Path:
    key = hashlib.sha256("\n".join((sys.version, *packages)).encode()).hexdigest()[:12]
    folder = paths.cache() / "captures" / key
    if not (folder / "whole").exists():
        with step(f"{', '.join(packages)} into a virtual environment (minutes the first time)"):
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            subprocess.run([*pip, "--no-cache-dir", *packages], check=True)
            (folder / "whole").touch()
    return folder


def _alone() -> None:
    os.setsid()
    die_with_parent()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server and all that it started: they are a session of their own."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=20)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
