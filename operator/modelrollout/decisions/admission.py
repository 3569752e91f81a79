"""From readiness to the first step: the candidate must be the declared model, then pass the gates one after the other.

Nothing of this needs users' traffic, and no traffic moves before all of it is shown.
"""

from collections.abc import Iterator

from modelrollout.api import Gate, ModelInfo
from modelrollout.api.status import GateState, GateStatus, Verdict
from modelrollout.decisions import runs
from modelrollout.decisions.checks import Admission, Check, CheckResult, Identity, definition, job_name
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.draft import Draft

MODEL_DIFFERS = "ModelDiffers"
"""Reason of a run that does not start because something else is served than what is declared."""

GATE_FAILED = "GateFailed"


def admit(draft: Draft, candidate: str) -> Admission:
    """Ask what a candidate of the run has shown, and note it in status; it is ready, and so is stable.

    A model that cannot be asked, or does not say what it is, keeps nobody from starting.
    """
    identity, check = _identify(draft, candidate)
    if check is not None and identity is None:
        return Admission(waits=f"{candidate} is asked which model it serves", check=check)
    if identity is not None and identity.matches is False:
        return Admission(waits=identity.message, check=check, identity=identity)
    gates = _pass_gates(draft, candidate)
    return Admission(gates.waits, gates.check, identity, gates.failed)


def model_stated(draft: Draft) -> Iterator[tuple[str, bool | None, str, str]]:
    """The condition ModelMatches, where there is something new to say; of an earlier candidate nothing stands for ever.

    Type, value, reason and message, as `set_condition` takes them.
    """
    shown, old, run = draft.admission, draft.status.condition("ModelMatches"), draft.status.run
    if shown is not None and shown.identity is not None:
        yield "ModelMatches", shown.identity.matches, shown.identity.reason, shown.identity.message
    elif old is not None and old.status == "False" and not runs.begun(run):
        yield "ModelMatches", None, "NotOnTrial", "the version that was asked is not on trial any more"
    elif old is not None and shown is not None and not shown.waits and run is not None:
        yield "ModelMatches", None, "NotDeclared", f"nothing that can be compared is declared of {run.target}'s model"


def _identify(draft: Draft, candidate: str) -> tuple[Identity | None, Check | None]:
    """What is known of the candidate's model, and what is to be asked of its server."""
    version = draft.spec.version(candidate)
    model = version.model if version is not None else None
    if model is None:
        return None, None
    for identity in _annotated(draft, candidate, model):
        if identity.matches is False:
            return identity, None
    if model.name is None:
        return next(_annotated(draft, candidate, model), None), None
    check = _check(draft, candidate, model)
    result = _result(draft, check)
    if result is None:
        return None, check
    matches = {Verdict.PASS: True, Verdict.FAIL: False}.get(result.verdict)
    return Identity(matches, result.reason, result.message), check


def _annotated(draft: Draft, candidate: str, model: ModelInfo) -> Iterator[Identity]:
    """What the annotations of the workload's pod template say, one by one, where both sides say something."""
    seen = draft.observed.versions.get(candidate)
    for what, declared, reason in (("digest", model.digest, "DigestDiffers"), ("uri", model.uri, "UriDiffers")):
        found = seen.model.get(what) if seen is not None else None
        if declared is None or found is None:
            continue
        if found != declared:
            said = (
                f"the workload of {candidate} is annotated with the model {what} {found}, "
                f"and spec.versions declares {declared}"
            )
            yield Identity(False, reason, said)
        else:
            yield Identity(True, "Annotated", f"the workload of {candidate} has the declared model {what}")


def _pass_gates(draft: Draft, candidate: str) -> Admission:
    """Go through the gates up to the first one that the candidate has not passed."""
    run, whose = draft.run, candidate if draft.run.arms else ""
    run.gates = [one for one in run.gates if any(_is_of(one, gate, one.version) for gate in draft.spec.gates)]
    for gate in draft.spec.gates:
        known = next((one for one in run.gates if _is_of(one, gate, whose)), None)
        if known is None:
            known = GateStatus(
                name=gate.name,
                version=whose,
                definition=definition(gate),
                state=GateState.RUNNING,
                started_at=draft.now,
            )
            run.gates = [*run.gates, known]
            run.advanced_at = draft.now  # each gate has a deadline of its own
        if known.state is GateState.PASSED:
            continue
        check = _check(draft, candidate, gate)
        result = _result(draft, check)
        if result is None or result.verdict not in (Verdict.PASS, Verdict.FAIL):
            known.message = (result.message if result is not None else _begun(check, gate))[:1024]
            return Admission(f"gate {gate.name}: {known.message}", check)
        known.message, known.ended_at = result.message[:1024], draft.now
        if result.verdict is Verdict.FAIL:
            known.state = GateState.FAILED
            return Admission(failed=f"gate {gate.name} failed: {result.message}")
        known.state = GateState.PASSED
        draft.say(Reason.GATE_PASSED, f"{candidate} passed gate {gate.name}: {result.message}")
        run.advanced_at = draft.now
    return Admission()


def _begun(check: Check, gate: Gate) -> str:
    if gate.job is not None:
        return f"Job {job_name(check, gate)} is waited for"
    what = "warm-up" if gate.warm_up is not None else "golden"
    return f"{what} requests are sent to {check.version}"


def _is_of(status: GateStatus, gate: Gate, version: str) -> bool:
    return (status.name, status.definition, status.version) == (gate.name, definition(gate), version)


def _check(draft: Draft, candidate: str, what: ModelInfo | Gate) -> Check:
    run, metadata = draft.run, draft.rollout.metadata
    version, seen = draft.spec.version(candidate), draft.observed.versions.get(candidate)
    alone = isinstance(what, Gate) and what.job is not None
    return Check(
        namespace=metadata.namespace,
        rollout=metadata.name,
        uid=metadata.uid,
        run=run.id,
        version=candidate,
        service=version.service.name if version else "",
        port=version.service.port if version else 0,
        addresses=() if alone or seen is None else seen.addresses,
        what=what,
    )


def _result(draft: Draft, check: Check) -> CheckResult | None:
    return next((one for one in draft.observed.checks if one.check == check), None)
