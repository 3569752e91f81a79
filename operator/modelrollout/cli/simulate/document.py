"""The result of a simulation as JSON or YAML; docs/cli.md describes it."""

from dataclasses import asdict
from typing import Any

from modelrollout.api import ModelRollout
from modelrollout.cli.simulate.run import Asked, Done
from modelrollout.cli.simulate.sentences import notes, warnings
from modelrollout.rehearsal.power import Power
from modelrollout.rehearsal.simulation.gates import MetricGate, StepGate
from modelrollout.rehearsal.simulation.runs import Outcome
from modelrollout.rehearsal.simulation.summary import Chance, Spread, StepSummary
from modelrollout.rehearsal.streams.stream import Value

_OUTCOMES = {
    Outcome.PROMOTED: "Promoted",
    Outcome.ROLLED_BACK: "RolledBack",
    Outcome.NO_EVIDENCE: "NoEvidence",
    Outcome.HELD: "Held",
}


def document(rollout: ModelRollout, asked: Asked, done: Done) -> dict[str, Any]:
    """Everything there is to say; times in seconds, chances and shares from 0 to 1."""
    candidate, rehearsal = done.rehearsal.candidate, done.rehearsal
    wrong = rehearsal.wrong_rollback
    return {
        "rollout": {"namespace": rollout.metadata.namespace, "name": rollout.metadata.name},
        "rate": asked.traffic.rate,
        "runs": candidate.runs,
        "seed": asked.seed,
        "dispersion": done.plan.dispersion,
        "metrics": [
            {
                "metric": one.metric.name,
                "role": str(one.metric.role),
                "stable": None if one.kind.one_sided else _value(one.stable),
                "candidate": _value(one.candidate),
                "margin": _value(one.at_margin()),
                "standing": one.standing(),
            }
            for one in done.versions.streams
        ],
        "outcomes": {_OUTCOMES[outcome]: _chance(chance) for outcome, chance in candidate.outcomes.items()},
        "failedBy": dict(candidate.failed),
        "seconds": _spread(candidate.seconds),
        "answers": _spread(candidate.answers),
        "badAnswers": {
            name: {"all": _spread(bad.all), "excess": _spread(bad.excess)} for name, bad in candidate.bad.items()
        },
        "steps": [
            {"step": number, **_step(step), "samples": _samples(gate)}
            for number, (step, gate) in enumerate(zip(candidate.steps, done.steps, strict=True), start=1)
        ],
        "candidateIsHarmless": rehearsal.harmless,
        "candidateIsHarmful": rehearsal.harmful,
        "wrongRollback": None if wrong is None else _chance(wrong),
        "wrongPromotion": {name: _chance(chance) for name, chance in rehearsal.wrong_promotion.items()},
        "gates": [_gate(gate) for gate in done.metrics],
        "power": [_power(one) for one in done.powers],
        "warnings": list(warnings(asked, done)),
        "notes": list(notes(asked, done)),
    }


def _chance(chance: Chance) -> dict[str, float]:
    return asdict(chance)


def _value(value: Value) -> dict[str, float]:
    return {"value": value.level} | ({} if value.spread is None else {"deviation": value.spread})


def _spread(spread: Spread) -> dict[str, float]:
    return {"mean": round(spread.mean, 1), "median": round(spread.median, 1), "p95": round(spread.most, 1)}


def _step(step: StepSummary) -> dict[str, Any]:
    return {
        "weight": step.weight / 10,
        "reached": step.reached,
        "takenBack": step.stopped,
        "held": step.held,
        "leftAfter": None if step.left is None else round(step.left, 1),
        "waitingAtDeadline": dict(step.waiting),
    }


def _samples(gate: StepGate) -> dict[str, Any]:
    return {"seconds": round(gate.seconds, 1), "deadline": gate.limit, "inTime": gate.reachable, "rate": gate.rate}


def _gate(gate: MetricGate) -> dict[str, Any]:
    margin = None if gate.margin is None else gate.margin.model_dump(exclude_none=True)
    return {
        "metric": gate.metric,
        "verdict": gate.verdict,
        "answersNeeded": None if gate.needed is None else round(gate.needed),
        "answersUntilDeadline": round(gate.available),
        "seconds": None if gate.seconds is None else round(gate.seconds, 1),
        "inTime": gate.reachable,
        "wouldDo": {"rate": gate.rate, "lastStepSeconds": gate.deadline, "margin": margin},
    }


def _power(power: Power) -> dict[str, Any]:
    return {
        "metric": power.metric,
        "verdict": power.verdict,
        "answersPerVersion": {f"{part:g}": number for part, number in power.needed.items()},
        "fixedHorizon": {f"{part:g}": number for part, number in power.fixed.items()},
        "expected": None if power.expected is None else round(power.expected),
        "oppositeVerdict": power.wrong,
        "tried": power.most,
    }
