"""The shell around the commands: help, exit codes, and what is loaded when."""

import subprocess
import sys

import pytest

from modelrollout import __version__
from modelrollout.cli.root import COMMANDS
from tests.unit.cli.conftest import Run

HEAVY = ("kubernetes", "aiohttp", "rich", "pydantic", "numpy", "scipy", "yaml", "kopf")


@pytest.mark.slow
@pytest.mark.parametrize("arguments", ["", "--help", "status --help", "lint --help", "completion bash"])
def test_nothing_heavy_is_loaded_before_a_command_needs_it(arguments: str) -> None:
    program = f"""
import sys
from modelrollout.cli import main
sys.argv = ["modelrollout", *{arguments.split()!r}]
try:
    if len(sys.argv) > 1: main()
except SystemExit:
    pass
loaded = {{name.partition(".")[0] for name in sys.modules}}
print("LOADED", *sorted(loaded & set({HEAVY!r})))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].strip() == "LOADED"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_begins_with_a_sentence(run: Run, name: str) -> None:
    ran = run(name, "--help")
    assert ran.code == 0
    assert f"Usage: kubectl modelrollout {name}" in ran.out


def test_the_help_lists_every_command_and_every_exit_code(run: Run) -> None:
    text = run("--help").out
    assert all(f"\n  {name} " in text for name in COMMANDS)
    assert all(f"\n    {code}  " in text for code in range(6))


def test_an_unknown_command_is_a_usage_error_that_names_the_nearest(run: Run) -> None:
    ran = run("abrot", "fraud")
    assert ran.code == 2
    assert "Did you mean" in ran.err
    assert "abort" in ran.err


def test_a_missing_argument_and_a_wrong_duration_are_usage_errors(run: Run) -> None:
    assert run("abort").code == 2
    ran = run("wait", "fraud", "--timeout", "soon")
    assert ran.code == 2
    assert "is no duration" in ran.err


def test_the_version_of_the_client_needs_no_cluster(run: Run) -> None:
    assert run("version", "--client").out == f"client: {__version__}\n"
    assert run("version", "--client", "-o", "yaml").out == f"client: {__version__}\n"
    assert run("--version").out == f"{__version__}\n"


def test_without_a_kubeconfig_the_error_says_where_one_was_looked_for(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere/kubeconfig")
    ran = run("list")
    assert ran.code == 1
    assert ran.err.startswith("error: no cluster to connect to: ")
    assert "Set KUBECONFIG or pass --kubeconfig" in ran.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_ask_the_installed_program(run: Run, shell: str) -> None:
    assert f"_MODELROLLOUT_COMPLETE={shell}_complete" in run("completion", shell).out
