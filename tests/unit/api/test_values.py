import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrollout.api import TOTAL_WEIGHT, format_percent, percent_of, weight_of


@given(st.integers(min_value=0, max_value=TOTAL_WEIGHT))
def test_every_weight_is_a_percentage_with_one_decimal_and_back(weight: int) -> None:
    percent = round(percent_of(weight), 1)
    assert weight_of(percent) == weight


@pytest.mark.parametrize(("percent", "text"), [(25.0, "25%"), (0.5, "0.5%"), (100, "100%")])
def test_a_percentage_is_written_without_a_needless_decimal(percent: float, text: str) -> None:
    assert format_percent(percent) == text
