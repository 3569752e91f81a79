"""Builds the programs of a cluster from our Go tool modules, once per version, and finds them again afterwards.

A built program lies in the cache under a key made of the module's files, the package, the build flags and Go's
version: whatever changes the program changes the key. A file lock lets two runs share one build, and a rename puts only
whole programs in place.
"""

import fcntl
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev import paths
from dev.golang import go, version_of
from dev.progress import say, step

# One set of flags for everything: another CGO_ENABLED or -trimpath would compile every package a second time.
FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false")
KUBERNETES = "v1.34.4"
ISTIO = "1.31-dev"


@dataclass(frozen=True, slots=True)
class Program:
    """A command built from a package of one of the modules below dev/tools/.

    Args:
        name: the file name of the built program.
        module: the folder below dev/tools/ whose go.mod pins it.
        package: the import path of its main package.
        tags: build tags.
        variables: linker variables (`-X`), by which programs report their version.
    """

    name: str
    module: str
    package: str
    tags: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """The arguments of `go build` that shape the program."""
        linker = " ".join(["-s", "-w", *(f"-X {variable}" for variable in self.variables)])
        tags = ["-tags", ",".join(self.tags)] if self.tags else []
        return [*FLAGS, *tags, "-ldflags", linker]

    def key(self, go_version: str) -> str:
        """The name under which this very build is kept."""
        folder = paths.TOOLS / self.module
        pins = [hashlib.sha256(pin.read_bytes()).hexdigest() for pin in sorted(folder.glob("*.*"))]
        whole = json.dumps([self.package, self.arguments(), go_version, *pins])
        return hashlib.sha256(whole.encode()).hexdigest()[:16]


def _kubernetes(name: str) -> Program:
    variables = (f"k8s.io/component-base/version.gitVersion={KUBERNETES}",)
    return Program(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}", variables=variables)


ETCD = Program("etcd", "kubernetes", "go.etcd.io/etcd/server/v3")
APISERVER = _kubernetes("kube-apiserver")
CONTROLLER_MANAGER = _kubernetes("kube-controller-manager")
SCHEDULER = _kubernetes("kube-scheduler")
KUBELET = _kubernetes("kubelet")
KUBE_PROXY = _kubernetes("kube-proxy")
KUBECTL = _kubernetes("kubectl")
PAUSE = Program("pause", "pause", "modelrollout.dev/tools/pause")
COREDNS = Program("coredns", "coredns", "github.com/coredns/coredns")
ENVOY_GATEWAY = Program("envoy-gateway", "gateway", "github.com/envoyproxy/gateway/cmd/envoy-gateway")
HELM = Program("helm", "helm", "helm.sh/helm/v3/cmd/helm")
KSERVE = Program("kserve-controller", "kserve", "github.com/kserve/kserve/cmd/manager")
KSERVE_AGENT = Program("kserve-agent", "kserve", "github.com/kserve/kserve/cmd/agent")
ISTIOD = Program(
    "pilot-discovery",
    "istio",
    "istio.io/istio/pilot/cmd/pilot-discovery",
    # As Istio builds it: without the validation of Envoy's types, of which nothing is called.
    tags=("vtprotobuf", "disable_pgv"),
    variables=(f"istio.io/istio/pkg/version.buildVersion={ISTIO}",),
)


def _prometheus(name: str) -> Program:
    return Program(
        name,
        "prometheus",
        f"github.com/prometheus/prometheus/cmd/{name}",
        tags=("remove_all_sd", "enable_kubernetes_sd"),
        variables=("github.com/prometheus/common/version.Version=3.15.0",),
    )


PROMETHEUS = _prometheus("prometheus")
PROMTOOL = _prometheus("promtool")


def own_assets() -> Path | None:
    """The folder of programs that a person brings along (KUBEBUILDER_ASSETS), if set."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    return Path(assets) if assets else None


def path_of(program: Program) -> Path:
    """The built program; builds it first where the cache does not have it.

    A program of the same name in KUBEBUILDER_ASSETS is taken instead.
    """
    assets = own_assets()
    if assets and (assets / program.name).is_file():
        return assets / program.name
    version = subprocess.run([go(), "version"], capture_output=True, text=True, check=True).stdout
    folder = paths.cache() / "programs" / program.name
    folder.mkdir(parents=True, exist_ok=True)
    built = folder / program.key(".".join(map(str, version_of(version)))) / program.name
    if not built.exists():
        with _only_one(folder / "lock", program.name):
            if not built.exists():
                _build(program, built)
    return built


@contextmanager
def _only_one(lock: Path, name: str) -> Iterator[None]:
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"  another run is building {name}; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _build(program: Program, built: Path) -> None:
    partial = built.parent.with_name(f"{built.parent.name}.partial")
    partial.mkdir(exist_ok=True)
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    command = [str(go()), "build", *program.arguments(), "-o", str(partial / program.name), program.package]
    with step(f"building {program.name} from dev/tools/{program.module} (minutes the first time, then kept)"):
        subprocess.run(command, cwd=paths.TOOLS / program.module, env=environment, check=True)
    partial.rename(built.parent)
