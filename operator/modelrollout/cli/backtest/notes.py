"""What has to be known to read the result of a backtest rightly."""

from collections.abc import Iterator

from modelrollout.cli.backtest.sources import Gathered
from modelrollout.rehearsal.replay.result import Ending, Replay

SPLIT = (
    "The samples were recorded under other weights than this policy's: whether the candidate answered its share of the "
    "requests was not judged, and counts are the recorded ones."
)
READY = "Every version was taken to be ready all the time, and traffic to move at once."


def notes(samples: Gathered, done: Replay) -> Iterator[str]:
    """Sentences, the general ones last."""
    yield from samples.notes
    yield from _unseen(samples, done)
    if done.ending is Ending.PROMOTED and not done.watched:
        yield "The data end before the watch after the promotion is over: a rollback in it cannot be excluded."
    yield SPLIT
    yield READY


def _unseen(samples: Gathered, done: Replay) -> Iterator[str]:
    """What was recorded of the rollout's own versions and yet played no part."""
    for version in samples.recording.versions():
        if version not in (done.candidate, done.stable):
            yield f"What was recorded of {version} was not looked at: it is neither {done.candidate} nor {done.stable}."
    for metric, versions in samples.recording.gauges.items():
        if done.stable in versions:
            yield f"{metric} is a threshold: its values of {done.stable} were not looked at."
