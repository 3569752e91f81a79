"""A world with an experiment: v8 and v9 against v7, with evidence as the test says."""

from typing import Any

from modelrollout.api.arms import ArmState
from modelrollout.api.status import Verdict
from modelrollout.decisions.findings import Duel, Evidence, Finding
from modelrollout.stats.fixed_horizon import Sample
from tests.unit.decisions.world import World, errors_metric

AB_TEST = {"split": {"v8": 20, "v9": 30}, "until": {"duration": "1h"}}


def clicks(**more: Any) -> dict[str, Any]:
    """A goal: more clicks."""
    return {
        "name": "clicks",
        "role": "Goal",
        "better": "Higher",
        "gain": {"difference": 0},
        "proportion": {"good": "clicks_total", "total": "requests_total"},
        **more,
    }


class ExperimentWorld(World):
    """Evidence is scripted: verdicts by (version, metric), duels by (first, second), counts by version."""

    def __init__(self, strategy: dict[str, Any] | None = None, **spec: Any) -> None:
        """A world where v7 has all the traffic and everything is ready."""
        given = {
            "target": None,
            "candidates": ["v8", "v9"],
            "strategy": strategy or {"abTest": AB_TEST},
            "metrics": [errors_metric(), clicks()],
            **spec,
        }
        super().__init__(**given)
        self.document = {key: value for key, value in self.document.items() if value is not None}
        self.rollout = self._rollout()
        self.said: dict[tuple[str, str], Verdict] = {}
        self.duels: dict[tuple[str, str], Verdict] = {}
        self.counts: dict[str, tuple[int, int]] = dict.fromkeys(("v7", "v8", "v9"), (400, 4000))

    def finding(self, metric: str, role: str, verdict: Verdict, first: str, second: str) -> Finding:
        """What is said of one pair by one metric."""
        return Finding(
            metric=metric,
            role=role,
            verdict=verdict,
            reason="Scripted",
            message=f"{metric} as the test says",
            fresh=self.fresh,
            candidate_count=self.counts[first][1],
            stable_count=self.counts[second][1],
            samples=(_share(*self.counts[first]), _share(*self.counts[second])),
        )

    def evidence(self) -> Evidence | None:
        """What Prometheus would say now."""
        run = self.rollout.status.run
        if run is None or not self.evidence_on or run.exposed_at is None:
            return None
        spec = self.plan or self.rollout.spec
        tried = [arm.version for arm in run.arms if arm.state is not ArmState.OUT]
        arms = {
            name: Evidence(
                run=run.id,
                step=run.step,
                findings=tuple(
                    self.finding(
                        metric.name,
                        metric.role,
                        self.said.get((name, metric.name), Verdict.INCONCLUSIVE),
                        name,
                        run.stable,
                    )
                    for metric in spec.metrics
                ),
            )
            for name in tried
        }
        if run.state == "Watching":
            return Evidence(run=run.id, step=run.step, findings=arms[run.target].findings)
        pairs = [(one, other) for place, one in enumerate(tried) for other in tried[place + 1 :]]
        duels = tuple(
            Duel(one, other, self.finding("clicks", "Goal", self.duel_verdict(one, other), one, other))
            for one, other in pairs
        )
        answers = {name: total for name, (_, total) in self.counts.items()}
        return Evidence(run=run.id, step=run.step, arms=arms, duels=duels, answers=answers)

    def duel_verdict(self, one: str, other: str) -> Verdict:
        """Inconclusive by default."""
        return self.duels.get((one, other), Verdict.INCONCLUSIVE)

    def better_than_stable(self, *names: str) -> None:
        """From now on these pass by every metric."""
        self.said |= {(name, metric): Verdict.PASS for name in names for metric in ("errors", "clicks")}

    def start(self) -> "ExperimentWorld":
        """Adopt v7 and begin."""
        self.reconcile(times=8)
        return self

    def arm(self, version: str) -> Any:
        """What status says of a candidate."""
        return next(arm for arm in self.status.run.arms if arm.version == version)


def _share(events: int, total: int) -> Sample:
    share = events / total
    return Sample(share, (share * (1 - share)) ** 0.5, total)
