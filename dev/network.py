"""Addresses of a cluster: one private /16 that nothing on the machine uses yet, reached through one route."""

import fcntl
import ipaddress
import json
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from dev import paths
from dev.errors import DevError

CANDIDATES = [
    *(IPv4Network(f"10.{second}.0.0/16") for second in range(210, 250)),
    *(IPv4Network(f"172.{second}.0.0/16") for second in range(16, 32)),
    *(IPv4Network(f"100.{second}.0.0/16") for second in range(64, 128)),
]


@dataclass(frozen=True, slots=True)
class Layout:
    """Who has which addresses within the cluster's /16."""

    network: IPv4Network

    @property
    def link(self) -> IPv4Network:
        """The /30 of the veth pair."""
        return IPv4Network((self.network.network_address, 30))

    @property
    def host(self) -> IPv4Address:
        """The machine, as the cluster sees it."""
        return self.link[1]

    @property
    def node(self) -> IPv4Address:
        """The node: API server, kubelet."""
        return self.link[2]

    @property
    def pods(self) -> IPv4Network:
        """Addresses of pods."""
        return list(self.network.subnets(new_prefix=18))[1]

    @property
    def services(self) -> IPv4Network:
        """Addresses of Services; the first is the API server's."""
        return list(self.network.subnets(new_prefix=18))[2]

    @property
    def dns(self) -> IPv4Address:
        """The address of the cluster's DNS."""
        return self.services[10]


def used(routes: Iterable[dict[str, object]], nameservers: Iterable[str]) -> list[IPv4Network]:
    """The networks that the machine knows, from `ip -j route` and its name servers; the default route is none."""
    destinations = [str(route["dst"]) for route in routes if route.get("dst") != "default"]
    return [ipaddress.IPv4Network(each, strict=False) for each in [*destinations, *nameservers] if ":" not in each]


def free(taken: Iterable[IPv4Network]) -> Layout:
    """The first candidate that overlaps nothing.

    Raises:
        DevError: every candidate is taken.
    """
    known = list(taken)
    for candidate in CANDIDATES:
        if not any(candidate.overlaps(each) for each in known):
            return Layout(candidate)
    raise DevError(
        "Every private /16 that a cluster could use is routed elsewhere on this machine: "
        "end another cluster (`python -m dev down`), or run `make control-plane`, which needs no network of its own."
    )


def of_this_machine() -> list[IPv4Network]:
    """The networks that this machine knows right now."""
    listed = subprocess.run(
        ["ip", "-j", "-4", "route", "show", "table", "all"], capture_output=True, text=True, check=True
    )
    resolver = Path("/etc/resolv.conf")
    lines = resolver.read_text().splitlines() if resolver.exists() else []
    servers = [line.split()[1] for line in lines if line.startswith("nameserver ")]
    return used(json.loads(listed.stdout or "[]"), servers)


@contextmanager
def allocation() -> Iterator[None]:
    """Keeps other runs on this machine from choosing addresses at the same time."""
    with (paths.cache() / "network.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def ip(*arguments: object) -> None:
    """Run one `ip` command.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    subprocess.run(["ip", *map(str, arguments)], check=True, stdin=subprocess.DEVNULL)


def connect_host(layout: Layout, interface: str, init: int) -> None:
    """On the machine: make the veth pair into the namespace of process `init`, and the one route to the cluster."""
    ip("link", "add", interface, "type", "veth", "peer", "name", "eth0", "netns", init)
    ip("address", "add", f"{layout.host}/30", "dev", interface)
    ip("link", "set", interface, "up")
    ip("route", "add", layout.network, "via", layout.node, "dev", interface)


def connect_node(layout: Layout) -> None:
    """In the box: bring up the node's end. There is no default route: nothing leaves to anywhere else."""
    ip("link", "set", "lo", "up")
    ip("address", "add", f"{layout.node}/30", "dev", "eth0")
    ip("link", "set", "eth0", "up")
    # kube-proxy rewrites addresses of Services after the kernel has looked for a route, so there must be one;
    # what it does not rewrite ends at this bridge without ports.
    ip("link", "add", "services", "type", "bridge")
    ip("link", "set", "services", "up")
    ip("route", "add", layout.services, "dev", "services", "src", layout.node)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
