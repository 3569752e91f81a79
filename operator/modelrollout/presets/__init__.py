"""Ready-made metrics: the presets of this package, templates of one's own, and what both expand into."""

from modelrollout.presets.expansion import expand, shown, template_errors
from modelrollout.presets.library import preset, preset_names
from modelrollout.presets.resolution import MissingTemplate, Shelf, resolution_errors, resolve, templates_of

__all__ = [
    "MissingTemplate",
    "Shelf",
    "expand",
    "preset",
    "preset_names",
    "resolution_errors",
    "resolve",
    "shown",
    "template_errors",
    "templates_of",
]
