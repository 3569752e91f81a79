"""Promises of dev.network: a cluster's addresses collide with nothing that the machine knows."""

from ipaddress import IPv4Network

import pytest

from dev.errors import DevError
from dev.network import CANDIDATES, Layout, free, used


def test_the_first_cluster_gets_the_first_candidate() -> None:
    assert free([]).network == CANDIDATES[0]


def test_a_second_cluster_gets_other_addresses_than_the_first() -> None:
    first = free([])
    assert not free([first.network]).network.overlaps(first.network)


def test_a_wide_route_of_the_machine_moves_the_cluster_to_another_private_range() -> None:
    assert free([IPv4Network("10.0.0.0/8")]).network == IPv4Network("172.16.0.0/16")


def test_with_every_range_taken_the_error_says_what_to_run_instead() -> None:
    with pytest.raises(DevError, match="make control-plane"):
        free([IPv4Network("0.0.0.0/0")])


def test_the_default_route_takes_nothing_and_name_servers_do() -> None:
    routes: list[dict[str, object]] = [{"dst": "default", "gateway": "192.0.2.1"}, {"dst": "192.0.2.0/24"}]
    assert used(routes, ["10.210.0.53", "2001:db8::53"]) == [IPv4Network("192.0.2.0/24"), IPv4Network("10.210.0.53/32")]


def test_link_pods_and_services_lie_in_the_network_and_apart_from_each_other() -> None:
    layout = Layout(IPv4Network("10.210.0.0/16"))
    parts = [layout.link, layout.pods, layout.services]
    assert all(part.subnet_of(layout.network) for part in parts)
    assert not any(one.overlaps(other) for one in parts for other in parts if one is not other)
    assert {layout.host, layout.node} <= set(layout.link.hosts())
    assert layout.dns in layout.services
