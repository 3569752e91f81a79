"""What is remembered and said of the version that serves, after the watch."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from modelrollout.api.monitoring_status import Reference
from modelrollout.api.status import Verdict
from modelrollout.decisions.decision import Decision, Reason
from modelrollout.decisions.monitoring.findings import MonitoringEvidence, MonitoringFinding
from tests.unit.decisions.world import START, World, a_spec, errors_metric

DAY = 86_400.0


def serving(**monitoring: Any) -> World:
    world = World(monitoring=monitoring)
    world.reconcile()
    return world


def say(world: World, *findings: MonitoringFinding, unreachable: str = "") -> Decision:
    asked = world.decide().monitor
    assert asked is not None
    world.monitored = MonitoringEvidence(asked.run, findings, unreachable)
    return world.reconcile()


def referenced(world: World) -> World:
    reference = Reference(metric="errors", until=world.now, dispersion=1, counts=[10, 1000])
    say(world, MonitoringFinding("errors", reference))
    return world


WORSE = MonitoringFinding("errors", evidence=1.2, deviation="errors 4 % of 2,400, limit 1.77 %")


def test_what_serves_is_looked_at_from_the_start_once_a_day() -> None:
    asked = serving().decide().monitor
    assert asked is not None
    assert (asked.candidate, asked.interval, asked.looks) == ("v7", DAY, 7)
    assert asked.asked.since == START.timestamp()
    assert [one.name for one in asked.metrics] == ["errors"]


def test_without_monitoring_nothing_is_asked_or_said() -> None:
    world = World()
    assert world.reconcile().monitor is None
    assert world.status.monitoring is None
    assert world.condition("Degrading") == world.condition("ModelStale") == ("", "")


def test_nothing_is_written_while_nothing_changes() -> None:
    world = referenced(serving())
    assert world.condition("Degrading") == ("False", "Steady")
    writes = world.status_writes
    for day in range(30):
        say(world, MonitoringFinding("errors", evidence=0.1 + day / 100))
        world.after(days=1)
    assert world.status_writes == writes


def test_the_reference_is_kept_and_never_replaced() -> None:
    world = referenced(serving())
    assert [one.counts for one in world.status.monitoring.references] == [[10, 1000]]
    again = Reference(metric="errors", until=world.now, dispersion=1, counts=[99, 1000])
    say(world, MonitoringFinding("errors", again))
    assert [one.counts for one in world.status.monitoring.references] == [[10, 1000]]


def test_a_version_that_leaves_its_reference_is_said_once_and_keeps_its_traffic() -> None:
    world = referenced(serving())
    say(world, WORSE)
    say(world, WORSE)
    assert world.condition("Degrading") == ("True", "LeftReference")
    assert world.status.condition("Degrading").message == "errors 4 % of 2,400, limit 1.77 %"
    assert world.reasons().count(Reason.DEGRADING) == 1
    assert (world.weights, world.condition("Ready")) == ({"v7": 1000}, ("True", "Completed"))
    say(world, MonitoringFinding("errors", evidence=0.1))
    assert world.condition("Degrading") == ("True", "LeftReference")


def test_until_the_reference_is_there_nothing_is_known() -> None:
    world = serving()
    assert world.condition("Degrading") == ("Unknown", "TakingReference")
    world = World(monitoring={}, metrics=[])
    world.reconcile()
    assert world.condition("Degrading") == ("Unknown", "NothingToMonitor")


def test_a_prometheus_that_cannot_be_asked_is_said_and_no_degradation() -> None:
    world = referenced(serving())
    say(world, unreachable="connection refused")
    assert world.condition("Degrading") == ("Unknown", "Unreachable")


def test_another_revision_or_another_definition_begins_anew() -> None:
    world = referenced(serving())
    say(world, WORSE)
    world.seen("v7", revision="rev-other")
    world.after(hours=1)
    assert (world.status.monitoring.revision, world.status.monitoring.references) == ("rev-other", [])
    assert world.condition("Degrading") == ("Unknown", "TakingReference")
    referenced(world)
    world.edit(monitoring={"every": "1h"})
    world.reconcile()
    assert world.status.monitoring.references == []


def test_an_age_limit_alone_does_not_begin_anew() -> None:
    world = referenced(serving())
    world.edit(monitoring={"maxAge": "90d"})
    world.reconcile()
    assert len(world.status.monitoring.references) == 1


def test_during_a_run_and_its_watch_nothing_is_looked_at_and_the_promoted_version_begins_its_own() -> None:
    world = referenced(serving())
    world.start()
    assert world.decide().monitor is None
    world.passing()
    for _ in range(3):
        world.after(seconds=61)
    assert world.status.run.state == "Watching"
    assert world.decide().monitor is None
    assert world.status.monitoring.version == "v7"
    ended = world.after(minutes=15)
    assert world.status.monitoring.version == "v8"
    assert world.status.monitoring.since == world.now
    assert ended.monitor is not None
    assert ended.monitor.candidate == "v8"


def test_after_a_rollback_the_reference_of_stable_goes_on() -> None:
    world = referenced(serving())
    world.start()
    world.verdicts = {"errors": Verdict.FAIL}
    world.after(seconds=20)
    assert world.status.run.outcome == "RolledBack"
    asked = world.decide().monitor
    assert asked is not None
    assert list(asked.references) == ["errors"]


def test_monitoring_that_is_taken_away_leaves_no_alarm_behind() -> None:
    world = referenced(serving())
    say(world, WORSE)
    document = {name: value for name, value in world.document.items() if name != "monitoring"}
    world.document = document
    world.edit()
    world.reconcile()
    assert world.condition("Degrading") == ("False", "NotMonitored")
    assert world.status.monitoring is None


def test_only_what_is_named_and_can_be_told_from_answers_alone_is_looked_at() -> None:
    metrics = [
        errors_metric(),
        errors_metric(name="slow"),
        errors_metric(name="seen", role="Monitor"),
        {"name": "gpu", "threshold": {"query": "x", "max": 1}},
    ]
    world = World(monitoring={}, metrics=metrics)
    assert [one.name for one in world.reconcile().monitor.metrics] == ["errors", "slow"]
    world = World(monitoring={"metrics": ["seen", "gpu"]}, metrics=metrics)
    assert [one.name for one in world.reconcile().monitor.metrics] == ["seen"]


def aged(trained: datetime | None, **more: Any) -> World:
    spec = a_spec()
    if trained is not None:
        spec["versions"][0]["model"] = {"trainedAt": trained.isoformat()}
    world = World(versions=spec["versions"], monitoring={"maxAge": "90d"}, **more)
    world.reconcile()
    return world


def test_a_model_is_said_to_be_stale_when_it_is_too_old_and_not_before() -> None:
    world = aged(datetime(2026, 9, 1, tzinfo=UTC))
    assert world.condition("ModelStale") == ("False", "YoungEnough")
    assert world.decide().wake_at == datetime(2026, 11, 30, tzinfo=UTC)
    world.now = datetime(2026, 11, 30, tzinfo=UTC)
    world.reconcile()
    world.after(days=1)
    assert world.condition("ModelStale") == ("True", "TooOld")
    assert world.status.condition("ModelStale").message == "the model of v7 has been older than maxAge since 2026-11-30"
    assert world.reasons().count(Reason.MODEL_STALE) == 1
    assert world.weights == {"v7": 1000}


def test_the_day_is_that_of_utc_wherever_the_model_was_trained() -> None:
    world = aged(datetime(2026, 9, 1, 4, tzinfo=timezone(timedelta(hours=9))))
    world.after(days=60)
    assert world.status.condition("ModelStale").message == "the model of v7 has been older than maxAge since 2026-11-29"


def test_a_model_of_unknown_age_is_said_to_be_that() -> None:
    assert aged(None).condition("ModelStale") == ("Unknown", "AgeUnknown")
