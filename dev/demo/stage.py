"""Sets the stage of the demo on a running cluster: operator, three versions of a model, a route and users."""

import json
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dev import paths
from dev.errors import DevError
from dev.images import IMAGES, build
from dev.progress import step, wait_until

NAMESPACE = "digits"
ROLLOUT = "digits"
VERSIONS = ("v1", "v2", "v3")
OPERATOR_NAMESPACE = "modelrollout"
MANIFESTS = Path(__file__).resolve().parent / "manifests"
USERS_SEEN = 200
SECONDS = 180.0
READY_SECONDS = 60.0


class Cluster(Protocol):
    """What the demo needs of a cluster; `dev.cluster.Cluster` and `dev.kind.KindCluster` have it."""

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""

    @property
    def gateway_url(self) -> str:
        """The gateway as pods reach it."""

    def load_image(self, archive: Path) -> None:
        """Make an image known to the node."""

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 (as subprocess.run calls it)
        """Run kubectl; returns its output."""

    def helm(self, *arguments: str) -> str:
        """Run helm; returns its output."""


def images() -> list[Path]:
    """The archives of the operator's and the model's image, built where something they are made of has changed."""
    return [build(IMAGES[name]) for name in ("operator", "model")]


def install_operator(cluster: Cluster, archive: Path) -> None:
    """Install the operator from its chart, or bring it up to date, and wait until it is ready."""
    image = IMAGES["operator"].reference
    repository, tag = image.rsplit(":", 1)
    values = {
        "image.repository": repository,
        "image.tag": tag,
        "image.pullPolicy": "Never",
        # The tag stays the same from build to build; this is what makes a new image a new pod.
        "podAnnotations.image": archive.stem,
        "prometheus.address": "http://prometheus.monitoring:9090",
        "rbac.scale": "true",
        "rbac.stickyUsers": "true",
        # Receivers of webhooks in the cluster itself, for those who try them.
        "webhooks.allowed[0]": "http://*.*.svc:8080",
        # For those who try Jobs as gates, and workloads of a kind that the operator does not know.
        "rbac.gateJobs": "true",
        "customWorkloads[0].group": "apps",
        "customWorkloads[0].version": "v1",
        "customWorkloads[0].resource": "replicasets",
        "customWorkloads[0].kind": "ReplicaSet",
    }
    settings = [f"--set={key}={value}" for key, value in values.items()]
    chart = str(paths.CHECKOUT / "charts" / "modelrollout")
    where = ("--namespace", OPERATOR_NAMESPACE, "--create-namespace")
    # Helm installs CRDs, but never brings them up to date.
    cluster.kubectl("apply", "--server-side", f"--filename={paths.CHECKOUT / 'crds'}")
    wait = ("--wait", f"--timeout={READY_SECONDS:.0f}s")
    try:
        cluster.helm("upgrade", "--install", "modelrollout", chart, *where, *settings, *wait)
    except DevError as error:
        said = cluster.kubectl("logs", f"--namespace={OPERATOR_NAMESPACE}", "deployment/modelrollout", "--tail=20")
        raise DevError(f"{error}\nThe operator's last words:\n{said}") from None


def set_up(cluster: Cluster) -> None:
    """Everything up to the moment before the first rollout: all versions ready, users served by version 1."""
    archives = images()
    with step("images into the cluster"):
        for archive in archives:
            cluster.load_image(archive)
    with step("operator, from its Helm chart"):
        install_operator(cluster, archives[0])
    with step("three versions of the model"):
        apply(cluster, "namespace.yaml", "route.yaml", *(f"{version}.yaml" for version in VERSIONS))
        for version in VERSIONS:
            _await(cluster, f"digits-{version}")
    _users_and_rollout(cluster, seed=1)


def begin_again(cluster: Cluster, seed: int) -> None:
    """Back to before the first rollout, with other users; nothing is watched after a promotion, to save time."""
    with step("the rollout goes, version 1 serves again"):
        cluster.kubectl("delete", "modelrollout", ROLLOUT, f"--namespace={NAMESPACE}", "--ignore-not-found")
        apply(cluster, "route.yaml")
    _users_and_rollout(cluster, seed)
    patch = json.dumps({"spec": {"watch": "0s"}})
    cluster.kubectl("patch", "modelrollout", ROLLOUT, f"--namespace={NAMESPACE}", "--type=merge", f"--patch={patch}")


def _users_and_rollout(cluster: Cluster, seed: int) -> None:
    with step("users"):
        apply(cluster, "traffic.yaml", seed=seed)
        _await(cluster, "traffic")
        wait_until(lambda: _answers(cluster) >= USERS_SEEN, "answers to the first users", SECONDS, pause=0.5)
    with step("rollout: version 1 is what serves"):
        apply(cluster, "rollout.yaml")
        adopted = ("--for=jsonpath={.status.stable}=v1", f"--timeout={SECONDS:.0f}s")
        cluster.kubectl("wait", *adopted, f"--namespace={NAMESPACE}", f"modelrollout/{ROLLOUT}")


def apply(cluster: Cluster, *manifests: str, seed: int = 1) -> None:
    """Apply manifests of the demo; `seed` is that of the users' draws."""
    for manifest in manifests:
        template = string.Template((MANIFESTS / manifest).read_text())
        cluster.kubectl("apply", "--filename=-", input=template.safe_substitute(gateway=cluster.gateway_url, seed=seed))


def target(cluster: Cluster, version: str) -> None:
    """Ask for a version, as a pipeline would: one line changes."""
    patch = json.dumps({"spec": {"target": version}})
    cluster.kubectl("patch", "modelrollout", ROLLOUT, f"--namespace={NAMESPACE}", "--type=merge", f"--patch={patch}")


@dataclass(frozen=True, slots=True)
class Users:
    """What users got from one version in an interval, answers and bad ones by country, too.

    Times are seconds since the epoch.
    """

    answers: int
    bad: int
    failed: int
    first_bad: float | None
    countries: Mapping[str, Mapping[str, int]]


def users(cluster: Cluster, version: str, since: float, until: float) -> Users:
    """Ask the traffic client what its users saw."""
    seen = _summary(cluster, since, until).get(version, {})
    return Users(
        answers=int(seen.get("answers") or 0),
        bad=int(seen.get("bad") or 0),
        failed=int(seen.get("failed") or 0),
        first_bad=seen.get("firstBad"),
        countries=seen.get("countries") or {},
    )


def tell_labels(cluster: Cluster, address: Mapping[str, object]) -> None:
    """Let the traffic client tell the true labels of later requests to a collector, with a body of its POST /labels."""
    path = f"/api/v1/namespaces/{NAMESPACE}/services/traffic:http/proxy/labels"
    cluster.kubectl("create", f"--raw={path}", "--filename=-", input=json.dumps(address))


def failures(cluster: Cluster, since: float, until: float) -> list[Mapping[str, Any]]:
    """Failed answers that users got: when sent, after how many seconds, from which version, and what they said."""
    found: list[Mapping[str, Any]] = _asked(cluster, since, until, "&failures=1")["failures"]
    return found


def record(cluster: Cluster, run: str) -> list[Mapping[str, Any]]:
    """The decision record's lines of one run, oldest first."""
    where = (f"--namespace={NAMESPACE}", "--ignore-not-found", "--output=json")
    stored = cluster.kubectl("get", "configmap", f"{ROLLOUT}-decisions", *where)
    data: Mapping[str, str] = (json.loads(stored).get("data") or {}) if stored else {}
    lines = [json.loads(text) for _, text in sorted(data.items())]
    return [line for line in lines if line["run"] == run]


def _await(cluster: Cluster, deployment: str) -> None:
    timeout = f"--timeout={SECONDS:.0f}s"
    cluster.kubectl("rollout", "status", f"--namespace={NAMESPACE}", f"deployment/{deployment}", timeout)


def _answers(cluster: Cluster) -> int:
    return sum(int(seen.get("answers") or 0) for seen in _summary(cluster, 0.0, 1e12).values())


def _summary(cluster: Cluster, since: float, until: float) -> Mapping[str, Mapping[str, Any]]:
    versions: Mapping[str, Mapping[str, Any]] = _asked(cluster, since, until)["versions"]
    return versions


def _asked(cluster: Cluster, since: float, until: float, more: str = "") -> Mapping[str, Any]:
    proxy = f"/api/v1/namespaces/{NAMESPACE}/services/traffic:http/proxy"
    path = f"{proxy}/summary?since={since:.3f}&until={until:.3f}{more}"
    answer: Mapping[str, Any] = json.loads(cluster.kubectl("get", "--raw", path))
    return answer
