"""What the looks at the version that serves say: made by `monitoring_fold`, read by `monitoring`."""

from dataclasses import dataclass

from modelrollout.api.monitoring_status import Reference


@dataclass(frozen=True, slots=True)
class MonitoringFinding:
    """What one metric says of the version that serves.

    Attributes:
        metric: its name.
        reference: what is to be fixed now, None when nothing is.
        evidence: of a change, divided by what an alarm needs; None before there is a reference.
        deviation: a sentence with the numbers once there is an alarm, empty before.
        trouble: why the last look came to nothing, empty when it did not.
    """

    metric: str
    reference: Reference | None = None
    evidence: float | None = None
    deviation: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class MonitoringEvidence:
    """What all metrics say; `run` is the identity of what was asked, `unreachable` why nobody could be."""

    run: str
    findings: tuple[MonitoringFinding, ...] = ()
    unreachable: str = ""
