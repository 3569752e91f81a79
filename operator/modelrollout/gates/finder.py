"""Finds out what a check asks: one line for each kind of gate."""

from collections.abc import Sequence

from modelrollout.api import Gate
from modelrollout.decisions.checks import Call, Check, CheckResult
from modelrollout.gates.identity import find_identity
from modelrollout.gates.job import run_job
from modelrollout.gates.replay import replay
from modelrollout.gates.warm_up import warm_up
from modelrollout.gates.webhook import call
from modelrollout.kube.client import Client
from modelrollout.kube.clock import Clock


class GateFinder:
    """Asks model servers, the API server for golden requests and Jobs, and whom webhooks name.

    `webhooks` are the addresses that may be called for these; see `covered`.
    """

    def __init__(self, client: Client, clock: Clock, webhooks: Sequence[str] = ()) -> None:
        self._client = client
        self._clock = clock
        self._webhooks = webhooks

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
            case Call() as asked:
                return await call(check, asked, self._webhooks, self._client, self._clock)
            case model:
                return await find_identity(check, model)
