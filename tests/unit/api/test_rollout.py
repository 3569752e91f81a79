from datetime import timedelta
from typing import Any

import pytest

from modelrollout.api import parse_command, parse_rollout, parse_spec, spec_errors
from modelrollout.errors import InvalidSpec
from tests.unit.api.accepted import ACCEPTED
from tests.unit.api.cases import (
    AGREEMENT,
    DISTRIBUTION,
    LATENCY,
    MEAN,
    QUANTILE,
    RATE,
    THRESHOLD,
    Refused,
    canary,
    errors,
    metric,
    rollout,
    spec,
    with_metric,
)
from tests.unit.api.refused_specs import REFUSED

DIRECTED = {"proportion": errors()["proportion"], "latency": LATENCY, "quantile": QUANTILE, "rate": RATE, "mean": MEAN}
BOUNDED = {"distribution": DISTRIBUTION, "agreement": AGREEMENT, "threshold": THRESHOLD}


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_wrong_spec_is_refused_with_the_field_and_what_to_do(case: Refused) -> None:
    found = spec_errors(case.spec)
    assert [error for error in found if case.message in error.message and error.field == case.field], found


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED)
def test_a_right_spec_is_accepted_and_written_back_the_same(body: dict[str, Any]) -> None:
    parsed = parse_spec(body)
    assert parse_spec(parsed.to_json()) == parsed


def test_a_whole_object_is_parsed_with_what_the_api_server_adds() -> None:
    written = rollout(spec())
    written["metadata"] |= {
        "namespace": "risk",
        "uid": "u",
        "generation": 3,
        "resourceVersion": "77",
        "creationTimestamp": "2026-11-01T00:00:00Z",
        "managedFields": [{}],
    }
    parsed = parse_rollout(written | {"status": {"phase": "Progressing", "fieldOfANewerOperator": 1}})
    assert (parsed.metadata.namespace, parsed.metadata.generation, parsed.metadata.resource_version) == (
        "risk",
        3,
        "77",
    )
    assert parsed.metadata.creation_timestamp is not None
    assert parsed.status.phase == "Progressing"


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"tarjet": "v8"}, "spec.tarjet", "unknown field"),
        ({"traffic": None}, "spec.traffic", "required"),
        ({"target": "V8"}, "spec.target", "does not match"),
        ({"watch": 900}, "spec.watch", "write a duration like 30s"),
        ({"watch": "1d12h"}, "spec.watch", "7d for whole days"),
        ({"rollback": "Never"}, "spec.rollback", "'Auto' or 'Hold'"),
    ],
)
def test_an_error_names_the_path_and_what_to_do(change: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(InvalidSpec, match=message) as refused:
        parse_rollout(rollout(spec(**change)))
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"sticky": {"header": "x-user", "cookie": "session"}}, "sticky.cookie"),
        ({"audience": {"header": {"name": "x-beta", "value": "1"}}}, "audience"),
    ],
)
def test_what_an_experiment_cannot_do_is_no_field(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidSpec, match="unknown field") as refused:
        parse_spec(spec(strategy={"abTest": wrong}))
    assert refused.value.field == f"spec.strategy.abTest.{field}"


def test_a_name_that_leaves_no_room_for_derived_names_is_refused() -> None:
    with pytest.raises(InvalidSpec, match="at most 50 characters"):
        parse_rollout(rollout(spec(), name="a" * 51))


def test_defaults_are_those_of_the_documentation() -> None:
    parsed = parse_spec(spec())
    assert parsed.watch == timedelta(minutes=15)
    assert parsed.progress_deadline == timedelta(hours=6)
    assert parsed.analysis.interval == timedelta(seconds=15)
    assert parsed.analysis.warm_up == timedelta(seconds=30)
    assert (parsed.analysis.false_rollback, parsed.analysis.false_promotion) == (0.01, 0.05)
    assert parsed.analysis.dispersion == "Auto"
    assert (parsed.rollback, parsed.promotion, parsed.on_deadline) == ("Auto", "Auto", "Rollback")
    assert (parsed.on_new_revision, parsed.deletion_policy, parsed.paused) == ("Restart", "ReturnToStable", False)
    assert (parsed.metrics[0].role, parsed.metrics[0].series) == ("Guardrail", "pods")


def test_the_prometheus_of_the_operator_is_used_where_the_spec_names_none() -> None:
    assert parse_spec(spec()).prometheus_address("http://a") == "http://a"
    assert parse_spec(spec(prometheus={"address": "http://b"})).prometheus_address("http://a") == "http://b"


@pytest.mark.parametrize(("written", "value"), [(2, 2.0), ("1.5", 1.5), ("Auto", "Auto")])
def test_a_dispersion_is_auto_or_a_number(written: object, value: object) -> None:
    parsed = parse_spec(spec(analysis={"dispersion": written}))
    assert parsed.analysis.dispersion == value
    assert parsed.analysis.to_json()["dispersion"] == written


def _weights(body: dict[str, Any]) -> list[float]:
    strategy = parse_spec(body).strategy
    assert strategy.canary is not None
    return [step.weight for step in strategy.canary.step_list()]


@pytest.mark.parametrize(
    ("form", "weights"),
    [
        ({"weights": [1, 5.5, 25]}, [1, 5.5, 25]),
        ({"increment": 10, "max": 30}, [10, 20, 30]),
        ({"increment": 20}, [20, 40, 50]),
        ({"increment": 60}, [60]),
        ({"increment": 12.5, "max": 40}, [12.5, 25, 37.5, 40]),
        ({"increment": 1.1, "max": 3.3}, [1.1, 2.2, 3.3]),
        ({"steps": [{"weight": 3}, {"weight": 9}]}, [3, 9]),
    ],
)
def test_every_form_of_a_canary_gives_a_list_of_steps(form: dict[str, Any], weights: list[float]) -> None:
    assert _weights(canary(**form)) == weights


def test_a_step_takes_from_the_canary_what_it_does_not_say_itself() -> None:
    steps = [{"weight": 5}, {"weight": 50, "hold": "0s", "samples": 0, "deadline": "1h", "approval": True}]
    strategy = parse_spec(canary(hold="2m", samples=200, deadline="30m", steps=steps)).strategy
    assert strategy.canary is not None
    first, last = strategy.canary.step_list()
    assert (first.hold, first.samples, first.deadline) == (timedelta(minutes=2), 200, timedelta(minutes=30))
    assert (last.hold, last.samples, last.deadline) == (timedelta(), 0, timedelta(hours=1))
    assert (first.approval, last.approval) == (False, True)


@pytest.mark.parametrize(
    ("fields", "acceptable", "margin", "floor"),
    [
        ({}, 1, 1.5, 0.002),
        ({"margin": {"ratio": 2}}, 1, 2, 0.002),
        ({"margin": {"ratio": 2, "floor": 0}, "acceptable": {"ratio": 1.2}}, 1.2, 2, 0),
    ],
)
def test_limits_as_ratios_are_complete(fields: dict[str, Any], acceptable: float, margin: float, floor: float) -> None:
    limits = parse_spec(with_metric(errors(**fields))).metrics[0].limits()
    assert (limits.acceptable.ratio, limits.margin.ratio, limits.floor) == (acceptable, margin, floor)


def test_limits_as_differences_are_complete() -> None:
    limits = parse_spec(with_metric(errors(margin={"difference": 0.02}))).metrics[0].limits()
    assert (limits.acceptable.difference, limits.margin.difference, limits.floor) == (0, 0.02, 0)


def test_both_limits_of_a_goal_are_its_gain() -> None:
    limits = parse_spec(with_metric(errors(role="Goal", gain={"ratio": 0.5}))).metrics[0].limits()
    assert limits.acceptable == limits.margin
    assert limits.margin.ratio == 0.5


@pytest.mark.parametrize(
    ("kind", "value", "floor"), [("latency", LATENCY, 0.002), ("quantile", QUANTILE, 0), ("rate", RATE, 0)]
)
def test_only_a_share_of_answers_has_a_floor_by_default(kind: str, value: object, floor: float) -> None:
    limits = parse_spec(with_metric(metric(better="Lower", **{kind: value}))).metrics[0].limits()
    assert (limits.acceptable.ratio, limits.margin.ratio, limits.floor) == (1, 1.5, floor)
    ratio = parse_spec(with_metric(metric(better="Lower", margin={"ratio": 2}, **{kind: value}))).metrics[0].limits()
    assert (ratio.margin.ratio, ratio.floor) == (2, floor)


def test_a_rate_may_have_a_floor_in_its_own_unit() -> None:
    limits = parse_spec(with_metric(metric(better="Lower", rate=RATE, margin={"ratio": 1.2, "floor": 3}))).metrics[0]
    assert limits.limits().floor == 3


def test_limits_of_a_mean_are_in_its_own_unit() -> None:
    limits = parse_spec(with_metric(metric(better="Higher", mean=MEAN, margin={"difference": 2.5}))).metrics[0].limits()
    assert (limits.acceptable.difference, limits.margin.difference, limits.floor) == (0, 2.5, 0)


@pytest.mark.parametrize(("kind", "value"), BOUNDED.items(), ids=BOUNDED)
def test_a_kind_with_bounds_of_its_own_has_no_limits(kind: str, value: object) -> None:
    with pytest.raises(ValueError, match="no metric with a margin"):
        parse_spec(with_metric(metric(**{kind: value}))).metrics[0].limits()


@pytest.mark.parametrize(("kind", "value"), (DIRECTED | BOUNDED).items(), ids=DIRECTED | BOUNDED)
def test_a_metric_knows_its_kind(kind: str, value: object) -> None:
    more = {"better": "Lower", "margin": {"ratio": 1.1}} if kind in DIRECTED else {}
    parsed = parse_spec(with_metric(metric(**{kind: value}, **more))).metrics[0]
    assert (parsed.kind, parsed.directed, parsed.compared) == (kind, kind in DIRECTED, kind != "threshold")


def test_versions_and_metrics_are_found_by_name() -> None:
    parsed = parse_spec(spec())
    found = parsed.version("v7")
    assert found is not None
    assert found.workload.resolved_api_version == "apps/v1"
    assert parsed.version("v1") is None
    assert parsed.metric("errors") == parsed.metrics[0]


_COMMAND = {
    "apiVersion": "modelrollout.io/v1alpha1",
    "kind": "ModelRolloutCommand",
    "metadata": {"name": "approve-1", "namespace": "risk"},
    "spec": {"rollout": "fraud", "verb": "Approve", "by": "ann"},
}


def test_a_command_is_parsed_with_its_defaults() -> None:
    parsed = parse_command(_COMMAND).spec
    assert (parsed.verb, parsed.full, parsed.run, parsed.reason) == ("Approve", False, None, "")
    assert parsed.expires_after == timedelta(minutes=10)


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"full": True}, "spec.full", "full goes with the verb Promote"),
        ({"verb": "Explode"}, "spec.verb", "'Approve'"),
        ({"by": ""}, "spec.by", "at least 1 character"),
        ({"expiresAfter": "25h"}, "spec.expiresAfter", "must be between 1s and 24h"),
    ],
)
def test_a_wrong_command_is_refused_with_what_to_do(change: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(InvalidSpec, match=message) as refused:
        parse_command(_COMMAND | {"spec": _COMMAND["spec"] | change})  # type: ignore[operator]
    assert refused.value.field == field
