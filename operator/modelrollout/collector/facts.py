"""How the facts of a request and an answer are written in a row of the store."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelrollout.collector.reading import Answered, Asked

_encode = json.JSONEncoder(separators=(",", ":")).encode


def write_asked(asked: Asked) -> str:
    """Compact JSON; what is empty is left out."""
    facts = {"s": asked.slices, "u": asked.unit, "k": asked.keys, "i": asked.kept, "b": asked.body}
    return _compact(facts | {"e": asked.empty})


def write_answered(answered: Answered) -> str:
    """Compact JSON; what is empty is left out."""
    facts = {"v": answered.scores, "f": answered.values, "i": answered.kept, "b": answered.body}
    # In a list of its own, so that a prediction of 0 or false is not taken for none.
    return _compact(facts | {"p": None if answered.prediction is None else [answered.prediction]})


def read_asked(text: str | None) -> Asked:
    """The facts; those of nothing where the request was not seen."""
    facts = json.loads(text) if text else {}
    return Asked(
        facts.get("s", {}),
        facts.get("u"),
        facts.get("k", {}),
        facts.get("i", {}),
        facts.get("b"),
        facts.get("e", False),
    )


def read_answered(text: str | None) -> Answered:
    """The facts; those of nothing where the answer was not seen."""
    facts = json.loads(text) if text else {}
    prediction = facts["p"][0] if "p" in facts else None
    return Answered(prediction, tuple(facts.get("v", ())), facts.get("f", {}), facts.get("i", {}), facts.get("b"))


def _compact(facts: Mapping[str, Any]) -> str:
    return _encode({name: value for name, value in facts.items() if value})


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request to one version and its answer, as the store has it.

    Attributes:
        n: number of its row.
        at: when it was answered; when it was asked, or came in, where it was not.
        answered: whether there is an answer.
        seen: whether the request itself was seen.
        code: HTTP status of the answer.
        shadow: whether it was a mirrored copy; None where nobody said.
        question, reply: the facts.
    """

    n: int
    id: str
    version: str
    at: float
    answered: bool
    seen: bool
    code: int
    shadow: bool | None
    question: Asked
    reply: Answered


def read_exchange(row: Any) -> Exchange:  # noqa: ANN401 - SQLAlchemy's row
    """An exchange from a row of its table."""
    at = row.answered_at if row.answered_at is not None else row.asked_at
    return Exchange(
        row.n,
        row.id,
        row.version,
        at if at is not None else row.received_at,
        row.answered_at is not None,
        row.asked_at is not None,
        row.code if row.code is not None else 200,
        None if row.shadow is None else bool(row.shadow),
        read_asked(row.asked),
        read_answered(row.answered),
    )
