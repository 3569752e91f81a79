"""What a `git revert` of the target does once the run is over."""

from modelrollout.api.status import Outcome, Phase, RunState
from tests.unit.decisions.world import World


def served(**spec: object) -> World:
    """A world in which v8 was promoted an hour ago and v7 is still up."""
    world = World(**spec).promoted()
    world.after(minutes=16)
    assert world.status.phase is Phase.COMPLETED
    return world


def test_a_target_set_back_to_the_previous_version_takes_all_traffic_back_in_one_write() -> None:
    world = served()
    writes = world.route_writes
    world.edit(target="v7")
    world.reconcile()
    assert world.weights == {"v7": 1000}
    assert world.route_writes == writes + 1
    assert world.status.stable == "v7"
    assert world.status.run.outcome is Outcome.WITHDRAWN
    assert world.condition("Ready")[0] == "True"
    assert not world.status.rejected


def test_a_revert_waits_while_paused_and_says_so() -> None:
    world = served()
    world.edit(target="v7", paused=True)
    world.reconcile()
    assert world.weights == {"v8": 1000}
    assert world.status.phase is Phase.PAUSED
    assert world.status.message == "v7 waits to serve again: paused by spec.paused"
    world.edit(paused=False)
    world.reconcile()
    assert world.weights == {"v7": 1000}


def test_a_revert_of_the_revert_is_an_ordinary_run() -> None:
    world = served()
    world.edit(target="v7")
    world.reconcile()
    world.edit(target="v8")
    world.reconcile()
    assert world.weights == {"v7": 950, "v8": 50}
    assert world.status.run.number == 2


def test_with_trial_the_previous_version_is_tried_step_by_step() -> None:
    world = served(revert="Trial")
    world.edit(target="v7")
    world.reconcile()
    assert world.weights == {"v8": 950, "v7": 50}


def test_a_previous_version_that_has_changed_since_is_tried_step_by_step() -> None:
    world = served()
    world.seen("v7", revision="rev-v7-b")
    world.edit(target="v7")
    world.reconcile()
    assert world.weights == {"v8": 950, "v7": 50}


def test_a_previous_version_without_endpoints_is_waited_for() -> None:
    world = served()
    world.ready("v7", 0)
    world.edit(target="v7")
    world.reconcile()
    assert world.weights == {"v8": 1000}
    assert world.status.run.state is RunState.TRIAL
    world.ready("v7", 2)
    world.reconcile()
    assert world.weights == {"v8": 950, "v7": 50}


def test_a_paused_rollout_reverts_when_the_pause_ends() -> None:
    world = served()
    world.edit(target="v7", paused=True)
    world.reconcile()
    assert world.weights == {"v8": 1000}
    world.edit(paused=False)
    world.reconcile()
    assert world.weights == {"v7": 1000}


def test_a_revert_goes_past_a_third_version_that_failed_meanwhile() -> None:
    world = served()
    world.edit(target="v9")
    world.reconcile()
    world.edit(target="v8")
    world.reconcile()
    assert (world.status.stable, world.weights) == ("v8", {"v8": 1000})
    world.edit(target="v7")
    world.reconcile()
    assert (world.status.stable, world.weights) == ("v7", {"v7": 1000})
    assert [past.outcome for past in world.status.history][-1] is Outcome.WITHDRAWN
    assert len({past.run for past in world.status.history}) == 3


def test_a_version_that_was_never_promoted_has_no_way_back_to_skip_the_steps() -> None:
    world = served()
    world.edit(target="v9")
    world.reconcile()
    assert world.weights == {"v8": 950, "v9": 50}
