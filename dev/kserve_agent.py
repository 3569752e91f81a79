"""KServe's inference logger: the agent that its controller puts before model servers, as a process on loopback."""

import contextlib
import fcntl
import http.client
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from dev import paths, programs
from dev.controlplane import free_ports
from dev.progress import wait_until
from dev.supervise import die_with_parent

_SECONDS = 60.0


@contextlib.contextmanager
def kserve_agent(
    server: int, collector: str, service: tuple[str, str], log: Path, headers: Sequence[str] = (), mode: str = "all"
) -> Iterator[int]:
    """An agent before the model server at that port; gives its own port, and is ended with the block.

    There is one at a time on a machine: it listens on a socket whose name is fixed. A second one waits for its turn.

    Args:
        server: port of the model server on 127.0.0.1.
        collector: URL that the agent sends events to.
        service: namespace and name of the InferenceService.
        log: file for its log.
        headers: names of the request headers that it copies into events (`metadataHeaders`).
        mode: all, request or response.
    """
    (port,) = free_ports(1)
    probe = {
        "tcpSocket": {"host": "127.0.0.1", "port": server},
        "successThreshold": 1,
        "periodSeconds": 1,
        "timeoutSeconds": 1,
    }
    # The arguments and the variable that the controller's webhook gives it, in its order.
    command = [str(programs.path_of(programs.KSERVE_AGENT)), "--log-url", collector, "--source-uri", f"{service[1]}-0"]
    command += ["--log-mode", mode, "--inference-service", service[1], "--namespace", service[0]]
    command += ["--endpoint", "", "--component", "predictor"]
    command += ["--metadata-headers", ",".join(headers)] if headers else []
    command += ["--logger-tls-skip-verify", "false", "--component-port", str(server), "--port", str(port)]
    with (paths.cache() / "kserve-agent.lock").open("w") as lock, log.open("ab") as into:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen(
            command,
            env={**os.environ, "SERVING_READINESS_PROBE": json.dumps(probe)},
            stdout=into,
            stderr=into,
            preexec_fn=die_with_parent,
        )
        try:
            wait_until(lambda: _ready(process, port, log), "KServe's agent", _SECONDS)
            yield port
        finally:
            # It would sleep for half a minute after SIGTERM, for the sake of routers that there are none of here.
            process.kill()
            process.wait()


def with_token(url: str, token: str) -> str:
    """The URL with the token as its password: the logger can be given nothing else."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://:{quote(token, safe='')}@{rest}"


def _ready(process: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"KServe's agent has ended: see {log}")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        # As the kubelet asks: anything else would be passed on, and logged.
        connection.request("GET", "/", headers={"User-Agent": "kube-probe/1.34", "K-Network-Probe": "queue"})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
