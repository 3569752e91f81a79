from dataclasses import replace
from datetime import timedelta
from typing import Any

from modelrollout.api import Metric, ModelRolloutSpec
from modelrollout.api.status import Verdict
from modelrollout.decisions.analysis.looking import initial, judge
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.expectation import Outlook
from modelrollout.decisions.findings import Evidence, Finding, SliceFinding, Split
from modelrollout.decisions.metric_status import metric_status
from modelrollout.decisions.outlook import to_fail, to_pass
from modelrollout.decisions.significance import worth_writing
from modelrollout.decisions.telling import in_short, with_numbers, without_numbers
from tests.unit.decisions.analysis_histories import Pod, folded, history, question
from tests.unit.decisions.world import START, World, a_spec, errors_metric

ERRORS = Finding(
    metric="errors",
    role="Guardrail",
    verdict=Verdict.INCONCLUSIVE,
    reason="NotYet",
    message="errors 1.9 % of 4,120 against 2 % of v7, limit 3 %; evidence 2.1 of 3.0",
    candidate=0.019,
    stable=0.02,
    limit=0.03,
    evidence_fail=-0.1,
    evidence_pass=0.7,
    candidate_count=4000,
    stable_count=76000,
    fresh=True,
    alpha=0.01,
)
SPEC = ModelRolloutSpec.model_validate(a_spec())


class Measured(World):
    """A world whose only metric says what the test says."""

    def __init__(self, finding: Finding = ERRORS, **spec: Any) -> None:
        super().__init__(**spec)
        self.finding = finding

        self.split: Split | None = None

    def evidence(self) -> Evidence | None:
        evidence = super().evidence()
        if evidence is None:
            return None
        return replace(evidence, findings=(self.finding,), until=self.now.timestamp(), split=self.split)


def measured(finding: Finding = ERRORS) -> Measured:
    """A minute and a half in its first step, the last answers being counted now."""
    world = Measured(finding)
    world.start()
    world.after(minutes=1, seconds=30)
    return world


def test_a_message_says_the_numbers_that_keep_the_run_longest_and_when_they_are_expected() -> None:
    message = measured().status.message
    assert message.startswith("step 1 of 3, v8 at 5 %; waits for more answers · errors 1.9 % of 4,120 against 2 %")
    assert message.endswith("evidence 2.1 of 3.0; expected about 03:02 UTC")


def test_numbers_alone_are_no_reason_to_write_before_their_time() -> None:
    world = measured()
    before = world.status.model_copy(deep=True)
    writes = world.status_writes
    world.finding = replace(ERRORS, evidence_pass=0.75, message="errors 1.8 % of 4,520 against 2 % of v7")
    world.after(seconds=45)
    assert world.status_writes == writes
    other = before.model_copy(deep=True)
    other.message = with_numbers(without_numbers(before.message), "errors 1.8 %")
    assert not worth_writing(before, other)
    other.message = "step 1 of 3, v8 at 5 %; waits for proof"
    other.metrics_at = (before.metrics_at or START) + timedelta(minutes=1)
    assert worth_writing(before, other)


def test_a_metric_beyond_its_limit_is_not_promised_a_moment() -> None:
    world = measured(replace(ERRORS, candidate=0.04))
    assert world.status.message.endswith("not at this rate: what was seen so far speaks against it")


def test_a_step_is_announced_with_the_sentences_of_the_metrics_it_was_left_on() -> None:
    world = measured()
    world.answers = 100
    world.reconcile()
    said = next(event for event in reversed(world.events) if event.reason is Reason.STEP_STARTED)
    assert said.message == (
        "v8 gets 25 %, step 2 of 3: errors 1.9 % of 4,120 against 2 % of v7, limit 3 %; evidence 2.1 of 3.0"
    )


def test_an_uneven_split_is_a_condition_and_one_event_and_blocks_nothing() -> None:
    world = measured()
    assert world.condition("SplitMatches") == ("", "")
    for found in (0.08, 0.081):
        world.split = Split(mismatch=True, found=found, intended=0.05, p_value=1e-6)
        world.after(seconds=15)
    assert world.condition("SplitMatches") == ("False", "Uneven")
    (event,) = [event for event in world.events if event.reason is Reason.TRAFFIC_UNEVEN]
    assert event.message.endswith("(0.08 of all answers where 0.05 are intended)")
    world.answers = 100
    world.reconcile()
    assert world.status.run.step == 1
    world.split = Split(mismatch=False, found=0.05, intended=0.05, p_value=1.0)
    world.after(seconds=15)
    assert world.condition("SplitMatches") == ("True", "AsIntended")


def test_status_has_what_stands_behind_the_evidence_and_the_worst_slices() -> None:
    slices = [SliceFinding(name, Verdict.INCONCLUSIVE, 0.012, 0.003, 3.9, 0.94, 9.1, "ratio", 0.81) for name in "abcd"]
    told = metric_status(replace(ERRORS, dispersion=2.0, assumed=True, lost=3, slices=tuple(slices)))
    assert (told.alpha, told.dispersion, told.dispersion_assumed, told.lost_strata) == ("0.01", "2", True, 3)
    assert [one.value for one in told.slices or ()] == ["a", "b", "c"]
    assert (told.slices or [])[0].effect == "ratio 3.9 [0.94, 9.1]"
    plain = metric_status(ERRORS).model_dump(exclude_none=True)
    assert {"dispersion", "dispersion_assumed", "lost_strata", "slices"} & set(plain) == set()


def test_before_the_first_answers_a_metric_says_that_there_are_none() -> None:
    asked = question()
    whole = history([Pod("v7", "a"), Pod("v8", "b")], 60)
    said = judge(folded(initial(asked), asked, whole, 5), asked).findings[0]
    assert (said.reason, said.candidate_count) == ("NotYet", 0)
    assert said.message.startswith("errors: no answers judged yet")


def test_a_message_has_room_for_what_it_is_about_however_many_metrics_there_are() -> None:
    many = [replace(ERRORS, metric=f"m{number}", message="x" * 150) for number in range(30)]
    assert len(in_short(many)) < 1000
    assert in_short(many).endswith("and 25 more")
    assert in_short(many).startswith("m0: xxx")
    assert len(with_numbers("a" * 1000, "b" * 1000)) == 1024


def metric(**fields: Any) -> Metric:
    """The metric of a spec."""
    return Metric.model_validate({"name": "some", **fields})


def test_a_threshold_passes_after_the_checks_that_are_missing() -> None:
    threshold = metric(threshold={"query": "up", "max": 1, "consecutive": 4})
    finding = Finding("some", "Guardrail", Verdict.INCONCLUSIVE, evidence_pass=0.25)
    assert to_pass(threshold, finding, SPEC.analysis, 0.0).seconds == 45.0


def test_a_failed_metric_does_not_pass_any_more() -> None:
    failed = replace(ERRORS, verdict=Verdict.FAIL)
    assert to_pass(SPEC.metrics[0], failed, SPEC.analysis, 1.0).outlook is Outlook.NEVER


def test_only_a_metric_that_is_heading_there_is_expected_to_fail() -> None:
    assert to_fail(SPEC.metrics[0], ERRORS, 1.0) is None
    failing = to_fail(SPEC.metrics[0], replace(ERRORS, evidence_fail=0.8, evidence_pass=-1.0), 1.0)
    assert failing is not None
    assert failing.outlook is Outlook.EXPECTED


def test_where_more_is_better_too_little_lies_beyond_the_limit() -> None:
    accuracy = metric(**errors_metric(better="Higher", proportion={"good": "a", "total": "b"}))
    finding = replace(ERRORS, candidate=0.90, limit=0.92)
    assert to_pass(accuracy, finding, SPEC.analysis, 1.0).outlook is Outlook.NEVER
    assert to_pass(accuracy, replace(finding, candidate=0.93), SPEC.analysis, 1.0).outlook is Outlook.EXPECTED
