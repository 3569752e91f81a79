"""How the second act has to end, and that anything else is called wrong."""

from dataclasses import replace

import pytest

from dev.demo.second import wrong
from dev.demo.stage import Users
from dev.demo.story import Story

STORY = Story(
    version="v4",
    asked_at=0.0,
    run="v4-1",
    outcome="RolledBack",
    reason="accuracy is worse than acceptable where country is BR: 30 % of 20 against 98 % of v2",
    weights=[(1.0, 0), (5.0, 50), (60.0, 0)],
    done_at=61.0,
)
USERS = Users(answers=300, bad=35, failed=0, first_bad=6.0, countries={"BR": {"answers": 40, "bad": 30}})
VERDICTS = {"errors": "Pass", "slow": "Inconclusive", "accuracy": "Fail"}


def test_an_act_that_ends_as_it_should_is_not_called_wrong() -> None:
    assert list(wrong(STORY, USERS, VERDICTS)) == []


@pytest.mark.parametrize(
    ("story", "users", "verdicts"),
    [
        (replace(STORY, outcome="Promoted"), USERS, VERDICTS),
        (replace(STORY, weights=[*STORY.weights, (70.0, 250), (90.0, 0)]), USERS, VERDICTS),
        (replace(STORY, reason="errors 9 % of 200"), USERS, VERDICTS),
        (STORY, USERS, {**VERDICTS, "errors": "Fail"}),
        (STORY, USERS, {**VERDICTS, "slow": "Fail"}),
        (STORY, replace(USERS, failed=2), VERDICTS),
    ],
)
def test_any_other_end_is_called_wrong(story: Story, users: Users, verdicts: dict[str, str]) -> None:
    assert len(list(wrong(story, users, verdicts))) == 1
