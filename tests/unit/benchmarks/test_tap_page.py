"""What docs/tap.md says a tap costs is what was measured."""

import json

from benchmarks.tap.page import PAGE, RESULTS, written


def test_the_page_has_the_figures_of_the_results() -> None:
    results = json.loads(RESULTS.read_text())
    page = PAGE.read_text()
    assert written(page, results) == page
    assert results["goal"]["met"]
    changed = results | {"rate": results["rate"] + 1}
    assert written(page, changed) != page
