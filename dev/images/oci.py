"""Writes OCI image archives of a few files directly, without a base image, a builder or a registry.

The format: https://github.com/opencontainers/image-spec (layout, index, manifest, configuration, one plain layer).
"""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LAYOUT = {"imageLayoutVersion": "1.0.0"}
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an image: where it comes from, where it goes (absolute), and its mode."""

    source: Path
    target: str
    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class Image:
    """An image of single files.

    Args:
        name: the full name with tag, e.g. `modelrollout.local/coredns:v1`.
        entries: its files.
        entrypoint: the command of its containers.
        folders: empty folders that anybody may write to.
        user: numeric user and group of its processes.
    """

    name: str
    entries: tuple[Entry, ...]
    entrypoint: tuple[str, ...]
    folders: tuple[str, ...] = ()
    user: str = "65532:65532"


def write(image: Image, archive: Path) -> None:
    """Write the archive in one piece: another process never sees half of it."""
    partial = archive.with_name(f"{archive.name}.{os.getpid()}")
    layer = partial.with_suffix(".layer")
    try:
        _write_layer(image, layer)
        _write_archive(image, layer, partial)
        partial.rename(archive)
    finally:
        layer.unlink(missing_ok=True)
        partial.unlink(missing_ok=True)


def _write_layer(image: Image, layer: Path) -> None:
    made: set[str] = set()
    with tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as tar:
        for entry in image.entries:
            _folders_to(tar, entry.target, made)
            header = tarfile.TarInfo(entry.target.lstrip("/"))
            header.size, header.mode = entry.source.stat().st_size, entry.mode
            with entry.source.open("rb") as content:
                tar.addfile(header, content)
        for folder in image.folders:
            _folders_to(tar, folder, made)
            header = tarfile.TarInfo(folder.lstrip("/"))
            header.type, header.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(header)


def _folders_to(tar: tarfile.TarFile, target: str, made: set[str]) -> None:
    for parent in reversed(Path(target.lstrip("/")).parents[:-1]):
        if str(parent) not in made:
            made.add(str(parent))
            header = tarfile.TarInfo(str(parent))
            header.type, header.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(header)


def _write_archive(image: Image, layer: Path, archive: Path) -> None:
    with layer.open("rb") as content:
        layer_digest = hashlib.file_digest(content, "sha256").hexdigest()
    architecture = ARCHITECTURES.get(os.uname().machine, os.uname().machine)
    config = _bytes(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {
                "Entrypoint": list(image.entrypoint),
                "User": image.user,
                "Env": ["PATH=/usr/local/bin"],
                "WorkingDir": "/",
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
        }
    )
    manifest = _bytes(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [
                {
                    "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "digest": f"sha256:{layer_digest}",
                    "size": layer.stat().st_size,
                }
            ],
        }
    )
    annotations = {"io.containerd.image.name": image.name, "org.opencontainers.image.ref.name": image.name}
    described = _descriptor("application/vnd.oci.image.manifest.v1+json", manifest)
    index = _bytes({"schemaVersion": 2, "manifests": [{**described, "annotations": annotations}]})
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, "oci-layout", _bytes(LAYOUT))
        _add(tar, "index.json", index)
        for blob in (config, manifest):
            _add(tar, f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob)
        header = tarfile.TarInfo(f"blobs/sha256/{layer_digest}")
        header.size = layer.stat().st_size
        with layer.open("rb") as content:
            tar.addfile(header, content)


def _bytes(document: Mapping[str, object]) -> bytes:
    return json.dumps(document).encode()


def _descriptor(media_type: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": f"sha256:{hashlib.sha256(blob).hexdigest()}", "size": len(blob)}


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    header = tarfile.TarInfo(name)
    header.size = len(content)
    tar.addfile(header, io.BytesIO(content))
