from base64 import b64encode
from pathlib import Path

import pytest

from modelrollout.collector.access import Rates, Tokens
from modelrollout.collector.refusals import Busy


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text("# who may write\nall-of-them\nonly-risk risk ads\n\n")
    return path


@pytest.mark.parametrize(
    ("authorization", "namespaces"),
    [
        ("Bearer all-of-them", frozenset()),
        ("bearer only-risk", frozenset({"risk", "ads"})),
        (f"Basic {b64encode(b'logger:only-risk').decode()}", frozenset({"risk", "ads"})),
        ("Basic nonsense", None),
        ("Bearer other", None),
        ("Bearer #", None),
        ("Bearer ", None),
        ("", None),
        ("Digest all-of-them", None),
    ],
)
def test_a_token_is_for_its_namespaces(
    file: Path, clock: Clock, authorization: str, namespaces: frozenset[str] | None
) -> None:
    assert Tokens(str(file), clock).namespaces(authorization) == namespaces


def test_without_a_file_nobody_is_asked(clock: Clock) -> None:
    assert Tokens("", clock).namespaces("") == frozenset()


def test_a_file_without_a_token_lets_nobody_in_and_so_is_refused(file: Path, clock: Clock) -> None:
    file.write_text("# nobody\n")
    with pytest.raises(ValueError, match="holds no token"):
        Tokens(str(file), clock)


def test_a_replaced_token_counts_without_a_restart(file: Path, clock: Clock) -> None:
    tokens = Tokens(str(file), clock)
    file.write_text("new\n")
    clock.now = 11
    assert (tokens.namespaces("Bearer new"), tokens.namespaces("Bearer all-of-them")) == (frozenset(), None)
    file.unlink()
    clock.now = 22
    assert tokens.namespaces("Bearer new") == frozenset()


def test_each_namespace_has_a_rate_of_its_own(clock: Clock) -> None:
    rates = Rates(10, clock)
    for _ in range(20):
        rates.take("risk")
    with pytest.raises(Busy, match="sends more than it may"):
        rates.take("risk")
    rates.take("ads")
    clock.now = 0.5
    for _ in range(5):
        rates.take("risk")
    with pytest.raises(Busy):
        rates.take("risk")
