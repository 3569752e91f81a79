"""Reads recordings from lines of JSON, one scrape of one series each (see `line`).

Every line is checked by itself; what cannot be read is named by its number, and nothing is left out in silence.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modelrollout.api import ModelRolloutSpec
from modelrollout.errors import ModelRolloutError
from modelrollout.rehearsal.recording.builder import OutOfOrder, RecordingBuilder, SeriesKey
from modelrollout.rehearsal.recording.keys import Accepted, accepted
from modelrollout.rehearsal.recording.line import BadLine, parse_line, values_of
from modelrollout.rehearsal.recording.recorded import Recording

MOST_PROBLEMS = 10
"""Lines that cannot be used before reading ends."""


class BadRecording(ModelRolloutError):  # noqa: N818 - named for what is wrong, as all leaves
    """Lines that cannot be used.

    Attributes:
        problems: number of the line, counted from 1, and what is wrong with it; at most `MOST_PROBLEMS`.
    """

    def __init__(self, problems: tuple[tuple[int, str], ...]) -> None:
        super().__init__("; ".join(f"line {number}: {problem}" for number, problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Read:
    """A recording, and what of the lines it has no place for.

    Attributes:
        recording: all the others.
        passed_over: number of lines by what they name that the rollout does not have, in words.
    """

    recording: Recording
    passed_over: Mapping[str, int]


def read_lines(lines: Iterable[bytes], spec: ModelRolloutSpec, *, strangers: bool = False) -> Read:
    """Read a recording for a rollout.

    Args:
        lines: of JSON; blank ones are allowed.
        spec: says which metrics and versions there are, and what their lines have.
        strangers: pass over lines of metrics and versions that the spec does not have, and count them.

    Raises:
        BadRecording: lines that cannot be used; reading ends after the first few.
    """
    reader = _Reader(spec, strangers=strangers)
    problems: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            reader.read(line)
        except (BadLine, OutOfOrder) as error:
            problems.append((number, str(error)))
            if len(problems) == MOST_PROBLEMS:
                break
    if problems:
        raise BadRecording(tuple(problems))
    return Read(reader.builder.recording(), dict(reader.passed_over))


class _Reader:
    def __init__(self, spec: ModelRolloutSpec, *, strangers: bool) -> None:
        self._versions = {version.name for version in spec.versions}
        self._accepted = {metric.name: accepted(metric) for metric in spec.metrics}
        self._strangers = strangers
        self.builder = RecordingBuilder()
        self.passed_over: Counter[str] = Counter()

    def read(self, text: bytes) -> None:
        line = parse_line(text)
        metric, version = line["metric"], line["version"]
        known = self._accepted.get(metric)
        if known is None or version not in self._versions:
            self._stranger(metric, version, known)
            return
        values = values_of(line, known)
        key = SeriesKey(metric, version, line.get("series", ""), line.get("slice") or "", line.get("part", ""))
        if known.gauge:
            self._check_gauge(key)
        self.builder.add(key, line["t"], values)

    def _stranger(self, metric: str, version: str, known: Accepted | None) -> None:
        what, name, names = (
            ("version", version, self._versions) if known is not None else ("metric", metric, set(self._accepted))
        )
        if not self._strangers:
            raise BadLine(f"{what}: the rollout has no {what} {name!r}; it has {', '.join(sorted(names)) or 'none'}")
        self.passed_over[f"{what} {name}"] += 1

    def _check_gauge(self, key: SeriesKey) -> None:
        before = self.builder.gauge_series(key.metric, key.version)
        if before is not None and before != key.series:
            raise BadLine(
                f"series: {key.metric} is a threshold, so it has one value at a time: {before!r} gave it before "
                f"{key.series!r}"
            )
