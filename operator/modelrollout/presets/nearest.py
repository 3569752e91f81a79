"""What somebody may have meant who wrote a name that does not exist."""

from collections.abc import Iterable
from difflib import get_close_matches

_MOST = 12


def advice(name: str, there: Iterable[str]) -> str:
    """The end of a sentence: the nearest name, or all of them where none is near."""
    names = list(there)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f": did you mean {near[0]}?"
    listed = ", ".join(names[:_MOST]) + (", ..." if len(names) > _MOST else "")
    return f": there are {listed}" if names else ": there are none"
