"""What lint says of the kinds of metrics that count no bad answers."""

from pathlib import Path
from typing import Any

import pytest

from modelrollout.api import parse_spec
from modelrollout.cli.lint.advice import advice
from modelrollout.cli.lint.exposures import answers_to_pass
from modelrollout.cli.lint.metrics import metric_advice
from tests.unit.api.cases import AGREEMENT, DISTRIBUTION, MEAN, PER, QUANTILE, RATE, errors, metric, spec, with_metric
from tests.unit.cli.conftest import Run

EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "metrics").glob("*.yaml"))
DIRECTED = {"better": "Lower", "margin": {"ratio": 1.1}}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_of_every_kind_is_right(example: Path, run: Run) -> None:
    ran = run("lint", "-f", str(example), "--rps", "50")
    assert ran.code == 0, ran.out + ran.err


@pytest.mark.parametrize(
    ("kind", "value", "more"),
    [
        ("quantile", QUANTILE, DIRECTED),
        ("rate", RATE, DIRECTED),
        ("mean", MEAN, DIRECTED),
        ("distribution", DISTRIBUTION, {}),
        ("agreement", AGREEMENT, {}),
    ],
)
def test_no_number_of_good_answers_is_named_where_no_answer_is_good_by_itself(
    kind: str, value: Any, more: dict[str, Any]
) -> None:
    spec = parse_spec(with_metric(metric(**{kind: value}, **more)))
    assert answers_to_pass(spec, spec.metrics[0], 500) is None


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"rate": RATE | {"exposure": 'tokens_total{pod="a"}'}} | DIRECTED, ".rate.exposure"),
        ({"mean": MEAN | {"sumOfSquares": 'sq{namespace="a"}'}} | DIRECTED, ".mean.sumOfSquares"),
        (
            {"mean": MEAN | {"sumOfSquares": "sq", "per": PER | {"sumOfProducts": 'p{pod=~"a"}'}}} | DIRECTED,
            ".mean.per.sumOfProducts",
        ),
        ({"quantile": QUANTILE | {"histogram": 'seconds{pod="a"}'}} | DIRECTED, ".quantile.histogram"),
        ({"distribution": DISTRIBUTION | {"histogram": 'score{pod="a"}'}}, ".distribution.histogram"),
        ({"agreement": AGREEMENT | {"total": 'shadow{pod="a"}'}}, ".agreement.total"),
    ],
)
def test_a_matcher_that_the_operator_adds_itself_is_named_with_its_field(fields: dict[str, Any], field: str) -> None:
    spec = parse_spec(with_metric(metric(**fields)))
    assert [place for place, said in metric_advice(spec.metrics[0]) if "the operator adds the matcher" in said] == [
        field
    ]


def test_requests_of_users_who_stay_on_one_version_are_not_to_be_counted_one_by_one() -> None:
    goal = metric(
        name="visits", better="Higher", role="Goal", mean={**MEAN, "sumOfSquares": "sq"}, gain={"difference": 0}
    )
    ab_test: dict[str, Any] = {"abTest": {}}
    given = {"target": None, "candidates": ["v8"], "metrics": [errors(), goal], "strategy": ab_test}
    unit = {"prediction": "outputs[0].data[0]", "compare": {"kind": "Class"}, "unit": {"header": "x-account"}}

    def fields(**more: Any) -> list[str]:
        return [one.field for one in advice(parse_spec(spec(**{**given, **more}))) if "users are" in one.message]

    sticky = {"abTest": {"sticky": {"header": "X-User"}}}
    assert fields() == []
    assert fields(strategy=sticky) == ["spec.metrics[0]"]
    assert fields(strategy=sticky, telemetry=unit) == ["spec.metrics[0]", "spec.telemetry.unit"]
    assert fields(strategy=sticky, telemetry={**unit, "unit": {"header": "x-user"}}) == ["spec.metrics[0]"]


def test_an_experiment_has_an_end_of_its_own_and_no_other() -> None:
    goal = metric(
        name="visits", better="Higher", role="Goal", mean={**MEAN, "sumOfSquares": "sq"}, gain={"difference": 0}
    )
    given = {"target": None, "candidates": ["v8"], "metrics": [errors(), goal]}
    found = advice(parse_spec(spec(**given, strategy={"abTest": {"until": {"duration": "7d"}}})))
    assert not [one for one in found if "cannot end" in one.message]
