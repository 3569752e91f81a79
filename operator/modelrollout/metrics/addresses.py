"""Which Prometheus addresses a rollout may name."""

from collections.abc import Iterable

from modelrollout.decisions.addresses import covered, origin
from modelrollout.metrics.errors import AddressRefused


def check_address(address: str, allowed: Iterable[str]) -> str:
    """The address in its plain form, if it is allowed; see `covered`.

    Raises:
        AddressRefused: not an http(s) address, or none that is allowed.
    """
    match covered(address, allowed):
        case True:
            return address.rstrip("/")
        case None:
            raise AddressRefused(
                "the address of Prometheus must be http(s)://host:port with an optional path, and nothing more"
            )
        case _:
            raise AddressRefused(
                f"{origin(address)} is not among the Prometheus addresses that this operator may ask: leave "
                "spec.prometheus.address out, or have it added to the operator's settings"
            )
