"""What docs/shadow.md says a shadow costs users is what was measured."""

import json

from benchmarks.gateway.page import PAGE, RESULTS, WORDS, written
from benchmarks.gateway.shadows import SHADOWS, Round, summed

MEASURED = {
    "shadow": "none",
    "rate": 50.0,
    "requests": 1500,
    "failed": 0,
    "p50": 2.25,
    "p99": 9.5,
    "p50_of_rounds": [2.0, 2.5],
    "p99_of_rounds": [8.0, 11.0],
}


def test_the_page_has_the_figures_of_the_results() -> None:
    page, results = PAGE.read_text(), json.loads(RESULTS.read_text())
    assert written(page, results) == page
    assert [one["shadow"] for one in results["shadows"]["measured"]] == list(SHADOWS)
    assert [one["failed"] for one in results["shadows"]["measured"]] == [0] * len(SHADOWS)


def test_every_shadow_has_a_row_with_the_rounds_between_which_it_lies() -> None:
    assert list(WORDS) == list(SHADOWS)
    measured = [{**MEASURED, "shadow": shadow} for shadow in SHADOWS]
    results = {"shadows": {"command": "c", "measured": measured}, "machine": {"cores": 2}}
    page = written(PAGE.read_text(), results)
    assert page != PAGE.read_text()
    assert "| nobody gets copies | 1,500 | 0 | 2.25 (2.00 to 2.50) | 9.50 (8.00 to 11.00) |" in page
    assert all(f"| {words} | 1,500 |" in page for words in WORDS.values())
    assert written(page, results) == page
    assert written(page, {}) == written(PAGE.read_text(), {}), "what was not measured has no figures"


def test_rounds_of_one_shadow_are_summed_up_and_told_apart() -> None:
    one = summed([Round("dead", 1, (1.0, 2.0, 3.0)), Round("dead", 0, (5.0, 6.0))])
    assert (one.shadow, one.requests, one.failed, one.p50) == ("dead", 6, 1, 3.0)
    assert one.p50_of_rounds == (2.0, 5.5)
    assert one.p99_of_rounds == (2.98, 5.99)
