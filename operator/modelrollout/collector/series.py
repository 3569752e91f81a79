"""Names of what Prometheus is told about models, and how labels are written."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from modelrollout.api.values import plain_number
from modelrollout.collector.reading import Reader

_LABEL = re.compile(r'\w+="(?:[^"\\]|\\.)*"')

Pairs = tuple[tuple[str, str], ...]
"""Labels beside namespace, rollout and version."""

REQUESTS = "model_requests_total"
OUTCOMES = "model_outcomes_total"
UNLABELLED = "model_unlabelled_total"
PAIRS = "model_shadow_pairs_total"
IDENTICAL = "model_shadow_identical_total"
PAIR_OUTCOMES = "model_pair_outcomes_total"
DIFFERENCE = "model_pair_difference"
SCORE = "model_score"
CHECKS = "model_invariant_checks_total"
FAILURES = "model_invariant_failures_total"
SIGNALS = "model_signals_total"
SIGNAL_VALUES = "model_signal_value_sum"
USERS = "model_users_total"
USER_REQUESTS = "model_user_requests"
USER_VALUES = "model_user_value"
USER_CROSS = "model_user_cross_sum"
LABEL_DELAY = "model_label_delay_seconds"

DELAYS = (1.0, 10.0, 60.0, 300.0, 1800.0, 3600.0, 21600.0, 86400.0, 604800.0)

HELP: Mapping[str, str] = {
    REQUESTS: "Answered requests, counted at maturity.",
    OUTCOMES: "Labelled answers, counted at maturity.",
    UNLABELLED: "Answers with a prediction that had no label at maturity.",
    PAIRS: "Requests answered by the stable version and its shadow, by whether the predictions agree.",
    IDENTICAL: "Those of the pairs whose predictions are exactly equal.",
    PAIR_OUTCOMES: "Labelled pairs, by who was right.",
    f"{DIFFERENCE}_sum": "Sum over pairs of the candidate's number minus stable's.",
    f"{DIFFERENCE}_squares": "Sum of the squares of the same differences.",
    f"{DIFFERENCE}_count": "Number of the same differences.",
    SCORE: "Scores of answers, counted at maturity.",
    CHECKS: "Requests or answers that an invariant was checked on.",
    FAILURES: "Those of them that broke it.",
    SIGNALS: "Requests that the user gave this signal about, counted at maturity.",
    SIGNAL_VALUES: "Sum of the values of these signals.",
    USERS: "Units, each once a window, when the window was over.",
    f"{USER_REQUESTS}_sum": "Requests of these units.",
    f"{USER_REQUESTS}_squares": "Sum over units of the square of their requests.",
    f"{USER_VALUES}_sum": "Sum over units of a signal's values.",
    f"{USER_VALUES}_squares": "Sum over units of the square of their values.",
    USER_CROSS: "Sum over units of their values times their requests.",
    LABEL_DELAY: "Time from an answer to its label.",
}
INFINITE = "+Inf"
"""The label le of the bucket that everything falls into."""

HISTOGRAMS = (SCORE, LABEL_DELAY)


@lru_cache(maxsize=4096)
def write_labels(pairs: Pairs) -> str:
    """Labels as Prometheus' text format has them, without braces."""
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs)


@lru_cache(maxsize=65_536)
def in_order(labels: str) -> str:
    """The same labels, as `write_labels` writes them, in the order of their names."""
    return ",".join(sorted(_LABEL.findall(labels)))


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def bound_text(bound: float) -> str:
    """A bucket's bound as the label le has it."""
    return str(plain_number(bound))


def bound_in(labels: str) -> str:
    """The label le among labels as they are written, empty where it is not among them."""
    return labels.rpartition('le="')[2].rstrip('"') if 'le="' in labels else ""


def histogram(name: str, bounds: Iterable[float], value: float) -> Iterable[tuple[str, Pairs, float]]:
    """What one value adds to a histogram."""
    for bound in bounds:
        yield f"{name}_bucket", (("le", bound_text(bound)),), float(value <= bound)
    yield f"{name}_bucket", (("le", INFINITE),), 1.0
    yield f"{name}_sum", (), value
    yield f"{name}_count", (), 1.0


def empty(reader: Reader) -> Iterable[tuple[str, Pairs]]:
    """Every series of one version and group that can be told in advance: each begins with a zero that can be seen."""
    yield from ((REQUESTS, (("code_class", code),)) for code in ("2xx", "4xx", "5xx"))
    if reader.predicts:
        yield from ((OUTCOMES, (("correct", one),)) for one in ("true", "false"))
        yield UNLABELLED, ()
        yield from ((PAIRS, (("result", one),)) for one in ("agree", "differ", "error"))
        yield IDENTICAL, ()
        for stable in ("right", "wrong"):
            yield from ((PAIR_OUTCOMES, (("stable", stable), ("candidate", one))) for one in ("right", "wrong"))
        yield from _empty_histogram(LABEL_DELAY, DELAYS)
    if reader.numbers is not None:
        yield from ((f"{DIFFERENCE}_{part}", ()) for part in ("sum", "squares", "count"))
    if reader.score is not None:
        yield from _empty_histogram(SCORE, reader.score.buckets)
    for invariant in reader.invariants:
        yield CHECKS, (("invariant", invariant),)
        yield FAILURES, (("invariant", invariant),)
    for signal in reader.signals:
        yield SIGNALS, (("signal", signal),)
        yield SIGNAL_VALUES, (("signal", signal),)
    if reader.by_unit:
        yield USERS, ()
        yield from ((f"{USER_REQUESTS}_{part}", ()) for part in ("sum", "squares"))
        for signal in reader.signals:
            labels = (("signal", signal),)
            yield from ((name, labels) for name in (f"{USER_VALUES}_sum", f"{USER_VALUES}_squares", USER_CROSS))


def _empty_histogram(name: str, bounds: Iterable[float]) -> Iterable[tuple[str, Pairs]]:
    return ((part, labels) for part, labels, _ in histogram(name, bounds, 0.0))
