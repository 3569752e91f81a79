"""Every strategy becomes the one list of steps; what a step says of itself is all that anybody asks."""

from dataclasses import replace

import pytest

from modelrollout.api import ModelRolloutSpec
from modelrollout.api.status import Outcome, Phase
from modelrollout.decisions import strategies
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.strategies import compile_steps, hold_place_of, place_of_step
from modelrollout.errors import InvalidSpec
from tests.unit.decisions.world import World, a_spec


def spec(**strategy: object) -> ModelRolloutSpec:
    return ModelRolloutSpec.model_validate(a_spec(strategy=strategy))


@pytest.mark.parametrize(
    ("strategy", "places"),
    [
        ({"canary": {"weights": [5, 50]}}, ["spec.strategy.canary.weights[0]", "spec.strategy.canary.weights[1]"]),
        ({"canary": {"increment": 50}}, ["spec.strategy.canary.increment"]),
        ({"canary": {"steps": [{"weight": 5}]}}, ["spec.strategy.canary.steps[0]"]),
        ({"blueGreen": {}}, ["spec.strategy.blueGreen"]),
    ],
)
def test_every_step_says_where_it_is_written(strategy: dict[str, object], places: list[str]) -> None:
    given = spec(**strategy)
    assert [place_of_step(given, index) for index in range(len(compile_steps(given)))] == places


def test_a_hold_that_all_steps_share_is_written_once() -> None:
    given = spec(canary={"weights": [5, 50]})
    assert {hold_place_of(given, index) for index in (0, 1)} == {"spec.strategy.canary.hold"}
    steps = spec(canary={"steps": [{"weight": 5}, {"weight": 50}]})
    assert hold_place_of(steps, 1) == "spec.strategy.canary.steps[1].hold"


def test_a_strategy_that_is_not_registered_is_refused_with_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategies, "_STRATEGIES", {})
    with pytest.raises(InvalidSpec, match="not yet supported"):
        compile_steps(spec(canary={"weights": [5]}))


@pytest.fixture
def reporting(monkeypatch: pytest.MonkeyPatch) -> World:
    """A canary whose last step is reported."""

    class Reporting(strategies.CanaryStrategy):
        def steps(self, spec: ModelRolloutSpec) -> tuple[strategies.PlannedStep, ...]:
            *others, last = super().steps(spec)
            return (*others, replace(last, reported=True))

    monkeypatch.setattr(strategies, "_STRATEGIES", {"canary": Reporting()})
    return World(strategy={"canary": {"weights": [5], "hold": "1m"}})


def test_a_trial_that_is_reported_leaves_traffic_with_stable_and_rejects_nothing(reporting: World) -> None:
    seen = reporting.start()
    seen.passing()
    seen.after(seconds=61)
    assert seen.weights == {"v7": 1000}
    assert (seen.status.run.outcome, seen.status.phase) == (Outcome.REPORTED, Phase.COMPLETED)
    assert seen.status.rejected == []
    assert "v8 was tried and is not promoted" in seen.status.message
    assert [seen.condition(kind)[0] for kind in ("Ready", "Reconciling", "Stalled")] == ["True", "False", "False"]
    assert Reason.REPORTED in seen.reasons()


def test_a_reported_trial_is_not_begun_again_by_itself(reporting: World) -> None:
    seen = reporting.start()
    seen.passing()
    seen.after(seconds=61)
    number = seen.status.run.number
    seen.after(hours=1)
    assert seen.status.run.number == number
