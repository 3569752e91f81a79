"""The samples of a backtest from a Prometheus server, as the command line asks for them."""

import os
from pathlib import Path

from modelrollout.api import ModelRollout
from modelrollout.cli.backtest.prometheus import NotRecorded, question_of_past, record
from modelrollout.cli.backtest.run import Asked
from modelrollout.cli.backtest.sources import Gathered
from modelrollout.cli.exits import CommandFailed
from modelrollout.cli.progress import Progress
from modelrollout.metrics import PrometheusError, check_address
from modelrollout.rehearsal.recording.recorded import Recording
from modelrollout.rehearsal.recording.writer import write_lines
from modelrollout.rehearsal.replay.roles import CannotReplay, roles_of

TOKEN = "MODELROLLOUT_PROMETHEUS_TOKEN"  # noqa: S105 - the name of the operator's own setting
"""Environment variable with the bearer token for Prometheus."""


def from_prometheus(
    address: str,
    start: float,
    end: float,
    namespace: str | None,
    rollout: ModelRollout,
    asked: Asked,
    keep: str | None,
    progress: Progress,
) -> Gathered:
    """Samples from a Prometheus server, written to the file `keep` too, if one is named.

    Raises:
        CommandFailed: the server cannot be asked, or does not have what the metrics need.
    """
    place = namespace or rollout.metadata.namespace
    if not place:
        raise CommandFailed("in which namespace were the versions? The manifest names none", "Name it with -n.")
    try:
        roles = roles_of(rollout.spec, asked.candidate, asked.stable)
        plain = check_address(address, (address,))
        there = rollout.metadata.model_copy(update={"namespace": place})
        question = question_of_past(rollout.model_copy(update={"metadata": there}), roles, start)
        recording = record(plain, os.environ.get(TOKEN, ""), question, end, progress.tell)
    except (CannotReplay, PrometheusError, NotRecorded) as error:
        raise CommandFailed(str(error)) from None
    finally:
        progress.done()
    notes = _found_by_pattern(rollout)
    if keep is not None:
        lines = _write(keep, recording, rollout, progress)
        since = asked.since if asked.since is not None else max(start, recording.first(roles.candidate) or start)
        notes += (f"{lines:,} lines were written to {keep}: replay them with --data {keep} --since {since:.3f}",)
    return Gathered(recording, plain, notes)


def _found_by_pattern(rollout: ModelRollout) -> tuple[str, ...]:
    names = [metric.name for metric in rollout.spec.metrics if metric.threshold is None and metric.series == "pods"]
    if not names:
        return ()
    return (f"Pods of the past were found by the names that their workload gives them: {', '.join(names)}.",)


def _write(path: str, recording: Recording, rollout: ModelRollout, progress: Progress) -> int:
    count = 0
    try:
        with Path(path).open("wb") as file:
            for line in progress.counting(write_lines(recording, rollout.spec), "lines written"):
                file.write(line)
                count += 1
    except OSError as error:
        raise CommandFailed(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        progress.done()
    return count
