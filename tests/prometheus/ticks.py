"""What pods expose, scrape by scrape, in the form in which promtool plays it to the alert rules."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from dev import programs

EVERY = 15
"""Seconds between two scrapes."""

_ABSENT, _STALE = "_", "stale"


class Ticks:
    """Scrapes of pods, one after the other; what a pod no longer exposes ends as Prometheus lets it end."""

    def __init__(self, targets: Sequence[Mapping[str, str]] = ({"job": "modelrollout"},)) -> None:
        """Of each pod as each of these targets, whose labels may name the {pod}."""
        self._targets = targets
        self._count = 0
        self._series: dict[str, list[str]] = {}

    def scrape(self, pods: Mapping[str, CollectorRegistry]) -> None:
        """One more scrape, of these pods alone."""
        seen = dict[str, float]()
        for pod, registry in pods.items():
            samples = [sample for family in registry.collect() for sample in family.samples]
            for target in self._targets:
                found = {name: value.format(pod=pod) for name, value in target.items()}
                for sample in samples:
                    # The metrics' own labels win, as with honor_labels.
                    labels = {"pod": pod, "namespace": "operators", **found, **sample.labels}
                    named = ",".join(f"{name}={json.dumps(value)}" for name, value in sorted(labels.items()))
                    seen[f"{sample.name}{{{named}}}"] = sample.value
        for series in {*self._series, *seen}:
            told = self._series.setdefault(series, [_ABSENT] * self._count)
            gone = _STALE if told and told[-1] not in (_ABSENT, _STALE) else _ABSENT
            told.append(repr(seen[series]) if series in seen else gone)
        self._count += 1

    def played(self) -> list[dict[str, str]]:
        """The input series of a test of promtool."""
        return [{"series": series, "values": " ".join(told)} for series, told in sorted(self._series.items())]


def check_rules(folder: Path, test: Mapping[str, Any], rule_files: Sequence[Path] = ()) -> None:
    """Let promtool run one test; fails with its own words."""
    document = {
        "rule_files": [str(one) for one in rule_files],
        "evaluation_interval": f"{EVERY}s",
        "tests": [{"interval": f"{EVERY}s", **test}],
    }
    path = folder / "test.yaml"
    path.write_text(json.dumps(document))
    command = [programs.path_of(programs.PROMTOOL), "test", "rules", str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
