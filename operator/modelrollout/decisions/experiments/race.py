"""Who of an experiment's versions is proven to be better than whom, and whether one of them has won."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from modelrollout.api import ModelRolloutSpec, Role
from modelrollout.api.arms import ArmState
from modelrollout.api.status import Run, Verdict
from modelrollout.decisions.experiments.classical import superior
from modelrollout.decisions.experiments.shape import fixed_horizon, ranking
from modelrollout.decisions.findings import Evidence, Finding
from modelrollout.decisions.gate import deciding
from modelrollout.decisions.strategies import compile_steps
from modelrollout.stats.arms import winner


@dataclass(frozen=True, slots=True)
class Race:
    """What is proven at one moment.

    Attributes:
        beats: for each candidate that is still tried, whom it is proven to be better than, stable first. Better than
            stable takes a Pass of every guardrail and goal, as the last step of any run does.
        open: the candidates that may still win: no goal of theirs has failed and none of the others beats them.
        winner: the one that beats stable and every other candidate that is still tried; None while there is none.
    """

    beats: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    open: tuple[str, ...] = ()
    winner: str | None = None

    @property
    def decided(self) -> bool:
        """Whether more answers would change nothing: somebody has won, or nobody can any more."""
        return self.winner is not None or not self.open


def race(spec: ModelRolloutSpec, run: Run, evidence: Evidence | None, *, ended: bool) -> Race:
    """Where the experiment stands by its evidence.

    Args:
        spec: the run's plan.
        run: an experiment on trial.
        evidence: of this run, or None.
        ended: the planned end is there. With a fixed horizon nothing is proven before.
    """
    tried = tuple(arm.version for arm in run.arms if arm.state is not ArmState.OUT)
    if evidence is None or evidence.run != run.id:
        return Race(dict.fromkeys(tried, ()), tried)
    fixed = fixed_horizon(spec)
    if fixed and not ended:
        return Race(dict.fromkeys(tried, ()), tried)
    beats = _by_classical_tests(spec, run, evidence) if fixed else _by_evidence(spec, run, evidence)
    names = (run.stable, *tried)
    proven = {one: tuple(other for other in names if other != one and beats(one, other)) for one in tried}
    still = tuple(
        one
        for one in tried
        if not _goal_failed(evidence.arms.get(one)) and not any(one in proven[other] for other in tried if other != one)
    )
    return Race(proven, still, winner(names, run.stable, lambda one, other: other in proven.get(one, ())))


Beats = Callable[[str, str], bool]


def _by_evidence(spec: ModelRolloutSpec, run: Run, evidence: Evidence) -> Beats:
    names = deciding(spec, compile_steps(spec)[run.step])
    duels = {(one.first, one.second): one.finding.verdict for one in evidence.duels}

    def beats(one: str, other: str) -> bool:
        if other == run.stable:
            return _passed(_findings(evidence, one), names)
        return duels.get((one, other)) is Verdict.PASS or duels.get((other, one)) is Verdict.FAIL

    return beats


def _by_classical_tests(spec: ModelRolloutSpec, run: Run, evidence: Evidence) -> Beats:
    """At the planned end: every goal better than stable, and no guardrail failed, which sequential tests guard."""
    level = spec.analysis.false_promotion / len(run.arms)
    goals = {metric.name: metric for metric in spec.metrics if metric.role == Role.GOAL}
    first, judged = ranking(spec), deciding(spec, compile_steps(spec)[run.step])
    duels = {(one.first, one.second): one.finding for one in evidence.duels}

    def beats(one: str, other: str) -> bool:
        if other == run.stable:
            found = {finding.metric: finding for finding in _findings(evidence, one)}
            sound = all(found[name].verdict is not Verdict.FAIL for name in judged if name in found)
            return sound and all(
                name in found and superior(metric, found[name].samples, level) for name, metric in goals.items()
            )
        duel = duels.get((one, other))
        if duel is not None:
            return superior(first, duel.samples, level, gain=0.0)
        duel = duels.get((other, one))
        turned = duel.samples[::-1] if duel is not None and duel.samples is not None else None
        return turned is not None and superior(first, (turned[0], turned[1]), level, gain=0.0)

    return beats


def _findings(evidence: Evidence, version: str) -> tuple[Finding, ...]:
    of = evidence.arms.get(version)
    return of.findings if of is not None else ()


def _passed(findings: Iterable[Finding], names: tuple[str, ...]) -> bool:
    found = {one.metric: one for one in findings}
    return all(name in found and found[name].verdict is Verdict.PASS and found[name].fresh for name in names)


def _goal_failed(evidence: Evidence | None) -> bool:
    return evidence is not None and any(
        one.role == Role.GOAL and one.verdict is Verdict.FAIL for one in evidence.findings
    )
