"""A spec names only Prometheus servers that the operator's settings allow."""

import pytest

from modelrollout.metrics import check_address
from modelrollout.metrics.errors import AddressRefused

ALLOWED = ("http://prometheus.monitoring:9090", "https://*.metrics.example/team", "http://10.0.0.7")


@pytest.mark.parametrize(
    "address",
    [
        "http://prometheus.monitoring:9090",
        "http://prometheus.monitoring:9090/",
        "http://prometheus.monitoring:9090/prefix",
        "http://PROMETHEUS.monitoring:9090",
        "https://eu.metrics.example/team",
        "https://eu.metrics.example:443/team/a",
        "http://10.0.0.7:80",
    ],
)
def test_what_is_listed_is_allowed(address):
    assert check_address(address, ALLOWED) == address.rstrip("/")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "prometheus.monitoring:9090",
        "ftp://prometheus.monitoring:9090",
        "file:///etc/passwd",
        "https://prometheus.monitoring:9090",
        "http://prometheus.monitoring",
        "http://prometheus.monitoring:9091",
        "http://prometheus.monitoring.evil:9090",
        "http://evil:9090",
        "http://user@prometheus.monitoring:9090",
        "http://evil@prometheus.monitoring:9090",
        "http://prometheus.monitoring:9090@evil",
        "http://prometheus.monitoring:9090\\@evil",
        "http://prometheus.monitoring:9090?x=1",
        "http://prometheus.monitoring:9090#x",
        "http://prometheus.monitoring:9090/a b",
        "http://prometheus.monitoring:99999",
        "https://eu.metrics.example/team2",
        "https://eu.metrics.example/team/../admin",
        "https://eu.metrics.example/team/%2e%2e/admin",
        "https://a.b.metrics.example/team",
        "http://10.0.0.7:9090",
        "http://169.254.169.254",
        "http://[::1]",
        "http://0x0a000007",
    ],
)
def test_everything_else_is_refused(address):
    with pytest.raises(AddressRefused):
        check_address(address, ALLOWED)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9090", "http://2130706433:9090", "http://[::1]:9090"])
def test_a_pattern_never_allows_an_address_in_numbers(address):
    with pytest.raises(AddressRefused):
        check_address(address, ["http://*:9090", "http://*.*.*.*:9090"])
