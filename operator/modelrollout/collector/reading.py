"""What one rollout's telemetry takes from requests and answers, compiled. Pure.

Bodies are looked at when they come in and are not kept; what is kept of them are the facts below.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from modelrollout.api.invariants import Invariant, Side
from modelrollout.api.telemetry import UNIT_WINDOW, Sampling, Score, Telemetry
from modelrollout.collector.checking import Check
from modelrollout.collector.comparing import Comparer, Number, comparer
from modelrollout.collector.events import EMPTY, NOT_JSON, NOT_SENT, Event
from modelrollout.collector.hashing import Hasher
from modelrollout.collector.paths import MISSING, Path, as_number, as_text, countable, flat
from modelrollout.errors import InvalidSpec

_LONGEST_LABEL = 64
_MOST_SCORES = 100
_LARGEST_SAMPLE = 65_536


@dataclass(frozen=True, slots=True)
class Asked:
    """What is kept of a request.

    Attributes:
        slices: value by name of the slice; without those of which the request has none.
        unit: hash of the randomised unit, None without.
        keys: hash of each flicker's key, by the invariant's name.
        kept: invariants that were checked, and whether they were kept.
        body: the allowed part of the request, as JSON, where it may become a sample.
        empty: whether nothing was asked: some loggers tell of GET requests, too.
    """

    slices: Mapping[str, str] = field(default_factory=dict)
    unit: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, bool] = field(default_factory=dict)
    body: str | None = None
    empty: bool = False


class Lack(StrEnum):
    """Why an answer has no prediction."""

    NOT_SENT = "not-sent"
    NOT_JSON = "not-json"
    NOTHING_THERE = "nothing-there"
    NOT_OF_KIND = "not-of-kind"


@dataclass(frozen=True, slots=True)
class Answered:
    """What is kept of an answer.

    Attributes:
        prediction: in the form of the comparison, None where there is none.
        scores: the numbers at the score's path.
        values: hash of what must not flicker, by the invariant's name.
        kept: invariants that were checked, and whether they were kept.
        body: the allowed part of the answer, as JSON, where it may be expected of others.
        lack: why there is no prediction, where one was looked for; it is told at once and not kept.
    """

    prediction: Any = None
    scores: tuple[float, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, bool] = field(default_factory=dict)
    body: str | None = None
    lack: Lack | None = None


class _Source:
    """A value from a header or from the request's body."""

    def __init__(self, header: str | None, path: str | None, where: str) -> None:
        self._header = header.lower() if header is not None else None
        self._path = Path(path, f"{where}.field") if path is not None else None

    def find(self, event: Event) -> str | None:
        if self._header is not None:
            return event.headers.get(self._header) or None
        assert self._path is not None  # noqa: S101 - the API knows exactly one of both
        return as_text(self._path.find(event.body)) or None


class Reader:
    """Takes from bodies what a rollout's telemetry asks for."""

    def __init__(self, telemetry: Telemetry, hasher: Hasher, scope: str) -> None:
        """Compile the telemetry of the rollout `scope`, which is namespace/name.

        Raises:
            InvalidSpec: a path or a schema cannot be used.
        """
        where = "spec.telemetry"
        self._hasher, self._scope = hasher, scope
        self._prediction = Path(telemetry.prediction, f"{where}.prediction") if telemetry.prediction else None
        self.comparer: Comparer = comparer(telemetry.compare, hasher, scope)
        self.slices = tuple(one.name.replace("-", "_") for one in telemetry.slices)
        self.most_values = tuple(one.max_values for one in telemetry.slices)
        self._slices = tuple(
            _Source(one.header, one.field, f"{where}.slices[{i}]") for i, one in enumerate(telemetry.slices)
        )
        unit = telemetry.unit
        self._unit = _Source(unit.header, unit.field, f"{where}.unit") if unit is not None else None
        self.window = ((unit.window if unit is not None else None) or UNIT_WINDOW).total_seconds()
        self.score: Score | None = telemetry.score
        self._score = Path(telemetry.score.path, f"{where}.score.path") if telemetry.score is not None else None
        self.signals = {one.name: one for one in telemetry.signals}
        self.label_delay = (telemetry.label_delay or timedelta()).total_seconds()
        self.sample: Sampling | None = telemetry.sample
        self.invariants = tuple(one.name for one in telemetry.invariants)
        self.flickers: dict[str, float] = {}
        self._checks: dict[Side, list[Check]] = {Side.REQUEST: [], Side.ANSWER: []}
        self._keys: dict[str, _Source] = {}
        self._values: dict[str, Path] = {}
        for i, one in enumerate(telemetry.invariants):
            self._add(one, f"{where}.invariants[{i}]")

    @property
    def predicts(self) -> bool:
        """Whether answers hold a prediction that can be compared."""
        return self._prediction is not None

    @property
    def numbers(self) -> Number | None:
        """The comparison where predictions are numbers, which have a difference."""
        return self.comparer if self.predicts and isinstance(self.comparer, Number) else None

    @property
    def by_unit(self) -> bool:
        """Whether values are added up by unit."""
        return self._unit is not None

    def asked(self, event: Event) -> Asked:
        """The facts of a request."""
        if event.data is EMPTY:
            return Asked(empty=True)
        found = ((name, _label(one.find(event))) for name, one in zip(self.slices, self._slices, strict=True))
        slices = {name: value for name, value in found if value is not None}
        unit = self._unit.find(event) if self._unit is not None else None
        keys = {name: key for name, source in self._keys.items() if (key := source.find(event))}
        return Asked(
            slices,
            self._digest(unit) if unit else None,
            {name: self._digest(key) for name, key in keys.items()},
            self._kept(Side.REQUEST, event),
            self._sampled(event),
        )

    def answered(self, event: Event) -> Answered:
        """The facts of an answer; of an error its status is all."""
        if event.code >= 400:
            return Answered()
        found = self._prediction.find(event.body) if self._prediction is not None else MISSING
        prediction = None if found is MISSING else self.keep(found)
        scores = flat(self._score.find(event.body), _MOST_SCORES) if self._score is not None else []
        numbers = [as_number(one) for one in scores]
        values = {name: path.find(event.body) for name, path in self._values.items()}
        return Answered(
            prediction,
            tuple(filter(countable, numbers)),
            {name: self._digest(_canonical(value)) for name, value in values.items() if value is not MISSING},
            self._kept(Side.ANSWER, event),
            self._sampled(event),
            _lack(event.body, found) if self.predicts and prediction is None else None,
        )

    def keep(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        """A prediction or a label in the form of the comparison, None for what is none."""
        try:
            return self.comparer.keep(value)
        except (RecursionError, ValueError, OverflowError):
            return None

    def chance(self, request: str) -> float:
        """A number in [0, 1) that decides about sampling, the same for all versions."""
        return self._hasher.chance(self._scope, request)

    def _add(self, invariant: Invariant, where: str) -> None:
        if invariant.flicker is None:
            self._checks[invariant.of].append(Check(invariant, where))
            return
        self.flickers[invariant.name] = invariant.flicker.within.total_seconds()
        self._keys[invariant.name] = _Source(invariant.flicker.header, invariant.flicker.field, f"{where}.flicker")
        self._values[invariant.name] = Path(invariant.path, f"{where}.path")

    def _kept(self, side: Side, event: Event) -> dict[str, bool]:
        checks = self._checks[side]
        if not checks or event.body is NOT_SENT:
            return {}
        readable = event.body is not NOT_JSON and event.body is not EMPTY
        return {one.name: readable and one.holds(event.body) for one in checks}

    def _sampled(self, event: Event) -> str | None:
        if self.sample is None or self.chance(event.id) >= max(self.sample.random, self.sample.disagreeing):
            return None
        names = self.sample.answers if event.answer else self.sample.fields
        if not names or not isinstance(event.body, dict):
            return None
        text = json.dumps({name: event.body[name] for name in names if name in event.body})
        return text if len(text) <= _LARGEST_SAMPLE else None

    def _digest(self, text: str) -> str:
        return self._hasher.digest(self._scope, text)


def telemetry_problem(telemetry: Telemetry) -> InvalidSpec | None:
    """Why the collector cannot use it, None where it can."""
    try:
        Reader(telemetry, Hasher(b"any"), "")
    except InvalidSpec as error:
        return error
    return None


def _lack(body: Any, found: Any) -> Lack:  # noqa: ANN401 - JSON
    if body is NOT_SENT:
        return Lack.NOT_SENT
    if body is NOT_JSON or body is EMPTY:
        return Lack.NOT_JSON
    return Lack.NOTHING_THERE if found is MISSING else Lack.NOT_OF_KIND


def _label(value: str | None) -> str | None:
    return None if value is None else "".join(one for one in value if one.isprintable())[:_LONGEST_LABEL] or None


def _canonical(value: Any) -> str:  # noqa: ANN401 - JSON
    text = as_text(value)
    return text if text is not None else json.dumps(value, sort_keys=True)
