"""What runs in the box beside the API server: controllers, scheduler, and one node with its containerd."""

import json
from pathlib import Path
from typing import Any

from dev import pki, programs
from dev.box import HOME
from dev.controlplane import ApiServer, as_flags
from dev.errors import DevError
from dev.network import Layout
from dev.supervise import Process

NAME = "node"
PAUSE_IMAGE = "modelrollout.local/pause:1"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
CNI_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))

CONTAINERD = """\
version = 2
root = "{home}/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # Lowering oom_score_adj needs CAP_SYS_RESOURCE, which not every root has; without it runc dies without a reason.
  restrict_oom_score_adj = true
  # A profile would be loaded into the kernel of the whole machine.
  disable_apparmor = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni}"
    conf_dir = "{home}/cni"
"""


def cni_folder() -> Path:
    """Where the machine has the CNI plugins.

    Raises:
        DevError: nowhere.
    """
    for folder in CNI_FOLDERS:
        if (folder / "ptp").exists():
            return folder
    raise DevError("The CNI plugins are missing: `python -m dev prerequisites` installs them.")


def _kubelet(layout: Layout) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "0.0.0.0",  # noqa: S104 (of the box: the API server dials the node's address for logs and exec)
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(HOME / "pki/ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(HOME / "pki/kubelet.crt"),
        "tlsPrivateKeyFile": str(HOME / "pki/kubelet.key"),
        "clusterDomain": "cluster.local",
        "clusterDNS": [str(layout.dns)],
        "resolvConf": str(HOME / "resolv.conf"),
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "podLogsDir": str(HOME / "pod-logs"),
        "volumePluginDir": str(HOME / "volume-plugins"),
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "localStorageCapacityIsolation": False,
        "failSwapOn": False,
        "failCgroupV1": False,
        "protectKernelDefaults": True,
        "makeIPTablesUtilChains": False,
        "oomScoreAdj": 0,
        # Images cannot be pulled again, so none may be collected; a full disk is the machine's business.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "maxPods": 200,
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
        "shutdownGracePeriod": "0s",
    }


def _kube_proxy(layout: Layout) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clusterCIDR": str(layout.pods),
        "hostnameOverride": NAME,
        "clientConnection": {"kubeconfig": str(HOME / "kube-proxy.kubeconfig")},
        # The table of connections is shared with the whole machine: leave its size alone.
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "nftables": {"minSyncPeriod": "100ms"},
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "oomScoreAdj": 0,
    }


def _cni(layout: Layout) -> dict[str, Any]:
    # ptp routes every packet between pods through the node, so that answers pass kube-proxy's rules on their way
    # back; on a bridge that takes a kernel module (br_netfilter) that not every machine has.
    pod_range = {"ranges": [[{"subnet": str(layout.pods)}]], "routes": [{"dst": "0.0.0.0/0"}]}
    ipam = {"type": "host-local", "dataDir": str(HOME / "cni-addresses"), **pod_range}
    plugins = [{"type": "ptp", "ipMasq": False, "ipam": ipam}]
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": plugins}


def prepare(folder: Path, cluster: str, layout: Layout, server: ApiServer, authority: pki.Authority) -> None:
    """Write keys and configuration of the node's programs into the cluster's folder."""
    clients = {
        "controller-manager": ("system:kube-controller-manager", ()),
        "scheduler": ("system:kube-scheduler", ()),
        "kubelet": (f"system:node:{NAME}", ("system:nodes",)),
        "kube-proxy": ("system:kube-proxy", ()),
    }
    certificate = authority.pair.certificate
    for name, (user, groups) in clients.items():
        client = authority.issue(user, groups)
        pki.write_kubeconfig(folder / f"{name}.kubeconfig", cluster, server.url, certificate, client)
    authority.issue(f"system:node:{NAME}", hosts=(NAME, str(layout.node))).write(folder / "pki", "kubelet")
    (folder / "cni").mkdir()
    (folder / "cni" / "10-pods.conflist").write_text(json.dumps(_cni(layout)))
    (folder / "kubelet.json").write_text(json.dumps(_kubelet(layout)))
    (folder / "kube-proxy.json").write_text(json.dumps(_kube_proxy(layout)))
    (folder / "resolv.conf").write_text("# The cluster's own DNS is the only one: nothing is looked up outside.\n")
    names = {"home": HOME, "socket": CONTAINERD_SOCKET, "pause": PAUSE_IMAGE, "cni": cni_folder()}
    (folder / "containerd.toml").write_text(CONTAINERD.format(**names))


def processes(layout: Layout, server: ApiServer) -> list[Process]:
    """Everything that runs in the box, in the order of its start."""
    ready = f"{server.url}/readyz"
    quiet = {"leader-elect": "false", "bind-address": "127.0.0.1", "profiling": "false"}
    controller_manager = {
        "kubeconfig": HOME / "controller-manager.kubeconfig",
        "root-ca-file": HOME / "pki/ca.crt",
        "service-account-private-key-file": HOME / "pki/service-account.key",
        "use-service-account-credentials": "true",
        **quiet,
    }
    scheduler = {"kubeconfig": HOME / "scheduler.kubeconfig", **quiet}
    kubelet = {
        "config": HOME / "kubelet.json",
        "kubeconfig": HOME / "kubelet.kubeconfig",
        "root-dir": HOME / "kubelet",
        "hostname-override": NAME,
        "node-ip": layout.node,
    }
    return [
        *server.processes(),
        Process("containerd", ["containerd", "--config", str(HOME / "containerd.toml")]),
        _program(programs.CONTROLLER_MANAGER, controller_manager, ready),
        _program(programs.SCHEDULER, scheduler, ready),
        _program(programs.KUBELET, kubelet, ready),
        _program(programs.KUBE_PROXY, {"config": HOME / "kube-proxy.json"}, ready),
    ]


def _program(program: programs.Program, flags: dict[str, Any], after: str) -> Process:
    return Process(program.name, [str(programs.path_of(program)), *as_flags(flags)], after=after)
