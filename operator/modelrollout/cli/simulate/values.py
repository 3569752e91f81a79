"""True values as the command line takes them: NAME=VALUE, or NAME=MEAN:DEVIATION."""

from collections.abc import Iterable
from typing import Any

import click

Named = tuple[str, float, float | None]
"""Name of a metric, its value, and how far single values scatter."""


class NamedValue(click.ParamType[Named]):
    """`errors=0.02`, `order-value=12.5:4`."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Named:  # noqa: ANN401
        """The name, and what follows it."""
        if isinstance(value, tuple):
            return value
        name, _, text = str(value).partition("=")
        level, colon, spread = text.partition(":")
        try:
            found = name, float(level), float(spread) if colon else None
        except ValueError:
            found = "", 0.0, None
        if not found[0]:
            self.fail(
                f"{value!r}: write NAME=VALUE, such as errors=0.02, or for a mean NAME=MEAN:DEVIATION", param, ctx
            )
        return found


def by_name(option: str, values: Iterable[Named]) -> dict[str, tuple[float, float | None]]:
    """The values by name.

    Raises:
        click.UsageError: a name stands twice.
    """
    found: dict[str, tuple[float, float | None]] = {}
    for name, level, spread in values:
        if name in found:
            raise click.UsageError(f"{option} {name} is given twice: keep one")
        found[name] = level, spread
    return found
