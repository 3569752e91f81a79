"""What a preset or template stands for, and what is said of one that is wrong or wrongly used."""

from datetime import timedelta
from typing import Any

import pytest

from modelrollout.api import Metric, MetricTemplateSpec, Role, Series, TemplateKind, parse_metric, parse_spec
from modelrollout.errors import InvalidSpec
from modelrollout.presets import MissingTemplate, resolution_errors, resolve, template_errors, templates_of
from tests.unit.api.cases import errors, metric, spec
from tests.unit.presets.shelves import EMPTY, Shelf

ANSWERS: dict[str, Any] = {
    "description": "Share of answers of one path that are slow.",
    "parameters": [
        {"name": "path", "description": "The path.", "example": "/predict"},
        {"name": "above", "description": "The bound.", "default": "250ms"},
    ],
    "metric": {
        "better": "Lower",
        "series": "workload",
        "latency": {"histogram": 'request_seconds{path="{{path}}",rollout="{{rollout}}"}', "above": "{{above}}"},
        "margin": {"difference": 0.05},
    },
}


def template(**changes: Any) -> MetricTemplateSpec:
    """The template above, with fields replaced."""
    return MetricTemplateSpec.model_validate(ANSWERS | changes)


def expanded(shelf: Shelf = EMPTY, **fields: Any) -> Metric:
    """The only metric of a rollout named fraud, expanded."""
    return resolve(parse_spec(spec(metrics=[metric(**fields)])), "fraud", shelf).metrics[0]


def slow(**fields: Any) -> dict[str, Any]:
    """A use of the template above."""
    return {"template": {"name": "slow", "parameters": {"path": "/a"}}, **fields}


def test_a_template_is_written_out_with_its_parameters_and_the_name_of_the_rollout() -> None:
    found = expanded(Shelf(slow=template()), **slow())
    assert found == parse_metric(
        {
            "name": "some",
            "better": "Lower",
            "series": "workload",
            "latency": {"histogram": 'request_seconds{path="/a",rollout="fraud"}', "above": "250ms"},
            "margin": {"difference": 0.05},
        },
        "",
    )


def test_what_is_written_beside_it_wins() -> None:
    found = expanded(Shelf(slow=template()), **slow(role="Monitor", series="pods", margin={"ratio": 3}))
    assert (found.role, found.series) == (Role.MONITOR, Series.PODS)
    assert found.margin is not None
    assert found.margin.ratio == 3


def test_a_default_that_the_types_fill_in_does_not_win() -> None:
    assert expanded(preset={"name": "envoy-gateway/errors"}).series is Series.CLUSTER


def test_what_is_not_written_is_not_written_back_either() -> None:
    written = parse_spec(spec(metrics=[metric(preset={"name": "envoy-gateway/errors"})]))
    again = parse_spec(written.to_json())
    assert resolve(again, "fraud", EMPTY) == resolve(written, "fraud", EMPTY)


def test_a_goal_leaves_the_margin_of_the_template_out() -> None:
    found = expanded(preset={"name": "collector/accuracy"}, role="Goal", gain={"difference": 0.02})
    assert found.margin is None
    assert found.gain is not None


def test_a_guardrail_leaves_the_gain_of_the_template_out() -> None:
    goal = {**ANSWERS["metric"], "role": "Goal", "gain": {"difference": 0.1}}
    del goal["margin"]
    found = expanded(Shelf(slow=template(metric=goal)), **slow(role="Guardrail"))
    assert (found.role, found.gain) == (Role.GUARDRAIL, None)


def test_a_placeholder_may_stand_for_a_number_or_a_duration() -> None:
    found = expanded(preset={"name": "vllm/kv-cache", "parameters": {"max": "0.8"}})
    assert found.threshold is not None
    assert found.threshold.max == 0.8
    found = expanded(preset={"name": "vllm/latency", "parameters": {"above": "1s500ms"}})
    assert found.latency is not None
    assert found.latency.above == timedelta(seconds=1.5)


def test_what_is_only_known_during_a_run_stays_in_a_query() -> None:
    found = expanded(preset={"name": "vllm/queue"})
    assert found.threshold is not None
    assert '{namespace="{{namespace}}",pod=~"{{pods}}"}' in found.threshold.query


def test_a_spec_without_anything_ready_made_stays_the_same_object() -> None:
    written = parse_spec(spec())
    assert resolve(written, "fraud", EMPTY) is written


@pytest.mark.parametrize(
    ("used", "field", "message"),
    [
        (
            {"preset": {"name": "vllm/time-to-frist-token"}},
            "preset.name",
            "there is no preset vllm/time-to-frist-token: did you mean vllm/time-to-first-token?",
        ),
        ({"preset": {"name": "vlm/errors"}}, "preset.name", "did you mean vllm/errors?"),
        ({"preset": {"name": "zzz"}}, "preset.name", "there is no preset zzz: there are bentoml/errors, "),
        (
            {"preset": {"name": "vllm/errors", "parameters": {"handlr": "/x"}}},
            "preset.parameters.handlr",
            "handlr is no parameter here: did you mean handler?",
        ),
        (
            {"preset": {"name": "linkerd/errors", "parameters": {"port": "1"}}},
            "preset.parameters.port",
            "port is no parameter here: it has none",
        ),
        (
            {"preset": {"name": "seldon/errors"}},
            "preset.parameters",
            "say what model is: Models that are the versions of this rollout, as a regular expression. For",
        ),
        (
            {"preset": {"name": "vllm/latency", "parameters": {"above": "fast"}}},
            "latency.above",
            "with the preset vllm/latency: 'fast' is no duration",
        ),
        (
            {"preset": {"name": "collector/agreement"}, "margin": {"ratio": 1.5}},
            "",
            "with the preset collector/agreement: margin, acceptable and gain say how much worse",
        ),
        ({"template": {"name": "slwo"}}, "template.name", "there is no MetricTemplate slwo: did you mean slow?"),
        (
            {"template": {"name": "slow", "kind": "ClusterMetricTemplate"}},
            "template.name",
            "there is no ClusterMetricTemplate slow: there are none",
        ),
    ],
)
def test_a_wrong_use_is_said_with_what_was_meant(used: dict[str, Any], field: str, message: str) -> None:
    written = parse_spec(spec(metrics=[errors(), metric(**used)]))
    (error,) = resolution_errors(written, "fraud", Shelf(slow=template()))
    assert error.field == "spec.metrics[1]" + (f".{field}" if field else "")
    assert message in error.message


def test_everything_that_is_wrong_is_said_at_once() -> None:
    written = parse_spec(spec(metrics=[metric(name=name, preset={"name": name}) for name in ("a", "b")]))
    assert [error.field for error in resolution_errors(written, "fraud", EMPTY)] == [
        "spec.metrics[0].preset.name",
        "spec.metrics[1].preset.name",
    ]


def test_what_holds_of_all_metrics_together_is_looked_at_again() -> None:
    sliced = {**ANSWERS["metric"], "slices": {"label": "country", "maxValues": 60}}
    many = [metric(**slow(name=name)) for name in ("a", "b")]
    with pytest.raises(InvalidSpec, match="keep at most 100 groups apart"):
        resolve(parse_spec(spec(metrics=many)), "fraud", Shelf(slow=template(metric=sliced)))


def test_a_missing_template_is_told_from_a_wrong_one() -> None:
    written = parse_spec(spec(metrics=[metric(**slow())]))
    with pytest.raises(MissingTemplate):
        resolve(written, "fraud", EMPTY)
    wrong = template(metric={"better": "Lower"})
    with pytest.raises(InvalidSpec, match=r"the MetricTemplate slow is wrong: .*nothing in the metric stands for path"):
        resolve(written, "fraud", Shelf(slow=wrong))


def test_the_templates_of_a_spec_are_told_by_kind_and_name() -> None:
    used = [{"name": "a"}, {"name": "a", "kind": "ClusterMetricTemplate"}, {"name": "a"}]
    written = parse_spec(spec(metrics=[metric(name=f"m{number}", template=one) for number, one in enumerate(used)]))
    assert templates_of(written) == {(TemplateKind.NAMESPACED, "a"), (TemplateKind.CLUSTER, "a")}


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"metric": {**ANSWERS["metric"], "name": "x"}}, "spec.metric.name", "a template does not have this field"),
        ({"metric": {"preset": {"name": "{{path}}{{above}}"}}}, "spec.metric.preset", "leave it out"),
        (
            {"metric": {"threshold": {"query": "{{path}}{{abve}}", "max": 1}}},
            "spec.metric",
            "{{abve}} is no parameter: did you mean above?",
        ),
        ({"parameters": []}, "spec.metric", "{{above}} is no parameter"),
        (
            {"metric": {"better": "Lower", "latency": {"histogram": "a{b='{{path}}'}", "above": "1s"}}},
            "spec.parameters[1]",
            "nothing in the metric stands for above",
        ),
        (
            {"metric": {"latency": {"histogram": "a{b='{{path}}'}", "above": "{{above}}"}}},
            "spec.metric",
            "say which direction is good",
        ),
        (
            {"metric": {"better": "Lower", "latency": {"histogram": "rate({{path}}[1m])", "above": "{{above}}"}}},
            "spec.metric.latency.histogram",
            "write a bare selector",
        ),
    ],
)
def test_a_wrong_template_is_said_to_be(changes: dict[str, Any], field: str, message: str) -> None:
    found = template_errors(template(**changes))
    assert [one for one in found if one.field == field and message in one.message], found


def test_a_right_template_has_nothing_wrong() -> None:
    assert template_errors(template()) == ()


@pytest.mark.parametrize("name", ["rollout", "pods", "Path", "a-b", ""])
def test_a_parameter_needs_a_name_that_stands_for_nothing_else(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        template(parameters=[{"name": name, "description": "x", "default": "y"}])


def test_a_parameter_needs_a_default_or_an_example() -> None:
    with pytest.raises(ValueError, match="give a default, or an example"):
        template(parameters=[{"name": "path", "description": "x"}])
