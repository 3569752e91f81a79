"""What is remembered of the version that serves, after the watch."""

from pydantic import Field

from modelrollout.api.status_model import StatusModel, Text, Time


class Reference(StatusModel):
    """What one metric showed when monitoring began; it does not move while the version serves."""

    metric: str = Field(description="Name of the metric.", max_length=63)
    until: Time = Field(description="End of the answers that it was measured from.")
    dispersion: float = Field(ge=1, description="How much more the looks scattered than independent answers would.")
    bounds: list[float] = Field(
        default_factory=list, max_length=32, description="Upper bounds of the buckets but the last, of a distribution."
    )
    counts: list[float] = Field(
        min_length=2, max_length=32, description="Events and answers, or for a distribution the answers of each bucket."
    )


class Deviation(StatusModel):
    """A metric that has left its reference."""

    metric: str = Field(description="Name of the metric.", max_length=63)
    message: Text = Field(default="", description="How far, in a sentence with the numbers of that moment.")
    at: Time = Field(description="When that was found.")


class MonitoringStatus(StatusModel):
    """What is remembered of the version that serves: its reference, and what has left it."""

    version: str = Field(description="Name of the version.", max_length=63)
    revision: str = Field(description="Revision of its workload.", max_length=64)
    definition: str = Field(description="Identity of what is monitored; another one begins anew.", max_length=16)
    since: Time = Field(description="Since when the version has served alone under this definition.")
    references: list[Reference] = Field(
        default_factory=list, max_length=8, description="What each metric showed first."
    )
    deviations: list[Deviation] = Field(default_factory=list, max_length=8, description="Metrics that have left it.")
