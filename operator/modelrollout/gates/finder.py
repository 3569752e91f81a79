"""Finds out what a check asks: one line for each kind of gate."""

from modelrollout.api import Gate
from modelrollout.decisions.checks import Check, CheckResult
from modelrollout.gates.identity import find_identity
from modelrollout.gates.job import run_job
from modelrollout.gates.replay import replay
from modelrollout.gates.warm_up import warm_up
from modelrollout.kube.client import Client
from modelrollout.kube.clock import Clock


class GateFinder:
    """Asks model servers, and the API server for golden requests and Jobs."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def find(self, check: Check) -> CheckResult:
        """What there is to know now."""
        match check.what:
            case Gate(warm_up=asked) if asked is not None:
                return await warm_up(check, asked)
            case Gate(replay=asked) if asked is not None:
                return await replay(check, asked, self._client)
            case Gate(job=asked) if asked is not None:
                return await run_job(check, asked, self._client, self._clock)
            case Gate():
                raise LookupError(f"gate {check.what.name} is of no kind that is built")
            case model:
                return await find_identity(check, model)
