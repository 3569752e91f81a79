"""A world in which decisions are carried out at once: the route obeys, time moves when the test says so."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from modelrollout.api import Gate, ModelRollout, ModelRolloutSpec, Verb
from modelrollout.api.status import RunState, Verdict
from modelrollout.decisions.capacity import total_of
from modelrollout.decisions.checks import Call, Check, CheckResult
from modelrollout.decisions.decision import Decision, Event, Reason, ScaleIntent
from modelrollout.decisions.effective import effective
from modelrollout.decisions.findings import Evidence, Finding
from modelrollout.decisions.freeze import in_force
from modelrollout.decisions.invariants import check
from modelrollout.decisions.monitoring.findings import MonitoringEvidence
from modelrollout.decisions.observed import (
    Claim,
    CommandSeen,
    Companion,
    Freeze,
    Observed,
    Reversals,
    Rival,
    RouteSeen,
    RuleSeen,
    VersionSeen,
)
from modelrollout.decisions.plan import plan
from modelrollout.decisions.strategies import compile_steps
from modelrollout.decisions.traffic import agrees, intent
from modelrollout.errors import ModelRolloutError
from modelrollout.reconciler.deliveries import Deliveries

START = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def errors_metric(**more: Any) -> dict[str, Any]:
    """A guardrail on the share of bad answers."""
    return {
        "name": "errors",
        "better": "Lower",
        "proportion": {"bad": 'requests_total{code=~"5.."}', "total": "requests_total"},
        **more,
    }


def a_spec(**more: Any) -> dict[str, Any]:
    """A canary 5 → 25 → 50 % of v8 against v7 with one guardrail."""
    return {
        "versions": [
            {"name": name, "service": {"name": f"fraud-{name}", "port": 8080}, "workload": _deployment(name)}
            for name in ("v7", "v8", "v9")
        ],
        "target": "v7",
        "traffic": {"gatewayAPI": {"httpRoute": "fraud"}},
        "strategy": {"canary": {"weights": [5, 25, 50], "hold": "1m", "samples": 100}},
        "metrics": [errors_metric()],
        **more,
    }


def _deployment(name: str) -> dict[str, str]:
    return {"kind": "Deployment", "name": f"fraud-{name}"}


class World:
    """One rollout, its route and its versions."""

    def __init__(self, *, name: str = "fraud", **spec: Any) -> None:
        """A world where v7 has all the traffic and everything is ready."""
        self.name = name
        self.now = START
        self.document = a_spec(**spec)
        self.generation = 1
        self.rollout = self._rollout()
        self.spec_error = ""
        self.snapshot: ModelRolloutSpec | None = None
        self.versions = {name: VersionSeen(ready=2, revision=f"rev-{name}", restarts=0) for name in ("v7", "v8", "v9")}
        self.route = RouteSeen(found=True, accepted=True, resource_version="1", rules=(rule({"v7": 1000}),))
        self.claim = Claim()
        self.reversals = Reversals()
        self.rivals: tuple[Rival, ...] = ()
        self.freezes: tuple[Freeze, ...] = ()
        self.companions: tuple[Companion, ...] = ()
        self.commands: tuple[CommandSeen, ...] = ()
        self.verdicts: dict[str, Verdict] = {}
        self.fresh = True
        self.answers = 0
        self.identical: int | None = None
        self.evidence_on = True
        self.events: list[Event] = []
        self.status_writes = 0
        self.route_writes = 0
        self.frozen_route = False
        self.refusal: ModelRolloutError | None = None
        self.deliveries = Deliveries()
        self.may_scale = True
        self.gateway_accepts: bool | None = True
        self.scalings: list[ScaleIntent] = []
        self.finds: dict[str, tuple[Verdict, str]] = {}
        self.check: Check | None = None
        self._found: dict[Check, CheckResult] = {}
        self.monitored: MonitoringEvidence | None = None

    def _rollout(self) -> ModelRollout:
        status = self.rollout.status.document() if hasattr(self, "rollout") else {}
        return ModelRollout.model_validate(
            {
                "metadata": {
                    "name": self.name,
                    "namespace": "risk",
                    "uid": f"uid-{self.name}",
                    "generation": self.generation,
                    "creationTimestamp": START.isoformat(),
                },
                "spec": self.document,
                "status": status,
            }
        )

    def edit(self, **fields: Any) -> None:
        """Edit the spec as kubectl would."""
        self.document = {**self.document, **fields}
        self.generation += 1
        self.rollout = self._rollout()

    def ready(self, name: str, endpoints: int) -> None:
        """Give a version that many ready endpoints."""
        self.versions[name] = replace(self.versions[name], ready=endpoints)

    def seen(self, name: str, **fields: Any) -> None:
        """Change what is seen of a version."""
        self.versions[name] = replace(self.versions[name], **fields)

    def ask(self, verb: Verb, *, full: bool = False, run: str = "", by: str = "ana") -> None:
        """A person creates a command; the world reconciles."""
        uid = f"command-{len(self.commands) + 1}"
        seen = CommandSeen(name=uid, uid=uid, verb=verb, by=by, created_at=self.now, full=full, run=run, reason="drill")
        self.commands = (*self.commands, seen)
        self.reconcile()

    @property
    def observed(self) -> Observed:
        """What a reconcile would see now."""
        return Observed(
            route=self.route,
            versions=self.versions,
            claim=self.claim,
            commands=self.commands,
            reversals=self.reversals,
            rivals=self.rivals,
            freezes=self.freezes,
            may_scale=self.may_scale,
            checks=tuple(self._found.values()),
            companions=self.companions,
            monitored=self.monitored,
            undelivered=self.deliveries.saw(self.name, self.now, arrived=self._arrived()),
        )

    def _arrived(self) -> bool:
        spec = effective(self.rollout, self.spec_error, self.plan).spec
        decided = intent(self.rollout, spec, self.rollout.status) if spec is not None else None
        return decided is None or agrees(self.route, decided)

    def find(self, what: str, verdict: Verdict, message: str = "as the test says") -> None:
        """From now on that is what is found of a gate, by its name, or of the "model"; the world reconciles."""
        self.finds[what] = verdict, message
        self._found = {check: result for check, result in self._found.items() if _subject(check) != what}
        self.reconcile(times=8)

    def _find(self, check: Check | None) -> bool:
        """Whether something new is found out of what the last decision asks."""
        self.check = check
        found = self.finds.get(_subject(check)) if check is not None else None
        if check is None or found is None or check in self._found:
            return False
        self._found[check] = CheckResult(check, found[0], "Scripted", found[1])
        return True

    @property
    def plan(self) -> ModelRolloutSpec | None:
        """The plan of the present run, None while there is none or it waits for its turn."""
        run = self.rollout.status.run
        return self.snapshot if run is not None and run.plan and run.ended_at is None else None

    def evidence(self) -> Evidence | None:
        """What Prometheus would say now: every metric as `verdicts` says, Inconclusive by default."""
        run = self.rollout.status.run
        if run is None or not self.evidence_on or run.exposed_at is None:
            return None
        spec = self.plan or self.rollout.spec
        findings = tuple(
            Finding(
                metric=metric.name,
                role=metric.role,
                verdict=self.verdicts.get(metric.name, Verdict.INCONCLUSIVE),
                reason="Scripted",
                message="as the test says",
                fresh=self.fresh,
                inside_margin=True,
                candidate_count=self.answers,
                identical=self.identical if metric.paired_answers else None,
            )
            for metric in spec.metrics
        )
        return Evidence(run=run.id, step=run.step, findings=findings, answers={run.target: self.answers})

    def reconcile(self, times: int = 4) -> Decision:
        """Decide and carry out until nothing is left to do, at most that often."""
        for _ in range(times):
            decision = self.decide()
            self.carry_out(decision)
            if self._find(decision.check):
                continue
            if not decision.write_status and decision.traffic is None and not decision.scales:
                break
        return decision

    def decide(self) -> Decision:
        """One decision, checked against the invariants, not carried out."""
        decision = plan(self.rollout, self.spec_error, self.plan, self.observed, self.evidence(), self.now)
        run = decision.status.run
        steps = compile_steps(decision.snapshot or self.plan or self.rollout.spec)
        allowed = steps[run.step].weight if run is not None and run.state is RunState.TRIAL else 1000
        total = total_of(decision.snapshot or self.plan or self.rollout.spec)
        check(self.rollout, decision, self.observed, allowed, total)
        before = self.rollout.status.run
        if run is not None and run.state is RunState.TRIAL and in_force(self.freezes, self.now) is not None:
            assert run.queued or (before is not None and before.id == run.id and not before.queued), (
                "a start in a freeze"
            )
        return decision

    def carry_out(self, decision: Decision) -> None:
        """Write the status, then the route, as the reconciler does."""
        if decision.snapshot is not None:
            self.snapshot = decision.snapshot
        if decision.write_status:
            self.status_writes += 1
            self.rollout = self.rollout.model_copy(update={"status": decision.status})
        self.events.extend(decision.events)
        if decision.traffic is not None and self._may_write() and not self.frozen_route:
            self.route_writes += 1
            owner, preview, copies = decision.traffic.owner, decision.traffic.preview, decision.traffic.mirror
            kept = decision.traffic.sticky
            rules = tuple(
                replace(
                    rule({name: share for name, share in decision.traffic.of(one.name).items() if share}),
                    name=one.name,
                    mirrors=() if copies is None else (copies,),
                    sticky=kept is not None,
                )
                for one in self.route.rules
            )
            seen = replace(self.route.sticky, header=kept.header if kept else "", accepted=self.gateway_accepts)
            self.route = replace(self.route, rules=rules, owner=owner, preview=preview, sticky=seen)
        for order in decision.scales:
            self.scalings.append(order)
            self.seen(order.version, replicas=order.replicas)

    def _may_write(self) -> bool:
        with contextlib.suppress(ModelRolloutError), self.deliveries.attempt(self.name, self.now):
            if self.refusal is not None:
                raise self.refusal
        return self.refusal is None

    def tells_nothing_more(self) -> bool:
        """Whether the world has come to rest: deciding again writes nothing, and tells nobody anything."""
        self.reconcile(times=8)
        decision = self.decide()
        return not (decision.write_status or decision.events or decision.record)

    def after(self, **delta: float) -> Decision:
        """Let time pass, then reconcile."""
        self.now += timedelta(**delta)
        return self.reconcile()

    def passing(self) -> None:
        """From now on every metric passes, with plenty of answers."""
        self.verdicts = {metric["name"]: Verdict.PASS for metric in self.document["metrics"]}
        self.answers = 1_000_000

    def start(self) -> "World":
        """Adopt v7, then ask for v8."""
        self.reconcile()
        self.edit(target="v8")
        self.reconcile()
        return self

    def promoted(self) -> "World":
        """Start, pass every step, arrive in the watch."""
        self.start().passing()
        for _ in range(3):
            self.after(seconds=61)
        return self

    @property
    def weights(self) -> Mapping[str, int]:
        """Weights on the route, versions without any left out."""
        return {name: share for name, share in self.route.rules[0].weights.items() if share}

    @property
    def copies(self) -> Mapping[str, int]:
        """Whom requests are copied to, and of how many, of 1000."""
        return {mirror.version: mirror.share for mirror in self.route.rules[0].mirrors}

    @property
    def status(self) -> Any:
        """The stored status."""
        return self.rollout.status

    def reasons(self) -> Sequence[Reason]:
        """Reasons of all events so far."""
        return [event.reason for event in self.events]

    def condition(self, kind: str) -> tuple[str, str]:
        """Status and reason of a condition."""
        found = self.status.condition(kind)
        return (found.status, found.reason) if found else ("", "")

    def last_answer(self) -> tuple[bool, str]:
        """Whether the last command was accepted, and the message."""
        result = self.status.commands[-1]
        return result.accepted, result.message


def _subject(check: Check) -> str:
    if isinstance(check.what, Call):
        return check.what.webhook.name
    return check.what.name if isinstance(check.what, Gate) else "model"


def rule(weights: Mapping[str, int], *, absent: tuple[str, ...] = (), unknown: tuple[str, ...] = ()) -> RuleSeen:
    """The one managed rule."""
    return RuleSeen(name="0", weights=dict(weights), absent=absent, unknown=unknown)
