"""When `wait` may stop waiting."""

from modelrollout.cli.outcome import End, end_of
from tests.unit.cli import cases


def test_a_rollout_that_goes_on_has_not_ended() -> None:
    assert end_of(cases.progressing()) is None
    assert end_of(cases.paused()) is None
    assert end_of(cases.rollout()) is None


def test_a_promoted_version_counts_as_promoted_while_it_is_watched() -> None:
    assert end_of(cases.watching()) is End.PROMOTED


def test_traffic_that_was_taken_back_is_a_rollback() -> None:
    assert end_of(cases.rolled_back()) is End.ROLLED_BACK


def test_status_of_an_older_generation_says_nothing_about_the_newest_edit() -> None:
    for document in (cases.watching(), cases.rolled_back()):
        document["metadata"]["generation"] = 4
        assert end_of(document) is None


def test_a_stalled_condition_for_any_other_reason_needs_a_person() -> None:
    stalled = {
        "type": "Stalled",
        "status": "True",
        "reason": "RouteMissing",
        "lastTransitionTime": "2026-11-20T03:12:20Z",
    }
    assert end_of(cases.progressing(phase="Pending", conditions=[stalled])) is End.STUCK


def test_a_target_that_serves_already_needs_no_run() -> None:
    document = cases.progressing(phase="Completed", stable="v8")
    del document["status"]["run"]
    assert end_of(document) is End.PROMOTED
