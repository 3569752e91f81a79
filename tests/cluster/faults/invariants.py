"""What must hold of every write, whatever went wrong before it (reliability.md, "Invariants")."""

from collections.abc import Iterator, Sequence
from typing import Any

from modelrollout.manifests.owners import OWNER
from tests.cluster.faults.journal import Journal, Write
from tests.cluster.runtime.counted import TOTAL as REPLICAS
from tests.cluster.runtime.counted import shared_weights

ROUTE = "fraud"
TOTAL = 1000
SEEN_WITHIN = 2.0
"""Seconds in which an endpoint's disappearance is known to the operator."""

Readiness = Sequence[tuple[float, str, bool]]


def violations(journal: Journal, steps: Sequence[int], readiness: Readiness = ()) -> list[str]:
    """Every broken invariant in the writes of a run.

    Args:
        journal: the run's writes.
        steps: the candidate's weight in each step, percent.
        readiness: when (monotonic) which version got or lost its endpoints; all are ready before.
    """
    return list(_violations(journal, [step * 10 for step in steps], readiness))


def _violations(journal: Journal, steps: list[int], readiness: Readiness) -> Iterator[str]:
    status: dict[str, Any] = {}
    shares: dict[str, int] = {}
    for write in journal.writes("modelrollouts", "httproutes", "services", "deployments"):
        if write.call.resource == "modelrollouts":
            new = write.stored.get("status") or {}
            yield from _status_violations(status, new, steps)
            status = new
        elif write.call.resource == "deployments":
            yield from _replica_violations(write, status)
        elif write.stored["metadata"]["name"] == ROUTE:
            weights = _weights(write)
            yield from (f"{write.call.point}: {text}" for text in _route_violations(write, status, weights, steps))
            for version in weights:
                lost = _lost_at(readiness, version, write.at)
                if weights[version] > shares.get(version, 0) and lost is not None and write.at - lost > SEEN_WITHIN:
                    yield f"{write.call.point}: {version} gets more without an endpoint: {weights}"
            shares = weights


def _status_violations(old: dict[str, Any], new: dict[str, Any], steps: list[int]) -> Iterator[str]:
    run, before = new.get("run") or {}, old.get("run") or {}
    if run and run.get("id") == before.get("id"):
        if run["step"] < before["step"]:
            yield f"the step went back: {before} to {run}"
        if run["intent"] < before["intent"]:
            yield f"the intent went back: {before} to {run}"
        if before["state"] == "Done" and run["state"] != "Done" and run.get("outcome") != "Undone":
            yield f"a run that was over goes on: {before} to {run}"
        if run["state"] == "Promoting" and before["state"] not in ("Trial", "Promoting"):
            yield f"promoted after its end: {before} to {run}"
    if run and run["state"] == "Trial" and run["weight"] > steps[run["step"]]:
        yield f"more weight than its step's: {run}"
    if run and run["state"] == "TakingBack" and not run.get("reason"):
        yield f"taken back without a reason: {run}"
    if len(new.get("history", [])) < len(old.get("history", [])):
        yield "history was lost"


def _route_violations(write: Write, status: dict[str, Any], weights: dict[str, int], steps: list[int]) -> Iterator[str]:
    if sum(weights.values()) != TOTAL:
        yield f"weights {weights} do not sum to {TOTAL}"
    run = status.get("run") or {}
    if OWNER not in (write.stored["metadata"].get("annotations") or {}):
        home = run.get("stable") if run and run["state"] in ("Trial", "TakingBack") else status.get("stable")
        if weights.get(str(home)) != TOTAL:
            yield f"given up with weights {weights} while {home} was stable"
        return
    if not status:
        yield f"weights {weights} before any status"
    elif not run or run["state"] == "Done":
        if weights.get(status["stable"]) != TOTAL:
            yield f"weights {weights} although {status['stable']} is to serve"
    elif run["state"] in ("Trial", "TakingBack"):
        share = weights.get(run["target"], 0)
        if share != run["weight"] or share > steps[run["step"]]:
            yield f"weights {weights} although the status says {run['weight']} in step {run['step']}"
    elif weights.get(run["target"]) != TOTAL:
        yield f"weights {weights} although {run['target']} is promoted"


def _replica_violations(write: Write, status: dict[str, Any]) -> Iterator[str]:
    """Replicas are written only where their numbers are the weights: never fewer than the share that is decided."""
    version, replicas = write.stored["metadata"]["name"].rsplit("-", 1)[1], write.stored["spec"].get("replicas", 0)
    share = status.get("weights", {}).get("desired", {}).get(version, 0)
    if replicas * TOTAL < share * REPLICAS:
        yield f"{write.call.point}: {version} gets {replicas} replicas for {share} of {TOTAL}"


def _weights(write: Write) -> dict[str, int]:
    if write.call.resource == "services":
        return shared_weights(write.stored)
    refs = write.stored["spec"]["rules"][0]["backendRefs"]
    return {ref["name"].rsplit("-", 1)[1]: ref["weight"] for ref in refs}


def _lost_at(readiness: Readiness, version: str, moment: float) -> float | None:
    """Since when the version had no endpoint at that moment, None if it had one."""
    told = [(at, ready) for at, name, ready in readiness if name == version and at <= moment]
    return told[-1][0] if told and not told[-1][1] else None
