"""What a metric is for, which direction is good, and how the series of a version are found."""

from enum import StrEnum


class Role(StrEnum):
    """What a metric's verdict decides."""

    GUARDRAIL = "Guardrail"
    GOAL = "Goal"
    MONITOR = "Monitor"


class Better(StrEnum):
    """In which direction a metric is good."""

    LOWER = "Lower"
    HIGHER = "Higher"


class Series(StrEnum):
    """How the series of one version are told from those of another."""

    PODS = "pods"
    VERSION = "version"
    SERVICE = "service"
    WORKLOAD = "workload"
    CLUSTER = "cluster"
