"""A real kube-apiserver with the CRDs installed, shared by all tests of a session.

With KUBECONFIG set, that cluster is used; else etcd and kube-apiserver are started and end with the session.
"""

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kubernetes import client, config

from dev import programs
from dev.controlplane import ControlPlane, own_kubeconfig

CRDS = Path(__file__).parents[2] / "crds"
OWN = own_kubeconfig()
"""Of a cluster that a person brings along; tests set KUBECONFIG for what they start."""

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def kubeconfig() -> Iterator[Path]:
    """Path of an administrator's kubeconfig; both CRDs are established."""
    if OWN is not None:
        _install_crds(OWN)
        yield OWN
        return
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    with ControlPlane(f"tests-{os.getpid()}-{worker}", audit=True) as plane:
        _install_crds(plane.kubeconfig)
        yield plane.kubeconfig


@pytest.fixture(scope="session")
def api_client(kubeconfig: Path) -> Iterator[client.ApiClient]:
    """A synchronous client; the asynchronous one is made from `kubeconfig` within the test's own loop."""
    with config.new_client_from_config(str(kubeconfig)) as api:
        yield api


@pytest.fixture
def audit_log(kubeconfig: Path) -> Path:
    """One JSON line per request that the API server answered."""
    if OWN is not None:
        pytest.skip("a cluster of one's own has its audit log elsewhere")
    return kubeconfig.parent / "audit.log"


@pytest.fixture(scope="session")
def kubectl_program() -> Path:
    """The kubectl of this machine, or the one that was built for the local cluster."""
    return _kubectl_program()


@pytest.fixture(scope="session")
def kubectl(kubeconfig: Path) -> Kubectl:
    """Runs kubectl: `kubectl("get", "mro", stdin=None, check=True)` gives the completed process."""
    return _kubectl(kubeconfig)


@pytest.fixture
def namespace(api_client: client.ApiClient) -> Iterator[str]:
    """Name of a fresh namespace."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    core = client.CoreV1Api(api_client)
    core.create_namespace({"metadata": {"name": name}})
    yield name
    core.delete_namespace(name)


def _kubectl_program() -> Path:
    found = shutil.which("kubectl")
    return Path(found) if found else programs.path_of(programs.KUBECTL)


def _kubectl(kubeconfig: Path) -> Kubectl:
    program = _kubectl_program()

    def run(*arguments: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(program), f"--kubeconfig={kubeconfig}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert not check or done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done

    return run


def until_served(kubectl: Kubectl, *kinds: str) -> None:
    """Wait until all of these kinds can be listed.

    That a kind is established is not enough: its storage may still be prepared, which is answered by 429. Right after
    it was applied it has no conditions at all, which `kubectl wait` takes for an error.
    """
    end = time.monotonic() + 60
    for kind in kinds:
        while (answer := kubectl("get", kind, "-A", check=False)).returncode:
            assert time.monotonic() < end, f"{kind} cannot be listed: {answer.stderr}"


def _install_crds(kubeconfig: Path) -> None:
    kubectl = _kubectl(kubeconfig)
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    kinds = ("modelrollouts", "modelrolloutcommands", "metrictemplates", "clustermetrictemplates")
    until_served(kubectl, *(f"{kind}.modelrollout.io" for kind in kinds))
