"""JSON patches (RFC 6902): made here, carried out by the API server, and tried here before they leave."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from modelrollout.errors import ModelRolloutError

Json = Any
"""A JSON value: None, bool, int, float, str, list or dict of them."""

Operation = dict[str, Any]
"""One operation of a patch, as JSON has it."""


class PatchFailed(ModelRolloutError):  # noqa: N818 - named for what happened, as all leaves
    """A patch does not fit the document: a `test` failed, or a path leads nowhere."""


def pointer(*steps: str | int) -> str:
    """A JSON pointer (RFC 6901) through these keys and indices; `~` and `/` in keys are escaped."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


def test(value: Json, *steps: str | int) -> Operation:
    """Refuse the whole patch unless `value` stands there."""
    return {"op": "test", "path": pointer(*steps), "value": value}


def add(value: Json, *steps: str | int) -> Operation:
    """Put `value` there: into a list before that index (`-` for its end), into an object in place of what was there."""
    return {"op": "add", "path": pointer(*steps), "value": value}


def replace(value: Json, *steps: str | int) -> Operation:
    """Put `value` in place of what must be there."""
    return {"op": "replace", "path": pointer(*steps), "value": value}


def remove(*steps: str | int) -> Operation:
    """Take away what must be there."""
    return {"op": "remove", "path": pointer(*steps)}


def unchanged(document: Mapping[str, Any]) -> Operation:
    """Refuse the whole patch if the object has been written since `document` was read."""
    return test(document["metadata"]["resourceVersion"], "metadata", "resourceVersion")


def apply(document: Mapping[str, Any], operations: Iterable[Operation]) -> dict[str, Any]:
    """The document after `test`, `add`, `replace` and `remove` operations; the one given is left alone.

    Raises:
        PatchFailed: as the API server would refuse the patch.
    """
    result: dict[str, Any] = copy.deepcopy(dict(document))
    for operation in operations:
        *way, last = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]]
        place: Json = result
        for step in way:
            place = _child(place, step, operation)
        _carry_out(operation, place, last)
    return result


def _carry_out(operation: Operation, place: Json, last: str) -> None:
    match operation["op"]:
        case "add" if isinstance(place, list):
            place.insert(
                len(place) if last == "-" else _index(place, last, operation, len(place)),
                copy.deepcopy(operation["value"]),
            )
        case "add" if isinstance(place, dict):
            place[last] = copy.deepcopy(operation["value"])
        case "test":
            found = _child(place, last, operation)
            # JSON tells true from 1, Python does not.
            if found != operation["value"] or type(found) is not type(operation["value"]):
                raise PatchFailed(f"{operation['path']} is {found!r}, not {operation['value']!r}")
        case "replace":
            _child(place, last, operation)
            place[_index(place, last, operation) if isinstance(place, list) else last] = copy.deepcopy(
                operation["value"]
            )
        case "remove":
            _child(place, last, operation)
            del place[_index(place, last, operation) if isinstance(place, list) else last]
        case _:
            raise PatchFailed(f"cannot {operation['op']} at {operation['path']}")


def _child(place: Json, step: str, operation: Operation) -> Json:
    if isinstance(place, list):
        return place[_index(place, step, operation)]
    if isinstance(place, dict) and step in place:
        return place[step]
    raise PatchFailed(f"{operation['op']} {operation['path']}: there is no {step!r}")


def _index(place: list[Any], step: str, operation: Operation, most: int | None = None) -> int:
    last = len(place) - 1 if most is None else most
    if not step.isdigit() or int(step) > last:
        raise PatchFailed(f"{operation['op']} {operation['path']}: there is no index {step!r}")
    return int(step)
