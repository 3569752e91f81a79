"""Begins, withdraws or supersedes an experiment as `spec.candidates`, and what those run, ask for it."""

from modelrollout.api import RevisionPolicy
from modelrollout.api.arms import Arm
from modelrollout.api.status import Outcome, Run, RunState
from modelrollout.api.values import in_words
from modelrollout.decisions import runs
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.experiments.arms import entrants, identity
from modelrollout.decisions.strategies import compile_steps
from modelrollout.decisions.superseding import supersede

_UNDECIDED = frozenset({Outcome.SUPERSEDED, Outcome.WITHDRAWN})
"""Outcomes after which the same candidates are tried again when they are asked for."""


def follow_candidates(draft: Draft) -> None:
    """Carry out what the candidates ask for. A winner holds until there is something among them that was not tried."""
    run = draft.status.run
    if run is None or run.state is RunState.DONE:
        _begin(draft)
    elif run.state is RunState.TRIAL:
        _follow_trial(draft, run)
    elif (
        run.state is RunState.WATCHING
        and new_entrants(draft)
        and supersede(draft, "other candidates are asked for", starts=True)
    ):
        _begin(draft)


def new_entrants(draft: Draft) -> bool:
    """Whether there is a candidate, or a revision of one, that the last run did not try; all of them being known."""
    names, run = entrants(draft), draft.status.run
    present = {name: draft.observed.revision(name) for name in names}
    if not names or not all(present.values()):
        return False
    if run is None or not run.arms or run.outcome in _UNDECIDED:
        return True
    known = {arm.version: arm.revision for arm in run.arms}
    return any(known.get(name) != revision for name, revision in present.items())


def _begin(draft: Draft) -> None:
    if not new_entrants(draft):
        return
    arms = [Arm(version=name, revision=draft.observed.revision(name)) for name in entrants(draft)]
    runs.begin(draft, arms[0].version, compile_steps(draft.spec), arms, identity(arms))


def again(draft: Draft) -> None:
    """Try all candidates anew, those that were rejected before, too: a person asks for it."""
    asked = [name for name in draft.spec.candidates or () if name != draft.status.stable]
    wanted = {(name, draft.observed.revision(name)) for name in asked}
    status = draft.status
    status.rejected = [one for one in status.rejected if (one.version, one.revision) not in wanted]
    arms = [Arm(version=name, revision=draft.observed.revision(name)) for name in asked]
    runs.begin(draft, asked[0], compile_steps(draft.spec), arms, identity(arms))


def _follow_trial(draft: Draft, run: Run) -> None:
    names = [name for name in draft.spec.candidates or () if name != run.stable]
    if not names:
        _withdraw(draft)
        return
    if not run.arms:
        why = "candidates are asked for in place of a target"
    else:
        why = _other_candidates(draft, run, names) or _other_revision(draft, run)
    if why and supersede(draft, why, starts=True):
        _begin(draft)


def _other_candidates(draft: Draft, run: Run, names: list[str]) -> str:
    tried = {arm.version for arm in run.arms}
    new = [name for name in names if name not in tried and runs.rejection(draft, name) is None]
    gone = [name for name in run.trying if name not in names]
    said = [f"{in_words(new)} joined"] if new else []
    return (
        f"the candidates changed: {', '.join([*said, *([f'{in_words(gone)} left'] if gone else [])])}"
        if (new or gone)
        else ""
    )


def _other_revision(draft: Draft, run: Run) -> str:
    """Which candidate runs something else by now, where that ends the experiment."""
    if run.exposed_at is not None and draft.spec.on_new_revision is not RevisionPolicy.RESTART:
        return ""
    for arm in run.arms:
        revision = draft.observed.revision(arm.version)
        if revision and revision != arm.revision:
            return f"what {arm.version} runs changed"
    return ""


def _withdraw(draft: Draft) -> None:
    run, why = draft.run, "no candidate is asked for any more"
    if run.queued:
        runs.withdraw_queued(draft, Outcome.WITHDRAWN, "Withdrawn", why)
    else:
        runs.take_back(draft, Outcome.WITHDRAWN, "Withdrawn", why)
    draft.say(Reason.WITHDRAWN, f"{run.on_trial} is withdrawn: {why}")
