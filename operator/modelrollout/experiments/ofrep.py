"""Answers in the words of OpenFeature's remote evaluation protocol (OFREP).

An experiment is a flag whose value is the arm; a parameter is the flag `<experiment>.<parameter>`. Where a unit gets
nothing, the flag has no value, and the protocol lets the caller's own default stand.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from modelrollout.assignment import Assignment, Attributes, Plan, Reason

_REASONS: Mapping[Reason, str] = {
    Reason.SPLIT: "SPLIT",
    Reason.SEGMENT: "TARGETING_MATCH",
    Reason.OVERRIDE: "TARGETING_MATCH",
    Reason.DEFAULT: "DEFAULT",
    Reason.OTHER_SLOT: "DEFAULT",
    Reason.KILLED: "DISABLED",
}
_TARGETING_KEY = "targetingKey"


class InvalidContext(ValueError):  # noqa: N818 - named for what is wrong
    """A context that cannot be read; the message says why."""


def attributes_of(body: Any, key: str) -> Attributes:  # noqa: ANN401 - whatever was sent
    """The attributes of the unit that a request is about.

    Args:
        body: the request's JSON.
        key: the attribute that OpenFeature's targeting key stands for, where the context does not have it itself.

    Raises:
        InvalidContext: it is no object, or has a value that is none and no list of values.
    """
    context = body.get("context", {}) if isinstance(body, dict) else None
    if not isinstance(context, dict):
        raise InvalidContext("the request must be an object with an object named context")
    attributes: dict[str, Any] = {}
    for name, value in context.items():
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, str | int | float):
                raise InvalidContext(f"{name} must be a text, a number, a truth value or a list of these")
        attributes[name] = value
    if _TARGETING_KEY in attributes:
        attributes.setdefault(key, attributes[_TARGETING_KEY])
    return attributes


def evaluations(plan: Plan, attributes: Attributes) -> Iterator[dict[str, Any]]:
    """The answer for every flag, as bulk evaluation gives them: a success, or a failure with an errorCode."""
    names = {each.name: [parameter.name for parameter in each.parameters] for each in plan.experiments}
    for answer in plan.assign(attributes):
        yield _of_experiment(answer)
        for name in names[answer.experiment]:
            yield _of_parameter(answer, name)


def _of_experiment(answer: Assignment) -> dict[str, Any]:
    if answer.reason is Reason.NO_UNIT:
        return _unidentified(answer.experiment, answer)
    found = _success(answer.experiment, answer, answer.reason)
    return found if answer.arm is None else {**found, "value": answer.arm}


def _of_parameter(answer: Assignment, name: str) -> dict[str, Any]:
    key = f"{answer.experiment}.{name}"
    if answer.reason is Reason.NO_UNIT:
        return _unidentified(key, answer)
    if name not in answer.parameters:
        reason = answer.reason if answer.reason is Reason.KILLED else Reason.DEFAULT
        return _success(key, answer, reason)
    return {**_success(key, answer, answer.reason), "value": answer.parameters[name]}


def _success(key: str, answer: Assignment, reason: Reason) -> dict[str, Any]:
    metadata: dict[str, Any] = {"experiment": answer.experiment, "takesPart": answer.takes_part}
    if answer.segment is not None:
        metadata["segment"] = answer.segment
    if answer.slot is not None:
        metadata["slot"] = answer.slot
    variant = answer.arm or answer.segment or str(answer.reason)
    return {"key": key, "reason": _REASONS[reason], "variant": variant, "metadata": metadata}


def _unidentified(key: str, answer: Assignment) -> dict[str, Any]:
    missing = answer.missing[0]
    return {
        "key": key,
        "errorCode": "TARGETING_KEY_MISSING",
        "errorDetails": f"the attribute {missing} identifies the unit: send it, or send a targetingKey",
    }
