from pathlib import Path

import pytest
import yaml

from modelrollout.api import parse_command, parse_rollout, parse_template

EXAMPLES = Path(__file__).parents[3] / "examples"
OURS = "modelrollout.io/v1alpha1"
PARSERS = {
    "ModelRollout": parse_rollout,
    "ModelRolloutCommand": parse_command,
    "MetricTemplate": parse_template,
    "ClusterMetricTemplate": parse_template,
}


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.yaml")), ids=lambda path: path.name)
def test_every_example_is_a_right_resource(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        if document and document.get("apiVersion") == OURS:
            metadata = {"name": document["metadata"].get("generateName", "") + "x"} | document["metadata"]
            PARSERS[document["kind"]](document | {"metadata": metadata})


def test_the_smallest_example_needs_at_most_ten_lines_of_spec() -> None:
    lines = (EXAMPLES / "minimal.yaml").read_text().splitlines()
    assert len(lines[lines.index("spec:") + 1 :]) <= 10


def test_the_full_example_shows_every_field_that_works_today() -> None:
    shown = parse_rollout(yaml.safe_load((EXAMPLES / "full.yaml").read_text())).spec
    later = {"candidates"}
    assert type(shown).model_fields.keys() - shown.model_fields_set == later
