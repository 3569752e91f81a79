"""Several worlds side by side whose rollouts see each other's runs, as the reconciler lets them."""

from datetime import timedelta

from modelrollout.api.status import RunState
from modelrollout.decisions import runs
from modelrollout.decisions.observed import Rival
from tests.unit.decisions.world import World


class Street:
    """Rollouts `a`, `b`, ... of one namespace; each has its own route and its own v7, v8 and v9."""

    def __init__(self, *layers: str) -> None:
        """One adopted rollout for each layer given; an empty one has none."""
        self.worlds = [self._world(index, layer) for index, layer in enumerate(layers)]
        self.settle()

    @staticmethod
    def _world(index: int, layer: str) -> World:
        return World(name="abcdef"[index], **({"exclusivity": {"layer": layer}} if layer else {}))

    def __getitem__(self, name: str) -> World:
        return next(world for world in self.worlds if world.name == name)

    def settle(self) -> None:
        """Reconcile all of them until nothing is left to do."""
        for _ in range(20):
            writes = [(world.status_writes, world.route_writes) for world in self.worlds]
            for world in self.worlds:
                self.look(world)
                world.reconcile(times=1)
            if writes == [(world.status_writes, world.route_writes) for world in self.worlds]:
                return
        raise AssertionError("they write without end")

    def look(self, world: World) -> None:
        """Let one see the runs of the others as they stand in their status."""
        others = [rival_of(other) for other in self.worlds if other is not world]
        world.rivals = tuple(rival for rival in others if rival is not None)

    def target(self, name: str, version: str) -> None:
        """Edit the target of one, a second after whatever was before."""
        self.pass_time(1)
        self[name].edit(target=version)
        self.settle()

    def pass_time(self, seconds: float) -> None:
        """Let time pass for all."""
        now = max(world.now for world in self.worlds)
        for world in self.worlds:
            world.now = now + timedelta(seconds=seconds)
        self.settle()

    def finish(self, name: str) -> None:
        """Let the run of one pass all its steps and its watch."""
        self[name].passing()
        for _ in range(4):
            self.pass_time(901)

    @property
    def having(self) -> list[str]:
        """Names of those whose run has its layer."""
        return [world.name for world in self.worlds if runs.begun(world.status.run) and world.status.run.layer]


def rival_of(world: World) -> Rival | None:
    """The run of a world as others see it."""
    run = world.status.run
    if run is None or run.state is RunState.DONE or not run.layer:
        return None
    return Rival(run.layer, world.name, world.rollout.metadata.uid, run.asked_at, run.queued, run.aside)
