"""Every verb becomes a command that the API server accepts, and its answer comes back."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cli.conftest import Rollouts, Run
from tests.unit.cli import cases


def claimed(message: str) -> dict[str, Any]:
    """The condition of a route that cannot be used."""
    said = {"type": "RouteClaimed", "status": "False", "reason": "RouteMissing", "message": message}
    return {**said, "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z"}


VERBS = ["approve", "promote", "skip", "pause", "resume", "abort", "retry", "undo"]


@pytest.mark.usefixtures("progressing")
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_creates_one_command_in_the_name_of_the_user_and_bound_to_the_run(
    run: Run, rollouts: Rollouts, verb: str
) -> None:
    ran = run(verb, "fraud", "--reason", "night shift", "--no-wait")
    assert (ran.returncode, ran.stderr) == (0, "")
    (command,) = rollouts.commands()
    assert command["metadata"]["name"].startswith(f"fraud-{verb}-")
    assert command["spec"] == {
        "rollout": "fraud",
        "run": "v8-9a01c2d3e4-1",
        "verb": verb.capitalize(),
        "full": False,
        "reason": "night shift",
        "by": "modelrollout-dev-admin",
        "expiresAfter": "10m",
    }
    assert command["metadata"]["name"] in ran.stdout


@pytest.mark.usefixtures("progressing")
def test_promote_full_says_so(run: Run, rollouts: Rollouts) -> None:
    assert run("promote", "fraud", "--full", "--no-wait").returncode == 0
    assert rollouts.commands()[0]["spec"]["full"] is True


def test_a_rollout_without_a_run_gets_a_command_without_one(run: Run, rollouts: Rollouts) -> None:
    rollouts.create(cases.rollout())
    assert run("pause", "fraud", "--no-wait").returncode == 0
    assert "run" not in rollouts.commands()[0]["spec"]


@pytest.mark.usefixtures("progressing")
def test_an_accepted_command_prints_what_the_operator_did(run: Run, answering) -> None:
    answering(accepted=True, message="held at 5 %")
    ran = run("pause", "fraud")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.endswith("/fraud: held at 5 %\n")


@pytest.mark.usefixtures("progressing")
def test_a_refused_command_ends_with_5_and_the_operators_words(run: Run, answering) -> None:
    answering(accepted=False, message="nothing was promoted before")
    ran = run("undo", "fraud")
    assert ran.returncode == 5
    assert "the operator refused to undo" in ran.stderr
    assert ran.stderr.endswith("nothing was promoted before\n")


@pytest.mark.usefixtures("progressing")
def test_an_answer_can_be_read_by_programs(run: Run, answering) -> None:
    answering(accepted=True, message="held at 5 %")
    answer = json.loads(run("pause", "fraud", "-o", "json").stdout)
    assert (answer["verb"], answer["accepted"], answer["message"]) == ("Pause", True, "held at 5 %")


@pytest.mark.usefixtures("progressing")
def test_no_answer_in_time_ends_with_4_and_says_how_to_take_the_command_back(run: Run, rollouts: Rollouts) -> None:
    ran = run("abort", "fraud", "--timeout", "1s")
    assert ran.returncode == 4
    (command,) = rollouts.commands()
    assert f"kubectl delete modelrolloutcommand {command['metadata']['name']}" in ran.stderr


@pytest.mark.usefixtures("progressing")
@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({}, "Is the operator running"),
        (
            {"conditions": [claimed("HTTPRoute fraud was not found")]},
            "while the route cannot be used: HTTPRoute fraud was not found. The command stays valid",
        ),
        ({"phase": "Invalid", "message": "v9 is no version"}, "Nothing is carried out: v9 is no version. The command"),
    ],
)
def test_no_answer_says_what_hinders_the_operator_where_that_is_known(
    run: Run, rollouts: Rollouts, status: dict[str, Any], why: str
) -> None:
    rollouts.write(**status)
    ran = run("abort", "fraud", "--timeout", "1s")
    assert (ran.returncode, why in ran.stderr) == (4, True), ran.stderr


def test_a_verb_for_a_rollout_that_is_not_there_creates_nothing(run: Run, rollouts: Rollouts) -> None:
    assert run("abort", "fraud").returncode == 1
    assert rollouts.commands() == []


@pytest.mark.usefixtures("progressing")
def test_a_user_who_may_only_look_is_told_which_right_is_missing(run: Run, viewer: Path, rollouts: Rollouts) -> None:
    assert run("status", "fraud", kubeconfig=viewer).returncode == 0
    ran = run("abort", "fraud", kubeconfig=viewer)
    assert ran.returncode == 1
    assert "you may not do this" in ran.stderr
    assert 'cannot create resource "modelrolloutcommands"' in ran.stderr
    assert rollouts.commands() == []
