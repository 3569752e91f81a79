"""How the demo's two rollouts have to end."""

from collections.abc import Iterator

from dev.demo.story import Story

SMALL_WEIGHT = 250
"""A degraded version must be taken back before it has more than this, of 1000."""


def wrong(better: Story, worse: Story) -> Iterator[str]:
    """What did not end as it should, a sentence each."""
    if better.outcome != "Promoted" or not any(weight == 1000 for _, weight in better.weights):
        yield f"version 2 was to be promoted, but ended as {better.outcome}: {better.reason}"
    if worse.outcome != "RolledBack" or worse.weights[-1][1] != 0:
        yield f"version 3 was to be rolled back, but ended as {worse.outcome}: {worse.reason}"
    if worse.top_weight > SMALL_WEIGHT:
        yield f"version 3 had {worse.top_weight / 10:g} % of the traffic before it was taken back"
