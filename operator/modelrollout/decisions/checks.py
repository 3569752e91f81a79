"""What is to be found out of a candidate before it gets traffic, and what was found."""

import hashlib
import json
from dataclasses import dataclass

from modelrollout.api import Gate, ModelInfo
from modelrollout.api.status import Verdict
from modelrollout.api.webhooks import Webhook


@dataclass(frozen=True, slots=True)
class Call:
    """One try of a webhook.

    Attributes:
        webhook: as the step has it.
        delivery: the same for every try, so that a receiver can tell repetitions.
        attempt: which try it is, from 1.
        step, steps: number of the step it belongs to, from 1, and how many there are.
        step_name: as the spec has it, empty where steps have no names.
        weight, mirror: what the candidate gets in that step, of 1000.
        audience: rules of the route in which the weight counts; empty: in all that are managed.
        stable: name of the version that serves.
    """

    webhook: Webhook
    delivery: str
    attempt: int
    step: int
    steps: int
    step_name: str
    weight: int
    mirror: int
    stable: str
    audience: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to find out; two that are equal have the same answer.

    Attributes:
        namespace, rollout, uid: the rollout it is for.
        run: id of its run, which names the candidate's revision.
        version: name of the candidate.
        service, port: of its Service.
        addresses: where its ready pods answer, as host:port; none for a Job, which finds its own way.
        what: the model that should be served there, a gate, or a call of a webhook.
    """

    namespace: str
    rollout: str
    uid: str
    run: str
    version: str
    service: str
    port: int
    addresses: tuple[str, ...]
    what: ModelInfo | Gate | Call


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was found.

    Attributes:
        check: the question.
        verdict: Pass and Fail; Inconclusive when who was asked does not say; Error when nobody could be asked.
        reason: one CamelCase word.
        message: a sentence with what was found and what was expected.
    """

    check: Check
    verdict: Verdict
    reason: str
    message: str

    @property
    def final(self) -> bool:
        """Whether asking again would be of no use. A wrong model may be put right, a gate fails once and for all.

        Who is called by a webhook may say "not yet"; whether a call that got no answer is repeated is not decided here.
        """
        if isinstance(self.check.what, Call):
            return self.verdict is not Verdict.INCONCLUSIVE
        if self.verdict is Verdict.FAIL:
            return isinstance(self.check.what, Gate)
        return self.verdict is not Verdict.ERROR


@dataclass(frozen=True, slots=True)
class Identity:
    """Whether the candidate serves the model that is declared: None when that cannot be known."""

    matches: bool | None
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Admission:
    """How far a candidate is on its way to its first step.

    Attributes:
        waits: what it still has to show, in a sentence; empty: nothing.
        check: what is to be found out next, None when nothing is.
        identity: of its model, None where nothing of it is declared.
        failed: which gate it did not pass, and why, in a sentence; empty: none.
    """

    waits: str = ""
    check: Check | None = None
    identity: Identity | None = None
    failed: str = ""


def definition(gate: Gate) -> str:
    """Identity of what a gate asks: that of another gate, or of the same one edited, is another one."""
    asked = {name: part for name, part in gate.to_json().items() if name != "deadline"}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:10]


def job_name(check: Check, gate: Gate) -> str:
    """Name of the Job of a gate: one for each run and candidate, whoever makes it."""
    unique = "/".join((check.uid, check.run, check.version, definition(gate)))
    return f"{check.rollout}-{hashlib.sha256(unique.encode()).hexdigest()[:10]}"
