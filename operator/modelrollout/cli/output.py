"""Output for people and for programs: consoles, JSON and YAML."""

import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

FORMATS = ("json", "yaml")
"""Forms for programs; every command that prints data knows both."""

_WIDTH_WITHOUT_TERMINAL = 120


def console() -> "Console":
    """Standard output with colour only on a terminal and without NO_COLOR; a fixed width where it is no terminal."""
    from rich.console import Console

    # COLUMNS is for people who pipe into something narrower; rich reads it itself.
    fixed = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH_WITHOUT_TERMINAL
    return Console(highlight=False, width=fixed, soft_wrap=False)


def emit(document: object, form: str) -> None:
    """Print data as JSON or YAML."""
    if form == "json":
        import json

        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        import yaml

        click.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), nl=False)
