"""Placeholders in the query of a threshold: a fixed list of names, each replaced by harmless text."""

import re
from collections.abc import Callable, Mapping

from modelrollout.decisions.questions import Question, SeriesTarget
from modelrollout.metrics.errors import BadQuery
from modelrollout.metrics.targets import pods_pattern, router_pattern

_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}")
# What names of Kubernetes and our own patterns are made of: neither quotes nor backslashes, so no text ends early.
_HARMLESS = re.compile(r"[a-zA-Z0-9._:/|()\[\]{},+?-]*")


def substitute(query: str, question: Question) -> str:
    """The query for the candidate.

    namespace, version, service, port and workload stand for themselves. pods is a regular expression for the names of
    the candidate's pods, cluster one for what the router calls the candidate in its own series; both are for `=~`.

    Raises:
        BadQuery: an unknown placeholder, or one whose value is not known.
    """
    values = _values(question)

    def value(found: re.Match[str]) -> str:
        known = values.get(found[1])
        if known is None:
            raise BadQuery(f"{found[0]} is no placeholder: there are {', '.join(values)}")
        text = known()
        if not text or not _HARMLESS.fullmatch(text):
            raise BadQuery(f"{found[0]} has no usable value for {question.candidate}: {text!r}")
        return text

    return _PLACEHOLDER.sub(value, query)


def _values(question: Question) -> Mapping[str, Callable[[], str]]:
    name = question.candidate
    target = question.targets.get(name) or SeriesTarget(service="", port=0)
    return {
        "namespace": lambda: question.namespace,
        "version": lambda: name,
        "service": lambda: target.service,
        "port": lambda: str(target.port) if target.port else "",
        "workload": lambda: target.workload,
        "pods": lambda: pods_pattern(name, target, question.spec),
        "cluster": lambda: router_pattern(question, name),
    }
