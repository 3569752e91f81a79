"""Live values come from the leader, wherever it runs, or not at all."""

from datetime import UTC, datetime
from typing import Any

from modelrollout.cli.gathering import gather
from modelrollout.cli.live import Leader, live_of
from tests.unit.cli import cases

ANSWER = {"run": "v8-1", "step": 1, "metrics": [], "answers": 143, "unreachable": "", "at": 1795144347.5}
PATH = "/api/v1/namespaces/{}/pods/{}:8080/proxy/v1/rollouts/risk/fraud"


class Proxy:
    """Leases by namespace, answers by path, and every question that was asked; stands for the API server."""

    def __init__(self, holders: dict[str, str], answers: dict[str, Any]) -> None:
        self.holders = holders
        self.answers = answers
        self.asked: list[str] = []

    async def holder(self, namespace: str, lease: str) -> str:
        self.asked.append(f"{namespace}/{lease}")
        return self.holders.get(namespace, "")

    async def raw(self, path: str, seconds: float) -> Any:
        self.asked.append(path)
        return self.answers.get(path)


async def test_the_leader_is_found_by_its_lease_and_asked_through_the_proxy() -> None:
    proxy = Proxy({"modelrollout": "pod-a"}, {PATH.format("modelrollout", "pod-a"): ANSWER})
    live = await Leader(proxy, None).values(cases.rollout())
    assert live is not None
    assert (live.run, live.step, live.answers, live.at) == ("v8-1", 1, 143, datetime.fromtimestamp(1795144347.5, UTC))


async def test_a_namespace_that_is_given_is_the_only_one_looked_into() -> None:
    proxy = Proxy({}, {})
    assert await Leader(proxy, "ops").values(cases.rollout()) is None
    assert proxy.asked == ["ops/modelrollout"]


async def test_without_a_leader_nothing_is_asked_again() -> None:
    proxy = Proxy({}, {})
    leader = Leader(proxy, "ops")
    for _ in range(3):
        await leader.values(cases.rollout())
    assert proxy.asked == ["ops/modelrollout"]


async def test_after_a_silence_the_lease_is_read_again_since_another_may_lead() -> None:
    proxy = Proxy({"ops": "pod-a"}, {PATH.format("ops", "pod-b"): ANSWER})
    leader = Leader(proxy, "ops")
    assert await leader.values(cases.rollout()) is None
    proxy.holders["ops"] = "pod-b"
    assert await leader.values(cases.rollout()) is not None


def test_an_answer_of_another_form_is_no_answer() -> None:
    for answer in (
        None,
        [],
        {},
        {"run": "a"},
        ANSWER | {"metrics": [{"name": "errors"}]},
        ANSWER | {"answers": "many"},
    ):
        assert live_of(answer) is None


def test_live_weights_win_over_those_of_the_last_status_write() -> None:
    document = cases.progressing()
    document["status"]["weights"] = {"desired": {"v7": 750, "v8": 250}, "observed": {"v7": 950, "v8": 50}}
    live = live_of(ANSWER | {"run": document["status"]["run"]["id"], "observed": {"v7": 750, "v8": 250}})
    seen = gather(document, live=live)
    observed = {one.name: one.observed for one in seen.versions}
    assert (observed["v7"], observed["v8"]) == (750, 250)
