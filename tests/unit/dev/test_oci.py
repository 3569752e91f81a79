"""Promises of dev.images.oci: what is written is an OCI archive whose digests are true."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from dev.images.oci import Entry, Image, write


@pytest.fixture
def image(tmp_path: Path) -> Image:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    entries = (Entry(program, "/usr/local/bin/program"),)
    return Image("example.local/program:1", entries, ("/usr/local/bin/program",), folders=("/var/data",))


def contents(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def blob(files: dict[str, bytes], digest: str) -> bytes:
    found = files[f"blobs/{digest.replace(':', '/')}"]
    assert f"sha256:{hashlib.sha256(found).hexdigest()}" == digest
    return found


def test_every_digest_leads_from_the_index_to_the_files(image: Image, tmp_path: Path) -> None:
    write(image, tmp_path / "image.tar")
    files = contents(tmp_path / "image.tar")
    described = json.loads(files["index.json"])["manifests"][0]
    assert described["annotations"]["io.containerd.image.name"] == "example.local/program:1"
    manifest = json.loads(blob(files, described["digest"]))
    layer = blob(files, manifest["layers"][0]["digest"])
    config = json.loads(blob(files, manifest["config"]["digest"]))
    assert config["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]
    assert config["config"]["User"] == "65532:65532"
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        modes = {member.name: member.mode for member in tar}
    assert modes["usr/local/bin/program"] == 0o755
    assert modes["var/data"] == 0o1777
    assert modes["usr"] == 0o755


def test_the_same_files_give_the_same_bytes(image: Image, tmp_path: Path) -> None:
    write(image, tmp_path / "one.tar")
    write(image, tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_a_failed_write_leaves_no_file_behind(image: Image, tmp_path: Path) -> None:
    image.entries[0].source.unlink()
    with pytest.raises(FileNotFoundError):
        write(image, tmp_path / "image.tar")
    assert list(tmp_path.iterdir()) == []
