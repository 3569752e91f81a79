"""The presets that come with this package: templates in YAML, one file for each server, read when first asked for."""

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from modelrollout.api import MetricTemplateSpec
from modelrollout.errors import InvalidSpec
from modelrollout.presets.nearest import advice

_FOLDER = files("modelrollout.presets") / "catalogue"
_SUFFIX = ".yaml"


@cache
def preset_names() -> tuple[str, ...]:
    """Names of all presets, SERVER/WHAT, in the order in which people look for them."""
    return tuple(f"{server}/{name}" for server in _servers() for name in _presets(server))


@cache
def preset(name: str) -> MetricTemplateSpec:
    """The preset of that name.

    Raises:
        InvalidSpec: there is none; the message says which was meant, or which there are.
    """
    server, _, what = name.partition("/")
    found = _presets(server).get(what) if server in _servers() else None
    if found is None:
        among = [f"{server}/{one}" for one in _presets(server)] if server in _servers() else preset_names()
        raise InvalidSpec(f"there is no preset {name}{advice(name, among)}", "name")
    return MetricTemplateSpec.model_validate(found)


@cache
def _servers() -> tuple[str, ...]:
    return tuple(sorted(one.name.removesuffix(_SUFFIX) for one in _FOLDER.iterdir() if one.name.endswith(_SUFFIX)))


@cache
def _presets(server: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((_FOLDER / f"{server}{_SUFFIX}").read_text(encoding="utf-8"))
    return content
