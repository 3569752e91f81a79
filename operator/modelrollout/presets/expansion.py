"""From a template and what its parameters stand for to a metric of one of the plain kinds.

There is no language in a template: a name between double braces is replaced by text, once, and what comes out is read
as a metric like one that was written by hand.
"""

from collections.abc import Mapping
from typing import Any

from pydantic.alias_generators import to_camel

from modelrollout.api import Metric, MetricTemplateSpec, Role, parse_metric
from modelrollout.api.metric_rules import READY_MADE
from modelrollout.api.selectors import PLACEHOLDERS
from modelrollout.api.templates import GIVEN, NOT_IN_TEMPLATES, PLACEHOLDER
from modelrollout.errors import InvalidSpec
from modelrollout.presets.nearest import advice

_OF_A_GOAL, _OF_OTHERS = ("gain",), ("margin", "acceptable")
_FOR_CHECKS = {"rollout": "some"}


def expand(template: MetricTemplateSpec, used: Metric, rollout: str, field: str) -> Metric:
    """The metric that a use of a template stands for.

    What is written beside the use wins. Where that changes the role, a limit that only fits the template's own role is
    left out.

    Args:
        template: the template, whichever way it was found.
        used: the metric that refers to it.
        rollout: name of the ModelRollout.
        field: path of `used`, for errors.

    Raises:
        InvalidSpec: a parameter is missing or unknown, or what comes out is no metric.
    """
    reference, kind = (used.preset, "preset") if used.preset is not None else (used.template, "template")
    given = reference.parameters if reference is not None else {}
    values = {**_values(template, given, f"{field}.{kind}.parameters"), "rollout": rollout}
    own, named = used.to_json(), [to_camel(one) for one in used.model_fields_set if one not in READY_MADE]
    written = {name: own[name] for name in named if name in own}
    metric = {**_substituted(template.metric, values), **written}
    for limit in _OF_OTHERS if metric.get("role") == Role.GOAL else _OF_A_GOAL:
        if limit not in written:
            metric.pop(limit, None)
    try:
        return parse_metric(metric, field)
    except InvalidSpec as error:
        name = reference.name if reference is not None else ""
        raise InvalidSpec(f"with the {kind} {name}: {error.message}", error.field) from None


def shown(template: MetricTemplateSpec, name: str) -> Metric:
    """The metric with the defaults of its parameters, or their examples.

    Raises:
        InvalidSpec: the template is wrong; `template_errors` says in which ways.
    """
    values = {one.name: one.shown for one in template.parameters}
    return parse_metric({**_substituted(template.metric, values), "name": name}, "spec.metric")


def template_errors(template: MetricTemplateSpec) -> tuple[InvalidSpec, ...]:
    """Everything that is wrong with a template beyond what its schema says, in the order in which to mend it."""
    errors = [
        InvalidSpec("a template does not have this field: leave it out", f"spec.metric.{name}")
        for name in NOT_IN_TEMPLATES
        if name in template.metric
    ]
    names = [one.name for one in template.parameters]
    known = {*names, *GIVEN, *PLACEHOLDERS}
    errors += [
        InvalidSpec(f"{{{{{name}}}}} is no parameter{advice(name, sorted(known))}", "spec.metric")
        for name in sorted(template.placeholders() - known)
    ]
    errors += [
        InvalidSpec(f"nothing in the metric stands for {name}: leave the parameter out", f"spec.parameters[{place}]")
        for place, name in enumerate(names)
        if name not in template.placeholders()
    ]
    if not errors:
        try:
            values = {one.name: one.shown for one in template.parameters}
            parse_metric({**_substituted(template.metric, values | _FOR_CHECKS), "name": "some"}, "spec.metric")
        except InvalidSpec as error:
            errors.append(error)
    return tuple(errors)


def _values(template: MetricTemplateSpec, given: Mapping[str, str], field: str) -> dict[str, str]:
    names = [one.name for one in template.parameters]
    for name in given:
        if name not in names:
            there = advice(name, names) if names else ": it has none"
            raise InvalidSpec(f"{name} is no parameter here{there}", f"{field}.{name}")
    for one in template.parameters:
        if one.name not in given and one.default is None:
            raise InvalidSpec(f"say what {one.name} is: {one.description} For example {one.example!r}.", field)
    return {one.name: given.get(one.name, one.shown) for one in template.parameters}


def _substituted(value: Any, values: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), value)
    if isinstance(value, Mapping):
        return {name: _substituted(part, values) for name, part in value.items()}
    if isinstance(value, list):
        return [_substituted(part, values) for part in value]
    return value
