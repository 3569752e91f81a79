"""etcd and kube-apiserver alone, on loopback: what the cluster tests need, there in seconds.

    with ControlPlane("my-test", audit=True) as plane:
        client = ...(plane.kubeconfig)

It runs as long as the block, and not longer than the process that opened it. `detached=True` leaves it running until
`python -m dev down`.
"""

import json
import os
import random
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from dev import lifetime, paths, pki, programs, supervise
from dev.errors import DevError
from dev.progress import wait_until

READY_SECONDS = 60.0
SERVICES = "10.96.0.0/16"
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


@dataclass(frozen=True, slots=True)
class ApiServer:
    """How one kube-apiserver with its etcd is started; used by the bare control plane and inside the box.

    Args:
        folder: holds keys, data and kubeconfigs; made by `prepare`.
        address: the IPv4 address that the API server listens on and advertises.
        port: its port.
        etcd_ports: the client and the peer port of etcd, on loopback.
        services: the range of Service addresses.
        audit: whether every request is logged to `audit.log`, one JSON line per request (level Metadata).
    """

    folder: Path
    address: str
    port: int
    etcd_ports: tuple[int, int]
    services: str = SERVICES
    audit: bool = False

    @property
    def url(self) -> str:
        """The address that clients use."""
        return f"https://{self.address}:{self.port}"

    @property
    def audit_log(self) -> Path:
        """One JSON object per line (audit.k8s.io/v1 Event)."""
        return self.folder / "audit.log"

    def prepare(self, cluster: str, authority: pki.Authority, first_service_address: str) -> None:
        """Write the keys, the administrator's kubeconfig and the audit policy."""
        keys = self.folder / "pki"
        hosts = (self.address, "127.0.0.1", first_service_address, "localhost", "kubernetes", "kubernetes.default",
                 "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")  # fmt: skip
        authority.pair.write(keys, "ca")
        authority.issue("kube-apiserver", hosts=hosts).write(keys, "apiserver")
        authority.issue("kube-apiserver-kubelet-client", ("system:masters",)).write(keys, "apiserver-kubelet-client")
        authority.issue("front-proxy-client").write(keys, "front-proxy-client")
        authority.issue("etcd", hosts=("127.0.0.1", "localhost")).write(keys, "etcd")
        pki.service_account_key().write(keys, "service-account")
        admin = authority.issue("modelrollout-dev-admin", ("system:masters",))
        pki.write_kubeconfig(self.folder / "kubeconfig", cluster, self.url, authority.pair.certificate, admin)
        (self.folder / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY))

    def processes(self) -> list[supervise.Process]:
        """Both programs, etcd first. Both may start at once: the API server waits for etcd."""
        return [self._etcd(), self._apiserver()]

    def _etcd(self) -> supervise.Process:
        keys = self.folder / "pki"
        client, peer = (f"https://127.0.0.1:{port}" for port in self.etcd_ports)
        flags = {
            "name": "etcd", "data-dir": self.folder / "etcd",
            "listen-client-urls": client, "advertise-client-urls": client,
            "listen-peer-urls": peer, "initial-advertise-peer-urls": peer, "initial-cluster": f"etcd={peer}",
            # Other users of the machine can reach loopback too: nobody without our keys gets in.
            "client-cert-auth": "true", "peer-client-cert-auth": "true",
            "trusted-ca-file": keys / "ca.crt", "peer-trusted-ca-file": keys / "ca.crt",
            "cert-file": keys / "etcd.crt", "key-file": keys / "etcd.key",
            "peer-cert-file": keys / "etcd.crt", "peer-key-file": keys / "etcd.key",
            # The data does not outlive the cluster, so there is nothing to save from a power cut.
            "unsafe-no-fsync": "true", "log-level": "warn",
        }  # fmt: skip
        return supervise.Process("etcd", [str(programs.path_of(programs.ETCD)), *as_flags(flags)])

    def _apiserver(self) -> supervise.Process:
        keys = self.folder / "pki"
        flags = {
            "bind-address": self.address, "advertise-address": self.address, "secure-port": self.port,
            "etcd-servers": f"https://127.0.0.1:{self.etcd_ports[0]}", "etcd-cafile": keys / "ca.crt",
            "etcd-certfile": keys / "etcd.crt", "etcd-keyfile": keys / "etcd.key",
            "service-cluster-ip-range": self.services,
            "authorization-mode": "Node,RBAC", "enable-admission-plugins": "NodeRestriction",
            "client-ca-file": keys / "ca.crt",
            "tls-cert-file": keys / "apiserver.crt", "tls-private-key-file": keys / "apiserver.key",
            "kubelet-client-certificate": keys / "apiserver-kubelet-client.crt",
            "kubelet-client-key": keys / "apiserver-kubelet-client.key",
            "kubelet-preferred-address-types": "InternalIP",
            "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
            "service-account-key-file": keys / "service-account.crt",
            "service-account-signing-key-file": keys / "service-account.key",
            "requestheader-client-ca-file": keys / "ca.crt", "requestheader-allowed-names": "front-proxy-client",
            "requestheader-username-headers": "X-Remote-User", "requestheader-group-headers": "X-Remote-Group",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
            "proxy-client-cert-file": keys / "front-proxy-client.crt",
            "proxy-client-key-file": keys / "front-proxy-client.key",
            "profiling": "false", "event-ttl": "1h",
        }  # fmt: skip
        if self.audit:
            # Blocking: a request's line is in the file before the client has its answer, so tests can count at once.
            flags |= {
                "audit-policy-file": self.folder / "audit-policy.json",
                "audit-log-path": self.audit_log,
                "audit-log-mode": "blocking",
            }
        return supervise.Process("kube-apiserver", [str(programs.path_of(programs.APISERVER)), *as_flags(flags)])


def as_flags(flags: dict[str, object]) -> list[str]:
    """`--name=value` for each entry."""
    return [f"--{name}={value}" for name, value in flags.items()]


def free_ports(count: int) -> list[int]:
    """Ports of loopback on which nobody listens, below the range from which the kernel gives out ports by itself."""
    held: list[socket.socket] = []
    try:
        for port in random.SystemRandom().sample(range(20000, 32000), 200):
            candidate = socket.socket()
            held.append(candidate)
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                held.remove(candidate)
                candidate.close()
            if len(held) == count:
                return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()
    raise DevError(
        "The ports tried between 20000 and 32000 on 127.0.0.1 are taken: stop what holds them (`ss -ltnp` lists it)."
    )


def own_kubeconfig() -> Path | None:
    """The kubeconfig of a person who brings a cluster along (KUBECONFIG), if set: then nothing needs to be started."""
    path = os.environ.get("KUBECONFIG")
    return Path(path) if path else None


class ControlPlane:
    """A running etcd and kube-apiserver with authorization by Node and RBAC; a context manager.

    Args:
        name: names its folder below `.cluster/`; two control planes at once need two names.
        audit: keep an audit log at `audit_log`.
        detached: let it outlive this process; `python -m dev down --name <name>` ends it.
    """

    def __init__(self, name: str = paths.DEFAULT_NAME, *, audit: bool = False, detached: bool = False) -> None:
        self.name = name
        self.folder = paths.cluster_folder(name)
        self._audit = audit
        self._detached = detached
        self._authority = pki.Authority()
        self._supervisor: subprocess.Popen[bytes] | None = None
        self.url = ""

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """One JSON object per line (audit.k8s.io/v1 Event), written before the client has its answer."""
        return self.folder / "audit.log"

    @property
    def _log(self) -> Path:
        return self.folder / "logs" / "supervisor.log"

    def kubeconfig_for(self, user: str, groups: tuple[str, ...] = ()) -> Path:
        """A kubeconfig of another user, who has just the rights that RBAC gives to the name and the groups.

        A service account is `system:serviceaccount:<namespace>:<name>` in the groups `system:serviceaccounts` and
        `system:serviceaccounts:<namespace>`.
        """
        path = self.folder / "users" / f"{user.replace(':', '_')}.kubeconfig"
        client = self._authority.issue(user, groups)
        pki.write_kubeconfig(path, self.name, self.url, self._authority.pair.certificate, client)
        return path

    def start(self) -> None:
        """Start both programs and wait until the API server says that it is ready.

        Raises:
            DevError: the name is taken, or a program ended; the message names its log.
        """
        lifetime.refuse_if_running(self.folder)
        lifetime.end(self.name)
        self.folder.mkdir(parents=True)
        port, client, peer = free_ports(3)
        server = ApiServer(self.folder, "127.0.0.1", port, (client, peer), audit=self._audit)
        self.url = server.url
        server.prepare(self.name, self._authority, "10.96.0.1")
        self._log.parent.mkdir()
        spec = self.folder / "processes.json"
        supervise.write(spec, self.folder / "logs", server.processes())
        self._supervisor = supervise.spawn("dev.supervise", spec, self._log)
        lifetime.note(self.folder, self._supervisor.pid)
        try:
            wait_until(self._ready, f"kube-apiserver at {self.url}", READY_SECONDS, pause=0.05)
        except BaseException:
            self.stop()
            raise
        if self._detached:
            supervise.let_go(self._supervisor)

    def _ready(self) -> bool:
        assert self._supervisor  # noqa: S101 (set by the only caller)
        if self._supervisor.poll() is not None:
            raise DevError(f"The control plane ended while starting: {self._log.read_text().strip()}")
        return supervise.answers(f"{self.url}/readyz")

    def stop(self) -> None:
        """End both programs and remove the folder."""
        if self._supervisor and self._supervisor.stdin:
            self._supervisor.stdin.close()
        lifetime.end(self.name)
        if self._supervisor:
            self._supervisor.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
