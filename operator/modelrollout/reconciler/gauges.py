"""Gauges that are read off what is known when Prometheus asks: nothing to keep up to date, nothing to leak."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from modelrollout import __version__
from modelrollout.api.status import Phase
from modelrollout.decisions.delivery import TRAFFIC_MATCHES
from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.monitoring.attending import DEGRADING, STALE
from modelrollout.decisions.stated import HEALTHY
from modelrollout.kube.cache import Cache, Key
from modelrollout.kube.resources import MODELROLLOUTS, Obj, name_of, namespace_of

_Rollouts = list[tuple[str, str, Obj]]
_Samples = Iterable[tuple[tuple[str, ...], float]]


class Gauges(Collector):
    """One sample per rollout, or per version or metric of it."""

    def __init__(self, cache: Cache, evidence: Callable[[Key], Evidence | None]) -> None:
        self._cache = cache
        self._evidence = evidence

    def collect(self) -> Iterator[Metric]:
        """The present samples."""
        known = [(namespace_of(one), name_of(one), one.get("status") or {}) for one in self._cache.list(MODELROLLOUTS)]
        rollout = ["namespace", "name"]
        yield _family("info", "The operator's version.", ["version"], [((__version__,), 1.0)])
        yield _family("phase", "1 for the phase a rollout is in.", [*rollout, "phase"], _phases(known))
        weight = "Thousandths of the traffic; in a step with an audience, of that in its rules."
        yield _family("weight", weight, [*rollout, "variant"], _weights(known))
        for name, text, kind, amiss in (
            ("degrading", "1 while the version that serves has left its reference.", DEGRADING, "True"),
            ("model_stale", "1 while the model that serves is older than it should be.", STALE, "True"),
            ("traffic_mismatch", "1 while the route does not say what was decided.", TRAFFIC_MATCHES, "False"),
            ("analysis_failing", "1 while Prometheus is asked for a run and says nothing usable.", HEALTHY, "False"),
        ):
            yield _family(name, text, rollout, _conditions(known, kind, amiss))
        # Of the stored status, and not a counter: a counter's first increase is one that Prometheus cannot see.
        ended = "When the last run ended, in seconds of Unix time."
        yield _family("run_ended_timestamp_seconds", ended, [*rollout, "outcome", "reason"], _ends(known))
        for name, text, field in (
            ("gate_value", "The candidate's value of a metric.", "candidate"),
            ("gate_threshold", "The worst value that may be promoted.", "limit"),
        ):
            yield _family(name, text, [*rollout, "metric"], self._findings(known, field))

    def _findings(self, rollouts: _Rollouts, field: str) -> Iterator[tuple[tuple[str, ...], float]]:
        for namespace, name, _ in rollouts:
            evidence = self._evidence((namespace, name))
            for finding in evidence.findings if evidence is not None else ():
                number = getattr(finding, field)
                if number is not None:
                    yield (namespace, name, finding.metric), float(number)


def _family(name: str, text: str, labels: list[str], samples: _Samples) -> Metric:
    family = GaugeMetricFamily(f"modelrollout_{name}", text, labels=labels)
    for values, number in samples:
        family.add_metric(list(values), number)
    return family


def _phases(rollouts: _Rollouts) -> Iterator[tuple[tuple[str, ...], float]]:
    for namespace, name, status in rollouts:
        for phase in Phase:
            yield (namespace, name, str(phase)), float(status.get("phase") == phase)


def _conditions(rollouts: _Rollouts, kind: str, amiss: str) -> Iterator[tuple[tuple[str, ...], float]]:
    for namespace, name, status in rollouts:
        for condition in status.get("conditions") or ():
            if condition.get("type") == kind:
                yield (namespace, name), float(condition.get("status") == amiss)


def _ends(rollouts: _Rollouts) -> Iterator[tuple[tuple[str, ...], float]]:
    for namespace, name, status in rollouts:
        for run in (status.get("history") or ())[-1:]:
            when = datetime.fromisoformat(run["endedAt"])
            yield (namespace, name, str(run["outcome"]), str(run.get("reason") or "")), when.timestamp()


def _weights(rollouts: _Rollouts) -> Iterator[tuple[tuple[str, ...], float]]:
    for namespace, name, status in rollouts:
        for version, weight in ((status.get("weights") or {}).get("desired") or {}).items():
            yield (namespace, name, version), float(weight)
