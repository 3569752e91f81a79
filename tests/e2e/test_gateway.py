"""The gateway of the local cluster when the machine is busy: users wait, and nobody is refused."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dev.cluster import Cluster
from dev.progress import wait_until
from dev.visitors import Visitors

RATE = 50.0
LATE = 1.6
"""Seconds without the proxy, more than one of its probes takes by default until it gives up."""
AFTER = 3.0
"""Seconds of requests after them, in which the node would have taken the pod out of its Service and back."""


@contextmanager
def stopped(processes: list[int]) -> Iterator[None]:
    """These processes do not get the processor, as on a machine on which others have it."""
    try:
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)


def test_a_proxy_that_gets_no_processor_for_more_than_a_second_refuses_nobody(
    cluster: Cluster, gateway_processes: list[int]
) -> None:
    assert gateway_processes
    with Visitors(cluster.gateway_url, RATE, bytes.decode, {"Host": "nobody.example"}, keep=False) as visitors:
        wait_until(lambda: bool(visitors.came), "the first answer", 10)
        with stopped(gateway_processes):
            time.sleep(LATE)
        back = time.time()
        wait_until(lambda: any(one.sent > back + AFTER for one in visitors.came), "answers again", 30)
    # No route is for that host: what counts is that the gateway says so.
    assert {one.code for one in visitors.came} == {404}, visitors.failed()
