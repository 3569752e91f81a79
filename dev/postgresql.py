"""A PostgreSQL of its own, from Debian's package: on a socket in a folder of its own, for as long as a block runs.

with PostgreSQL() as server:
    url = server.database("one")
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from dev.errors import DevError
from dev.prerequisites import install_packages
from dev.progress import wait_until

_ROOM = Path("/usr/lib/postgresql")
_USER = "postgres"
_SECONDS = 30.0


def programs() -> Path:
    """Folder of the newest PostgreSQL of this machine; installed where there is none.

    Raises:
        DevError: it is missing and cannot be installed.
    """
    if not _installed():
        install_packages(["postgresql"])
    found = _installed()
    if not found:
        raise DevError(f"no PostgreSQL was found in {_ROOM}: install Debian's package postgresql")
    return found[-1]


def _installed() -> list[Path]:
    folders = [folder for folder in _ROOM.glob("*/bin") if (folder / "initdb").exists()]
    return sorted(folders, key=lambda folder: [int(part) for part in re.findall(r"\d+", folder.parent.name)])


class PostgreSQL:
    """The server; it listens on no network address, and ends with the block, or with the process that opened it."""

    def __init__(self) -> None:
        self._programs = programs()
        self._folder = Path()
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        if os.geteuid() == 0:
            # It refuses to run as root.
            shutil.chown(self._folder, _USER)
        options = [
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            f"--username={_USER}",
            f"--pgdata={self._data}",
        ]
        self._run(str(self._programs / "initdb"), *options)
        arguments = ["-D", str(self._data), "-k", str(self._folder), "-c", "listen_addresses="]
        with (self._folder / "log").open("wb") as log:
            self._server = subprocess.Popen(
                [*self._as_user("--pdeathsig", "QUIT"), str(self._programs / "postgres"), *arguments],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._ready, "PostgreSQL answers", _SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            # At once: what it holds is removed anyway.
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(timeout=_SECONDS)
        shutil.rmtree(self._folder)

    def database(self, name: str) -> str:
        """URL of a new, empty database."""
        self._run(str(self._programs / "createdb"), "-h", str(self._folder), "-U", _USER, name)
        return f"postgresql://{_USER}@/{name}?host={self._folder}"

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _ready(self) -> bool:
        if self._server is not None and self._server.poll() is not None:
            raise DevError(f"PostgreSQL has ended: {(self._folder / 'log').read_text()[-1000:]}")
        asked = [str(self._programs / "pg_isready"), "-q", "-h", str(self._folder)]
        return subprocess.run(asked, check=False).returncode == 0

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            [*self._as_user(), *command], capture_output=True, text=True, check=False, cwd=self._folder
        )
        if done.returncode != 0:
            raise DevError(f"{Path(command[0]).name} failed: {done.stderr.strip()}")

    def _as_user(self, *more: str) -> list[str]:
        if os.geteuid() != 0:
            return []
        user = pwd.getpwnam(_USER)
        who = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        return ["setpriv", *who, *more, "--"]
