"""Playing scenarios many times, each time with another fault, and comparing with the undisturbed run."""

from collections.abc import Awaitable, Callable, Iterable

from tests.cluster.faults.proxy import Fault
from tests.cluster.faults.stage import Drill, Scenario, Stage, side_by_side

Faults = Callable[[Drill], Iterable[tuple[str, Fault]]]
"""Named faults to try, chosen from what happened in the undisturbed run."""


MISSED = 0.1
"""Share of runs that may end without their fault having struck, and two in any case."""


class Sweeps:
    """Remembers the undisturbed run of each scenario."""

    def __init__(self) -> None:
        self._undisturbed: dict[str, Drill] = {}

    async def undisturbed(self, stage: Stage, scenario: Scenario) -> Drill:
        """The run that all others of the scenario are compared with."""
        drill = self._undisturbed.get(scenario.name)
        if drill is None:
            drill = self._undisturbed[scenario.name] = await stage.drill(scenario)
        assert drill.ending is not None, drill.problems
        assert not drill.problems
        return drill

    async def sweep(self, stage: Stage, plan: Iterable[tuple[Scenario, Faults]]) -> str:
        """Play each scenario once with each of its faults; what went otherwise than without, a line each."""
        plan = list(plan)
        scenarios = list(dict.fromkeys(scenario.name for scenario, _ in plan))
        by_name = {scenario.name: scenario for scenario, _ in plan}
        await side_by_side(self._first(stage, by_name[name]) for name in scenarios)
        drills = [
            self._compared(stage, scenario, self._undisturbed[scenario.name], name, fault)
            for scenario, faults in plan
            for name, fault in faults(self._undisturbed[scenario.name])
        ]
        found = await side_by_side(drills)
        missed = [name for name, struck, _ in found if not struck]
        problems = [f"{name}: {problem}" for name, _, wrong in found for problem in wrong]
        # Runs differ in a call or two: a verdict came earlier, a list was tried again. One that misses more is none.
        if len(missed) > max(2, len(found) * MISSED):
            problems.append(f"{len(missed)} of {len(found)} runs did not come by their fault: {missed}")
        return "\n".join(problems)

    def _first(self, stage: Stage, scenario: Scenario) -> Callable[[], Awaitable[Drill]]:
        return lambda: self.undisturbed(stage, scenario)

    def _compared(
        self, stage: Stage, scenario: Scenario, reference: Drill, name: str, fault: Fault
    ) -> Callable[[], Awaitable[tuple[str, bool, list[str]]]]:
        async def play() -> tuple[str, bool, list[str]]:
            drill = await stage.drill(scenario, fault)
            return f"{scenario.name}, {name}", getattr(fault, "struck", True), drill.wrong(reference)

        return play
