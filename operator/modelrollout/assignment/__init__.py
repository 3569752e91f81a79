"""Who gets what in an experiment: pure functions of names and attributes, without clock, state, I/O or dependencies.

Any service or edge can compute the same, in any language: docs/assignment.md says how, bit for bit, with test vectors.
The whole public interface of the room:

- `Salt`: what is hashed before the unit; `Salt.fraction` and `Salt.integer` are all the randomness there is.
- `uniform_choice`, `weighted_choice`, `bernoulli_trial`, `bernoulli_filter`, `sample`, `random_integer`,
  `random_float`: draws, bit for bit those of PlanOut.
- `Split`: shares of the slots that units fall into, and what they were before: a change moves only whom it must.
- `Condition`, `Test`: whom a rule is about, by the unit's attributes.
- `Parameter`, `Case`, `Draw`: values that an experiment gives, drawn or fixed, with conditions.
- `Segment`, `Override`, `Experiment`, `Layer`: who takes part in what; `Plan.assign` answers for one unit.
- `Assignment`, `Reason`: the answer.
"""

from modelrollout.assignment.conditions import Attributes, Condition, Test, Value, text_of
from modelrollout.assignment.draws import (
    bernoulli_filter,
    bernoulli_trial,
    random_float,
    random_integer,
    sample,
    uniform_choice,
    weighted_choice,
)
from modelrollout.assignment.experiments import Experiment, Override, Segment
from modelrollout.assignment.hashing import Salt
from modelrollout.assignment.outcome import Assignment, Reason
from modelrollout.assignment.parameters import Case, Draw, Parameter
from modelrollout.assignment.plan import Layer, Plan
from modelrollout.assignment.slots import SLOTS, Split, slot_of

__all__ = [
    "SLOTS",
    "Assignment",
    "Attributes",
    "Case",
    "Condition",
    "Draw",
    "Experiment",
    "Layer",
    "Override",
    "Parameter",
    "Plan",
    "Reason",
    "Salt",
    "Segment",
    "Split",
    "Test",
    "Value",
    "bernoulli_filter",
    "bernoulli_trial",
    "random_float",
    "random_integer",
    "sample",
    "slot_of",
    "text_of",
    "uniform_choice",
    "weighted_choice",
]
