"""A deadline that ends nothing is said once, truly, and only while it is so."""

from modelrollout.api.status import Phase, Verdict
from modelrollout.decisions.decision import Reason
from tests.unit.decisions.world import World

GATED = [
    {
        "name": "first",
        "weight": 5,
        "hold": "1m",
        "webhooks": [{"name": "desk", "when": "Gate", "url": "http://desk/go"}],
    },
    {"name": "second", "weight": 50, "hold": "1m"},
]


def holding(**more: object) -> World:
    return World(onDeadline="Hold", progressDeadline="20m", **more)


def small(**more: object) -> World:
    """Managed scale without the right to scale: v8 has one of the two replicas that its first weight needs."""
    world = holding(scale={"mode": "Managed"}, strategy={"canary": {"weights": [50], "hold": "1m"}}, **more)
    for name in world.versions:
        world.seen(name, replicas=4, ready=4)
    world.seen("v8", replicas=1, ready=1)
    world.may_scale = False
    return world


def test_it_is_told_once_while_replicas_are_waited_for() -> None:
    world = small().start()
    world.after(minutes=21)
    assert world.tells_nothing_more()
    assert world.reasons().count(Reason.DEADLINE_PASSED) == 1


def test_it_is_told_once_while_a_webhook_is_waited_for() -> None:
    world = holding(strategy={"steps": GATED}).start()
    world.passing()
    world.find("desk", Verdict.ERROR)
    for _ in range(30):
        world.after(minutes=1)
    assert world.tells_nothing_more()
    assert world.reasons().count(Reason.DEADLINE_PASSED) == 1


def test_a_failure_that_is_held_already_is_not_told_again_because_of_it() -> None:
    world = World(rollback="Hold").start()
    world.verdicts["errors"] = Verdict.FAIL
    world.after(hours=9)
    assert world.tells_nothing_more()
    assert world.status.run.reason == "GuardrailFailed"
    assert world.reasons().count(Reason.GUARDRAIL_HELD) == 1


def test_a_wrong_model_is_not_told_again_because_of_it() -> None:
    world = holding()
    digests = {"v8": "sha256:" + "8" * 64}
    versions = [
        one | {"model": {"digest": digests[one["name"]]}} if one["name"] in digests else one
        for one in world.document["versions"]
    ]
    world.edit(versions=versions)
    world.seen("v8", model={"digest": "sha256:" + "0" * 64})
    world.start().after(minutes=21)
    assert world.tells_nothing_more()
    assert world.reasons().count(Reason.MODEL_DIFFERS) == 1


def test_before_the_first_step_it_says_what_is_missing_and_what_can_be_done() -> None:
    world = small().start()
    world.after(minutes=21)
    assert world.status.phase is Phase.HOLDING
    assert "the way to the first step took longer than 0:20:00: waiting for 2 ready replicas" in world.status.message
    assert world.events[-1].message.endswith("spec.onDeadline is Hold: mend that, or abort")


def test_it_is_forgotten_when_the_first_step_begins_after_all() -> None:
    world = holding()
    world.ready("v8", 0)
    world.start().after(minutes=21)
    world.ready("v8", 2)
    world.reconcile()
    assert (world.weights["v8"], world.status.phase) == (50, Phase.PROGRESSING)
    world.after(minutes=21)
    assert world.reasons().count(Reason.DEADLINE_PASSED) == 2


def test_it_is_forgotten_when_somebody_allows_more_time() -> None:
    world = holding().start()
    world.after(minutes=21)
    assert world.status.phase is Phase.HOLDING
    world.edit(progressDeadline="2h")
    world.reconcile()
    assert world.status.phase is Phase.PROGRESSING


def test_it_names_the_field_that_holds() -> None:
    world = World(rollback="Hold", progressDeadline="20m").start()
    world.after(minutes=21)
    assert "spec.rollback is Hold" in world.events[-1].message
