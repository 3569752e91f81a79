"""Sticky users with a whole operator: its watches, its rights, and being killed at any write."""

import copy
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any

import pytest

from modelrollout.kube.resources import BACKENDTRAFFICPOLICIES, HTTPROUTES, Obj
from modelrollout.kube.transport import Request
from tests.unit.decisions.experiment_world import clicks
from tests.unit.decisions.world import errors_metric
from tests.unit.reconciler.rig import NAMESPACE, Rig, path

POLICY = "fraud-modelrollout"
AB_TEST = {"abTest": {"split": {"v8": 25}, "sticky": {"header": "x-user"}, "until": {"duration": "20s"}}}


class StickyRig(Rig):
    """An A/B test of v8 against v7; the gateway answers for a policy as soon as the next request comes."""

    def __init__(self, *, allowed: bool = True, spoken: bool = False) -> None:
        metrics = [errors_metric(), clicks()]
        super().__init__(target=None, candidates=["v8"], strategy=AB_TEST, metrics=metrics)
        body = copy.deepcopy(self.rollout)
        del body["spec"]["target"]
        self.rollout["spec"] = body["spec"]
        self.settings = {"sticky_users": allowed}
        self.split: list[tuple[bool, bool]] = []
        self.spoken, self.way = spoken, list[dict[tuple[int, bool], int]]()
        self.steps: list[tuple[float, bool]] = []
        self.server.before, self.server.after = self._answer, self._note
        if spoken:
            self._take_up()

    @property
    def policy(self) -> Obj | None:
        return self.server.objects.get(path(BACKENDTRAFFICPOLICIES, POLICY))

    @property
    def keeps(self) -> bool:
        """Whether the policy says that users are kept."""
        return self.policy is not None and "loadBalancer" in self.policy["spec"]

    @property
    def marked(self) -> bool:
        return any("filters" in ref for ref in self._refs())

    def _refs(self) -> list[Obj]:
        found: list[Obj] = self.server.objects[path(HTTPROUTES, "fraud")]["spec"]["rules"][0]["backendRefs"]
        return found

    def _note(self, request: Request) -> Exception | None:
        """When the route was written, and whether a thousandth of anything was left or made by it."""
        if request.path == path(HTTPROUTES, "fraud"):
            self.steps.append((self.clock.monotonic(), any(ref["weight"] == 1 for ref in self._refs())))
            if self.spoken:
                self._take_up()
        return None

    def _take_up(self) -> None:
        """Let the gateway say that it has taken up the route as it is."""
        where = path(HTTPROUTES, "fraud")
        route = self.server.objects[where]
        weights = {(place, bool(ref.get("filters"))): ref["weight"] for place, ref in enumerate(self._refs())}
        if not self.way or self.way[-1] != weights:
            self.way.append(weights)
            metadata = {**route["metadata"], "generation": len(self.way)}
            (parent,) = route["status"]["parents"]
            conditions = [{**one, "observedGeneration": len(self.way)} for one in parent["conditions"]]
            status = {"parents": [{**parent, "conditions": conditions}]}
            self.server.put(where, {**route, "metadata": metadata, "status": status})

    def _answer(self, request: Request) -> Exception | None:
        del request
        if len(self.weights) > 1:
            self.split.append((self.marked, self.keeps and self._accepted(self.policy)))
        policy = self.policy
        if policy is not None and not self._accepted(policy):
            condition = {
                "type": "Accepted",
                "status": "True",
                "observedGeneration": policy["metadata"].get("generation"),
            }
            status = {"ancestors": [{"conditions": [condition], "of": policy["spec"]}]}
            self.server.put(path(BACKENDTRAFFICPOLICIES, POLICY), {**copy.deepcopy(policy), "status": status})
        return None

    @staticmethod
    def _accepted(policy: Obj | None) -> bool:
        """The server in memory counts no generations: what was accepted is kept beside the condition."""
        said = ((policy or {}).get("status") or {}).get("ancestors") or []
        return bool(policy) and any(one["of"] == policy["spec"] for one in said)


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., StickyRig]]:
    made: list[StickyRig] = []

    def one(**more: Any) -> StickyRig:
        made.append(StickyRig(**more))
        return made[-1]

    yield one
    for rig in made:
        await rig.kill()


async def test_users_are_kept_before_the_split_and_as_long_as_it_lasts(make: Callable[..., StickyRig]) -> None:
    rig = make()
    await rig.start()
    await rig.until(lambda: rig.weights == {"v7": 750, "v8": 250})
    await rig.until(lambda: rig.status.get("run", {}).get("state") == "Done", 60)
    assert rig.split
    assert set(rig.split) == {(True, True)}
    await rig.until(lambda: not rig.keeps and not rig.marked)
    assert rig.weights == {"v7": 1000}
    assert rig.policy is not None
    assert rig.policy["spec"]["targetRefs"][0]["name"] == "fraud-modelrollout"


async def test_where_the_gateway_says_what_it_has_taken_up_no_copy_comes_or_goes_with_users_on_it(
    make: Callable[..., StickyRig],
) -> None:
    rig = make(spoken=True)
    await rig.start()
    await rig.until(lambda: rig.weights == {"v7": 750, "v8": 250})
    await rig.until(lambda: rig.status.get("run", {}).get("state") == "Done" and not rig.keeps and not rig.marked, 60)
    assert rig.weights == {"v7": 1000}
    for before, after in pairwise(rig.way):
        for one in {key for key in before | after if key[1]}:
            old, new = before.get(one, 0), after.get(one, 0)
            assert (old > 1) == (new > 1) or 1 in (old, new), rig.way
    waits = [later - earlier for (earlier, nursed), (later, _) in pairwise(rig.steps) if nursed]
    assert len(waits) >= 5
    assert min(waits) >= 5.0, "a step has time to reach the proxies"
    assert "TrafficRepaired" not in str(rig.server.objects), "nobody interfered"
    assert [one for one in rig.way if one.get((2, True)) == 250]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", range(1, 12))
async def test_being_killed_at_any_write_ends_alike(make: Callable[..., StickyRig], write: int, after: bool) -> None:
    rig = make()
    await rig.start(kill_at=write, after=after)
    await rig.until(lambda: rig.status.get("run", {}).get("state") == "Done" and not rig.keeps and not rig.marked, 240)
    assert rig.weights == {"v7": 1000}
    assert set(rig.split) == {(True, True)}


async def test_without_the_right_nothing_of_the_kind_is_asked_for_and_a_sentence_says_so(
    make: Callable[..., StickyRig],
) -> None:
    rig = make(allowed=False)
    await rig.start()
    await rig.until(lambda: "rbac.stickyUsers" in str(rig.status.get("message")))
    assert (rig.weights, rig.marked) == ({"v7": 1000}, False)
    assert not any("backendtrafficpolicies" in one.path for one in rig.server.requests)


async def test_a_policy_of_somebody_elses_wakes_the_rollout_when_it_goes(make: Callable[..., StickyRig]) -> None:
    rig = make()
    target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "fraud"}
    theirs = {"metadata": {"namespace": NAMESPACE, "name": "timeouts"}, "spec": {"targetRefs": [target]}}
    rig.server.put(path(BACKENDTRAFFICPOLICIES, "timeouts"), theirs)
    await rig.start()
    await rig.until(lambda: "BackendTrafficPolicy timeouts" in str(rig.status.get("message")))
    rig.delete(BACKENDTRAFFICPOLICIES, "timeouts")
    await rig.until(lambda: rig.weights == {"v7": 750, "v8": 250}, 5)
