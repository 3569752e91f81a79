"""The one source of randomness: the SHA-1 of a salt and a unit.

The hash is that of PlanOut (Bakshy, Eckles and Bernstein, "Designing and Deploying Online Field Experiments", WWW
2014), so that whoever has its library can compute the same draws. SHA-1 mixes well and is in every language's standard
library. Nobody is kept from anything by it: a unit that can choose its own name can choose its arm with any hash.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

_DIGITS = 15
_LARGEST = float(16**_DIGITS - 1)


@dataclass(frozen=True, slots=True)
class Salt:
    """What is hashed before the unit: a name that nothing else has, so that draws do not depend on each other.

    Attributes:
        text: for a parameter of an experiment `<salt of the experiment>.<name of the parameter>`.
    """

    text: str

    def integer(self, unit: Sequence[str]) -> int:
        """The first 15 hexadecimal digits of SHA-1(`<salt>.<unit>`) as a whole number, from 0 to 2^60 - 1.

        A unit of several parts is joined by dots; everything is UTF-8.
        """
        message = ".".join((self.text, *unit)).encode()
        return int(hashlib.sha1(message, usedforsecurity=False).hexdigest()[:_DIGITS], 16)

    def fraction(self, unit: Sequence[str]) -> float:
        """`integer` as a fraction from 0 to 1: rounded to a double, then divided by 2^60 (2^60 - 1 as a double)."""
        return float(self.integer(unit)) / _LARGEST
