"""status, list, wait and version against a real API server."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
import yaml
from kubernetes import client

from modelrollout import __version__
from tests.cluster.cli.conftest import PROGRAM, Rollouts, Run, Start
from tests.unit.cli import cases


@pytest.mark.usefixtures("progressing")
def test_status_draws_the_rollout_with_its_ready_endpoints(
    run: Run, api_client: client.ApiClient, namespace: str
) -> None:
    _endpoints(api_client, namespace, "fraud-v7", ready=2, unready=1)
    ran = run("status", "fraud")
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    assert lines[0].strip() == f"{namespace}/fraud  ▶ Progressing  step 2/4  v8 at 5%"
    assert [line.split()[-2] for line in lines if "─ v7" in line] == ["2"]
    assert [line.split()[4] for line in lines if "─ v8" in line] == ["5%"]
    assert "\x1b" not in ran.stdout


@pytest.mark.usefixtures("progressing")
def test_status_and_list_are_there_for_programs(run: Run, namespace: str) -> None:
    document = json.loads(run("status", "fraud", "-o", "json").stdout)
    assert (document["namespace"], document["name"], document["phase"]) == (namespace, "fraud", "Progressing")
    (entry,) = json.loads(run("list", "-o", "json").stdout)
    assert (entry["name"], entry["step"], entry["weight"], entry["weights"]["desired"]) == (
        "fraud",
        "2/4",
        "5%",
        {"v7": 950, "v8": 50},
    )


def test_the_steps_are_those_of_the_runs_controller_revision(
    run: Run, rollouts: Rollouts, api_client: client.ApiClient, namespace: str
) -> None:
    status = cases.progressing()["status"]
    rollouts.create(cases.rollout(status, strategy={"canary": {"weights": [10, 20]}}))
    revision = {"metadata": {"name": status["run"]["plan"]}, "revision": 1, "data": {"spec": cases.SPEC}}
    client.AppsV1Api(api_client).create_namespaced_controller_revision(namespace, revision)
    document = json.loads(run("status", "fraud", "-o", "json").stdout)
    assert [step["weight"] for step in document["steps"]] == [10, 50, 250, 500]


def test_list_shows_a_line_per_rollout_and_says_when_there_is_none(
    run: Run, rollouts: Rollouts, namespace: str
) -> None:
    assert f"There are no ModelRollouts in namespace {namespace}" in run("list").stderr
    rollouts.create(cases.progressing())
    rollouts.create(cases.rollout(), name="ranking")
    lines = [line.split() for line in run("list").stdout.splitlines()]
    assert lines[0] == ["NAME", "PHASE", "STABLE", "CANDIDATE", "STEP", "WEIGHT", "AGE"]
    assert [line[0] for line in lines[1:]] == ["fraud", "ranking"]
    assert lines[1][1:7] == ["▶", "Progressing", "v7", "v8", "2/4", "5%"]
    assert f"{namespace} " in run("list", "-A").stdout


def test_a_wrong_name_is_answered_with_near_ones(run: Run, rollouts: Rollouts) -> None:
    rollouts.create(cases.rollout())
    ran = run("status", "fruad")
    assert ran.returncode == 1
    assert 'ModelRollout "fruad" was not found in namespace' in ran.stderr
    assert "Did you mean fraud?" in ran.stderr


@pytest.mark.parametrize(
    ("goal", "case", "code"),
    [
        ("promoted", cases.watching, 0),
        ("done", cases.watching, 0),
        ("rolledback", cases.watching, 1),
        ("promoted", cases.rolled_back, 3),
        ("done", cases.rolled_back, 3),
        ("rolledback", cases.rolled_back, 0),
    ],
)
def test_wait_ends_with_a_code_that_tells_the_end(run: Run, rollouts: Rollouts, goal: str, case, code: int) -> None:
    rollouts.create(case())
    assert run("wait", "fraud", f"--for={goal}", "--timeout", "20s").returncode == code


@pytest.mark.usefixtures("progressing")
def test_wait_follows_the_rollout_until_it_ends(start: Start, rollouts: Rollouts) -> None:
    waiting = start("wait", "fraud", "--timeout", "30s")
    assert waiting.stderr.readline().startswith("Progressing 2/4 5%: ")
    rollouts.write(**cases.rolled_back()["status"] | {"observedGeneration": 1})
    out, err = waiting.communicate(timeout=30)
    assert waiting.returncode == 3
    assert "fraud rolled back: v7 serves all traffic" in out
    assert err.startswith("RolledBack 2/4 5%: ")


@pytest.mark.usefixtures("progressing")
def test_wait_that_takes_too_long_ends_with_4(run: Run) -> None:
    ran = run("wait", "fraud", "--timeout", "1s")
    assert ran.returncode == 4
    assert "is not promoted after 1s" in ran.stderr


@pytest.mark.usefixtures("progressing")
def test_wait_notices_that_the_rollout_is_deleted(start: Start, rollouts: Rollouts) -> None:
    waiting = start("wait", "fraud", "--timeout", "30s")
    waiting.stderr.readline()
    rollouts.delete("fraud")
    _, err = waiting.communicate(timeout=30)
    assert waiting.returncode == 1
    assert err == f"error: ModelRollout {rollouts.namespace}/fraud was deleted\n"


def test_version_names_the_versions_that_the_cluster_serves(run: Run) -> None:
    assert json.loads(run("version", "-o", "json").stdout) == {
        "client": __version__,
        "server": {"versions": ["v1alpha1"]},
    }


def test_it_is_a_plugin_of_kubectl(kubeconfig: Path, kubectl_program: Path) -> None:
    path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [kubectl_program, "modelrollout", "version"],
        env=os.environ | {"PATH": path, "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"client: {__version__}\nserver: modelrollouts.modelrollout.io v1alpha1\n"


def test_kubectl_completes_commands_and_names_of_rollouts(
    run: Run, rollouts: Rollouts, kubeconfig: Path, kubectl_program: Path, namespace: str, tmp_path: Path
) -> None:
    rollouts.create(cases.rollout())
    script = tmp_path / "kubectl_complete-modelrollout"
    script.write_text(
        subprocess.run([PROGRAM, "completion", "kubectl"], capture_output=True, text=True, check=True).stdout
    )
    script.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), str(PROGRAM.parent), os.environ["PATH"]])

    def completed(*words: str) -> list[str]:
        done = subprocess.run(
            [kubectl_program, "__complete", "modelrollout", *words],
            env=os.environ | {"PATH": path, "KUBECONFIG": str(kubeconfig)},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    assert completed("sta") == ["status", ":4"]
    assert completed("status", "-n", namespace, "fr") == ["fraud", ":4"]


def test_wait_gives_up_on_a_rollout_that_stays_stalled(run: Run, rollouts: Rollouts) -> None:
    stalled = {
        "type": "Stalled",
        "status": "True",
        "reason": "RouteMissing",
        "message": "HTTPRoute fraud does not exist",
        "lastTransitionTime": "2026-11-20T03:12:20Z",
    }
    rollouts.create(cases.progressing(phase="Pending", message="HTTPRoute fraud does not exist", conditions=[stalled]))
    ran = run("wait", "fraud", "--timeout", "50s")
    assert ran.returncode == 1
    assert ran.stdout.endswith("/fraud stands still: HTTPRoute fraud does not exist\n")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"server": "https://127.0.0.1:1"}, "the API server did not answer: "),
        ({"token": "wrong"}, "the API server does not accept your credentials"),
    ],
)
def test_an_api_server_that_cannot_be_used_is_one_sentence_and_a_hint(
    run: Run, kubeconfig: Path, tmp_path: Path, change: dict[str, str], sentence: str
) -> None:
    document = yaml.safe_load(kubeconfig.read_text())
    if "token" in change:
        document["users"][0]["user"] = change
    else:
        document["clusters"][0]["cluster"] |= change
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    ran = run("list", kubeconfig=path)
    assert ran.returncode == 1
    first, hint = ran.stderr.splitlines()
    assert first.startswith(f"error: {sentence}")
    assert hint


@pytest.mark.usefixtures("progressing")
def test_a_watch_without_a_terminal_prints_a_line_per_change(start: Start, rollouts: Rollouts) -> None:
    watching = start("status", "fraud", "-w")
    assert "Z Progressing 2/4 v8 at 5%: step 2 of 4" in watching.stdout.readline()
    rollouts.write(phase="Paused", message="paused by ada")
    assert watching.stdout.readline().endswith("Z Paused 2/4 v8 at 5%: paused by ada\n")
    watching.send_signal(signal.SIGINT)
    assert watching.wait(20) == 130


@pytest.mark.usefixtures("progressing")
def test_a_watch_for_programs_prints_a_document_per_change_and_line(start: Start, rollouts: Rollouts) -> None:
    watching = start("status", "fraud", "-w", "-o", "json")
    assert json.loads(watching.stdout.readline())["phase"] == "Progressing"
    rollouts.write(phase="Paused")
    assert json.loads(watching.stdout.readline())["phase"] == "Paused"
    watching.send_signal(signal.SIGINT)
    assert watching.wait(20) == 130


def _endpoints(api: client.ApiClient, namespace: str, service: str, *, ready: int, unready: int) -> None:
    points = [
        {"addresses": [f"10.1.0.{place + 1}"], "conditions": {"ready": place < ready}}
        for place in range(ready + unready)
    ]
    client.DiscoveryV1Api(api).create_namespaced_endpoint_slice(
        namespace,
        {
            "metadata": {"name": f"{service}-1", "labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4",
            "endpoints": points,
        },
    )
