"""`lint --prometheus` against a real Prometheus: which series a metric does not find, and why."""

from pathlib import Path

import pytest
import yaml

from tests.prometheus.conftest import Exporter, Server
from tests.prometheus.scraped import Scrapes, Shown
from tests.unit.api.cases import rollout, spec
from tests.unit.cli.conftest import Run, run

__all__ = ["run"]

PODS = {"v7": "fraud-v7-5d9c7b6f4-x2x8q", "v8": "fraud-v8-7c9d8b5f6-k4l7m"}


@pytest.fixture(scope="module")
def address(prometheus: Server, exporter: Exporter) -> str:
    """A Prometheus that knows MLServer in two versions, and vLLM in one."""
    both = tuple(Shown("mlserver", (("namespace", "lint"), ("pod", pod))) for pod in PODS.values())
    Scrapes(prometheus, exporter, *both, Shown("vllm", (("namespace", "lint"), ("pod", PODS["v7"]))))
    return prometheus.address


@pytest.fixture
def lint(run: Run, address: str, tmp_path: Path):
    """`lint(metric)`: what is said of the only metric of a rollout."""

    def linted(metric: dict, *options: str) -> list[str]:
        path = tmp_path / "rollout.yaml"
        path.write_text(yaml.safe_dump(rollout(spec(metrics=[{"name": "some", **metric}]))))
        ran = run("lint", "-f", str(path), "--prometheus", address, "-n", "lint", *options)
        assert "error:" not in ran.err
        return [line.partition(": ")[2] for line in ran.out.splitlines() if "spec.metrics[0]" in line]

    return linted


@pytest.mark.parametrize("name", ["mlserver/errors", "mlserver/failures", "mlserver/latency"])
def test_nothing_is_said_of_a_preset_whose_series_are_there(name: str, lint) -> None:
    assert lint({"preset": {"name": name}}) == []


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        (
            {"better": "Higher", "proportion": {"good": "no_such_good", "total": "no_such_total"}},
            "warning: spec.metrics[0]: Prometheus has no series no_such_total",
        ),
        (
            {"preset": {"name": "mlserver/errors", "parameters": {"path": "/predict"}}},
            'warning: spec.metrics[0]: rest_server_requests_total has no series with path=~"/predict": path is '
            + ", ".join(
                f"'/v2/models/{{model_name}}{rest}'" for rest in ("", "/infer", "/versions/{model_version}/infer")
            ),
        ),
        (
            {"preset": {"name": "mlserver/errors"}, "series": "service"},
            "warning: spec.metrics[0]: rest_server_requests_total is there, but not with",
        ),
        (
            {"preset": {"name": "mlserver/latency", "parameters": {"above": "300ms"}}},
            "warning: spec.metrics[0].latency: rest_server_request_duration_seconds of v7 has no bucket at 0.3 s",
        ),
        (
            {"preset": {"name": "vllm/errors"}},
            "note: spec.metrics[0]: http_requests_total has series of v7 and none of v8",
        ),
        (
            {"preset": {"name": "vllm/queue"}},
            "warning: spec.metrics[0].threshold.query: the query finds nothing of v8 now",
        ),
        (
            {"better": "Lower", "proportion": {"bad": "no_such_total", "total": "rest_server_requests_total"}},
            "note: spec.metrics[0]: Prometheus has no series no_such_total; it may begin with the first such answer",
        ),
    ],
)
def test_what_is_missing_is_named(metric: dict, said: str, lint) -> None:
    found = lint(metric)
    assert [line for line in found if line.startswith(said)], found


def test_a_server_that_does_not_answer_is_an_error(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "rollout.yaml"
    path.write_text(yaml.safe_dump(rollout(spec())))
    ran = run("lint", "-f", str(path), "--prometheus", "http://127.0.0.1:9", "-n", "lint")
    assert ran.code == 1
    assert "error: " in ran.err
