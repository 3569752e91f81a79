"""The checks of the drills find what they are there to find."""

import json
from typing import Any

import pytest

from modelrollout.manifests.owners import OWNER
from tests.cluster.faults.invariants import violations
from tests.cluster.faults.journal import Journal

STEPS = (10, 50)
STATUS = "/apis/modelrollout.io/v1alpha1/namespaces/n/modelrollouts/fraud/status"
ROUTE = "/apis/gateway.networking.k8s.io/v1/namespaces/n/httproutes/fraud"


class Told:
    """A journal that is written by hand."""

    def __init__(self) -> None:
        self.journal = Journal()
        self._version = 0

    def status(self, **run: Any) -> "Told":
        known = {"id": "v8-1", "target": "v8", "stable": "v7", "state": "Trial", "step": 0, "weight": 0, "intent": 1}
        return self._write(STATUS, "fraud", status={"stable": "v7", "run": {**known, **run}})

    def route(self, **weights: int) -> "Told":
        refs = [{"name": f"fraud-{version}", "weight": weight} for version, weight in weights.items()]
        return self._write(ROUTE, "fraud", {OWNER: "{}"}, spec={"rules": [{"backendRefs": refs}]})

    def _write(self, path: str, name: str, annotations: dict[str, str] | None = None, **rest: Any) -> "Told":
        self._version += 1
        call = self.journal.arrived("one", "PATCH", path)
        metadata = {"name": name, "resourceVersion": str(self._version), "annotations": annotations or {}}
        self.journal.carried_out(call, 200, json.dumps({"metadata": metadata, **rest}).encode())
        return self


async def test_a_run_as_it_should_be_breaks_nothing() -> None:
    told = Told().status(weight=100).route(v7=900, v8=100).status(step=1, weight=500, intent=2).route(v7=500, v8=500)
    told.status(step=1, state="TakingBack", weight=0, intent=3, reason="GuardrailFailed").route(v7=1000, v8=0)
    assert violations(told.journal, STEPS) == []


@pytest.mark.parametrize(
    ("told", "broken"),
    [
        (Told().status(weight=100).route(v7=900, v8=90), "do not sum"),
        (Told().status(weight=100).route(v7=500, v8=500), "although the status says 100"),
        (Told().status(weight=500).route(v7=500, v8=500), "more weight than its step's"),
        (Told().status(step=1, weight=500, intent=2).status(weight=100), "the step went back"),
        (Told().status(state="TakingBack", reason="Failed").route(v7=900, v8=100), "although the status says 0"),
        (Told().status(state="TakingBack"), "without a reason"),
        (Told().status(state="Done").status(state="Promoting"), "promoted after its end"),
        (Told().route(v7=900, v8=100), "before any status"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_broken_invariant_is_named(told: Told, broken: str) -> None:
    assert broken in "\n".join(violations(told.journal, STEPS))


async def test_weight_for_a_version_that_lost_its_endpoints_is_named() -> None:
    told = Told().status(weight=100).route(v7=900, v8=100)
    assert violations(told.journal, STEPS, [(0.0, "v8", False)])
    assert violations(told.journal, STEPS, [(0.0, "v8", False), (1.0, "v8", True)]) == []
