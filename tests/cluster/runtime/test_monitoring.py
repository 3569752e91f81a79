"""Monitoring against a real API server: what it stores is accepted, and nothing is written while nothing changes."""

from modelrollout.kube.client import Client
from modelrollout.kube.resources import EVENTS, MODELROLLOUTS
from tests.cluster.runtime.harness import Model, running, until


async def test_a_version_that_leaves_its_reference_is_told_and_keeps_its_traffic(
    model: Model, client: Client, namespace: str
) -> None:
    async with running(namespace) as operator:

        async def told() -> tuple[str, str]:
            status = await model.status()
            return next(
                ((one["status"], one["reason"]) for one in status["conditions"] if one["type"] == "Degrading"), ("", "")
            )

        async def looks() -> int:
            return len(operator.monitor.asked)

        await model.create(monitoring={"every": "5s", "reference": 3})
        await model.until_phase("Completed")
        await until("the reference is there", told, lambda said: said == ("False", "Steady"))
        before, asked = await client.get(MODELROLLOUTS, namespace, "fraud"), await looks()
        await until("it was looked at again", looks, lambda count: count >= asked + 2)
        after = await client.get(MODELROLLOUTS, namespace, "fraud")
        assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
        operator.monitor.deviation = "errors 4 %, limit 2 %"
        await until("the alarm", told, lambda said: said == ("True", "LeftReference"))
        assert await model.weights() == {"v7": 1000}

        async def events() -> list[str]:
            found = await client.list(EVENTS, namespace)
            return [one["reason"] for one in found.items if one["regarding"]["name"] == "fraud"]

        await until("the event", events, lambda reasons: reasons.count("Degrading") == 1)
