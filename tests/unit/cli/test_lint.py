"""What `lint` says of files, with line and column."""

import json
import re
from pathlib import Path

import pytest

from modelrollout.api import spec_errors
from tests.unit.cli.cases import SPEC, rollout
from tests.unit.cli.conftest import Run

GOOD = """\
apiVersion: modelrollout.io/v1alpha1
kind: ModelRollout
metadata: {name: fraud}
spec:
  target: v8
  versions:
  - name: v7
    service: {name: fraud-v7, port: 8080}
    workload: {kind: Deployment, name: fraud-v7}
  - name: v8
    service: {name: fraud-v8, port: 8080}
    workload: {kind: Deployment, name: fraud-v8}
  traffic: {gatewayAPI: {httpRoute: fraud}}
  strategy:
    canary: {weights: [1, 5, 25, 50], hold: 2m}
  metrics:
  - name: errors
    better: Lower
    proportion: {bad: 'http_requests_total{code=~"5.."}', total: http_requests_total}
"""


@pytest.fixture
def lint(run: Run, tmp_path: Path):
    """`lint(text, *options)`: exit code, and the lines without the name of the file."""

    def linted(text: str, *options: str) -> tuple[int, list[str]]:
        file = tmp_path / "rollout.yaml"
        file.write_text(text)
        ran = run("lint", "-f", str(file), *options)
        return ran.code, [line.removeprefix(f"{file}:") for line in ran.out.splitlines()]

    return linted


def test_a_good_manifest_passes_without_a_word_of_warning(lint) -> None:
    assert lint(GOOD) == (0, ["1 document checked: no errors, no warnings"])


PROPORTION = """proportion: {bad: 'http_requests_total{code=~"5.."}', total: http_requests_total}"""
BAD = """bad: 'http_requests_total{code=~"5.."}'"""
TOTAL = "total: http_requests_total"


def latency(histogram: str, above: str) -> str:
    return f"latency: {{histogram: {histogram}, above: {above}}}"


def threshold(query: str, more: str = "") -> str:
    return f"threshold: {{query: '{query}', max: 1{more}}}"


@pytest.mark.parametrize(
    ("before", "after", "finding"),
    [
        ("port: 8080", "port: 80800", "8:31: error: spec.versions[0].service.port: "),
        ("target: v8", "target: v9", "5:3: error: spec.target: target must be the name of one of versions"),
        ("hold: 2m", "hold: two minutes", "15:39: error: spec.strategy.canary.hold: 'two minutes' is no duration"),
        ("better: Lower", "bettr: Lower", "18:5: error: spec.metrics[0].bettr: unknown field"),
        ("  traffic: {gatewayAPI: {httpRoute: fraud}}\n", "", "4:1: error: spec.traffic: this field is required"),
        ("{gatewayAPI: {httpRoute: fraud}}", "{kserve: {}}", "13:13: error: spec.traffic.kserve: unknown field"),
        ("[1, 5, 25, 50]", "[5, 1]", "15:14: error: spec.strategy.canary.weights: weights must increase"),
        (TOTAL, "total: 'rate(x[1m])'", "19:59: error: spec.metrics[0].proportion.total: write a bare selector"),
        ("target: v8", "target: v7\n  target: v8", "6:3: error: the key target stands twice here"),
        ("v1alpha1", "v1beta1", "1:1: error: apiVersion: this version of the API does not exist"),
        ("kind: ModelRollout\n", "kind: ModelRolout\n", "2:1: error: kind: ModelRolout is no kind"),
        ("{name: fraud}\nspec", "{}\nspec", "3:1: error: metadata.name: this field is required"),
        ("{name: fraud}\n", "{name: " + 51 * "f" + "}\n", "3:12: error: metadata.name: the name of a ModelRollout"),
        ("  target: v8", " target: v8", "6:11: error: this is no YAML"),
    ],
)
def test_an_error_names_the_place_and_what_to_do(lint, before: str, after: str, finding: str) -> None:
    assert before in GOOD
    code, lines = lint(GOOD.replace(before, after, 1))
    assert code == 1
    assert [line for line in lines if line.startswith(finding)], lines


def test_the_parsers_echo_of_a_wrong_item_is_not_repeated_for_its_list(lint) -> None:
    _, lines = lint(GOOD.replace("port: 8080", "port: 0"))
    assert [line.split(": ")[2] for line in lines[:-1]] == [
        "spec.versions[0].service.port",
        "spec.versions[1].service.port",
    ]


@pytest.mark.parametrize(
    ("traffic", "warned"), [("service: {name: fraud}", True), ("gatewayAPI: {httpRoute: fraud}", False)]
)
def test_counts_of_what_counts_nothing_are_no_data(lint, traffic: str, warned: bool) -> None:
    text = GOOD.replace("gatewayAPI: {httpRoute: fraud}", traffic).replace(
        "better: Lower", "better: Lower\n    series: cluster"
    )
    text = text.replace("canary: {weights: [1, 5, 25, 50], hold: 2m}", "blueGreen: {hold: 2m}")
    code, lines = lint(text)
    assert code == 0, lines
    assert any("what shifts the traffic counts nothing" in line for line in lines) == warned, lines


@pytest.mark.parametrize(
    ("before", "after", "finding"),
    [
        ("hold: 2m", "hold: 10s", "canary.hold: 10s is shorter than two analysis intervals (30s)"),
        (
            "hold: 2m}",
            "hold: 2h}\n  progressDeadline: 1h",
            "canary.hold: 2h cannot end: progressDeadline, 1h, comes first",
        ),
        ("[1, 5, 25, 50]", "[40]", "already gives 40% of the users"),
        ("[1, 5, 25, 50]", "[1, 5]", "promotion goes from 5% to 100% at once"),
        ("target: v8", "target: v8\n  initialStable: v8", "no run will start"),
        ("target: v8", "target: v8\n  watch: 0s", "undo is not offered"),
        ("target: v8", "target: v8\n  paused: true", "nothing moves until this is false"),
        (BAD, "bad: http_requests_total", "the share is always 100%"),
        (TOTAL, TOTAL.replace("http", "'http") + """{path="/"}'""", "total is narrowed by path and bad is not"),
        (TOTAL, TOTAL.replace("http", "'http") + """{pod="x"}'""", "the operator adds the matcher on pod itself"),
        (PROPORTION, latency("rtt_seconds", "300ms"), "the nearest of those: 250ms and 500ms"),
        (PROPORTION, latency("rtt_ms", "250ms"), "set unit: Milliseconds"),
        (f"better: Lower\n    {PROPORTION}", threshold("max(gpu)"), "nothing in it names the candidate"),
        (
            PROPORTION,
            f"{PROPORTION}\n    margin: {{ratio: 1.5, floor: 0}}",
            "a service without bad answers can never pass",
        ),
        ("better: Lower\n", "role: Monitor\n    better: Lower\n", "no metric is a Guardrail"),
    ],
)
def test_a_warning_says_what_is_unlikely_to_be_meant(lint, before: str, after: str, finding: str) -> None:
    assert before in GOOD
    text = GOOD.replace(before, after, 1)
    code, lines = lint(text)
    assert code == 0, lines
    assert [line for line in lines if ": warning: " in line and finding in line], lines
    assert lint(text, "--strict")[0] == 1


@pytest.mark.parametrize(
    ("after", "finding"),
    [
        ("hold: 2m, samples: 100000}", "the deadline is 6h: the run is rolled back before that"),
        (
            "hold: 2m}\n  progressDeadline: 10m",
            "and the deadline is 10m: widen the margin",
        ),
    ],
)
def test_with_the_traffic_known_gates_are_checked_against_the_clock(lint, after: str, finding: str) -> None:
    text = GOOD.replace("hold: 2m}", after)
    assert not [line for line in lint(text)[1] if finding in line]
    code, lines = lint(text, "--rps", "1")
    assert code == 0
    assert [line for line in lines if ": warning: " in line and finding in line], lines


def test_with_the_traffic_known_each_gate_says_how_many_answers_it_needs(lint) -> None:
    (note,) = [line for line in lint(GOOD, "--rps", "100")[1] if ": note: " in line]
    # ln(2/0.05) times an assumed dispersion of 2, over a floor of 0.002; the mixture costs some 15 % more.
    needed = re.search(r"errors needs about ([0-9,]+) good answers of the candidate to pass; the last step gives", note)
    assert needed is not None
    assert 3689 <= int(needed[1].replace(",", "")) <= 4500
    assert lint(GOOD, "--rps", "100", "--strict")[0] == 0


def test_a_step_that_needs_a_pass_its_deadline_does_not_allow_is_named(lint) -> None:
    metric = threshold('max(gpu{pod=~"{{pods}}"})', ", consecutive: 20")
    text = GOOD.replace(f"better: Lower\n    {PROPORTION}", metric).replace("hold: 2m}", "hold: 1m, deadline: 2m}")
    _, lines = lint(text)
    place, _, message = lines[0].partition(": warning: ")
    assert place == "15:34"
    assert message.startswith(
        "spec.strategy.canary.weights[3]: the 50% step needs Pass of errors, which takes 20 checks"
    )
    assert message.endswith("(5m), but its deadline is 2m: out of reach")


def test_a_step_is_not_counted_as_late_before_the_traffic_is_known(lint) -> None:
    assert lint(GOOD.replace("hold: 2m}", "hold: 2m, samples: 100000}"))[0] == 0


def test_other_kinds_are_passed_over_and_lists_are_looked_into(lint) -> None:
    indented = GOOD.replace("target: v8", "target: v9").replace("\n", "\n  ")
    listed = f"kind: List\napiVersion: v1\nitems:\n- {indented}"
    code, lines = lint(f"kind: Service\napiVersion: v1\n---\n# nothing\n---\n{listed}")
    assert code == 1
    assert lines == [
        "13:5: error: spec.target: target must be the name of one of versions",
        "1 document checked (1 document of other kinds passed over): 1 error, no warnings",
    ]


def test_merged_keys_are_no_repeated_keys(lint) -> None:
    text = GOOD.replace("service: {name: fraud-v7, port: 8080}", "service: &first {name: fraud-v7, port: 8080}")
    text = text.replace("service: {name: fraud-v8, port: 8080}", "service: {<<: *first, name: fraud-v8}")
    assert lint(text)[0] == 0


def test_a_command_is_checked_too(lint) -> None:
    text = GOOD.partition("kind")[0] + (
        "kind: ModelRolloutCommand\nmetadata: {generateName: a-}\nspec: {rollout: fraud, verb: abort, by: me}\n"
    )
    assert lint(text)[1][0].startswith("4:24: error: spec.verb: Input should be 'Approve'")
    good = text.replace("abort", "Abort")
    assert lint(good)[0] == 0
    assert lint(good.replace("generateName: a-", ""))[1][0].endswith("set name or generateName")


def test_folders_are_read_and_missing_files_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.yaml").write_text(GOOD)
    (tmp_path / "two.json").write_text(json.dumps(rollout()))
    (tmp_path / "README.md").write_text("{{ no YAML")
    assert run("lint", "-f", str(tmp_path)).out == "2 documents checked: no errors, no warnings\n"
    missing = run("lint", "-f", str(tmp_path / "none.yaml"))
    assert (missing.code, missing.err) == (
        1,
        f"error: cannot read {tmp_path / 'none.yaml'}: No such file or directory\n",
    )


def test_findings_are_there_for_programs(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rollout.yaml"
    file.write_text(GOOD.replace("target: v8", "target: v9"))
    ran = run("lint", "-f", str(file), "-o", "json")
    assert ran.code == 1
    assert json.loads(ran.out) == {
        "checked": 1,
        "errors": 1,
        "warnings": 0,
        "findings": [
            {
                "file": str(file),
                "line": 5,
                "column": 3,
                "severity": "error",
                "field": "spec.target",
                "message": "target must be the name of one of versions",
            }
        ],
    }


def test_the_spec_of_the_other_tests_is_a_valid_one() -> None:
    assert spec_errors(SPEC) == ()


@pytest.mark.parametrize(
    ("after", "finding"),
    [
        ("hold: 2m, deadline: 8h}", "its deadline of 8h has no effect: progressDeadline, 6h, comes first"),
        ("hold: 0s, deadline: 40s}", "its deadline of 40s is over before any of the step's answers can be counted"),
    ],
)
def test_a_deadline_that_means_nothing_is_named(lint, after: str, finding: str) -> None:
    _, lines = lint(GOOD.replace("hold: 2m}", after))
    assert [line for line in lines if ": warning: spec.strategy.canary.weights[0]: " in line and finding in line], lines


def test_a_gain_of_nothing_is_noted(lint) -> None:
    goal = f"role: Goal\n    gain: {{difference: 0}}\n    {PROPORTION}"
    _, lines = lint(GOOD.replace(PROPORTION, goal, 1))
    assert [line for line in lines if ": note: spec.metrics[0].gain: any gain at all" in line], lines


def test_what_would_open_a_gate_in_time_is_named(lint) -> None:
    text = GOOD.replace("hold: 2m}", "hold: 2m}\n  progressDeadline: 10m")
    (line,) = [one for one in lint(text, "--rate", "1")[1] if "spec.metrics[0]: errors needs" in one]
    found = re.search(
        r"widen the margin \(ratio ([0-9.]+) with floor ([0-9.]+) would do\).* or ([0-9.]+) requests", line
    )
    assert found is not None, line
    wider = f"margin: {{ratio: {found[1]}, floor: {found[2]}}}"
    assert not _shut(lint(text.replace("better: Lower\n", f"better: Lower\n    {wider}\n", 1), "--rate", "1")[1])
    assert _shut(lint(text, "--rate", "1")[1])
    assert not _shut(lint(text, "--rate", f"{float(found[3]) * 1.01}")[1])


def _shut(lines: list[str]) -> list[str]:
    return [line for line in lines if "spec.metrics[0]" in line and ": warning: " in line]


def test_a_preview_has_no_traffic_to_be_checked_against(lint) -> None:
    text = re.sub("canary: .*", "blueGreen: {hold: 5m}", GOOD)
    text = text.replace(f"better: Lower\n    {PROPORTION}", threshold('max(gpu{pod=~"{{pods}}"})'))
    assert lint(text, "--rate", "10") == (0, ["1 document checked: no errors, no warnings"])


@pytest.mark.parametrize(
    ("hold", "watch", "metric", "warned"),
    [
        ("0s", "15m", PROPORTION, True),
        ("90s", "15m", PROPORTION, True),
        ("0s", "15m", latency("rtt_seconds", "250ms"), True),
        ("91s", "15m", PROPORTION, False),
        ("0s", "0s", PROPORTION, False),
        ("0s", "15m", f"{PROPORTION}\n    role: Monitor", False),
    ],
)
def test_a_watch_that_may_have_nothing_to_compare_with_is_warned_of(
    lint, hold: str, watch: str, metric: str, warned: bool
) -> None:
    text = re.sub("canary: .*", f"blueGreen: {{hold: {hold}}}", GOOD).replace(PROPORTION, metric)
    code, lines = lint(text.replace("target: v8", f"target: v8\n  watch: {watch}"))
    assert code == 0
    said = [line for line in lines if "warning: spec.strategy.blueGreen.hold: " in line]
    assert bool(said) == warned, lines
    assert all("errors can take nothing back: hold for 1m31s or longer" in line for line in said)


MEAN = "mean: {sum: rtt_seconds_sum, count: rtt_seconds_count}\n    margin: {ratio: 1.05}"


@pytest.mark.parametrize(
    ("strategy", "metric", "warned"),
    [
        ("blueGreen: {hold: 5m}", MEAN, True),
        ("blueGreen: {hold: 5m}", f"{MEAN}\n    role: Monitor", False),
        ("blueGreen: {hold: 5m}", PROPORTION, False),
        ("blueGreen: {hold: 5m}", latency("rtt_seconds", "250ms"), False),
        ("canary: {weights: [5]}", MEAN, False),
    ],
)
def test_a_comparison_of_versions_that_never_answer_side_by_side_is_warned_of(
    lint, strategy: str, metric: str, warned: bool
) -> None:
    code, lines = lint(re.sub("canary: .*", strategy, GOOD).replace(PROPORTION, metric))
    assert code == 0, lines
    assert any("warning: spec.metrics[0]: errors is judged nowhere" in line for line in lines) == warned, lines


@pytest.mark.parametrize(
    ("telemetry", "finding"),
    [
        ("{prediction: 'outputs[0'}", "spec.telemetry.prediction: 'outputs[0' is no JMESPath expression"),
        (
            "{invariants: [{name: form, jsonSchema: {pattern: a+}}]}",
            "spec.telemetry.invariants[0].jsonSchema: pattern could take the collector's time",
        ),
    ],
)
def test_telemetry_that_the_collector_cannot_use_is_an_error(lint, telemetry: str, finding: str) -> None:
    code, lines = lint(f"{GOOD}  telemetry: {telemetry}\n")
    assert code == 1
    assert finding in lines[0]


def test_an_audience_may_begin_with_everything_and_is_not_asked_to_wait_for_evidence(lint) -> None:
    steps = "[{audience: {rules: [beta]}, weight: 100, hold: 10s}, {weight: 1}, {weight: 50}]"
    text = GOOD.replace("canary: {weights: [1, 5, 25, 50], hold: 2m}", f"canary: {{hold: 2m, steps: {steps}}}")
    assert lint(text) == (0, ["1 document checked: no errors, no warnings"])
