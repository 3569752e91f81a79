"""Freezes: what they say, what they hold, and what they leave alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from modelrollout.api import Verb
from modelrollout.api.status import Outcome, Phase, Verdict
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.freeze import CONFIGMAP, describe, in_force, read
from modelrollout.decisions.observed import Freeze
from modelrollout.kube.resources import FREEZES
from tests.unit.decisions.street import Street
from tests.unit.decisions.world import START, World

HOLIDAYS = Freeze("namespace risk", "the holidays")


def frozen(*freezes: Freeze) -> World:
    """A world that is frozen when v8 becomes the target."""
    world = World()
    world.reconcile()
    world.freezes = freezes or (HOLIDAYS,)
    world.edit(target="v8")
    world.reconcile()
    return world


def test_the_name_that_is_watched_is_the_one_that_is_documented() -> None:
    assert FREEZES.only == CONFIGMAP


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({}, "namespace risk is frozen"),
        ({"reason": " the holidays\n"}, "namespace risk is frozen: the holidays"),
        ({"until": "2026-12-24T09:00:00+01:00"}, "namespace risk is frozen until 2026-12-24 08:00:00 UTC"),
        ({"until": ""}, "namespace risk is frozen"),
    ],
)
def test_a_freeze_is_told_with_its_end_and_its_reason(data: dict[str, str], told: str) -> None:
    assert describe(read(data, "namespace risk")) == told


@pytest.mark.parametrize("until", ["tomorrow", "2026-12-24", "2026-12-24T08:00:00", "24.12.2026 08:00"])
def test_an_end_that_cannot_be_read_is_no_end_and_is_said(until: str) -> None:
    freeze = read({"until": until}, "namespace risk")
    assert in_force([freeze], START + timedelta(days=36_500)) is freeze
    assert f'data.until "{until}" is no RFC 3339 time such as 2026-12-24T08:00:00Z' in describe(freeze)


def test_of_several_freezes_the_one_that_lasts_longest_is_in_force() -> None:
    short, long = (Freeze(name, until=START + timedelta(hours=hours)) for name, hours in (("a", 1), ("b", 2)))
    assert in_force([long, short], START) is long
    assert in_force([long, HOLIDAYS, short], START) is HOLIDAYS
    assert in_force([long, short], START + timedelta(hours=1, minutes=30)) is long
    assert in_force([long, short], START + timedelta(hours=2)) is None


def test_a_long_reason_is_cut() -> None:
    assert len(describe(read({"reason": "x" * 10_000, "until": "y" * 10_000}, "namespace risk"))) < 1024


def test_a_start_is_held_and_says_why_until_the_freeze_is_taken_away() -> None:
    world = frozen()
    assert world.status.phase is Phase.QUEUED
    assert world.status.message == "v8 waits to be tried: namespace risk is frozen: the holidays"
    assert world.condition("Reconciling") == ("True", "Queued")
    assert world.weights == {"v7": 1000}
    world.after(hours=100)
    assert world.status.phase is Phase.QUEUED
    world.freezes = ()
    world.reconcile()
    assert world.weights == {"v7": 950, "v8": 50}
    assert world.status.run.started_at == world.now
    assert [reason for reason in world.reasons() if reason in (Reason.FROZEN, Reason.THAWED)] == [
        Reason.FROZEN,
        Reason.THAWED,
    ]


def test_a_start_goes_on_by_itself_at_the_end_of_the_freeze() -> None:
    end = START + timedelta(hours=8)
    world = frozen(Freeze("every namespace", "", end))
    assert world.decide().wake_at == end
    world.now = end
    world.reconcile()
    assert world.status.phase is Phase.PROGRESSING


def test_a_run_that_goes_on_and_its_guardrails_are_not_held() -> None:
    world = World().start()
    world.freezes = (HOLIDAYS,)
    world.passing()
    for _ in range(3):
        world.after(seconds=61)
    assert world.status.phase is Phase.WATCHING
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=5)
    assert world.weights == {"v7": 1000}
    assert world.status.run.outcome is Outcome.ROLLED_BACK


def test_undo_and_a_fast_revert_are_not_held() -> None:
    for back in (lambda world: world.ask(Verb.UNDO), lambda world: (world.edit(target="v7"), world.reconcile())):
        world = World().promoted()
        world.after(minutes=16)
        assert world.status.phase is Phase.COMPLETED
        world.freezes = (HOLIDAYS,)
        back(world)
        assert world.weights == {"v7": 1000}


def test_a_promotion_can_be_undone_or_reverted_while_the_next_start_is_held() -> None:
    for back in (lambda world: world.ask(Verb.UNDO), lambda world: (world.edit(target="v7"), world.reconcile())):
        world = World().promoted()
        world.after(minutes=16)
        world.freezes = (HOLIDAYS,)
        world.edit(target="v9")
        world.reconcile()
        assert world.status.phase is Phase.QUEUED
        back(world)
        assert world.weights == {"v7": 1000}


def test_a_retry_is_held_as_well_and_its_answer_says_so() -> None:
    world = World().start()
    world.ask(Verb.ABORT)
    world.freezes = (HOLIDAYS,)
    world.ask(Verb.RETRY)
    accepted, message = world.last_answer()
    assert accepted
    assert "is held: v8 waits to be tried: namespace risk is frozen: the holidays" in message
    assert world.weights == {"v7": 1000}
    world.freezes = ()
    world.reconcile()
    assert world.weights == {"v7": 950, "v8": 50}


def test_a_new_target_during_a_trial_ends_it_and_is_held() -> None:
    world = World().start()
    world.freezes = (HOLIDAYS,)
    world.edit(target="v9")
    world.reconcile()
    assert world.weights == {"v7": 1000}
    assert world.status.phase is Phase.QUEUED


def test_a_new_target_during_a_watch_leaves_the_guardrails_on() -> None:
    world = World().promoted()
    end = world.now + timedelta(minutes=5)
    world.freezes = (Freeze("every namespace", "", end),)
    world.edit(target="v9")
    decision = world.reconcile()
    assert world.status.phase is Phase.WATCHING
    assert "v9 waits: every namespace is frozen until" in world.status.message
    assert decision.wake_at == end
    world.verdicts["errors"] = Verdict.FAIL
    failing = world.decide()
    assert failing.status.run.outcome is Outcome.ROLLED_BACK
    world.verdicts["errors"] = Verdict.INCONCLUSIVE
    world.now = end
    world.reconcile()
    assert world.weights == {"v8": 950, "v9": 50}


def test_a_held_start_can_be_withdrawn_and_aborted() -> None:
    world = frozen()
    writes = world.route_writes
    world.edit(target="v7")
    world.reconcile()
    assert world.status.phase is Phase.WITHDRAWN
    world.edit(target="v8")
    world.reconcile()
    world.ask(Verb.ABORT)
    assert world.status.phase is Phase.ROLLED_BACK
    assert world.route_writes == writes


def test_a_freeze_that_changes_its_words_says_them_without_another_event() -> None:
    world = frozen()
    world.freezes = (Freeze("namespace risk", "a broken gateway", datetime(2026, 12, 1, tzinfo=UTC)),)
    world.reconcile()
    assert "a broken gateway" in world.status.message
    assert world.reasons().count(Reason.FROZEN) == 1


def test_the_order_of_a_layer_is_kept_through_a_freeze() -> None:
    street = Street("ranking", "ranking", "ranking")
    for world in street.worlds:
        world.freezes = (HOLIDAYS,)
    for name in "cab":
        street.target(name, "v8")
    assert street.having == []
    for world in street.worlds:
        world.freezes = ()
    street.settle()
    assert street.having == ["c"]
    assert "place 1" in street["a"].status.message
    assert "place 2" in street["b"].status.message
    assert street["b"].reasons()[-2:] == [Reason.THAWED, Reason.QUEUED]


def test_what_serves_and_is_wanted_minds_no_freeze() -> None:
    world = World()
    world.freezes = (HOLIDAYS,)
    world.reconcile()
    assert world.status.phase is Phase.COMPLETED
    assert Reason.FROZEN not in world.reasons()


def test_the_example_freezes_until_the_end_that_it_names() -> None:
    document = yaml.safe_load((Path(__file__).parents[3] / "examples/freeze.yaml").read_text())
    assert document["metadata"]["name"] == CONFIGMAP
    freeze = read(document["data"], "namespace risk")
    assert freeze.reason
    assert freeze.until is not None
    assert freeze.problem == ""
