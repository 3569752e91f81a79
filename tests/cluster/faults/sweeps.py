"""Playing a scenario many times, each time with another fault, and comparing with the undisturbed run."""

from collections.abc import Awaitable, Callable, Iterable

from tests.cluster.faults.proxy import Fault
from tests.cluster.faults.stage import Drill, Scenario, Stage, side_by_side


async def undisturbed(stage: Stage, scenario: Scenario) -> Drill:
    """The run that all others are compared with."""
    drill = await stage.drill(scenario)
    assert drill.ending is not None, drill.problems
    assert not drill.problems
    return drill


async def sweep(stage: Stage, scenario: Scenario, reference: Drill, faults: Iterable[tuple[str, Fault]]) -> list[str]:
    """Play the scenario once with each of the named faults; what went otherwise than in the reference."""

    def one(name: str, fault: Fault) -> Callable[[], Awaitable[list[str]]]:
        async def play() -> list[str]:
            drill = await stage.drill(scenario, fault)
            found = drill.wrong(reference)
            if not found and not getattr(fault, "struck", True):
                found = ["this run did not come by there"]
            return [f"{scenario.name}, {name}: {problem}" for problem in found]

        return play

    found = await side_by_side(one(name, fault) for name, fault in faults)
    return [problem for problems in found for problem in problems]
