"""How the series of one version are found, and to which version a series belongs.

| series   | the operator adds                                                           | a version is told by |
|----------|-----------------------------------------------------------------------------|----------------------|
| pods     | `namespace="<ns>"`, `pod=~"<its pods>"`                                      | label `pod`          |
| version  | `namespace="<ns>"`, `version=~"<its name>"`                                  | label `version`      |
| service  | `namespace="<ns>"`, `service=~"<its Service>"`                               | label `service`      |
| workload | `namespace="<ns>"`, `workload=~"<its workload>"`                             | label `workload`     |
| cluster  | what the router says: `Question.router`                                     | the router's label   |

A gateway counts for all namespaces in pods of its own, so with `cluster` the label `namespace` would name the
gateway's; there the value itself carries the tenant's namespace.
"""

import re
from collections.abc import Mapping

from modelrollout.api import ModelRolloutSpec, Series
from modelrollout.decisions.observed import RouterSeries
from modelrollout.decisions.questions import Question, SeriesTarget
from modelrollout.metrics.errors import BadQuery
from modelrollout.metrics.selectors import Matcher, escaped

MAX_PODS = 200
"""More pods than this are found by the pattern of their workload's name, to keep queries short."""

LABELS: Mapping[Series, str] = {
    Series.PODS: "pod",
    Series.VERSION: "version",
    Series.SERVICE: "service",
    Series.WORKLOAD: "workload",
}
"""The label that tells versions apart, for each way of finding them that does not depend on the router."""

# Kubernetes makes the random parts of names from these letters and digits alone, so that the pods of `fraud` are never
# mistaken for those of `fraud-v8`.
_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]"

_ADDRESS = re.compile(r".+:[0-9]+")


def label_of(series: Series, question: Question) -> str:
    """The label that tells versions apart.

    Raises:
        BadQuery: the router counts nothing.
    """
    return _router(question).label if series is Series.CLUSTER else LABELS[series]


def version_pattern(series: Series, question: Question, name: str) -> str:
    """Regular expression (of Prometheus and of Python alike) for the label of one version's series.

    Raises:
        BadQuery: nothing is known by which the version could be found.
    """
    target = _target(question, name)
    match series:
        case Series.VERSION:
            return escaped(name)
        case Series.SERVICE:
            return escaped(_known(target.service, name, "Service"))
        case Series.WORKLOAD:
            return escaped(_known(target.workload, name, "workload"))
        case Series.CLUSTER:
            return router_pattern(question, name)
        case Series.PODS:
            return pods_pattern(name, target, question.spec)


def router_pattern(question: Question, name: str) -> str:
    """Regular expression for the values of the router's label that are a version's.

    Raises:
        BadQuery: the router counts nothing, or cannot tell the versions apart.
    """
    pattern = _router(question).patterns.get(name)
    if not pattern:
        raise BadQuery(_router(question).problem or f"the router does not say which of its series are those of {name}")
    return pattern


def pods_pattern(name: str, target: SeriesTarget, spec: ModelRolloutSpec) -> str:
    """Regular expression for the names of a version's pods: the known ones, else what their workload's name implies."""
    if 0 < len(target.pods) <= MAX_PODS:
        return "|".join(sorted(map(escaped, target.pods)))
    stem = escaped(_known(target.workload, name, "workload"))
    version = spec.version(name)
    kind = version.workload.kind if version is not None else ""
    if kind == "StatefulSet":
        return f"{stem}-[0-9]+"
    if kind == "InferenceService":
        stem += "-predictor"  # the Deployment that KServe makes of it
    return f"{stem}-{_RANDOM}{{1,10}}-{_RANDOM}{{5}}"


def matchers_of(series: Series, question: Question) -> tuple[Matcher, ...]:
    """The matchers that bind a selector to the rollout's namespace and to the versions, all at once."""
    together = "|".join(patterns_of(series, question).values())
    bound = Matcher(label_of(series, question), "=~", together)
    if series is Series.CLUSTER:
        return (bound,)
    return (Matcher("namespace", "=", question.namespace), bound)


def patterns_of(series: Series, question: Question) -> dict[str, str]:
    """For each of the versions, the regular expression for its label."""
    return {name: version_pattern(series, question, name) for name in question.versions}


def version_finder(series: Series, question: Question) -> "VersionFinder":
    """What tells to which version a series belongs."""
    return VersionFinder(label_of(series, question), patterns_of(series, question))


class VersionFinder:
    """Tells by its labels to which version a series belongs."""

    __slots__ = ("_label", "_patterns")

    def __init__(self, label: str, patterns: Mapping[str, str]) -> None:
        self._label = label
        self._patterns = {name: re.compile(pattern) for name, pattern in patterns.items()}

    def __call__(self, labels: Mapping[str, str]) -> str | None:
        """The version, or None for a series of neither."""
        value = labels.get(self._label, "")
        return next((name for name, pattern in self._patterns.items() if pattern.fullmatch(value)), None)


def address_of(labels: Mapping[str, str]) -> str | None:
    """Where the process listens that exposes a series, and the pod where it is named; None where no address tells."""
    instance = labels.get("instance", "")
    return f"{instance}|{labels.get('pod', '')}" if _ADDRESS.fullmatch(instance) else None


def process_of(labels: Mapping[str, str]) -> str:
    """Which process exposes a series, as one scraper sees it.

    That is its scrape target, the pod where it is named, and the Prometheus where several write to one place.
    """
    return "|".join(labels.get(label, "") for label in ("job", "instance", "pod", "prometheus", "prometheus_replica"))


def _router(question: Question) -> RouterSeries:
    if question.router is None:
        raise BadQuery("what shifts this rollout's traffic counts nothing: let the models count (series: pods)")
    return question.router


def _target(question: Question, name: str) -> SeriesTarget:
    return question.targets.get(name) or SeriesTarget(service="", port=0)


def _known(value: str, version: str, what: str) -> str:
    if not value:
        raise BadQuery(f"the {what} of {version} is not known, so its series cannot be found")
    return value
