"""What concerns all tests: the long ones run only on demand, and no example of a property has a time limit."""

import pytest
from hypothesis import HealthCheck, settings

# How long examples take says how busy the machine is; a test has a limit of its own.
settings.register_profile("modelrollout", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("modelrollout")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-long", action="store_true", help="run the tests marked long, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless it is asked for."""
    if config.getoption("--run-long"):
        return
    long = [item for item in items if item.get_closest_marker("long") is not None]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]
