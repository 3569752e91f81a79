"""Experiments as people write them, and as they are asked for: the file, the rollouts that split users.

- `parse_experiments`: an experiment file as `Experiments`, whose `plan` answers by `assignment`.
- `as_json`, `explained`: an answer as data and as a sentence.
"""

from modelrollout.experiments.answers import as_json, explained
from modelrollout.experiments.file import Experiments, parse_experiments

__all__ = ["Experiments", "as_json", "explained", "parse_experiments"]
