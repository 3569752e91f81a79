import pytest

from dev.demo.digits.traffic.answers import Answer, Kind
from dev.demo.digits.traffic.journal import Journal

AGE = 10.0
EVER = float("inf")


@pytest.fixture
def published() -> list[tuple[str, bool]]:
    return []


@pytest.fixture
def journal(published: list[tuple[str, bool]]) -> Journal:
    return Journal(AGE, lambda version, right: published.append((version, right)))


def answer(sent: float, seconds: float, version: str, kind: Kind) -> Answer:
    return Answer(sent, seconds, version, "500" if kind is Kind.FAILED else "200", kind)


def test_an_outcome_is_published_at_its_age_and_not_a_moment_earlier(journal, published) -> None:
    journal.add(answer(100.0, 0.01, "v1", Kind.RIGHT))
    journal.publish_until(109.999)
    assert published == []
    journal.publish_until(110.0)
    assert published == [("v1", True)]


def test_age_counts_from_sending_so_that_a_slow_version_is_not_judged_by_older_requests(journal, published) -> None:
    # The slow answer is received last; both were sent before 101 and both are published by 111.
    journal.add(answer(100.5, 0.01, "v1", Kind.WRONG))
    journal.add(answer(100.0, 3.0, "v3", Kind.RIGHT))
    journal.publish_until(110.2)
    assert published == [("v3", True)]
    journal.publish_until(110.5)
    assert published == [("v3", True), ("v1", False)]


def test_an_outcome_is_published_once(journal, published) -> None:
    journal.add(answer(100.0, 0.01, "v1", Kind.RIGHT))
    journal.publish_until(120.0)
    journal.publish_until(130.0)
    assert published == [("v1", True)]


def test_a_failed_request_has_no_outcome(journal, published) -> None:
    journal.add(answer(100.0, 0.01, "v3", Kind.FAILED))
    journal.publish_until(200.0)
    assert published == []


def test_the_summary_tells_failed_from_wrong_and_when_it_began(journal) -> None:
    for sent, kind in ((100.0, Kind.RIGHT), (101.0, Kind.FAILED), (102.0, Kind.WRONG), (103.0, Kind.RIGHT)):
        journal.add(answer(sent, 0.5, "v3", kind))
    seen = journal.summary(0, EVER)["v3"]
    assert (seen["answers"], seen["failed"], seen["wrong"], seen["bad"]) == (4, 1, 1, 2)
    assert (seen["firstAnswer"], seen["firstBad"], seen["lastBad"], seen["lastAnswer"]) == (100.5, 101.5, 102.5, 103.5)
    assert seen["p50Seconds"] == pytest.approx(0.5)


def test_the_summary_of_an_interval_leaves_out_what_users_got_before_and_after(journal) -> None:
    for sent in (100.0, 101.0, 102.0):
        journal.add(answer(sent, 0.0, "v1", Kind.WRONG))
    assert journal.summary(101.0, 102.0)["v1"]["bad"] == 1
    nothing = journal.summary(200.0, EVER)["v1"]
    assert (nothing["answers"], nothing["firstBad"], nothing["p99Seconds"]) == (0, None, None)


def test_the_timeline_has_the_bad_answers_of_every_second_and_version(journal) -> None:
    journal.add(answer(100.1, 0.0, "v1", Kind.RIGHT))
    journal.add(answer(100.2, 0.0, "v3", Kind.FAILED))
    journal.add(answer(101.1, 0.0, "v1", Kind.WRONG))
    assert journal.timeline(0, EVER) == [
        {"second": 100, "versions": {"v1": {"answers": 1, "bad": 0}, "v3": {"answers": 1, "bad": 1}}},
        {"second": 101, "versions": {"v1": {"answers": 1, "bad": 1}}},
    ]


def test_failed_answers_of_an_interval_are_told_with_what_they_said(journal) -> None:
    journal.add(answer(100.0, 0.5, "v1", Kind.RIGHT))
    journal.add(answer(101.0, 0.5, "v1", Kind.FAILED))
    journal.add(Answer(102.0, 0.25, "unknown", "503", Kind.FAILED, "no healthy upstream"))
    assert journal.failures(102.0, EVER) == [
        {"sent": 102.0, "seconds": 0.25, "version": "unknown", "code": "503", "why": "no healthy upstream"}
    ]
