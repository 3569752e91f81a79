import ipaddress
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]


def test_the_ranges_of_kind_are_apart_and_leave_room_for_the_fixed_addresses() -> None:
    config = yaml.safe_load((ROOT / "kind-config.yaml").read_text())
    assert (config["kind"], config["apiVersion"]) == ("Cluster", "kind.x-k8s.io/v1alpha4")
    pods, services = (ipaddress.ip_network(config["networking"][name]) for name in ("podSubnet", "serviceSubnet"))
    assert not pods.overlaps(services)
    assert services.num_addresses > 22
    assert [node["role"] for node in config["nodes"]] == ["control-plane"]
