"""Metrics that are written elsewhere, as the operator finds them: there, late, edited, gone."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from modelrollout.kube.resources import CLUSTERMETRICTEMPLATES, CONTROLLERREVISIONS, METRICTEMPLATES
from tests.unit.reconciler.rig import NAMESPACE, Rig, path

USE = {"kind": "ClusterMetricTemplate", "name": "answers", "parameters": {"path": "/predict"}}
FROM_CLUSTER = [{"name": "errors", "template": USE}]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig(metrics=FROM_CLUSTER)
    yield made
    await made.kill()


def put(rig: Rig, bad: str = "5..", *, namespaced: bool = False) -> str:
    """Create or edit the template `answers`; returns its path."""
    resource = METRICTEMPLATES if namespaced else CLUSTERMETRICTEMPLATES
    where = path(resource, "answers") if namespaced else resource.path(name="answers")
    proportion = {"bad": f'requests{{path="{{{{path}}}}",code=~"{bad}"}}', "total": 'requests{path="{{path}}"}'}
    rig.server.put(
        where,
        {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": "answers"} | ({"namespace": NAMESPACE} if namespaced else {}),
            "spec": {
                "description": "Share of failed answers of a path.",
                "parameters": [{"name": "path", "description": "The path.", "example": "/"}],
                "metric": {"better": "Lower", "proportion": proportion},
            },
        },
    )
    return where


def plans(rig: Rig) -> list[dict[str, Any]]:
    """The only metric of every stored plan."""
    stored = [obj for where, obj in rig.server.objects.items() if where.startswith(CONTROLLERREVISIONS.path(NAMESPACE))]
    return [one["data"]["spec"]["metrics"][0] for one in stored]


def valid(rig: Rig) -> tuple[str, str]:
    """Status and message of the condition SpecValid."""
    found = [one for one in rig.status.get("conditions", []) if one["type"] == "SpecValid"]
    return (found[0]["status"], found[0]["message"]) if found else ("", "")


async def test_the_plan_of_a_run_holds_the_metric_that_a_template_stands_for(rig: Rig) -> None:
    put(rig)
    await rig.start()
    await rig.until(lambda: rig.phase == "Completed")
    rig.edit(target="v8")
    await rig.until(lambda: rig.weights.get("v8") == 50)
    (metric,) = plans(rig)
    assert "template" not in metric
    assert metric["proportion"]["bad"] == 'requests{path="/predict",code=~"5.."}'


async def test_a_template_that_is_not_there_is_named_and_waited_for(rig: Rig) -> None:
    await rig.start()
    await rig.until(lambda: rig.phase == "Invalid")
    assert valid(rig)[0] == "False"
    assert "there is no ClusterMetricTemplate answers: there are none" in valid(rig)[1]
    put(rig)
    await rig.until(lambda: rig.phase == "Completed")
    assert valid(rig)[0] == "True"


async def test_an_edited_template_counts_from_the_next_run_on(rig: Rig) -> None:
    put(rig)
    await rig.start()
    await rig.until(lambda: rig.phase == "Completed")
    rig.edit(target="v8")
    await rig.until(lambda: rig.weights.get("v8") == 50)
    put(rig, bad="[45]..")
    await rig.until(lambda: rig.weights.get("v8") == 500)
    assert [one["proportion"]["bad"] for one in plans(rig)] == ['requests{path="/predict",code=~"5.."}']
    rig.deploy("v8", "model:better")
    await rig.until(lambda: len(plans(rig)) == 2)
    assert plans(rig)[1]["proportion"]["bad"] == 'requests{path="/predict",code=~"[45].."}'


async def test_a_run_goes_on_without_its_template_and_the_target_still_counts(rig: Rig) -> None:
    where = put(rig)
    await rig.start()
    await rig.until(lambda: rig.phase == "Completed")
    rig.edit(target="v8")
    await rig.until(lambda: rig.weights.get("v8") == 50)
    rig.server.delete(where)
    await rig.until(lambda: valid(rig)[0] == "False")
    await rig.until(lambda: rig.weights.get("v8") == 500)
    rig.edit(target="v7")
    await rig.until(lambda: rig.weights == {"v7": 1000})
    assert rig.status["run"]["outcome"] == "Withdrawn"


async def test_a_template_of_the_namespace_does_as_well() -> None:
    rig = Rig(metrics=[{"name": "errors", "template": {"name": "answers", "parameters": {"path": "/a"}}}])
    put(rig, namespaced=True)
    await rig.start()
    await rig.until(lambda: rig.phase == "Completed")
    await rig.kill()


async def test_templates_are_watched_only_where_a_rollout_refers_to_one() -> None:
    rig = Rig(metrics=[{"name": "errors", "preset": {"name": "mlserver/errors"}}])
    await rig.start()
    await rig.until(lambda: rig.phase == "Completed")
    asked = [one.path for one in rig.server.requests if "metrictemplates" in one.path]
    assert asked == []
    rig.edit(metrics=FROM_CLUSTER)
    await rig.until(lambda: rig.phase == "Invalid")
    asked = {one.path for one in rig.server.requests if "metrictemplates" in one.path}
    assert asked == {CLUSTERMETRICTEMPLATES.path()}
    await rig.kill()


async def test_an_unknown_preset_is_answered_with_the_nearest_one() -> None:
    rig = Rig(metrics=[{"name": "errors", "preset": {"name": "mlserver/erors"}}])
    await rig.start()
    await rig.until(lambda: rig.phase == "Invalid")
    assert "there is no preset mlserver/erors: did you mean mlserver/errors?" in rig.status["message"]
    await rig.kill()
