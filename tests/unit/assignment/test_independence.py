"""Lots do not depend on each other: joint frequencies against the products of the single ones.

The units are fixed, so each test either holds for good or never; 0.001 is how rare a worse table would be by chance.
"""

from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy.stats import chi2_contingency, chisquare

from modelrollout.assignment import Plan
from modelrollout.experiments import parse_experiments

EXAMPLES = Path(__file__).parents[3] / "examples" / "experiments"
USERS = 10_000


def plan(name: str) -> Plan:
    return parse_experiments(yaml.safe_load((EXAMPLES / name).read_text())).plan()


def table(pairs: list[tuple[Any, Any]]) -> Any:
    rows, columns = (sorted({pair[side] for pair in pairs}, key=str) for side in (0, 1))
    counts = Counter(pairs)
    return np.array([[counts[row, column] for column in columns] for row in rows])


def test_planouts_page_has_its_frequencies_and_independent_parameters() -> None:
    asked = plan("planout.yaml")
    given = []
    for user in range(USERS):
        country = "US" if user % 4 == 0 else "BR"
        answer = asked.assign({"user": user, "cookie": f"c{user}", "country": country})[0]
        given.append({**answer.parameters, "country": country})
    colors = Counter(each["color"] for each in given)
    assert chisquare([colors[each] for each in ("red", "green", "blue")]).pvalue > 0.001
    texts = Counter(each["text"] for each in given)
    assert chisquare([texts["Join now"], texts["Sign up"]], [0.8 * USERS, 0.2 * USERS]).pvalue > 0.001
    for country, p in (("US", 0.2), ("BR", 0.05)):
        asked_there = [each["has_translate"] for each in given if each["country"] == country]
        yes, all_of_them = sum(asked_there), len(asked_there)
        assert chisquare([yes, all_of_them - yes], [p * all_of_them, (1 - p) * all_of_them]).pvalue > 0.001
    inside_us = [each for each in given if each["country"] == "US"]
    for one, other in combinations(("color", "text", "has_translate"), 2):
        assert chi2_contingency(table([(each[one], each[other]) for each in inside_us])).pvalue > 0.001, (one, other)


def test_the_text_follows_the_cookie_and_the_color_the_user() -> None:
    asked = plan("planout.yaml")
    texts = {asked.assign({"user": user, "cookie": "c"})[0].parameters["text"] for user in range(50)}
    colors = {asked.assign({"user": "u", "cookie": cookie})[0].parameters["color"] for cookie in range(50)}
    assert (len(texts), len(colors)) == (1, 1)


@pytest.fixture(scope="module")
def layered() -> list[dict[str, Any]]:
    asked = plan("layers.yaml")
    return [{each.experiment: each for each in asked.assign({"user": user})} for user in range(USERS)]


def test_experiments_of_one_layer_never_share_a_user(layered: list[dict[str, Any]]) -> None:
    counts = Counter((each["banner"].takes_part, each["headline"].takes_part) for each in layered)
    assert set(counts) == {(True, False), (False, True), (False, False)}
    observed = [counts[True, False], counts[False, True], counts[False, False]]
    assert chisquare(observed, [0.3 * USERS, 0.3 * USERS, 0.4 * USERS]).pvalue > 0.001


def test_layers_and_arms_are_independent_of_each_other(layered: list[dict[str, Any]]) -> None:
    home = [each["banner"].takes_part + 2 * each["headline"].takes_part for each in layered]
    price = [each["price"].arm for each in layered]
    assert chi2_contingency(table(list(zip(home, price, strict=True)))).pvalue > 0.001
    arms = [(each["banner"].arm, each["price"].arm) for each in layered if each["banner"].takes_part]
    assert chi2_contingency(table(arms)).pvalue > 0.001
    sizes = [
        (each["headline"].parameters["size"], each["price"].arm) for each in layered if each["headline"].takes_part
    ]
    assert chi2_contingency(table(sizes)).pvalue > 0.001


def test_a_nested_experiment_takes_only_whom_the_outer_one_gave_its_arm(layered: list[dict[str, Any]]) -> None:
    assert {each["price"].arm for each in layered if each["gift"].takes_part} == {"less"}
    inside = [each["gift"].arm for each in layered if each["gift"].takes_part]
    assert chisquare([inside.count("no"), inside.count("yes")], [0.8 * len(inside), 0.2 * len(inside)]).pvalue > 0.001


def test_dependence_would_be_found() -> None:
    asked = plan("layers.yaml")
    pairs = [
        (answers[2].arm, answers[2].slot % 2) for answers in (asked.assign({"user": user}) for user in range(2000))
    ]
    twice = [(arm, arm) for arm, _ in pairs]
    assert chi2_contingency(table(twice)).pvalue < 1e-9
