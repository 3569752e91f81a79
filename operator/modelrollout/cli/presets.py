"""Presets as people and programs see them."""

from typing import Any

import yaml
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from modelrollout.api import Metric, MetricTemplateSpec, TemplateParameter
from modelrollout.presets import preset, shown


def entry(name: str) -> dict[str, Any]:
    """One line of the list, for programs."""
    found = preset(name)
    return {
        "name": name,
        "kind": shown(found, name_of_use(name)).kind,
        "description": found.description,
        "parameters": [one.name for one in found.parameters],
    }


def document(name: str) -> dict[str, Any]:
    """All there is to say of a preset, and the metric that it stands for, for programs."""
    found = preset(name)
    return {"name": name, **found.to_json(), "metric": metric_json(shown(found, name_of_use(name)))}


def table(names: list[str]) -> Table:
    """The list, for people."""
    lines = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    lines.add_column("NAME", no_wrap=True)
    lines.add_column("KIND", no_wrap=True)
    lines.add_column("WHAT IT MEASURES")
    for name in names:
        one = entry(name)
        lines.add_row(Text(name, style="bold"), one["kind"], one["description"])
    return lines


def page(name: str) -> Group:
    """One preset, for people."""
    found = preset(name)
    parts: list[Any] = [Text(name, style="bold"), Text(found.description)]
    if found.parameters:
        parts += [_title("PARAMETERS"), _indented(_parameters(found))]
    for title, sentences in (("IT NEEDS", found.needs), ("MIND", found.traps)):
        if sentences:
            parts += [_title(title), _indented(_bullets(sentences))]
    parts += [_title("IN spec.metrics"), _indented(Text(use(name, found)))]
    metric = metric_json(shown(found, name_of_use(name)))
    parts += [_title("IT STANDS FOR"), _indented(Text(_yaml([metric])))]
    return Group(*parts)


def name_of_use(preset_name: str) -> str:
    """Name of a metric that uses a preset, for show."""
    return preset_name.partition("/")[2]


def metric_json(metric: Metric) -> dict[str, Any]:
    """A metric with what a person would write: nothing that is so by default."""
    return metric.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)


def use(name: str, found: MetricTemplateSpec) -> str:
    """How a preset is written in a rollout: with every parameter that has to be said."""
    needed = {one.name: one.shown for one in found.parameters if one.default is None}
    used: dict[str, Any] = {"name": name} | ({"parameters": needed} if needed else {})
    return _yaml([{"name": name_of_use(name), "preset": used}])


def default_of(parameter: TemplateParameter) -> str:
    """What a parameter is where nothing is said."""
    return "has to be said" if parameter.default is None else f"default {parameter.default}"


def _parameters(found: MetricTemplateSpec) -> Table:
    lines = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    lines.add_column(no_wrap=True)
    lines.add_column(no_wrap=True)
    lines.add_column()
    for one in found.parameters:
        lines.add_row(one.name, default_of(one), one.description)
    return lines


def _bullets(sentences: tuple[str, ...]) -> Table:
    lines = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1, 0, 0))
    for sentence in sentences:
        lines.add_row("-", sentence)
    return lines


def _title(text: str) -> Text:
    return Text(f"\n{text}", style="dim")


def _indented(what: Any) -> Padding:  # noqa: ANN401 - anything that rich can show
    return Padding(what, (0, 0, 0, 2))


def _yaml(value: object) -> str:
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)
    return text.rstrip()
