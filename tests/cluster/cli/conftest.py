"""Rollouts on a real API server, an operator played by the test, and the command line run as a person runs it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, watch

from tests.unit.cli import cases

GROUP = ("modelrollout.io", "v1alpha1")
PROGRAM = Path(sys.executable).parent / "kubectl-modelrollout"

Ran = subprocess.CompletedProcess[str]
Run = Callable[..., Ran]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def run(kubeconfig: Path, namespace: str) -> Run:
    """`run("status", "fraud")` in the test's namespace."""

    def ran(*arguments: str, kubeconfig: Path = kubeconfig) -> Ran:
        environment = os.environ | {"KUBECONFIG": str(kubeconfig)}
        command = [str(PROGRAM), *arguments, "-n", namespace]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    return ran


@pytest.fixture
def start(kubeconfig: Path, namespace: str) -> Iterator[Start]:
    """`start("wait", "fraud")`: the same, while the test goes on."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        environment = os.environ | {"KUBECONFIG": str(kubeconfig), "PYTHONUNBUFFERED": "1"}
        command = [str(PROGRAM), *arguments, "-n", namespace]
        pipe = subprocess.PIPE
        started.append(
            subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True, preexec_fn=_heed_interrupts)
        )
        return started[-1]

    yield begin
    for process in started:
        with process:
            process.kill()


def _heed_interrupts() -> None:
    """Undo what a shell does to programs that it runs in the background, and to all that they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Rollouts:
    """ModelRollouts of the test's namespace, and the operator's part in them."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self.objects = client.CustomObjectsApi(api)
        self.namespace = namespace

    def create(self, document: dict[str, Any], name: str = "fraud") -> dict[str, Any]:
        """Create a rollout, and write the status it has, as the operator would."""
        body = {**document, "metadata": {"name": name}}
        made = self.objects.create_namespaced_custom_object(*GROUP, self.namespace, "modelrollouts", body)
        if "status" in document:
            self.write(name, observedGeneration=1, **_without(document["status"], "observedGeneration"))
        return made

    def write(self, name: str = "fraud", **status: Any) -> None:
        """Merge fields into the status."""
        self.objects.patch_namespaced_custom_object_status(
            *GROUP, self.namespace, "modelrollouts", name, {"status": status}
        )

    def delete(self, name: str) -> None:
        """Delete a rollout."""
        self.objects.delete_namespaced_custom_object(*GROUP, self.namespace, "modelrollouts", name)

    def commands(self) -> list[dict[str, Any]]:
        """Commands that were created."""
        return self.objects.list_namespaced_custom_object(*GROUP, self.namespace, "modelrolloutcommands")["items"]

    def answer(self, *, accepted: bool, message: str) -> None:
        """Wait for the next command, and answer it in the status of its rollout as the operator would."""
        stream = watch.Watch().stream(
            self.objects.list_namespaced_custom_object,
            *GROUP,
            self.namespace,
            "modelrolloutcommands",
            timeout_seconds=20,
        )
        for event in stream:
            command = event["object"]
            result = {
                "name": command["metadata"]["name"],
                "uid": command["metadata"]["uid"],
                "verb": command["spec"]["verb"],
                "by": command["spec"]["by"],
                "reason": command["spec"]["reason"],
                "accepted": accepted,
                "message": message,
                "askedAt": command["metadata"]["creationTimestamp"],
                "at": command["metadata"]["creationTimestamp"],
            }
            self.write(command["spec"]["rollout"], commands=[result])
            return


@pytest.fixture
def rollouts(api_client: client.ApiClient, namespace: str) -> Rollouts:
    return Rollouts(api_client, namespace)


@pytest.fixture
def answering(rollouts: Rollouts) -> Iterator[Callable[..., None]]:
    """`answering(accepted=True, message="...")`: answers the next command in the background."""
    threads: list[threading.Thread] = []

    def start(**answer: Any) -> None:
        threads.append(threading.Thread(target=rollouts.answer, kwargs=answer))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture
def viewer(api_client: client.ApiClient, kubeconfig: Path, namespace: str, tmp_path: Path) -> Path:
    """Kubeconfig of somebody who may read rollouts of the namespace, and nothing else."""
    core, rbac = client.CoreV1Api(api_client), client.RbacAuthorizationV1Api(api_client)
    core.create_namespaced_service_account(namespace, {"metadata": {"name": "viewer"}})
    rule = {"apiGroups": [GROUP[0]], "resources": ["modelrollouts"], "verbs": ["get", "list", "watch"]}
    rbac.create_namespaced_role(namespace, {"metadata": {"name": "viewer"}, "rules": [rule]})
    rbac.create_namespaced_role_binding(
        namespace,
        {
            "metadata": {"name": "viewer"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "viewer"},
            "subjects": [{"kind": "ServiceAccount", "name": "viewer", "namespace": namespace}],
        },
    )
    token = core.create_namespaced_service_account_token("viewer", namespace, {"spec": {}}).status.token
    document = yaml.safe_load(kubeconfig.read_text())
    document["users"] = [{"name": document["users"][0]["name"], "user": {"token": token}}]
    path = tmp_path / "viewer.kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture
def progressing(rollouts: Rollouts) -> dict[str, Any]:
    """The rollout "fraud" in its second step."""
    return rollouts.create(cases.progressing())


def _without(mapping: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name not in names}
