"""How pip reaches its packages on this machine, handed to a build without becoming part of an image or of a file here.

A build runs in a root file system that knows nothing of this machine's package mirror, proxy or certificate authority.
The settings that pip has here are written to a file in the cache, which the build sees as /etc/pip.conf.
"""

import os
import shlex
import ssl
import subprocess
import sys
from pathlib import Path

from dev.errors import DevError

CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
LINKS = "/var/lib/pip-links"

# Settings on the way to packages; all others are the business of the person at this machine.
PASSED = frozenset({"index-url", "extra-index-url", "trusted-host", "no-index", "proxy", "retries", "timeout"})
ALIASES = {"default-timeout": "timeout"}


def parse(listing: str) -> dict[str, str]:
    """Settings by name from the output of `pip config list`; the environment wins over files, later over earlier."""
    found: dict[str, str] = {}
    from_environment: dict[str, str] = {}
    for line in listing.splitlines():
        key, _, quoted = line.partition("=")
        if key.startswith(":env:."):
            where, name = from_environment, key.removeprefix(":env:.")
        else:
            where, name = found, key.partition(".")[2]
        value = " ".join(shlex.split(quoted)).replace("\\n", " ")
        where[ALIASES.get(name, name)] = value.strip()
    return found | from_environment


def of_this_machine() -> dict[str, str]:
    """Pip's settings for the person who runs this.

    Raises:
        DevError: the Python that runs this has no pip.
    """
    done = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise DevError(f"{sys.executable} has no pip, so its settings cannot be read; install python3-pip.")
    return parse(done.stdout)


def certificates() -> Path | None:
    """The bundle of certificate authorities that this machine trusts."""
    named = (os.environ.get(name) for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"))
    default = ssl.get_default_verify_paths().cafile
    for path in (*named, CERTIFICATES, default):
        if path and Path(path).is_file():
            return Path(path).resolve()
    return None


def configuration(settings: dict[str, str], *, links: bool) -> str:
    """The text of a pip.conf for the inside of a build."""
    kept = {name: value for name, value in sorted(settings.items()) if name in PASSED}
    inside = {**kept, "cert": CERTIFICATES, **({"find-links": LINKS} if links else {})}
    return "[global]\n" + "".join(f"{name} = {value}\n" for name, value in inside.items())


def mounts(folder: Path) -> list[str]:
    """`--volume` values for buildah: settings, certificates and local packages.

    Args:
        folder: where the settings are written.
    """
    settings = of_this_machine()
    local = Path(settings.get("find-links", ""))
    links = local.is_absolute() and local.is_dir()
    written = folder / "pip.conf"
    written.touch(mode=0o600)  # an index address may carry a password
    written.write_text(configuration(settings, links=links))
    bundle = certificates()
    return [
        f"{written}:/etc/pip.conf:ro",
        *([f"{bundle}:{CERTIFICATES}:ro"] if bundle else []),
        *([f"{local}:{LINKS}:ro"] if links else []),
    ]
