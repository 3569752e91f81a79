"""KServe's controller in a cluster: from the manifests of its own release, as it is installed with the Gateway API.

What differs from a plain installation: the certificate of its webhooks comes from here instead of cert-manager, the
controllers of caches on nodes and of LLMInferenceServices are left out, and probes look every second.
"""

import base64
import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from dev import golang, pki, programs
from dev.components import Cluster
from dev.errors import DevError
from dev.images import parts
from dev.progress import step, wait_until

NAMESPACE = "kserve"
MODULE = "github.com/kserve/kserve"
RELEASE = Path("install/v0.16.0/kserve.yaml")
GATEWAY = "gateway/models"
"""Namespace and name of the Gateway that KServe attaches its routes to."""

_CONTROLLER = "kserve-controller-manager"
_WEBHOOKS = f"kserve-webhook-server-service.{NAMESPACE}.svc"
_CERTIFICATE = "kserve-webhook-server-cert"
_PLURALS = (
    "clusterservingruntimes",
    "clusterstoragecontainers",
    "inferencegraphs",
    "inferenceservices",
    "localmodelcaches",
    "servingruntimes",
    "trainedmodels",
)
_KINDS = frozenset(
    {"ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "ConfigMap", "Service"}
)
_OTHERS = ("llm", "localmodel", "kserve-localmodel", "kserve-proxy", "kserve-controller-manager-metrics")
"""How the names of what belongs to other controllers of the release begin."""

_SECONDS = 120.0


def archive() -> Path:
    """The controller's image, built where the cache does not have it."""
    return parts.of_program(parts.KSERVE, programs.KSERVE)


def definition(plural: str) -> str:
    """The CustomResourceDefinition of one of KServe's kinds, as YAML."""
    wanted = ("CustomResourceDefinition", f"{plural}.serving.kserve.io")
    return next(text for kind, name, text in _release() if (kind, name) == wanted)


def install(cluster: Cluster) -> None:
    """Install the controller, or bring it up to date, and wait until it answers the API server's webhook calls."""
    image = archive()
    with step("KServe"):
        cluster.load_image(image)
        cluster.kubectl(
            "apply",
            "--server-side",
            "--force-conflicts",
            "--filename=-",
            input="\n---\n".join(map(definition, _PLURALS)),
        )
        authority = pki.Authority()
        documents = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
            _certificate(authority),
            *_documents(authority),
        ]
        apply = ("apply", "--server-side", "--force-conflicts", "--filename=-")
        cluster.kubectl(*apply, input=yaml.safe_dump_all(documents))
        where = (f"--namespace={NAMESPACE}", f"--timeout={_SECONDS:.0f}s")
        cluster.kubectl("rollout", "status", f"deployment/{_CONTROLLER}", *where)
        wait_until(lambda: _answers(cluster), "an answer of KServe's webhooks", _SECONDS)


def _answers(cluster: Cluster) -> bool:
    """Whether the API server reaches the webhooks: a pod is ready before the node leads to it by its Service."""
    model = {"modelFormat": {"name": "none"}, "storageUri": "pvc://none"}
    asked = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "asked", "namespace": NAMESPACE},
        "spec": {"predictor": {"model": model}},
    }
    try:
        cluster.kubectl("create", "--dry-run=server", "--filename=-", input=json.dumps(asked))
    except DevError as error:
        # A refusal is an answer as well.
        return "failed calling webhook" not in str(error)
    return True


@functools.cache
def _release() -> tuple[tuple[str, str, str], ...]:
    """Kind, name and text of every object of the release; the definitions are too big to be parsed for that."""
    texts = re.split(r"^---\n", (golang.module("kserve", MODULE) / RELEASE).read_text(), flags=re.MULTILINE)
    return tuple(
        (_first(r"^kind: (\S+)", text), _first(r"^  name: (\S+)", text), text) for text in texts if text.strip()
    )


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1) if found else ""


def _documents(authority: pki.Authority) -> Iterator[dict[str, Any]]:
    for kind, name, text in _release():
        if name.startswith(_OTHERS):
            continue
        if kind in _KINDS:
            document = yaml.safe_load(text)
            yield _configured(document) if kind == "ConfigMap" else document
        elif kind.endswith("WebhookConfiguration"):
            yield _trusting(yaml.safe_load(text), authority)
        elif kind == "Deployment":
            yield _deployment(yaml.safe_load(text))


def _configured(config: dict[str, Any]) -> dict[str, Any]:
    """In Standard mode, which needs no Knative, with routes of the Gateway API."""
    data = config["data"]
    data.pop("_example", None)
    data["deploy"] = json.dumps({"defaultDeploymentMode": "Standard"})
    ingress = {
        **json.loads(data["ingress"]),
        "enableGatewayApi": True,
        "kserveIngressGateway": GATEWAY,
        "disableIstioVirtualHost": True,
    }
    data["ingress"] = json.dumps(ingress)
    return config


def _certificate(authority: pki.Authority) -> dict[str, Any]:
    pair = authority.issue(_WEBHOOKS, hosts=(_WEBHOOKS,))
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": _CERTIFICATE, "namespace": NAMESPACE},
        "data": {"tls.crt": _text(pair.certificate), "tls.key": _text(pair.key)},
    }


def _trusting(configuration: dict[str, Any], authority: pki.Authority) -> dict[str, Any]:
    for webhook in configuration["webhooks"]:
        webhook["clientConfig"]["caBundle"] = _text(authority.pair.certificate)
    return configuration


def _deployment(deployment: dict[str, Any]) -> dict[str, Any]:
    pod = deployment["spec"]["template"]["spec"]
    # The second container is a proxy before its metrics, which nobody reads here.
    container = next(one for one in pod["containers"] if one["name"] == "manager")
    container |= {"image": parts.KSERVE, "imagePullPolicy": "Never", "resources": {"limits": {"memory": "300Mi"}}}
    container["command"] = [f"/usr/local/bin/{programs.KSERVE.name}"]
    for probe in ("livenessProbe", "readinessProbe"):
        container[probe] |= {"initialDelaySeconds": 0, "periodSeconds": 1, "failureThreshold": 60}
    pod["containers"] = [container]
    return deployment


def _text(pem: bytes) -> str:
    return base64.b64encode(pem).decode()
