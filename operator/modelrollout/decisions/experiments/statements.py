"""What status says of an experiment: its numbers, its phase and its sentence."""

from modelrollout.api import ModelRolloutSpec
from modelrollout.api.arms import ArmState
from modelrollout.api.status import MetricStatus, Outcome, Phase, Run, RunState
from modelrollout.api.values import in_words
from modelrollout.decisions import runs
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.experiments.arms import entrants
from modelrollout.decisions.experiments.classical import classical
from modelrollout.decisions.experiments.follow import new_entrants
from modelrollout.decisions.experiments.results import chance_of
from modelrollout.decisions.experiments.shape import fixed_horizon, ranking
from modelrollout.decisions.findings import Evidence, Finding
from modelrollout.decisions.metric_status import metric_status

MOST_METRICS = 64
"""Lines of numbers that a status has room for."""


def experiment_metrics(
    spec: ModelRolloutSpec, run: Run, evidence: Evidence, before: list[MetricStatus]
) -> list[MetricStatus]:
    """The numbers of every pair: candidates against stable, then against each other; of who is out, the last ones."""
    fixed = fixed_horizon(spec)
    if not evidence.arms:
        return [_line(spec, one, run.target, run.stable, fixed=fixed) for one in evidence.findings]
    lines = [
        _line(spec, one, name, run.stable, fixed=fixed) for name, of in evidence.arms.items() for one in of.findings
    ]
    lines += [_line(spec, one.finding, one.first, one.second, fixed=fixed) for one in evidence.duels]
    out = {arm.version for arm in run.arms if arm.state is ArmState.OUT}
    kept = [
        one for one in before if one.version in out and one.version not in evidence.arms and one.against == run.stable
    ]
    return [*lines, *kept][:MOST_METRICS]


def _line(spec: ModelRolloutSpec, finding: Finding, version: str, against: str, *, fixed: bool) -> MetricStatus:
    metric = spec.metric(finding.metric)
    line = metric_status(finding)
    line.version, line.against = version, against
    if metric is None:
        return line
    chance = chance_of(metric, finding)
    line.chance = _chance(chance)
    for said, group in zip(line.slices or (), finding.slices, strict=False):
        said.chance = _chance(chance_of(metric, group))
    found = classical(metric, finding.samples) if fixed and finding.role == "Goal" else None
    if found is not None:
        line.p_value = f"{found.p_value:.3g}"
        if found.effect is not None and found.low is not None and found.high is not None:
            line.effect = f"difference {found.effect:.3g} [{found.low:.3g}, {found.high:.3g}]"
    return line


def _chance(chance: float | None) -> str | None:
    return None if chance is None else f"{chance:.4f}"


def settled(draft: Draft) -> bool:
    """Whether who serves is who should, with nothing left to try."""
    run = draft.status.run
    if new_entrants(draft) or (run is not None and runs.active(run) and run.state is not RunState.WATCHING):
        return False
    return (
        run is None or run.outcome in (None, Outcome.PROMOTED, Outcome.FORCED, Outcome.REPORTED) or not entrants(draft)
    )


def waits(draft: Draft) -> bool:
    """Whether the last run, which is over, is not what is asked for any more."""
    run = draft.status.run
    return run is not None and (not run.arms or new_entrants(draft))


def idle(draft: Draft) -> tuple[Phase, str]:
    """Phase and sentence while no experiment goes on and the last one, if any, does not speak for itself."""
    status, names = draft.status, entrants(draft)
    if not names:
        refused = [one for one in draft.spec.candidates or () if one != status.stable]
        if not refused:
            return Phase.COMPLETED, f"{status.stable} serves all traffic and no other candidate is asked for"
        return Phase.ROLLED_BACK, f"{in_words(refused)} was rejected before: change its model, or ask for a retry"
    lost = [name for name in names if not draft.observed.revision(name)]
    if lost:
        return Phase.PENDING, f"{in_words(lost)} waits to be tried: its workload or Service was not found"
    return Phase.COMPLETED, f"{status.stable} serves all traffic: {in_words(names)} was tried before"


def done(draft: Draft, run: Run) -> tuple[Phase, str]:
    """Phase and sentence of an experiment that is over and has not promoted anybody."""
    serves = f"{draft.status.stable} serves all traffic"
    match run.outcome:
        case Outcome.REPORTED:
            return Phase.COMPLETED, f"{serves}; the experiment is over: {run.message}"
        case Outcome.WITHDRAWN:
            return Phase.WITHDRAWN, f"{serves}; {in_words(run.trying)} was withdrawn: {run.message}"
        case Outcome.SUPERSEDED:
            return Phase.PENDING, f"{serves}; another experiment begins: {run.message}"
    return Phase.ROLLED_BACK, f"{serves}; {in_words(run.trying)} was taken back: {run.message}"


def trial_text(draft: Draft, run: Run) -> str:
    """The sentence of an experiment that goes on: who gets what, and who is out."""
    shares = ", ".join(f"{arm.version} {runs.percent(arm.weight)}" for arm in run.arms if arm.state is not ArmState.OUT)
    out = [arm.version for arm in run.arms if arm.state is ArmState.OUT]
    waiting = [arm.version for arm in run.arms if arm.state is ArmState.WAITING]
    said = f"{run.stable} against {shares} by {ranking(draft.spec).name}"
    said += f"; {in_words(waiting)} waits for a ready endpoint" if waiting else ""
    said += f"; {in_words(out)} is out" if out else ""
    proven = [f"{arm.version} is better than {in_words(arm.beats)}" for arm in run.arms if arm.beats]
    return f"{said}; {', '.join(proven)}" if proven else said
