"""New revisions of the candidate that come faster than a trial lasts."""

from modelrollout.api.status import Outcome, Phase, Verdict
from modelrollout.decisions.decision import Decision, Reason
from tests.unit.decisions.world import World


class Builds(World):
    """A world whose v8 gets a new digest every minute; `tried` are the runs in order."""

    def __init__(self, policy: str, **spec: object) -> None:
        super().__init__(onNewRevision=policy, **spec)
        self.built = 0
        self.tried: list[str] = []

    def minutes(self, count: int) -> None:
        """Let time pass with a build each minute."""
        for _ in range(count):
            self.built += 1
            self.seen("v8", revision=f"build-{self.built}")
            self.after(seconds=60)

    def fail(self) -> None:
        """Let the present run fail, and only that."""
        self.verdicts["errors"] = Verdict.FAIL
        self.reconcile(times=1)
        self.verdicts["errors"] = Verdict.INCONCLUSIVE
        self.reconcile()

    def carry_out(self, decision: Decision) -> None:
        super().carry_out(decision)
        run = self.status.run
        if run is not None and (not self.tried or self.tried[-1] != run.id):
            self.tried.append(run.id)


def test_with_finish_first_the_run_is_promoted_over_new_revisions_and_says_that_they_are_unproven() -> None:
    world = Builds("FinishFirst")
    world.start().passing()
    world.minutes(3)
    assert world.tried == ["v8-rev-v8-1"]
    assert world.status.stable == "v8"
    world.minutes(30)
    assert world.status.phase is Phase.COMPLETED
    assert [past.outcome for past in world.status.history] == [Outcome.PROMOTED]
    assert world.condition("UnprovenChange") == ("True", "WorkloadChanged")


def test_with_finish_first_the_newest_revision_is_tried_after_a_failure_and_those_between_are_not() -> None:
    world = Builds("FinishFirst")
    world.start()
    world.minutes(3)
    world.fail()
    assert world.weights == {"v7": 950, "v8": 50}
    world.passing()
    world.minutes(3)
    assert world.tried == ["v8-rev-v8-1", "v8-build-3-2"]
    assert [(one.revision, one.reason) for one in world.status.rejected] == [("rev-v8", "GuardrailFailed")]
    assert world.status.stable == "v8"
    assert [past.outcome for past in world.status.history] == [Outcome.ROLLED_BACK]


def test_with_finish_first_no_revision_is_tried_twice() -> None:
    world = Builds("FinishFirst")
    world.start()
    for _ in range(5):
        world.minutes(3)
        world.fail()
    assert world.tried == ["v8-rev-v8-1", *(f"v8-build-{3 * number}-{number + 1}" for number in range(1, 6))]
    assert world.status.run.revision == f"build-{world.built}"


def test_restarts_in_a_row_are_said_once_and_name_finish_first() -> None:
    world = Builds("Restart")
    world.start().passing()
    world.minutes(4)
    assert world.condition("KeepsRestarting") == ("", "")
    world.minutes(20)
    assert world.condition("KeepsRestarting") == ("True", "NewRevisions")
    assert "FinishFirst" in world.status.condition("KeepsRestarting").message
    assert world.reasons().count(Reason.KEEPS_RESTARTING) == 1
    assert world.status.stable == "v7"


def test_a_trial_that_ends_is_the_end_of_the_row() -> None:
    world = Builds("Restart")
    world.start().passing()
    world.minutes(6)
    for _ in range(4):
        world.after(seconds=61)
    assert world.status.stable == "v8"
    world.after(minutes=16)
    assert world.condition("KeepsRestarting") == ("False", "Settled")


def test_a_candidate_that_never_becomes_ready_between_builds_is_said_with_finish_first_too() -> None:
    world = Builds("FinishFirst")
    world.reconcile()
    world.ready("v8", 0)
    world.edit(target="v8")
    world.reconcile()
    world.minutes(6)
    assert world.condition("KeepsRestarting") == ("True", "NewRevisions")
    assert "deliver less often" in world.status.condition("KeepsRestarting").message
    assert "FinishFirst" not in world.status.condition("KeepsRestarting").message
    assert world.weights == {"v7": 1000}


def test_an_edit_that_comes_with_a_new_target_counts_for_the_new_run() -> None:
    world = World().start()
    world.edit(target="v9", strategy={"canary": {"weights": [40], "hold": "1m"}})
    world.reconcile()
    assert world.weights == {"v7": 600, "v9": 400}
