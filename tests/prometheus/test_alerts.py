"""Every alert of the chart, by Prometheus's own rule engine, from what operator and collector expose as things happen.

Time is promtool's: scrapes of an hour are played in a moment. At first all is well, at minute 5 something happens, and
at minute 45 it is over.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from modelrollout.api.status import ModelRolloutStatus, Outcome, PastRun, Phase
from modelrollout.collector.instruments import Instruments
from modelrollout.decisions.conditions import set_condition
from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import MODELROLLOUTS
from modelrollout.reconciler.gauges import Gauges
from modelrollout.reconciler.telemetry import Telemetry
from tests.prometheus.ticks import EVERY, Ticks, check_rules

ALERTS = Path(__file__).parents[2] / "charts" / "modelrollout" / "files" / "alerts.yaml"
RULES = {rule["alert"]: rule for rule in yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]}
BAD, WELL, END = 5 * 60, 45 * 60, 62 * 60


class Site:
    """A leader, a second operator that waits, and a collector; the rollout risk/fraud, and one beside it."""

    def __init__(self) -> None:
        self.now = 0
        self.status = ModelRolloutStatus(phase=Phase.COMPLETED)
        self.cache = Cache()
        self.collector = CollectorRegistry()
        self.instruments = Instruments(self.collector)
        self.pods: dict[str, CollectorRegistry] = {}
        self._written = 0
        self.write()
        self.operators("operator-0", "operator-1")

    def operators(self, *names: str) -> None:
        """Let new processes of these names be the operators; the first one leads."""
        self.pods = {"collector-0": self.collector}
        for name in names:
            registry = CollectorRegistry()
            telemetry = Telemetry(registry)
            registry.register(Gauges(self.cache, lambda _: None))
            self.pods[name] = registry
            if name == names[0]:
                self.telemetry = telemetry

    def write(self) -> None:
        """Store the status, as an operator does at a decision."""
        self._written += 1
        bystander = ModelRolloutStatus(phase=Phase.PROGRESSING)
        for name, status in (("fraud", self.status), ("ads", bystander)):
            metadata = {"namespace": "risk", "name": name, "uid": name, "resourceVersion": str(self._written)}
            self.cache.apply(MODELROLLOUTS, {"metadata": metadata, "status": status.document()})

    def phase(self, phase: Phase) -> None:
        """Let the rollout be in that phase."""
        self.status.phase = phase
        self.write()

    def condition(self, kind: str, value: bool | None) -> None:
        """Let a condition of the rollout be so."""
        set_condition(self.status, kind, value, reason="Test", generation=1, now=self.time())
        self.write()

    def run_ends(self, outcome: Outcome, reason: str) -> None:
        """Let a run be over."""
        when = self.time()
        past = PastRun(run="r", target="v8", outcome=outcome, reason=reason, started_at=when, ended_at=when)
        self.status.history = [*self.status.history, past]
        self.phase(Phase.ROLLED_BACK if outcome is not Outcome.PROMOTED else Phase.COMPLETED)

    def time(self) -> datetime:
        """The moment, on the clock of promtool, which begins at 0."""
        return datetime.fromtimestamp(0, UTC) + timedelta(seconds=self.now)


@dataclass(frozen=True)
class Story:
    """What happens, which alert it fires after how many seconds, and with which labels of its own."""

    alert: str
    happens: Callable[[Site], object]
    over: Callable[[Site], object]
    after: int
    labels: dict[str, str] = field(default_factory=dict)
    meanwhile: Callable[[Site], object] = lambda _: None
    lasts: int = WELL - BAD

    def __str__(self) -> str:
        return self.alert


FRAUD = {"namespace": "risk", "name": "fraud"}
COLLECTOR = {"namespace": "operators", "job": "modelrollout", "pod": "collector-0"}


def of_phase(alert: str, phase: Phase, after: int) -> Story:
    """An alert that lasts as long as a phase."""
    return Story(alert, lambda site: site.phase(phase), lambda site: site.phase(Phase.COMPLETED), after, FRAUD)


def of_condition(alert: str, kind: str, *, amiss: bool, after: int = 0) -> Story:
    """An alert that lasts as long as a condition is not well."""
    return Story(
        alert, lambda site: site.condition(kind, amiss), lambda site: site.condition(kind, not amiss), after, FRAUD
    )


def rolled_back(outcome: Outcome, reason: str, meanwhile: Callable[[Site], object] = lambda _: None) -> Story:
    """The news of ten minutes that a run was taken back."""
    return Story(
        "ModelRolloutRolledBack",
        lambda site: site.run_ends(outcome, reason),
        lambda _: None,
        0,
        {**FRAUD, "outcome": outcome, "reason": reason},
        meanwhile,
        lasts=10 * 60,
    )


STORIES = [
    Story(
        "ModelRolloutOperatorAbsent",
        lambda site: site.operators(),
        lambda site: site.operators("operator-2", "operator-3"),
        5 * 60,
    ),
    rolled_back(Outcome.ROLLED_BACK, "GuardrailFailed"),
    rolled_back(Outcome.NO_EVIDENCE, "DeadlinePassed"),
    # Whoever leads next knows of it, too: it stands in the status.
    rolled_back(Outcome.ROLLED_BACK, "TrafficLost", lambda site: site.operators("operator-2", "operator-3")),
    of_phase("ModelRolloutHolding", Phase.HOLDING, 15 * 60),
    of_condition("ModelRolloutBlind", "AnalysisHealthy", amiss=False, after=5 * 60),
    of_phase("ModelRolloutAwaitingApproval", Phase.AWAITING_APPROVAL, 60),
    of_condition("ModelRolloutTrafficMismatch", "TrafficMatches", amiss=False, after=60),
    of_phase("ModelRolloutInvalid", Phase.INVALID, 10 * 60),
    of_condition("ModelRolloutDegrading", "Degrading", amiss=True),
    of_condition("ModelRolloutModelStale", "ModelStale", amiss=True),
    Story(
        "ModelRolloutReconcileErrors",
        lambda _: None,
        lambda _: None,
        # One error a scrape: the first makes the series, and ten more are seen as somewhat more than ten, since an
        # increase is drawn out by half a scrape.
        10 * EVERY + 5 * 60,
        {"error": "Unavailable"},
        lambda site: site.telemetry.reconcile_errors.labels("Unavailable").inc(),
    ),
    Story(
        "ModelRolloutAnalysisLate",
        lambda _: None,
        lambda _: None,
        10 * 60,
        {},
        lambda site: site.telemetry.analysis_lag.observe(15.0),
    ),
    Story(
        "ModelRolloutCollectorBehind",
        lambda site: site.instruments.lag.set(400),
        lambda site: site.instruments.lag.set(1),
        5 * 60,
        COLLECTOR,
    ),
    Story(
        "ModelRolloutCollectorRefuses",
        lambda _: None,
        lambda _: None,
        EVERY + 5 * 60,
        {"reason": "full"},
        lambda site: site.instruments.refused.labels("full").inc(),
    ),
    Story(
        "ModelRolloutTelemetryUnusable",
        lambda site: site.instruments.unusable.set(1),
        lambda site: site.instruments.unusable.set(0),
        10 * 60,
        COLLECTOR,
    ),
]


def played(story: Story) -> list[dict[str, str]]:
    """The scrapes of an hour in which the story happens."""
    site, ticks = Site(), Ticks()
    for now in range(0, END, EVERY):
        site.now = now
        if now == BAD:
            story.happens(site)
        if now == WELL:
            story.over(site)
        if BAD <= now < WELL:
            story.meanwhile(site)
        ticks.scrape(site.pods)
    return ticks.played()


def expected(story: Story) -> dict[str, Any]:
    """The alert as it is to fire."""
    rule = RULES[story.alert]
    labels = {**story.labels, **rule["labels"]}

    def filled(text: str) -> str:
        return re.sub(r"\{\{ \$labels\.(\w+) }}", lambda found: labels[found[1]], text)

    notes = {name: filled(text) for name, text in rule["annotations"].items()}
    return {"exp_labels": labels, "exp_annotations": notes}


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_an_alert_fires_when_it_should_and_no_other_does_and_it_ends(story: Story, tmp_path: Path) -> None:
    fires = BAD + story.after
    moments = {
        BAD - EVERY: False,
        fires - EVERY: False,
        fires + EVERY: True,
        BAD + story.lasts - EVERY: True,
        END - EVERY: False,
    }
    checks = [
        {
            "eval_time": f"{moment}s",
            "alertname": alert,
            "exp_alerts": [expected(story)] if firing and alert == story.alert else [],
        }
        for moment, firing in moments.items()
        for alert in RULES
    ]
    check_rules(tmp_path, {"input_series": played(story), "alert_rule_test": checks}, [ALERTS])


def test_every_alert_has_a_story() -> None:
    told = Counter(story.alert for story in STORIES)
    assert set(told) == set(RULES)
