"""The presets that come with the package."""

import pytest

from modelrollout.api import ServiceRef
from modelrollout.api.selectors import PLACEHOLDERS
from modelrollout.manifests.router_series import gateway_series
from modelrollout.metrics.placeholders import substitute
from modelrollout.metrics.selectors import parse_selector
from modelrollout.presets import preset, preset_names, shown, template_errors
from tests.unit.decisions.analysis_histories import question

SERVERS = {
    "bentoml", "collector", "envoy-gateway", "istio", "kserve", "linkerd", "mlserver", "ray-serve", "seldon",
    "torchserve", "triton", "vllm",
}  # fmt: skip


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_a_right_template(name: str) -> None:
    found = preset(name)
    assert template_errors(found) == ()
    assert found.needs
    assert found.traps


def test_every_server_has_errors_and_latency() -> None:
    names = set(preset_names())
    assert {name.partition("/")[0] for name in names} == SERVERS
    for server in SERVERS - {"collector"}:
        assert {f"{server}/errors", f"{server}/latency"} <= names


@pytest.mark.parametrize("name", preset_names())
def test_every_selector_of_a_preset_can_be_bound(name: str) -> None:
    metric = shown(preset(name), "some")
    texts = metric.model_dump(mode="json", include={metric.kind})[metric.kind]
    for field, text in texts.items():
        if field in ("histogram", "bad", "good", "total", "requests", "sum", "count", "agreed") and text is not None:
            labels = {matcher.label for matcher in parse_selector(text).matchers}
            assert not labels & {"namespace", "pod", "version", "workload", "service"}


def test_the_placeholders_of_a_query_are_those_that_templates_leave_alone() -> None:
    services = {name: ServiceRef(name=f"fraud-{name}", port=8080) for name in ("v7", "v8")}
    asked = question(router=gateway_series("risk", services, None, ()))
    for name in PLACEHOLDERS:
        assert substitute(f"{{{{{name}}}}}", asked)
