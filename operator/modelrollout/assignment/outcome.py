"""The answer for one unit in one experiment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from modelrollout.assignment.conditions import Value

Given = Value | list[Value]
"""What a parameter can be given: a value, or the list that `sample` and `bernoulliFilter` draw."""


class Reason(StrEnum):
    """Why a unit has its arm."""

    SEGMENT = "Segment"  # the rule of a segment, without lot
    SPLIT = "Split"  # the lot, in the split of a segment
    OVERRIDE = "Override"  # named by hand
    DEFAULT = "Default"  # no segment is about this unit
    OTHER_SLOT = "OtherSlot"  # the unit's slot of the layer is not this experiment's
    KILLED = "Killed"  # the experiment is switched off
    NO_UNIT = "NoUnit"  # an attribute that identifies the unit is missing


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a unit gets.

    Attributes:
        experiment: name of the experiment.
        unit: the texts that identify the unit, in the order of the experiment's `unit`; empty where one is missing.
        reason: why.
        arm: name of the arm; None where the experiment has none for this unit.
        takes_part: whether the unit is in the experiment: what it does may be counted for it.
        segment: name of the segment that the unit is in.
        slot: the unit's slot where a split decided.
        parameters: values by name.
        missing: attributes that would have been needed for a parameter and are not there; that parameter is not given.
    """

    experiment: str
    unit: tuple[str, ...]
    reason: Reason
    arm: str | None
    takes_part: bool = False
    segment: str | None = None
    slot: int | None = None
    parameters: Mapping[str, Given] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
