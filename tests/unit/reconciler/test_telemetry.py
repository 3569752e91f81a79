"""What is counted of runs: every verdict, and every run's length, once."""

from datetime import timedelta

from prometheus_client import CollectorRegistry

from modelrollout.api import Verb
from modelrollout.api.status import ModelRolloutStatus, Verdict
from modelrollout.reconciler.telemetry import Telemetry
from tests.unit.decisions.experiment_world import ExperimentWorld
from tests.unit.decisions.world import World

OBJECT = {"metadata": {"namespace": "risk", "name": "fraud"}}


class Counted:
    """The counters, fed with every status that a world writes."""

    def __init__(self, world: World) -> None:
        self.registry = CollectorRegistry()
        self._telemetry, self._world, self._old = Telemetry(self.registry), world, ModelRolloutStatus()
        self.look()

    def look(self) -> None:
        new = self._world.status
        self._telemetry.decided(OBJECT, self._old, new)
        self._old = new

    def __call__(self, name: str, /, **labels: str) -> float:
        return self.registry.get_sample_value(f"modelrollout_{name}", labels) or 0.0


def test_a_verdict_of_an_experiment_is_counted_once_and_not_with_every_write() -> None:
    world = ExperimentWorld().start()
    counted = Counted(world)
    world.said["v8", "errors"] = Verdict.PASS
    world.after(minutes=6)
    for _ in range(3):
        counted.look()
    labels = {"namespace": "risk", "name": "fraud", "metric": "errors"}
    assert counted("gate_result_total", **labels, verdict="Pass") == 1
    assert counted("gate_result_total", **labels, verdict="Inconclusive") == 2, "of v8 and of v9, at first"


def test_a_run_has_the_length_from_its_turn_to_the_end_of_its_watch_once() -> None:
    world = World().start()
    counted = Counted(world)
    world.passing()
    for _ in range(3):
        world.after(seconds=61)
        counted.look()
    assert counted("duration_seconds_count") == 0, "it is still watched"
    world.after(minutes=15)
    counted.look()
    assert (counted("duration_seconds_count"), counted("duration_seconds_sum")) == (1, 3 * 61 + 900)
    world.after(hours=24)
    world.ask(Verb.UNDO)
    counted.look()
    assert counted("duration_seconds_count") == 1


def test_a_run_that_makes_room_for_another_has_a_length_too() -> None:
    world = World().start()
    counted = Counted(world)
    world.now += timedelta(seconds=30)
    world.edit(target="v9")
    world.reconcile()
    counted.look()
    assert (counted("duration_seconds_count"), counted("duration_seconds_sum")) == (1, 30)
