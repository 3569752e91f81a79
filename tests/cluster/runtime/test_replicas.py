"""Numbers of pods as weights on a real API server, with no rights but the chart's; the test is the kubelet."""

from pathlib import Path

import pytest
import yaml

from modelrollout.api.status import Verdict
from modelrollout.kube.client import Client
from modelrollout.kube.resources import AUTOSCALERS
from modelrollout.reconciler.fake import ScriptedExaminer
from tests.cluster.chart.test_chart import rendered
from tests.cluster.chart.test_rights import own_kubeconfig
from tests.cluster.conftest import Kubectl
from tests.cluster.runtime.counted import CountedModel
from tests.cluster.runtime.harness import running, until


@pytest.fixture
async def counted(client: Client, namespace: str) -> CountedModel:
    model = CountedModel(client, namespace)
    await model.deploy()
    return model


@pytest.fixture
def account(
    kubectl: Kubectl, kubeconfig: Path, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator's account, with the rights that the chart gives it where it may scale."""
    documents = rendered(f"watchNamespaces[0]={namespace}", "rbac.scale=true", namespace=namespace)
    wanted = [each for each in documents if each["kind"] in ("ServiceAccount", "Role", "RoleBinding")]
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(wanted))
    monkeypatch.setenv("KUBECONFIG", str(own_kubeconfig(kubectl, kubeconfig, namespace, tmp_path)))


@pytest.mark.usefixtures("account")
async def test_pods_come_before_their_share_and_go_after_it_although_the_operator_dies_on_the_way(
    counted: CountedModel, namespace: str
) -> None:
    async with running(namespace, scale=True) as first:
        await counted.create()
        await counted.until_phase("Completed")
        await counted.target("v8")
        await counted.until_replicas(v7=10, v8=1)
        assert "version" not in await counted.selected() or (await counted.selected())["version"] == "v7"
        async with counted.kubelet():
            await counted.until_selected()
            await counted.until_replicas(v7=9, v8=5)
        await first.crash()
    async with counted.kubelet(), running(namespace, scale=True, identity="operator-1"):
        await counted.until_phase("Watching", "Completed")
        assert await counted.selected() == {"app": "fraud", "version": "v8"}
        await counted.until_replicas(v8=10)
        assert (await counted.status())["stable"] == "v8"


@pytest.mark.usefixtures("account")
async def test_a_bad_candidate_loses_all_pods_from_the_service_at_once_and_stable_grows_again(
    counted: CountedModel, namespace: str
) -> None:
    examiner = ScriptedExaminer()
    async with counted.kubelet(), running(namespace, examiner, scale=True):
        await counted.create(strategy={"canary": {"weights": [10, 50], "hold": "1h", "samples": 10}})
        await counted.until_phase("Completed")
        await counted.target("v8")
        await counted.until_replicas(v7=9, v8=1)
        examiner.verdict = Verdict.FAIL
        await counted.until_selected("v7")
        await counted.until_phase("RolledBack")
        await counted.until_replicas(v7=10)


@pytest.mark.usefixtures("account")
async def test_a_number_that_somebody_sets_in_a_run_is_set_back_and_an_autoscaler_is_refused(
    counted: CountedModel, namespace: str
) -> None:
    async with counted.kubelet(), running(namespace, scale=True):
        await counted.create(strategy={"canary": {"weights": [10, 50], "hold": "1h", "samples": 10}})
        await counted.until_phase("Completed")
        await counted.target("v8")
        await counted.until_replicas(v7=9, v8=1)
        await counted.scale("v7", 12)
        await counted.until_replicas(v7=9, v8=1)
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"{counted.name}-v8"}
        spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 5}
        await counted.client.create(AUTOSCALERS, namespace, {"metadata": {"name": "fraud-v8"}, "spec": spec})

        async def message() -> str:
            return str((await counted.status()).get("message"))

        await until("the autoscaler is named", message, lambda said: "HorizontalPodAutoscaler fraud-v8" in said)
