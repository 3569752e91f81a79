"""The only place that speaks to model servers, and that makes Jobs: what a candidate shows before it gets traffic."""

from modelrollout.gates.finder import GateFinder

__all__ = ["GateFinder"]
