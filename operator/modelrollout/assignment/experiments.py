"""An experiment: who takes part, in which arm, and with which parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelrollout.assignment.conditions import EVERYBODY, Attributes, Condition, Value
from modelrollout.assignment.outcome import Assignment, Given, Reason
from modelrollout.assignment.parameters import Parameter, unit_texts
from modelrollout.assignment.slots import SLOTS, Split, slot_of

ARM = "arm"
"""The name by which conditions of parameters ask for the arm."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A rule about a part of the units.

    Attributes:
        name: of the rule.
        when: whom it is about.
        within: slots, of 10,000, of those units that it is about; whoever is beyond goes on to the next rule.
        arm: the arm of all of them; None where a split decides, or where the experiment has only parameters.
        split: slots of each arm.
        takes_part: whether they are in the experiment; not so for those who are excluded.
    """

    name: str
    when: Condition = EVERYBODY
    within: int = SLOTS
    arm: str | None = None
    split: Split | None = None
    takes_part: bool = True


@dataclass(frozen=True, slots=True)
class Override:
    """What is decided by hand for some units, for example the people who test.

    Attributes:
        when: for whom.
        arm: their arm; None: as by the segments.
        parameters: values that are not drawn for them. Later parameters see these.
    """

    when: Condition
    arm: str | None = None
    parameters: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment. `salt` and the names of parameters are what is hashed: a new salt is a new lot for everybody.

    Attributes:
        name: by which it is asked for.
        salt: what its draws are hashed with; by custom its name.
        unit: attributes that identify a unit, such as user.
        segments: rules, the first that applies decides.
        default: the arm of who is in no segment.
        killed: everybody gets the default, without a look at the rest.
        overrides: decided by hand, the first that applies.
        parameters: values, in order; a condition may ask for those before it, and for `arm`.
    """

    name: str
    salt: str
    unit: tuple[str, ...]
    segments: tuple[Segment, ...] = (Segment("everybody"),)
    default: str | None = None
    killed: bool = False
    overrides: tuple[Override, ...] = ()
    parameters: tuple[Parameter, ...] = ()

    def assign(self, attributes: Attributes, in_layer: bool = True) -> Assignment:
        """What a unit with these attributes gets; `in_layer`: whether its slot of the layer is this experiment's."""
        if self.killed:
            return Assignment(self.name, (), Reason.KILLED, self.default)
        try:
            unit = unit_texts(self.unit, attributes)
        except KeyError as error:
            return Assignment(self.name, (), Reason.NO_UNIT, self.default, missing=(str(error.args[0]),))
        override = next((each for each in self.overrides if each.when.holds(attributes)), None)
        if override is not None and override.arm is not None:
            # By hand is for trying: their answers would not be those of units drawn by lot.
            found = Assignment(self.name, unit, Reason.OVERRIDE, override.arm)
        elif not in_layer:
            return Assignment(self.name, unit, Reason.OTHER_SLOT, self.default)
        else:
            found = self._by_segment(unit, attributes)
            if not found.takes_part:
                return found
        given, missing = self._parameters(found.arm, attributes, {} if override is None else override.parameters)
        return Assignment(
            self.name,
            unit,
            found.reason,
            found.arm,
            found.takes_part and override is None,
            found.segment,
            found.slot,
            given,
            missing,
        )

    def _by_segment(self, unit: tuple[str, ...], attributes: Attributes) -> Assignment:
        for each in self.segments:
            if not each.when.holds(attributes):
                continue
            # A lot of its own, or an arm's units would be the first to be within.
            if each.within < SLOTS and slot_of(f"{self.salt}.{each.name}", unit) >= each.within:
                continue
            if each.split is None:
                return Assignment(self.name, unit, Reason.SEGMENT, each.arm, each.takes_part, each.name)
            slot = slot_of(self.salt, unit)
            arm = each.split.owner(slot)
            return Assignment(self.name, unit, Reason.SPLIT, arm, each.takes_part, each.name, slot)
        return Assignment(self.name, unit, Reason.DEFAULT, self.default)

    def _parameters(
        self, arm: str | None, attributes: Attributes, fixed: Mapping[str, Value]
    ) -> tuple[dict[str, Given], tuple[str, ...]]:
        given: dict[str, Given] = {}
        missing: list[str] = []
        seen = {**attributes, **({} if arm is None else {ARM: arm}), **fixed}
        for parameter in self.parameters:
            if parameter.name in fixed:
                given[parameter.name] = fixed[parameter.name]
                continue
            try:
                value = parameter.given(self.salt, self.unit, seen)
            except KeyError as error:
                missing.append(str(error.args[0]))
                continue
            if value is not None:
                given[parameter.name] = seen[parameter.name] = value
        return given, tuple(dict.fromkeys(missing))
