"""Operator processes that start in a fortieth of a second, so that hundreds of them can be killed in earnest.

    python -m tests.cluster.faults.child

imports the operator once, then forks a child for each line of standard input: a JSON object with `environment`, `log`
(a file) and `script`. It answers with one JSON line per child started, {"started": pid}, and one per child that ended,
{"ended": pid, "code": exit code, or minus the signal}. All children die with it, and it with its standard input.

A child runs the operator's own entry point; only what Prometheus says is scripted: a list of [attempt, step, verdict],
Pass where none matches. Being a function of run and step, it is the same in every process.
"""

import ctypes
import json
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from modelrollout.api.status import Verdict
from modelrollout.decisions.findings import Evidence, Finding
from modelrollout.decisions.questions import Question
from modelrollout.handlers import process
from modelrollout.reconciler.fake import ScriptedMonitor

_PR_SET_PDEATHSIG = 1

Script = list[tuple[int, int, str]]


class ScriptedExaminer:
    """Says of every metric what the script says of the attempt and the step."""

    def __init__(self, script: Script) -> None:
        self.monitor = ScriptedMonitor()
        self._verdicts = {(attempt, step): Verdict(verdict) for attempt, step, verdict in script}

    def restore(self, question: Question, checkpoint: Mapping[str, Any] | None) -> None:
        """No state."""

    async def examine(self, question: Question, state: None, at: float) -> tuple[None, Evidence]:
        verdict = self._verdicts.get((int(question.run.rsplit("-", 1)[1]), question.step), Verdict.PASS)
        findings = tuple(
            Finding(
                metric=metric.name,
                role=metric.role,
                verdict=verdict,
                reason="Scripted",
                message="as the test says",
                candidate=0.01,
                stable=0.01,
                limit=0.02,
                fresh=True,
                inside_margin=True,
            )
            for metric in question.spec.metrics
        )
        answers = {question.candidate: 1_000_000}
        return None, Evidence(question.run, question.step, findings, until=at, answers=answers)

    def close(self) -> None:
        """Nothing is open."""


def serve() -> None:
    """Fork on demand until standard input ends."""
    signal.signal(signal.SIGCHLD, _tell_ended)
    for line in sys.stdin:
        order = json.loads(line)
        # Blocked: the news of a child's start comes before that of its end.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = os.fork()
        if pid == 0:
            _become(order)
        _tell({"started": pid})
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _become(order: Mapping[str, Any]) -> NoReturn:
    code = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.clear()
        os.environ.update(order["environment"])
        process.PrometheusExaminer = lambda _: ScriptedExaminer(order["script"])  # type: ignore[assignment,misc]
        process.run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - the log is all that is left of it
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def _tell(news: Mapping[str, int]) -> None:
    os.write(1, json.dumps(news).encode() + b"\n")


def _tell_ended(*_: object) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _tell({"ended": pid, "code": os.waitstatus_to_exitcode(status)})


if __name__ == "__main__":
    serve()
