"""What a run has come to, so that two runs of one scenario can be compared: everything but names, uids and times."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from modelrollout.kube.client import Client
from modelrollout.kube.errors import NotFound
from modelrollout.kube.resources import CONFIGMAPS, CONTROLLERREVISIONS, EVENTS, MODELROLLOUTS
from tests.cluster.runtime.harness import Model


@dataclass(frozen=True, slots=True)
class Ending:
    """What is left at the end of a run.

    Attributes:
        facts: what must be equal in every run of the scenario, by name.
        told: events by reason and note; what was about to be told when a process died stays untold.
        record: lines of the decision record by run, step and decision; like `told`.
    """

    facts: dict[str, Any]
    told: Counter[tuple[str, str]]
    record: Counter[tuple[str, int, str]]

    def differences(self, reference: "Ending") -> list[str]:
        """How this run ended otherwise than the undisturbed one."""
        found = [
            f"{name}: {value!r} instead of {reference.facts[name]!r}"
            for name, value in self.facts.items()
            if value != reference.facts[name]
        ]
        found += [f"told twice: {one}" for one, count in (self.told - reference.told).items() if reference.told[one]]
        found += [
            f"never told otherwise: {one}; told there: {sorted(reference.told)}"
            for one in self.told
            if not reference.told[one]
        ]
        found += [f"recorded twice or wrongly: {one}" for one in self.record - reference.record]
        return found


async def read_ending(model: Model) -> Ending:
    """Read it from the API server."""
    client, namespace = model.client, model.namespace
    try:
        status = await model.status()
        alive = True
    except NotFound:
        status, alive = {}, False
    run = status.get("run") or {}
    plans = (await client.list(CONTROLLERREVISIONS, namespace)).items
    rollouts = (await client.list(MODELROLLOUTS, namespace)).items
    owner = json.loads(await model.owner() or "null")
    facts = {
        "weights": await model.weights(),
        **await model.carriers(),
        "owner": {key: value for key, value in owner.items() if key != "uid"} if owner else None,
        "owned by what is there": owner is None or owner["uid"] in {one["metadata"]["uid"] for one in rollouts},
        "phase": status.get("phase"),
        "stable": status.get("stable"),
        "previous": status.get("previous"),
        "run": {
            key: run.get(key) for key in ("id", "state", "outcome", "reason", "message", "step", "weight", "intent")
        },
        "history": [
            (past["run"], past["outcome"], past["reason"], past["message"]) for past in status.get("history", [])
        ],
        "rejected": [(one["version"], one["revision"], one["reason"]) for one in status.get("rejected", [])],
        "commands": [(one["verb"], one["accepted"], one["message"]) for one in status.get("commands", [])],
        "desired": status.get("weights", {}).get("desired"),
        "conditions": {
            one["type"]: (one["status"], one["reason"])
            for one in status.get("conditions", [])
            if one["type"] != "AnalysisHealthy"  # whether anything was asked before an abort is a matter of moments
        },
        "plans": sorted(plan["metadata"]["name"] for plan in plans),
        "alive": alive,
    }
    return Ending(facts, await _told(client, model), await _record(client, model))


async def _told(client: Client, model: Model) -> Counter[tuple[str, str]]:
    events = (await client.list(EVENTS, model.namespace)).items
    # Kubernetes tells events about a Service of the rollout's name, too.
    ours = [event for event in events if event["regarding"].get("kind") == MODELROLLOUTS.kind]
    return Counter((event["reason"], event["note"]) for event in ours if event["regarding"]["name"] == model.name)


async def _record(client: Client, model: Model) -> Counter[tuple[str, int, str]]:
    try:
        record = await client.get(CONFIGMAPS, model.namespace, f"{model.name}-decisions")
    except NotFound:
        return Counter()
    lines = [json.loads(text) for text in record["data"].values()]
    return Counter((line["run"], line["step"], line["decision"]) for line in lines)
