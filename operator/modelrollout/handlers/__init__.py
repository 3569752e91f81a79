"""The operator as a process: kopf's events go in, probes and metrics come out."""

from modelrollout.handlers.process import run

__all__ = ["run"]
