"""The operator's own metrics."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from modelrollout.api.status import MetricStatus, ModelRolloutStatus, Outcome
from modelrollout.decisions.runs import left_the_queue
from modelrollout.kube.resources import Obj, name_of, namespace_of

_PROMOTIONS = frozenset({Outcome.PROMOTED, Outcome.FORCED})
_ROLLBACKS = frozenset({Outcome.ROLLED_BACK, Outcome.NO_EVIDENCE, Outcome.ABORTED, Outcome.UNDONE})
# Beyond what is alerted on: a quantile is never said to be above the last bound.
_LAG_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)
_RUN_SECONDS = (30, 60, 120, 300, 600, 1800, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600)


class Telemetry:
    """Counters that the reconciler feeds."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.reconcile_seconds = Histogram(
            "modelrollout_reconcile_seconds", "Time of one reconcile.", registry=registry
        )
        self.reconcile_errors = Counter(
            "modelrollout_reconcile_errors", "Reconciles that failed.", ["error"], registry=registry
        )
        self.status_writes = Counter("modelrollout_status_writes", "Writes of status.", registry=registry)
        self.traffic_writes = Counter(
            "modelrollout_traffic_writes", "Decisions carried out on routes.", registry=registry
        )
        self.analysis_lag = Histogram(
            "modelrollout_analysis_lag_seconds", "Delay of an analysis.", buckets=_LAG_SECONDS, registry=registry
        )
        run = ["namespace", "name"]
        self._promotions = Counter("modelrollout_promotions", "Runs that were promoted.", run, registry=registry)
        self._rollbacks = Counter("modelrollout_rollbacks", "Runs taken back.", [*run, "reason"], registry=registry)
        self._results = Counter(
            "modelrollout_gate_result", "Verdicts given.", [*run, "metric", "verdict"], registry=registry
        )
        self._seconds = Histogram(
            "modelrollout_duration_seconds",
            "Length of runs, their watch included.",
            buckets=_RUN_SECONDS,
            registry=registry,
        )

    def decided(self, obj: Obj, old: ModelRolloutStatus, new: ModelRolloutStatus) -> None:
        """A new status was stored."""
        self.status_writes.inc()
        where = namespace_of(obj), name_of(obj)
        verdicts = {_pair(metric): metric.verdict for metric in old.metrics}
        for metric in new.metrics:
            if verdicts.get(_pair(metric)) != metric.verdict:
                self._results.labels(*where, metric.name, str(metric.verdict)).inc()
        self._measure(old, new)
        run, before = new.run, old.run
        if (
            run is None
            or run.outcome is None
            or (before is not None and (before.id, before.outcome) == (run.id, run.outcome))
        ):
            return
        if left_the_queue(run):
            return
        if run.outcome in _PROMOTIONS:
            self._promotions.labels(*where).inc()
        elif run.outcome in _ROLLBACKS:
            self._rollbacks.labels(*where, run.reason).inc()

    def _measure(self, old: ModelRolloutStatus, new: ModelRolloutStatus) -> None:
        """Take in how long runs took that are over now; one that is undone after its end was over before."""
        known = {past.run for past in old.history}
        waited = new.run.id if new.run is not None and left_the_queue(new.run) else None
        for past in new.history:
            if past.run not in known and past.run != waited:
                self._seconds.observe(max(0.0, (past.ended_at - past.started_at).total_seconds()))

    def forget(self, obj: Obj) -> None:
        """The rollout is gone: so are its series."""
        for counter in (self._promotions, self._rollbacks, self._results):
            counter.remove_by_labels({"namespace": namespace_of(obj), "name": name_of(obj)})


def _pair(metric: MetricStatus) -> tuple[str, str, str]:
    """What a verdict is of: in an experiment each metric has one for every pair of versions."""
    return metric.name, metric.version, metric.against
