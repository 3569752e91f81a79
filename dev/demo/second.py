"""The second act: version 4 is quick and never fails, and misreads the users of one country. Only labels can tell.

It begins where the first act ended, with version 2 serving. Versions 2 and 4 get taps, users' true labels go to the
collector some seconds late, and the rollout is judged by what the collector counts.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dev import paths
from dev.demo import collecting, stage
from dev.demo.story import Story
from dev.errors import DevError
from dev.images import IMAGES
from dev.progress import step, wait_until

VERSION, SLICE = "v4", "BR"
LABEL_AGE = 6.0
"""Seconds after which a label is told; `labelDelay` of the rollout is a little more."""
FIRST_STEP = 50
"""The weight of 1000 at which it has to be found out."""
JUDGED = 20
"""Answers of version 2 that the collector has counted before anything is asked for."""


def prepare(cluster: stage.Cluster) -> None:
    """Everything up to the moment before version 4 is asked for."""
    token = secrets.token_urlsafe(16)
    with step("collector, from the operator's Helm chart"):
        collecting.switch_on(cluster, token)
    with step("version 4, and what the collector is to look at"):
        stage.apply(cluster, f"{VERSION}.yaml", "second-act.yaml")
        _add_backend(cluster)
    with step("taps in front of versions 2 and 4"), ThreadPoolExecutor() as at_once:
        list(at_once.map(lambda version: tap(cluster, "add", version), ("v2", VERSION)))
    with step("true labels, told some seconds late"):
        labels = {"collector": collecting.ADDRESS, "token": token, "namespace": stage.NAMESPACE}
        stage.tell_labels(cluster, labels | {"rollout": stage.ROLLOUT, "age": LABEL_AGE})
        wait_until(lambda: _judged(cluster) >= JUDGED, "answers of version 2 whose labels are known", stage.SECONDS)


def take_back(cluster: stage.Cluster) -> None:
    """Back to the stage of the first act: no version 4, no taps, version 2 serves."""
    for version in ("v2", VERSION):
        tap(cluster, "remove", version)
    where = f"--namespace={stage.NAMESPACE}"
    # In one write: a target of version 1 in between would begin a run.
    first_act = (stage.MANIFESTS / "rollout.yaml").read_text().replace("target: v1", "target: v2")
    cluster.kubectl("apply", "--filename=-", input=first_act)
    refs = json.loads(cluster.kubectl("get", "httproute", stage.ROLLOUT, where, "--output=json"))["spec"]["rules"][0]
    last = [ref["name"] for ref in refs["backendRefs"]].index(f"digits-{VERSION}")
    patch = json.dumps([{"op": "remove", "path": f"/spec/rules/0/backendRefs/{last}"}])
    cluster.kubectl("patch", "httproute", stage.ROLLOUT, where, "--type=json", f"--patch={patch}")
    cluster.kubectl("delete", f"deployment/digits-{VERSION}", f"service/digits-{VERSION}", where)
    collecting.switch_off(cluster)


def tap(cluster: stage.Cluster, verb: str, version: str) -> None:
    """`kubectl modelrollout tap add` or `remove`, as a person would type it."""
    more = (
        f"--image={IMAGES['operator'].reference}",
        f"--collector={collecting.ADDRESS}",
        f"--token-secret={collecting.SECRET}",
    )
    done = subprocess.run(
        [
            *(Path(sys.executable).parent / "kubectl-modelrollout", "tap", verb, f"digits-{version}"),
            *(f"--rollout={stage.ROLLOUT}", f"--namespace={stage.NAMESPACE}", f"--timeout={stage.SECONDS:.0f}s"),
            *(more if verb == "add" else ()),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=paths.CHECKOUT,
        env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig)},
    )
    if done.returncode != 0:
        raise DevError(f"the tap of version {version}: {done.stderr.strip()}")


def wrong(story: Story, users: stage.Users, verdicts: dict[str, str]) -> Iterator[str]:
    """What did not end as it should, a sentence each; `verdicts` are those of the last decision, by metric."""
    if story.outcome != "RolledBack" or story.weights[-1][1] != 0:
        yield f"version 4 was to be rolled back, but ended as {story.outcome}: {story.reason}"
    if story.top_weight > FIRST_STEP:
        yield f"version 4 had {story.top_weight / 10:g} % of the traffic before it was taken back"
    if SLICE not in story.reason or verdicts.get("accuracy") != "Fail":
        yield f"version 4 was to be taken back for its answers where country is {SLICE}, but was for: {story.reason}"
    for metric in ("errors", "slow"):
        if verdicts.get(metric) == "Fail":
            yield f"version 4 was to be no slower and to fail no more than version 2, but {metric} failed"
    if users.failed:
        yield f"version 4 was never to fail, but {users.failed} of its answers did"


def verdicts(cluster: stage.Cluster, story: Story) -> dict[str, str]:
    """Verdicts from which the run's last decision was made, by metric."""
    lines = stage.record(cluster, story.run)
    return {one["metric"]: one["verdict"] for one in lines[-1]["findings"]} if lines else {}


def _add_backend(cluster: stage.Cluster) -> None:
    where = (f"--namespace={stage.NAMESPACE}", "httproute", stage.ROLLOUT)
    name = f"digits-{VERSION}"
    if name in cluster.kubectl("get", *where, "--output=jsonpath={.spec.rules[0].backendRefs[*].name}").split():
        return
    value = {"name": name, "port": 8080, "weight": 0}
    patch = [{"op": "add", "path": "/spec/rules/0/backendRefs/-", "value": value}]
    cluster.kubectl("patch", *where, "--type=json", f"--patch={json.dumps(patch)}")


def _judged(cluster: stage.Cluster) -> float:
    """Answers of version 2 that the collector has counted with their labels."""
    lines = [line for line in collecting.metrics(cluster).splitlines() if line.startswith("model_outcomes_total{")]
    mine = [line for line in lines if f'rollout="{stage.ROLLOUT}"' in line and 'version="v2"' in line]
    return sum(float(line.rpartition(" ")[2]) for line in mine)
