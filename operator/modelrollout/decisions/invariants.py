"""What must hold of every decision before it leaves the process, whatever led to it."""

from modelrollout.api import ModelRollout, ModelRolloutSpec
from modelrollout.api.status import ModelRolloutStatus, RunState
from modelrollout.decisions.decision import Decision
from modelrollout.decisions.observed import Observed
from modelrollout.decisions.replica_shares import keeps_share
from modelrollout.decisions.steps import FULL
from modelrollout.decisions.strategies import compile_steps
from modelrollout.decisions.traffic import shares
from modelrollout.errors import ModelRolloutError


class InvariantBroken(ModelRolloutError):  # noqa: N818 - says what happened
    """A decision that must never be carried out: a bug, contained to this rollout."""


def check(
    rollout: ModelRollout, decision: Decision, observed: Observed, allowed: int, total: int | None = None
) -> None:
    """Refuse a decision that breaks an invariant.

    Args:
        rollout: as stored before the decision.
        decision: what is about to be carried out.
        observed: what it was made from.
        allowed: the candidate's greatest weight in the step the new status names, of 1000.
        total: replicas of all versions together where their shares are the weights, else None.

    Raises:
        InvariantBroken: naming the invariant.
    """
    old, new = rollout.status, decision.status
    if decision.traffic is not None:
        weights = decision.traffic.weights
        if sum(weights.values()) != FULL or min(weights.values()) < 0:
            raise InvariantBroken(f"weights {dict(weights)} do not share out {FULL}")
    for order in decision.scales:
        share = shares(new).get(order.version, 0) or _beside_an_audience(new, order.version)
        if order.replicas < order.found and share and (total is None or not keeps_share(order.replicas, share, total)):
            raise InvariantBroken(f"{order.version} would lose replicas while it has traffic: {order}")
    run, before = new.run, old.run
    if run is None:
        return
    if run.state is RunState.TRIAL and run.weight > allowed:
        raise InvariantBroken(f"the candidate's weight {run.weight} exceeds its step's {allowed}")
    if before is not None and before.id == run.id and run.step < before.step:
        raise InvariantBroken(f"run {run.id} went back from step {before.step + 1} to {run.step + 1}")
    if run.state is RunState.TAKING_BACK and not run.reason:
        raise InvariantBroken(f"run {run.id} is taken back without a reason")
    gained = {name for name, share in shares(new).items() if share > shares(old).get(name, 0)}
    if run.state is RunState.TRIAL and run.weight and before is not None and run.audience != before.audience:
        gained.add(run.target)
    for name in gained - {new.stable, run.stable}:
        if not observed.ready(name):
            raise InvariantBroken(f"{name} would get more traffic without a ready endpoint")


def allowed_weight(decision: Decision, spec: ModelRolloutSpec) -> int:
    """Greatest weight of the candidate in the step that the decision leads to, by the plan that counts then."""
    run, steps = decision.status.run, compile_steps(spec)
    return steps[run.step].weight if run is not None and run.step < len(steps) else 0


def _beside_an_audience(status: ModelRolloutStatus, version: str) -> int:
    """What stable has in the rules that are no audience's."""
    run = status.run
    return FULL if run is not None and run.audience and version == run.stable else 0
