"""docs/cli.md shows what the commands really print.

After a wanted change: `MODELROLLOUT_GOLDEN=write pytest tests/unit/cli`, then read the difference.
"""

import os
import re
import shlex
from pathlib import Path

import pytest

from modelrollout.cli.root import COMMANDS
from tests.unit.cli.conftest import Run

CHECKOUT = Path(__file__).parents[3]
PAGE = CHECKOUT / "docs" / "cli.md"
FILES = Path(__file__).parent / "golden"

# A block whose command can be run without a cluster, and one that shows a file.
RUN = re.compile(
    r"(```console\n\$ kubectl modelrollout ([^\n]*--help|(?:lint|presets) [^\n]*)\n)(.*?)(```\n)", re.DOTALL
)
SHOWN = re.compile(r"(<!-- (tests/\S+) -->\n```console\n\$ [^\n]*\n)(.*?)(```\n)", re.DOTALL)


def test_the_reference_shows_what_is_printed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    monkeypatch.chdir(FILES)
    page = PAGE.read_text()
    wanted = RUN.sub(lambda found: found[1] + _printed(run, found[2]) + found[4], page)
    wanted = SHOWN.sub(lambda found: found[1] + (CHECKOUT / found[2]).read_text() + found[4], wanted)
    if os.environ.get("MODELROLLOUT_GOLDEN") == "write":
        PAGE.write_text(wanted)
        page = wanted
    assert page == wanted


def test_the_reference_has_every_command() -> None:
    page = PAGE.read_text()
    assert [
        name for name in COMMANDS if f"modelrollout {name} --help\n" not in page and f"| `{name}` |" not in page
    ] == []


def _printed(run: Run, command: str) -> str:
    return "\n".join(line.rstrip() for line in run(*shlex.split(command)).out.splitlines()) + "\n"
