"""`presets`, and what `lint`, `simulate` and `backtest` make of what is ready-made in a file."""

import json
from pathlib import Path

import pytest
import yaml

from modelrollout.presets import preset_names
from tests.unit.cli.conftest import Run

EXAMPLES = Path(__file__).parents[3] / "examples"
TEMPLATE = EXAMPLES / "metrics" / "template.yaml"


def test_all_presets_are_listed_one_line_each_for_programs(run: Run) -> None:
    ran = run("presets", "-o", "json")
    listed = json.loads(ran.out)
    assert [one["name"] for one in listed] == list(preset_names())
    assert {"name", "kind", "description", "parameters"} == listed[0].keys()


def test_those_of_one_server_are_listed_by_its_name(run: Run) -> None:
    names = [one["name"] for one in yaml.safe_load(run("presets", "vllm", "-o", "yaml").out)]
    assert names == [name for name in preset_names() if name.startswith("vllm/")]


def test_a_preset_is_shown_with_the_metric_that_it_stands_for(run: Run) -> None:
    shown = json.loads(run("presets", "mlserver/failures", "-o", "json").out)
    assert shown["metric"]["proportion"] == {
        "good": 'model_infer_request_success_total{model=~".+"}',
        "bad": 'model_infer_request_failure_total{model=~".+"}',
    }
    text = run("presets", "mlserver/failures").out
    for part in (*shown["needs"], *shown["traps"], "preset:", "default .+"):
        assert " ".join(part.split()) in " ".join(text.split())


def test_an_unknown_name_is_answered_with_the_nearest(run: Run) -> None:
    ran = run("presets", "vlm/errors")
    assert ran.code == 1
    assert "there is no preset vlm/errors: did you mean vllm/errors?" in ran.err


def test_every_example_is_right_with_what_it_refers_to(run: Run) -> None:
    ran = run("lint", "-f", str(EXAMPLES), "-o", "json")
    assert ran.code == 0
    findings = json.loads(ran.out)["findings"]
    assert [one for one in findings if "template" in one["field"] or "preset" in one["field"]] == []


def _file(folder: Path, before: str = "", after: str = "", *, rollout_only: bool = False) -> str:
    text = TEMPLATE.read_text().replace(before, after)
    if rollout_only:
        text = text.partition("---\n")[2]
    path = folder / "rollout.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("before", "after", "finding"),
    [
        ("name: answers-of-a-path, p", "name: answers-of-path, p", "note: spec.metrics[0].template.name: there is no"),
        ("{path: /v2/predict}", "{pth: /v2/predict}", "error: spec.metrics[0].template.parameters.pth: pth is no"),
        ("{path: /v2/predict}", "{}", "error: spec.metrics[0].template.parameters: say what path is: The path of"),
        ('"{{path}}",code', '"{{pth}}",code', "error: spec.metric: {{pth}} is no parameter: did you mean path?"),
        ("better: Lower", "bettr: Lower", "error: spec.metric.bettr: unknown field"),
    ],
)
def test_lint_says_what_is_wrong_with_templates_and_their_use(
    before: str, after: str, finding: str, run: Run, tmp_path: Path
) -> None:
    ran = run("lint", "-f", _file(tmp_path, before, after))
    assert finding in ran.out
    assert ran.code == (1 if finding.startswith("error") else 0)


def test_lint_advises_on_what_a_preset_stands_for(run: Run, tmp_path: Path) -> None:
    text = (EXAMPLES / "metrics" / "presets.yaml").read_text().replace("above: 100ms", "above: 120ms")
    path = tmp_path / "rollout.yaml"
    path.write_text(text)
    assert "spec.metrics[1].latency.above: this must be the bound of a bucket" in run("lint", "-f", str(path)).out


def test_simulate_takes_presets_and_templates_of_the_file(run: Run, tmp_path: Path) -> None:
    options = ("--rate", "100", "--runs", "10", "--only", "-o", "json")
    done = json.loads(run("simulate", "-f", _file(tmp_path), *options).out)
    assert "errors" in json.dumps(done)


def test_simulate_needs_the_template_in_the_file(run: Run, tmp_path: Path) -> None:
    ran = run("simulate", "-f", _file(tmp_path, rollout_only=True), "--rate", "100", "--runs", "10")
    assert ran.code == 1
    assert "there is no ClusterMetricTemplate answers-of-a-path" in ran.err
    assert "Put the template into" in ran.err
