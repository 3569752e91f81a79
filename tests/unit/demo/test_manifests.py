from pathlib import Path

import pytest
import yaml

from dev.images import IMAGES, MODEL, Image

ROOT = Path(__file__).parents[3]
MANIFESTS = ROOT / "dev/demo/manifests"
PODS = ("v1.yaml", "v2.yaml", "v3.yaml", "v4.yaml", "traffic.yaml")


def pod(name: str) -> dict:
    objects = yaml.safe_load_all((MANIFESTS / name).read_text())
    return next(one for one in objects if one["kind"] == "Deployment")["spec"]["template"]


@pytest.mark.parametrize("name", PODS)
def test_pods_keep_to_the_restricted_pod_security_level_with_a_read_only_root(name: str) -> None:
    spec = pod(name)["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize("name", PODS)
def test_pods_run_the_image_that_the_demo_loads_and_never_pull_one(name: str) -> None:
    (container,) = pod(name)["spec"]["containers"]
    assert (container["image"], container["imagePullPolicy"]) == (MODEL.reference, "Never")


def test_the_environment_alone_makes_a_pod_serve_another_version() -> None:
    containers = [pod(f"{version}.yaml")["spec"]["containers"][0] for version in ("v1", "v2", "v3", "v4")]
    environments = [{one["name"]: one["value"] for one in container.pop("env")} for container in containers]
    assert all(container == containers[0] for container in containers)
    assert [one["MLSERVER_MODEL_VERSION"] for one in environments] == ["v1", "v2", "v3", "v4"]
    assert len({(one["MLSERVER_MODEL_URI"], one.get("MIRRORED_FOR")) for one in environments}) == 4


@pytest.mark.parametrize("image", IMAGES.values(), ids=lambda image: image.name)
def test_docker_may_read_what_an_image_is_made_of(image: Image) -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(image.inputs) <= allowed


@pytest.mark.parametrize("image", IMAGES.values(), ids=lambda image: image.name)
def test_a_dockerfile_copies_nothing_but_what_its_image_is_made_of(image: Image) -> None:
    lines = (ROOT / image.dockerfile).read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from=" not in line]
    sources = [source for sources in copied for source in sources]
    assert sources
    for source in sources:
        assert any(source == given or source.startswith(f"{given}/") for given in image.inputs), source
