"""Answers as data and as sentences."""

from typing import Any

from modelrollout.assignment import Assignment, Reason


def as_json(answer: Assignment) -> dict[str, Any]:
    """An answer as data, without what it does not have."""
    document = {
        "experiment": answer.experiment,
        "unit": list(answer.unit),
        "arm": answer.arm,
        "takesPart": answer.takes_part,
        "reason": str(answer.reason),
        "segment": answer.segment,
        "slot": answer.slot,
        "parameters": dict(answer.parameters),
        "missing": list(answer.missing),
    }
    kept = ("experiment", "unit", "arm", "takesPart", "reason", "parameters")
    return {name: value for name, value in document.items() if name in kept or value not in (None, [])}


def explained(answer: Assignment) -> str:
    """Why, in a sentence."""
    match answer.reason:
        case Reason.KILLED:
            why = "the experiment is switched off"
        case Reason.NO_UNIT:
            return f"the attribute {answer.missing[0]} identifies the unit and is missing"
        case Reason.OVERRIDE:
            why = "named by hand"
        case Reason.OTHER_SLOT:
            why = "the unit's slot of the layer is not this experiment's"
        case Reason.DEFAULT:
            why = "in no segment"
        case Reason.SEGMENT:
            why = f"in segment {answer.segment}" if answer.takes_part else f"excluded by segment {answer.segment}"
        case Reason.SPLIT:
            why = f"slot {answer.slot} of the split of segment {answer.segment}"
    return f"{why}; not given for want of {', '.join(answer.missing)}" if answer.missing else why
