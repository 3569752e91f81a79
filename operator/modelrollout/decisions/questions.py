"""What Prometheus is to be asked for a run: made from spec and status, answered by `metrics`, judged by `analysis`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelrollout.api import ModelRollout, ModelRolloutSpec
from modelrollout.api.status import ModelRolloutStatus, RunState
from modelrollout.decisions.observed import Observed, RouterSeries
from modelrollout.decisions.steps import answer_share, apart
from modelrollout.decisions.strategies import compile_steps


@dataclass(frozen=True, slots=True)
class SeriesTarget:
    """Names by which a version is found in series.

    Attributes:
        service, port: of its Service.
        workload: name of its workload.
        pods: pods seen behind its Service since the run began, at most 200; empty means the workload's name pattern.
    """

    service: str
    port: int
    workload: str = ""
    pods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """Everything needed to gather and judge evidence of one run.

    Attributes:
        namespace: of the rollout; every counter selector is bound to it.
        spec: the run's resolved plan (metrics and analysis are read from it).
        run: id of the run.
        candidate, stable: version names.
        targets: how each of the two is found in series.
        since: when the candidate first got a weight, seconds since the epoch.
        step: index of the present step.
        step_since: when it began, or its evidence was discarded; seconds since the epoch.
        weight: the candidate's weight now, of 1000.
        mirror: of how many requests it gets a copy now, of 1000.
        arrived: the route has that weight and makes these copies; otherwise the requests are shared in another way.
        watching: after promotion; the candidate has all traffic and is judged against the stable version's history.
        preview: nothing leads users' requests to the candidate in this step.
        audience: the candidate meets other users than stable; see `steps.apart`.
        opened: after steps with an audience, when the first weights for everybody had come; None without such steps.
        alone: the same in every step: the two versions never answer side by side, all traffic is switched at once.
        baseline: revision of the stable version, empty when unknown; evidence gathered against another one is void.
        router: how the router's own series tell the versions apart now, None where it counts nothing.
        history: version whose past says how counts scatter; empty: stable.
        together: all versions whose series are asked for at once, the two among them; empty: the two.
        pairs: of an experiment, the questions that it is judged by; see `experiments.pairs`.
    """

    namespace: str
    spec: ModelRolloutSpec
    run: str
    candidate: str
    stable: str
    since: float
    step: int
    step_since: float
    weight: float
    watching: bool = False
    mirror: int = 0
    arrived: bool = True
    preview: bool = False
    audience: bool = False
    opened: float | None = None
    alone: bool = False
    targets: Mapping[str, SeriesTarget] = field(default_factory=dict)
    baseline: str = ""
    router: RouterSeries | None = None
    history: str = ""
    together: tuple[str, ...] = ()
    pairs: tuple["Question", ...] = ()

    @property
    def versions(self) -> tuple[str, ...]:
        """All versions whose series are asked for."""
        return self.together or (self.candidate, self.stable)

    @property
    def share(self) -> float:
        """The candidate's share of all answers, see `answer_share`."""
        return answer_share(self.weight, self.mirror)

    @property
    def interval(self) -> float:
        """Seconds between two answers."""
        return self.spec.analysis.interval.total_seconds()


def question_of(
    rollout: ModelRollout, spec: ModelRolloutSpec, status: ModelRolloutStatus, observed: Observed
) -> Question | None:
    """The question a status leads to: None unless the candidate has traffic and there is something to ask."""
    run = status.run
    if (
        run is None
        or run.exposed_at is None
        or run.state not in (RunState.TRIAL, RunState.WATCHING)
        or not spec.metrics
    ):
        return None
    watching, steps = run.state is RunState.WATCHING, compile_steps(spec)
    versions = (run.stable, *run.trying)
    return Question(
        namespace=rollout.metadata.namespace,
        spec=spec,
        run=run.id,
        candidate=run.target,
        stable=run.stable,
        since=run.exposed_at.timestamp(),
        step=run.step,
        step_since=run.step_started_at.timestamp(),
        weight=1000 if watching else run.weight,
        mirror=0 if watching else run.mirror,
        watching=watching,
        preview=not watching and run.step < len(steps) and steps[run.step].preview,
        audience=not watching and apart(run, steps),
        opened=None if run.compared_at is None else run.compared_at.timestamp(),
        alone=all(step.preview for step in steps),
        targets={name: target_of(spec, name, observed) for name in versions},
        baseline=run.stable_revision,
        router=observed.route.series,
    )


def target_of(spec: ModelRolloutSpec, name: str, observed: Observed) -> SeriesTarget:
    """How a version is found in series."""
    version, seen = spec.version(name), observed.versions.get(name)
    return SeriesTarget(
        service=version.service.name if version else "",
        port=version.service.port if version else 0,
        workload=version.workload.name if version else "",
        pods=seen.pods if seen else (),
    )
