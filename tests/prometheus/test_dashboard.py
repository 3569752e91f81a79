"""What the panels of the dashboard show, by Prometheus's own engine: two operators, each scraped by two jobs."""

import json
import re
from pathlib import Path
from typing import Any

from modelrollout.api.status import MetricStatus, ModelRolloutStatus, Outcome, Phase, Run, RunState, Verdict
from modelrollout.kube.resources import MODELROLLOUTS
from tests.prometheus.test_alerts import Site
from tests.prometheus.ticks import EVERY, Ticks, check_rules

DASHBOARD = Path(__file__).parents[2] / "charts" / "modelrollout" / "files" / "dashboard.json"
PANELS = {panel["title"]: panel for panel in json.loads(DASHBOARD.read_text())["panels"]}
ADDRESS = {"instance": "{pod}:8080"}
JOBS = [{"job": "annotated", **ADDRESS}, {"job": "monitored", "container": "operator", **ADDRESS}]

PROMOTED, NEW_LEADER, BACK, LOOK, LATER = 5 * 60, 20 * 60, 25 * 60, 30 * 60, 90 * 60


def ended(site: Site, outcome: Outcome, reason: str) -> None:
    """Let the leader store that a run of risk/fraud has this outcome, and a metric another verdict."""
    now = dict.fromkeys(("started_at", "step_started_at", "advanced_at"), site.time())
    run = Run(id=f"r{site.now}", target="v8", stable="v7", state=RunState.PROMOTING, reason=reason, **now)
    run.outcome = outcome
    verdict = Verdict.PASS if outcome is Outcome.PROMOTED else Verdict.FAIL
    new = ModelRolloutStatus(run=run, metrics=[MetricStatus(name="errors", role="Guardrail", verdict=verdict)])
    obj = next(one for one in site.cache.list(MODELROLLOUTS) if one["metadata"]["name"] == "fraud")
    site.telemetry.decided(obj, ModelRolloutStatus(), new)


def played() -> list[dict[str, str]]:
    """A promotion, another leader, a rollback, and quiet after it."""
    site, ticks = Site(), Ticks(JOBS)
    site.status.weights.desired = {"v7": 1000}
    for now in range(0, LATER + EVERY, EVERY):
        site.now = now
        if now == PROMOTED:
            ended(site, Outcome.PROMOTED, "Proven")
        if now == NEW_LEADER:
            site.operators("operator-1b", "operator-0b")
        if now == BACK:
            site.status.weights.desired = {"v7": 950, "v8": 50}
            site.phase(Phase.ROLLED_BACK)
            ended(site, Outcome.ROLLED_BACK, "GuardrailFailed")
        ticks.scrape(site.pods)
    return ticks.played()


def shown(title: str, moment: int, place: int, *samples: tuple[str, float]) -> dict[str, Any]:
    """The query of that place in a panel, and what it is to give."""
    query = PANELS[title]["targets"][place]["expr"]
    for name, value in {"$namespace": "risk", "$rollout": "fraud", "$__rate_interval": "60s"}.items():
        query = query.replace(name, value)
    assert not re.search(r"\$\w", query)
    listed = [{"labels": labels, "value": value} for labels, value in samples]
    return {"expr": query, "eval_time": f"{moment}s", "exp_samples": listed}


FRAUD = 'name="fraud", namespace="risk"'
ENDS = "Promotions and rollbacks"
SHOWN = [
    shown("Traffic by version", LOOK, 0, (f'{{{FRAUD}, variant="v7"}}', 0.95), (f'{{{FRAUD}, variant="v8"}}', 0.05)),
    shown("Phase", LOOK, 0, (f'{{{FRAUD}, phase="RolledBack"}}', 1)),
    shown("Verdicts given", PROMOTED, 0, ('{metric="errors", verdict="Pass"}', 1)),
    shown("Verdicts given", BACK, 0, ('{metric="errors", verdict="Fail"}', 1)),
    shown("Verdicts given", LATER, 0, ('{metric="errors", verdict="Fail"}', 0)),
    shown(ENDS, PROMOTED, 0, ("{}", 1)),
    shown(ENDS, LOOK, 0, ("{}", 1)),
    shown(ENDS, LOOK, 1, ('{reason="GuardrailFailed"}', 1)),
    shown(ENDS, LATER, 1, ('{reason="GuardrailFailed"}', 0)),
]


def test_each_thing_is_shown_once_also_the_first_one_and_after_another_operator_leads(tmp_path: Path) -> None:
    check_rules(tmp_path, {"input_series": played(), "promql_expr_test": SHOWN})
