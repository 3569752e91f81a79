"""What a mature exchange adds to the counters. Pure.

Both versions' exchanges are counted at the same age, with the labels and signals known then: so what is compared are
cohorts, and neither late labels nor a change of weights can favour one side.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelrollout.collector import series
from modelrollout.collector.diagnosis import What
from modelrollout.collector.facts import Exchange
from modelrollout.collector.reading import Reader
from modelrollout.collector.series import Pairs

Key = tuple[str, Pairs, str, str]
"""Version, labels of the slices, name of the series, its further labels as text."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about a request at maturity.

    Attributes:
        label: in the form of the comparison, None without.
        label_at: when it became known.
        signals: value by name of the signal.
        partners: the same request's exchanges with other versions.
        steady: whether what must not flicker is as it was, by the invariant's name.
    """

    label: Any = None
    label_at: float = 0.0
    signals: Mapping[str, float] = field(default_factory=dict)
    partners: Sequence[Exchange] = ()
    steady: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UnitKey:
    """A unit in one window."""

    version: str
    slices: Pairs
    unit: str
    began_at: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """A request that is kept as a sample."""

    id: str
    reason: str
    chance: float
    probability: float
    request: str
    answer: str | None
    asked_at: float


class Tally:
    """Adds up exchanges of one rollout.

    Attributes:
        counters: what to add, by series.
        units: what to add to units, by signal; the number of requests under the empty name.
        drawn: samples to keep.
        unmatched: what found no counterpart, by kind, and what was no request to a model.
        ends: by version, what of an answer was looked for, and why it was not found; an empty word where it was.
    """

    def __init__(self, reader: Reader, stable: str) -> None:
        self._reader = reader
        self._stable = stable
        self.counters: dict[Key, float] = {}
        self.units: dict[tuple[UnitKey, str], float] = {}
        self.drawn: list[Drawn] = []
        self.unmatched: Counter[str] = Counter()
        self.ends: Counter[tuple[str, What, str]] = Counter()
        self._begun: set[tuple[str, Pairs]] = set()

    def begin(self, version: str, slices: Pairs) -> None:
        """Let every series of that version and group be seen, with a zero where nothing was counted yet."""
        if (version, slices) in self._begun:
            return
        self._begun.add((version, slices))
        for name, labels in series.empty(self._reader):
            self.counters.setdefault((version, slices, name, series.write_labels(labels)), 0.0)

    def add(self, exchange: Exchange, slices: Pairs, known: Known) -> None:
        """Count one exchange."""
        if exchange.question.empty:
            self.unmatched["empty"] += 1
            return
        if not exchange.answered:
            self.unmatched["request"] += 1
            return
        if not exchange.seen:
            self.unmatched["answer"] += 1
        shadow = self._is_shadow(exchange, known.partners)
        where = exchange.version, slices
        self._count(where, series.REQUESTS, (("code_class", f"{exchange.code // 100}xx"),))
        self._outcome(where, exchange, known)
        self._invariants(where, exchange, known)
        if self._reader.score is not None:
            for score in exchange.reply.scores:
                self._count_all(where, series.histogram(series.SCORE, self._reader.score.buckets, score))
        if shadow:
            self._pair(where, exchange, known)
            return
        # What a user does follows from the answer that the user got, and that was not the shadow's.
        signals = {name: value for name, value in known.signals.items() if name in self._reader.signals}
        for name, value in signals.items():
            self._count(where, series.SIGNALS, (("signal", name),))
            self._count(where, series.SIGNAL_VALUES, (("signal", name),), value)
        self._unit(where, exchange, signals)
        sample = self._reader.sample
        if sample is not None and (chance := self._reader.chance(exchange.id)) < sample.random:
            self._draw("random", exchange, exchange, chance, sample.random)

    def add_unit(self, key: UnitKey, requests: float, values: Mapping[str, float]) -> None:
        """Count a unit whose window is over."""
        where = key.version, key.slices
        self._count(where, series.USERS)
        self._count(where, f"{series.USER_REQUESTS}_sum", (), requests)
        self._count(where, f"{series.USER_REQUESTS}_squares", (), requests**2)
        for name, value in values.items():
            labels = (("signal", name),)
            self._count(where, f"{series.USER_VALUES}_sum", labels, value)
            self._count(where, f"{series.USER_VALUES}_squares", labels, value**2)
            self._count(where, series.USER_CROSS, labels, value * requests)

    def _is_shadow(self, exchange: Exchange, partners: Sequence[Exchange]) -> bool:
        if exchange.shadow is not None:
            return exchange.shadow
        # Loggers that do not say it: of two versions that saw one request, the stable one answered the user.
        return bool(partners) and exchange.version != self._stable and any(p.version == self._stable for p in partners)

    def _outcome(self, where: tuple[str, Pairs], exchange: Exchange, known: Known) -> None:
        prediction, label = self._fitting(exchange.reply.prediction), self._fitting(known.label)
        if prediction is None:
            return
        self.ends[exchange.version, What.LABELLED, "no-label" if label is None else ""] += 1
        if label is None:
            self._count(where, series.UNLABELLED)
            return
        right = self._reader.comparer.same(label, prediction)
        self._count(where, series.OUTCOMES, (("correct", "true" if right else "false"),))
        delay = max(0.0, known.label_at - exchange.at)
        self._count_all(where, series.histogram(series.LABEL_DELAY, series.DELAYS, delay))

    def _invariants(self, where: tuple[str, Pairs], exchange: Exchange, known: Known) -> None:
        for kept in (exchange.question.kept, exchange.reply.kept, known.steady):
            for name, held in kept.items():
                self._count(where, series.CHECKS, (("invariant", name),))
                self._count(where, series.FAILURES, (("invariant", name),), float(not held))

    def _pair(self, where: tuple[str, Pairs], exchange: Exchange, known: Known) -> None:
        if not self._reader.predicts:
            return
        partner = next((one for one in known.partners if one.answered and not one.shadow), None)
        self.ends[exchange.version, What.PAIRED, "alone" if partner is None else ""] += 1
        if partner is None:
            self.unmatched["pair"] += 1
            return
        reference, found = self._fitting(partner.reply.prediction), self._fitting(exchange.reply.prediction)
        if reference is None:
            # Of a request that the stable version could not answer either nothing is learnt.
            self.unmatched["stable-failed"] += 1
            return
        if found is None:
            self._count(where, series.PAIRS, (("result", "error"),))
            self._draw_pair(exchange, partner)
            return
        agree = self._reader.comparer.same(reference, found)
        self._count(where, series.PAIRS, (("result", "agree" if agree else "differ"),))
        self._count(where, series.IDENTICAL, (), float(reference == found))
        if self._reader.numbers is not None:
            difference = self._reader.numbers.difference(reference, found)
            for part, amount in (("sum", difference), ("squares", difference**2), ("count", 1.0)):
                self._count(where, f"{series.DIFFERENCE}_{part}", (), amount)
        label = self._fitting(known.label)
        if label is not None:
            same = self._reader.comparer.same
            right = {True: "right", False: "wrong"}
            labels = (("stable", right[same(label, reference)]), ("candidate", right[same(label, found)]))
            self._count(where, series.PAIR_OUTCOMES, labels)
        if not agree:
            self._draw_pair(exchange, partner)

    def _fitting(self, kept: Any) -> Any:  # noqa: ANN401 - JSON
        """A prediction or label, None where it was kept for another kind of comparison."""
        return kept if kept is not None and self._reader.predicts and self._reader.comparer.fits(kept) else None

    def _draw_pair(self, exchange: Exchange, partner: Exchange) -> None:
        sample = self._reader.sample
        if sample is None:
            return
        chance, share = self._reader.chance(exchange.id), max(sample.random, sample.disagreeing)
        if chance < share:
            self._draw("disagreeing", exchange, partner, chance, share)

    def _draw(self, reason: str, exchange: Exchange, expected: Exchange, chance: float, share: float) -> None:
        if exchange.question.body is not None and expected.code < 400:
            request, answer = exchange.question.body, expected.reply.body
            self.drawn.append(Drawn(exchange.id, reason, chance, share, request, answer, exchange.at))

    def _unit(self, where: tuple[str, Pairs], exchange: Exchange, signals: Mapping[str, float]) -> None:
        unit, window = exchange.question.unit, self._reader.window
        if unit is None:
            return
        key = UnitKey(*where, unit, exchange.at // window * window)
        for name, value in (("", 1.0), *signals.items()):
            self.units[key, name] = self.units.get((key, name), 0.0) + value

    def _count_all(self, where: tuple[str, Pairs], added: Iterable[tuple[str, Pairs, float]]) -> None:
        for name, labels, amount in added:
            self._count(where, name, labels, amount)

    def _count(self, where: tuple[str, Pairs], name: str, labels: Pairs = (), amount: float = 1.0) -> None:
        key = (*where, name, series.write_labels(labels))
        self.counters[key] = self.counters.get(key, 0.0) + amount
