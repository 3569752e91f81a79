"""What docs/shadow.md and docs/gateway.md say of users is what was measured."""

import json
from typing import Any

from benchmarks.gateway.page import PAGES, RESULTS, WHEN, WORDS, shadows_table, sticky_paragraph, written
from benchmarks.gateway.shadows import SHADOWS, Round, summed
from benchmarks.gateway.sticky import PHASES
from benchmarks.gateway.tally import BEFORE

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
KEPT = {"rate": 300.0, "rounds": 2, "users": 240, "requests": 5000, "failed": 0, "astray": 0, "failures": []}


def test_the_pages_have_the_figures_of_the_results() -> None:
    results = json.loads(RESULTS.read_text())
    for page, tell in PAGES.items():
        text = page.read_text()
        assert written(text, tell(results)) == text
        assert written(text, "something else") != text, "there is a place for them"
    assert [one["shadow"] for one in results["shadows"]["measured"]] == list(SHADOWS)
    assert [one["failed"] for one in results["shadows"]["measured"]] == [0] * len(SHADOWS)


def test_every_shadow_has_a_row_with_the_rounds_between_which_it_lies() -> None:
    assert list(WORDS) == list(SHADOWS)
    measured = [{**MEASURED, "shadow": shadow} for shadow in SHADOWS]
    told = shadows_table({"shadows": {"command": "c", "measured": measured}, "machine": {"cores": 2}})
    assert "| nobody gets copies | 1,500 | 0 | 2.25 (2.00 to 2.50) | 9.50 (8.00 to 11.00) |" in told
    assert all(f"| {words} | 1,500 |" in told for words in WORDS.values())
    assert shadows_table({}) == "", "what was not measured has no figures"


def test_rounds_of_one_shadow_are_summed_up_and_told_apart() -> None:
    one = summed([Round("dead", 1, (1.0, 2.0, 3.0)), Round("dead", 0, (5.0, 6.0))])
    assert (one.shadow, one.requests, one.failed, one.p50) == ("dead", 6, 1, 3.0)
    assert one.p50_of_rounds == (2.0, 5.5)
    assert one.p99_of_rounds == (2.98, 5.99)


def test_of_sticky_users_is_told_when_requests_failed_and_what_they_heard() -> None:
    assert list(WHEN) == [BEFORE, *(phase.name for phase in PHASES)]

    def group(phase: str, heard: str, count: int) -> dict[str, Any]:
        return {"phase": phase, "heard": heard, "count": count, "write": "weights 1000"}

    failures = [group("copies go", "503 gone", 3), group("copies come", "503", 1), group("copies come", "503 gone", 2)]
    measured = [
        {**KEPT, "pace": "at once", "failed": 6, "failures": failures},
        {**KEPT, "pace": "step by step", "requests": 12_000, "astray": 1},
    ]
    told = sticky_paragraph({"sticky": {"command": "c", "measured": measured}, "machine": {"cores": 2}})
    assert told == (
        "300 requests a second, in 2 rounds of each on one cluster, in turn, on 2 cores (`c`). Written at once, "
        "6 of 5,000 requests failed: 3 when copies came, 3 when copies went. They heard 5 `503 gone`, 1 `503`. "
        "Written step by step, none of 12,000 requests failed. "
        "Of 240 users in every round 1 met a version that was not theirs."
    )
    assert sticky_paragraph({}) == ""
