"""The conditions of a rollout: what is so about it, each with a reason for programs and a sentence for people."""

from collections.abc import Iterator

from modelrollout.api import RevisionPolicy
from modelrollout.api.status import Phase, RunState
from modelrollout.decisions import delivery, runs, scaling
from modelrollout.decisions.admission import model_stated
from modelrollout.decisions.adoption import AUDIENCE_UNUSABLE, Obstacle
from modelrollout.decisions.conditions import set_condition
from modelrollout.decisions.delivery import SECOND_ROUTE_READY, TRAFFIC_MATCHES
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.experiments import sticking
from modelrollout.decisions.experiments.statements import settled as experiment_settled
from modelrollout.decisions.monitoring import attending
from modelrollout.decisions.traffic import agrees, in_flight, intent, reaches, weights_agree

HEALTHY = "AnalysisHealthy"
"""The condition that says whether Prometheus answers; Unknown while it is asked nothing."""

REVERSALS_CONTESTED = 3

RESTARTS_IN_A_ROW = 5
"""So many trials that a new revision ended, one after the other, are said to people."""

IDENTICAL_ANSWERS = 1000
"""So many answers, all of them exactly stable's, are taken as a sign that the candidate is no other model."""

_Stated = tuple[str, bool | None, str, str]


def state_conditions(draft: Draft, obstacle: Obstacle | None, headline: str) -> None:
    """Set every condition that can be said now.

    `headline` is the message without what the gate waits for: a condition is not rewritten for every such change.
    """
    for kind, value, reason, message in (
        _spec_valid(draft),
        _route_claimed(draft, obstacle),
        *_kstatus(draft, obstacle, headline),
        *_analysis(draft),
        *model_stated(draft),
        *_traffic(draft, obstacle),
        *_second_route(draft),
        *_sticky(draft),
        *_split(draft),
        *_identical(draft),
        *_unproven(draft),
        *_restarts(draft),
        *scaling.stated(draft),
        *attending.stated(draft),
    ):
        set_condition(
            draft.status,
            kind,
            value,
            reason=reason,
            message=message,
            generation=draft.rollout.metadata.generation,
            now=draft.now,
        )


def _spec_valid(draft: Draft) -> _Stated:
    if draft.refusal:
        return "SpecValid", False, "Refused", draft.refusal
    return "SpecValid", True, "Accepted", ""


def _route_claimed(draft: Draft, obstacle: Obstacle | None) -> _Stated:
    if not draft.observed.claim.held:
        return "RouteClaimed", False, "HeldByAnother", obstacle.message if obstacle else draft.observed.claim.holder
    if obstacle is not None:
        return "RouteClaimed", False, obstacle.reason, obstacle.message
    return "RouteClaimed", True, "Held", ""


def _kstatus(draft: Draft, obstacle: Obstacle | None, headline: str) -> Iterator[_Stated]:
    """Ready, Reconciling and Stalled as kstatus reads them: the last two are abnormal when true."""
    status, run = draft.status, draft.status.run
    moving = runs.active(run) and run is not None and run.state is not RunState.WATCHING
    # A report leaves the target where it was: what was asked for is done, and nobody has to act.
    wanted = draft.spec.target in (status.stable, run.target if runs.reported(run) and run is not None else None)
    wanted = experiment_settled(draft) if draft.spec.candidates is not None else wanted
    settled = bool(status.stable) and wanted and not moving
    stuck = _stuck(draft, obstacle)
    if settled and not draft.observed.ready(status.stable):
        yield "Ready", False, "StableUnavailable", f"{status.stable} has no ready endpoint"
    elif settled and not draft.refusal:
        yield "Ready", True, str(status.phase), headline
    else:
        yield "Ready", False, stuck or str(status.phase), headline
    yield "Reconciling", not settled and not stuck, str(status.phase), headline
    yield "Stalled", bool(stuck), stuck or "NotStalled", (draft.refusal or headline) if stuck else ""


def _stuck(draft: Draft, obstacle: Obstacle | None) -> str:
    """The reason why nothing will happen until a person acts, empty when something will."""
    run = draft.status.run
    if draft.refusal:
        return "SpecRefused"
    if obstacle is not None:
        return obstacle.reason
    if draft.status.phase is Phase.ROLLED_BACK:
        return str(run.outcome) if run is not None and run.state is RunState.DONE and run.outcome else "RolledBack"
    if draft.status.phase is Phase.HOLDING and run is not None and run.reason != "CandidateUnavailable":
        return run.reason
    return ""


def _analysis(draft: Draft) -> Iterator[_Stated]:
    evidence, run, old = draft.evidence, draft.status.run, draft.status.condition(HEALTHY)
    if run is None or run.state is RunState.DONE:
        if old is not None:
            was = old.message if old.status == "Unknown" else f"the last run ended with: {old.message}"
            yield HEALTHY, None, "NotAsked", was if old.message else ""
        return
    if evidence is None or evidence.run != run.id:
        return
    blind = [one for one in evidence.findings if one.verdict == "Error"]
    if evidence.unreachable:
        yield HEALTHY, False, "Unreachable", f"Prometheus cannot be asked: {evidence.unreachable}"
    elif blind:
        yield HEALTHY, False, blind[0].reason or "QueryFailed", f"{blind[0].metric}: {blind[0].message}"
    else:
        yield HEALTHY, True, "Answering", ""


def _traffic(draft: Draft, obstacle: Obstacle | None) -> Iterator[_Stated]:
    wanted, route = intent(draft.rollout, draft.spec, draft.status), draft.observed.route
    if wanted is None:
        return
    foreign, late = draft.observed.reversals, delivery.lateness(draft, obstacle)
    if foreign.times >= REVERSALS_CONTESTED:
        yield (
            TRAFFIC_MATCHES,
            False,
            "Contested",
            (
                f"{foreign.manager} changed the weights {foreign.times} times in ten minutes: let it ignore them in "
                "the managed rules, or stop it; no step advances meanwhile"
            ),
        )
    elif agrees(route, wanted) or (
        weights_agree(route, wanted) and (late is None or late[0] != delivery.WRITE_FAILING)
    ):
        yield TRAFFIC_MATCHES, True, "Matches", ""
    elif not reaches(route, wanted):
        left = "the route lacks a rule of this step's audience: it is left alone"
        yield TRAFFIC_MATCHES, False, AUDIENCE_UNUSABLE, left
    elif late is not None:
        yield TRAFFIC_MATCHES, False, *late
    elif draft.status.condition(TRAFFIC_MATCHES) is None or not in_flight(route, wanted):
        yield TRAFFIC_MATCHES, False, "Repairing", "the route does not carry the desired weights"


def _second_route(draft: Draft) -> Iterator[_Stated]:
    """Pins and preview, said from the first time on that they cannot be had."""
    aside, refusal = draft.observed.route.aside, delivery.refused_beside(draft)
    if aside:
        yield SECOND_ROUTE_READY, False, "Unusable", aside
    elif refusal:
        yield SECOND_ROUTE_READY, False, delivery.WRITE_FAILING, refusal
    elif draft.status.condition(SECOND_ROUTE_READY) is not None and draft.observed.beside is None:
        yield SECOND_ROUTE_READY, True, "Usable", ""


def _sticky(draft: Draft) -> Iterator[_Stated]:
    """Whether users stay on one version, from the first time on that they are to."""
    problem, run = sticking.hindrance(draft), draft.status.run
    if problem:
        yield "StickyReady", False, "Unusable", problem
    elif run is not None and run.sticky:
        waits = sticking.waits_for(draft)
        # What is only on its way is no news: it is Unknown until it has come, or False when it has gone again.
        lost = bool(waits) and run.exposed_at is not None
        yield "StickyReady", False if lost else None if waits else True, "Waiting" if waits else "Kept", waits
    elif draft.status.condition("StickyReady") is not None:
        yield "StickyReady", None, "NotAsked", "no experiment goes on in which users are kept on one version"


def _split(draft: Draft) -> Iterator[_Stated]:
    """Whether each version answers its share of the requests; without numbers, which change with every scrape."""
    evidence, run = draft.evidence, draft.status.run
    if run is None or evidence is None or evidence.run != run.id or evidence.split is None:
        return
    if evidence.split.mismatch:
        said = f"{run.on_trial} answers another share of the requests than its weight: the versions may get unlike ones"
        yield "SplitMatches", False, "Uneven", said
    elif draft.status.condition("SplitMatches") is not None:
        yield "SplitMatches", True, "AsIntended", ""


def _identical(draft: Draft) -> Iterator[_Stated]:
    """A candidate that has never said anything else than stable, word for word: most likely it is stable's model."""
    evidence, run = draft.evidence, draft.status.run
    if run is None or evidence is None or evidence.run != run.id:
        return
    pairs = [(one.identical, one.candidate_count or 0) for one in evidence.findings if one.identical is not None]
    if any(same >= IDENTICAL_ANSWERS and same >= total for same, total in pairs):
        said = (
            f"{run.target} has given exactly {run.stable}'s answer to each of the first {IDENTICAL_ANSWERS:,} requests "
            "that both answered, and to all since: look whether the new model was deployed"
        )
        yield "CandidateIndistinguishable", True, "IdenticalAnswers", said
    elif draft.status.condition("CandidateIndistinguishable") is not None and pairs:
        yield "CandidateIndistinguishable", False, "AnswersDiffer", ""


def _unproven(draft: Draft) -> Iterator[_Stated]:
    """A stable version whose workload changed while nobody tried it; said until something is promoted."""
    status = draft.status
    now_runs = draft.observed.revision(status.stable) if status.stable else ""
    if not now_runs or not status.stable_revision or runs.begun(status.run):
        return
    if now_runs != status.stable_revision:
        yield (
            "UnprovenChange",
            True,
            "WorkloadChanged",
            f"{status.stable} was changed outside of a run: it was never tried as it is",
        )
    elif status.condition("UnprovenChange") is not None:
        yield "UnprovenChange", False, "Proven", ""


def _restarts(draft: Draft) -> Iterator[_Stated]:
    """Trials that new revisions end again and again, before any of them comes to a verdict."""
    run = draft.status.run
    if run is not None and runs.active(run) and run.restarted >= RESTARTS_IN_A_ROW:
        # Without their number: it would be written anew with each of them.
        restarts = draft.spec.on_new_revision is RevisionPolicy.RESTART
        way = "set onNewRevision to FinishFirst, or deliver less often" if restarts else "deliver less often"
        event = "end" if restarts else "begin"
        said = f"{run.on_trial} changes what it runs faster than a trial of it can {event}: {way}"
        yield "KeepsRestarting", True, "NewRevisions", said
    elif draft.status.condition("KeepsRestarting") is not None:
        yield "KeepsRestarting", False, "Settled", ""
