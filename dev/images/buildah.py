"""Builds an image of this repository into an OCI archive, once per content.

The archive lies in the cache under a key made of everything the build can see, so an unchanged image costs the time to
read its files. Buildah's layers are kept too: after a change of source only the last layers are made again.
"""

import fcntl
import hashlib
import json
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev import paths
from dev.images import base, kept, pip_settings, prerequisites
from dev.images.store import Store
from dev.progress import say, step

DEPENDENCIES = "dependencies"  # the stage of every Dockerfile here that depends on lock files alone
IGNORED = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache"})
IGNORED_SUFFIXES = (".egg-info", ".pyc")


@dataclass(frozen=True, slots=True)
class Image:
    """An image and what it is made of.

    Args:
        name: the last part of the image's name; unique in this repository.
        dockerfile: path below the checkout.
        inputs: files and folders below the checkout that the Dockerfile may copy; the build sees nothing else.
        build_args: values for the Dockerfile's ARGs in addition to BASE_IMAGE.
    """

    name: str
    dockerfile: str
    inputs: tuple[str, ...]
    build_args: tuple[tuple[str, str], ...] = ()

    @property
    def reference(self) -> str:
        """The name under which a cluster knows the image once its archive is loaded."""
        return f"localhost/modelrollout-{self.name}:local"


def files(context: Path, inputs: tuple[str, ...]) -> dict[str, Path]:
    """The files that a build may copy, by their path below the context, in order.

    Raises:
        FileNotFoundError: an input is not there.
    """
    found: dict[str, Path] = {}
    for name in inputs:
        path = context / name
        if path.is_file():
            found[name] = path
            continue
        if not path.is_dir():
            raise FileNotFoundError(f"{path}: the image is made of it, but it is not there")
        for file in sorted(path.rglob("*")):
            parts = file.relative_to(context).parts
            ignored = any(part in IGNORED or part.endswith(IGNORED_SUFFIXES) for part in parts)
            if file.is_file() and not ignored:
                found["/".join(parts)] = file
    return dict(sorted(found.items()))


def key(dockerfile: Path, contents: Mapping[str, Path], build_args: Mapping[str, str]) -> str:
    """The name under which this very image is kept: a hash of all that decides what is in it."""
    digest = hashlib.sha256(json.dumps(sorted(build_args.items())).encode())
    digest.update(hashlib.sha256(dockerfile.read_bytes()).digest())
    for name, path in contents.items():
        digest.update(f"{name}\0{_mode(path):o}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:24]


def build(image: Image, context: Path = paths.CHECKOUT) -> Path:
    """The image as an OCI archive; builds it first where the cache does not have it.

    Raises:
        DevError: no root, a missing program that cannot be installed, or a step of the Dockerfile that failed.
    """
    contents = files(context, image.inputs)
    build_args = {"BASE_IMAGE": base.reference(), **dict(image.build_args)}
    folder = paths.cache() / "images" / "archives" / image.name
    archive = folder / f"{key(context / image.dockerfile, contents, build_args)}.tar"
    if not archive.exists():
        prerequisites.ensure()
        store = Store.open()
        with _only_one(store.root / "lock"):
            if not archive.exists():
                # Working containers of builds that were cut off; nobody else works on this store now.
                store.buildah("rm", "--all", log=store.root / "prune.log")
                base.ensure(store)
                folder.mkdir(parents=True, exist_ok=True)
                with step(f"building the image {image.name!r} (minutes the first time, seconds after a change)"):
                    _build(store, image, context / image.dockerfile, contents, build_args, archive)
    return kept.used(archive)


def _build(
    store: Store,
    image: Image,
    dockerfile: Path,
    contents: Mapping[str, Path],
    build_args: Mapping[str, str],
    archive: Path,
) -> None:
    arguments = [f"--build-arg={name}={value}" for name, value in build_args.items()]
    volumes = [f"--volume={mount}" for mount in pip_settings.mounts(store.root)]
    partial = archive.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    log = store.root / f"{image.name}.log"
    with tempfile.TemporaryDirectory(dir=store.root, prefix="context-") as folder:
        _stage(contents, Path(folder))
        options = [*arguments, *volumes, "--file", str(dockerfile), folder]
        # A name of its own keeps the costly stage when layers that have no name are pruned.
        kept = f"{image.reference}-{DEPENDENCIES}"
        store.buildah("bud", "--target", DEPENDENCIES, "--tag", kept, *options, log=log)
        store.buildah("bud", "--tag", image.reference, *options, log=log)
    # zstd at its lowest level packs smaller than gzip does by default, in half the time.
    packed = ["--compression-format", "zstd", "--compression-level", "1"]
    target = f"oci-archive:{partial}:{image.reference}"
    store.buildah("push", *packed, image.reference, target, log=store.root / "push.log")
    store.buildah("rmi", "--prune", log=store.root / "prune.log")
    partial.rename(archive)


def _stage(contents: Mapping[str, Path], folder: Path) -> None:
    # Plain modes: a person's umask must not decide whether a layer counts as changed.
    for name, path in contents.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(_mode(path))


def _mode(path: Path) -> int:
    return 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("  another run is building an image; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
