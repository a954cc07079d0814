"""Each process under its own account, with the secrets of its work alone; no memory of theirs on a disk."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from batch.past.marks import held
from commands.processes.accounts import Accounts
from commands.processes.serve import build_supervisor
from pki.ceremony.record import Protocol
from pki.delegates.delegated import _is_closed
from runtime.clock import system_clock
from runtime.processes.accounts import Account, AccountError, find_account, handed_out
from runtime.processes.supervisor import Child, Supervisor, SupervisorError
from runtime.settings.errors import SettingsError
from runtime.settings.model import Settings
from runtime.whole_files import replace, write_new
from storage.database import Database
from tests.support.verbs import igc, write_settings

ROLES = ("worker", "relay", "ws", "portal", "publication", "mailer")
NAMES = [entry.pw_name for entry in pwd.getpwall() if entry.pw_uid != 0][: len(ROLES)]
IS_ROOT = os.geteuid() == 0
OURS = Account("nous", os.geteuid(), os.getegid(), (os.getegid(),), "/")
OTHER = Account("autre", os.geteuid() + 4_000, os.getegid() + 4_000, (), "/")
MEMBER = Account("membre", os.geteuid() + 4_001, os.getegid() + 4_001, (os.getegid(),), "/")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A platform by URL, with an account for each kind of process, and its secrets."""
    for name in ("bd", "file", "phrase", "ocsp", "sceau", "session"):
        (tmp_path / f"{name}.secret").touch(mode=0o600)
        (tmp_path / f"{name}.secret").write_text(f"secret de {name}\n")
    return Settings.from_mapping(
        {
            "data_dir": "donnees",
            "database_url": "postgresql://igc@127.0.0.1/igc",
            "database_password_file": "bd.secret",
            "queue_url": "redis://127.0.0.1/0",
            "queue_password_file": "file.secret",
            "pki": {"pass_phrase_file": "phrase.secret", "seal_pass_phrase_file": "sceau.secret"},
            "publication": {"ocsp_pass_phrase_file": "ocsp.secret"},
            "portal": {"session_secret_file": "session.secret"},
            "batch": {"workers": 1},
            "accounts": {**dict(zip(ROLES, NAMES, strict=True)), "secrets_dir": "remis"},
        },
        base=tmp_path,
    )


@pytest.mark.parametrize(
    "accounts", [{"worker": "a"}, dict.fromkeys(ROLES, "a"), dict.fromkeys(ROLES, "A b"), {"workers": "a"}]
)
def test_an_account_for_each_or_none(accounts: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_mapping({"accounts": accounts}, base=tmp_path)
    assert all(problem.cle.startswith("accounts") for problem in refused.value.problems)


def test_accounts_that_are_none() -> None:
    for name in ("personne-de-ce-nom", "root"):
        with pytest.raises(AccountError):
            find_account(name)
    assert find_account(NAMES[0]).uid == pwd.getpwnam(NAMES[0]).pw_uid


def test_who_may_read_what(tmp_path: Path) -> None:
    file = tmp_path / "dossier" / "file"
    file.parent.mkdir()
    file.touch()
    above = {
        path: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.parents if path.stat().st_mode & 0o005 != 0o005
    }

    def who(folder: int, mode: int) -> list[str]:
        file.parent.chmod(folder)
        file.chmod(mode)
        return [account.name for account in (OURS, MEMBER, OTHER) if account.may_read(file)]

    tmp_path.chmod(0o755)
    assert who(0o755, 0o600) == ["nous"]
    if not above:  # the folders of the tests are open
        assert who(0o755, 0o644) == ["nous", "membre", "autre"]
        assert who(0o750, 0o644) == ["nous", "membre"]
        assert who(0o755, 0o640) == ["nous", "membre"]
    assert who(0o700, 0o644) == ["nous"]
    assert who(0o600, 0o644) == []
    assert not OURS.may_read(tmp_path / "nulle-part")


def test_each_process_is_handed_the_secrets_of_its_work(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners: dict[str, tuple[int, int]] = {}
    monkeypatch.setattr(os, "chown", lambda path, uid, gid: owners.__setitem__(Path(path).name, (uid, gid)))
    monkeypatch.setattr(os, "fchown", lambda _descriptor, _uid, _gid: None)
    if not IS_ROOT:
        monkeypatch.setattr("runtime.processes.accounts._copy", _copy_as_ours)
    with handed_out(settings.accounts.secrets_dir) as secrets:
        supervisor = build_supervisor(
            settings, None, Database(f"sqlite:///{tmp_path}/igc.db"), Accounts(settings, secrets)
        )
        children = {slot.child.name: slot.child for slot in supervisor._slots}
        given = {name: {Path(value).name for value in child.env.values()} for name, child in children.items()}
        assert given == {
            "relais": {"database_password_file", "queue_password_file"},
            "worker-1": {
                "database_password_file", "queue_password_file", "pki.pass_phrase_file", "pki.seal_pass_phrase_file",
                "publication.ocsp_pass_phrase_file",
            },
            "service-web-1": {"database_password_file"},
            "portail-1": {"database_password_file", "portal.session_secret_file"},
            "publication-1": {"database_password_file", "publication.ocsp_pass_phrase_file"},
            "avis": {"database_password_file"},
        }  # fmt: skip
        for name, role in zip(children, ("relay", "worker", "ws", "portal", "publication", "mailer"), strict=True):
            account = children[name].account
            assert account is not None
            assert account.name == getattr(settings.accounts, role)
            folder = tmp_path / "remis" / name
            assert owners[name] == (account.uid, account.gid)
            assert {stat.S_IMODE(file.stat().st_mode) for file in (folder, *folder.iterdir())} == {0o700, 0o600}
        worker = children["worker-1"].env
        with monkeypatch.context() as environment:
            for name, value in worker.items():
                environment.setenv(name, value)
            seen = Settings.from_mapping({"data_dir": "donnees"}, base=tmp_path)
        assert seen.pki.pass_phrase_file.path.read_text() == "secret de phrase\n"
        assert seen.database_password_file is not None
        assert seen.database_password_file.path == tmp_path / "remis" / "worker-1" / "database_password_file"
    assert not (tmp_path / "remis").exists()


def _copy_as_ours(source: Path, target: Path, _account: Account) -> Path:
    target.touch(mode=0o600)
    target.write_bytes(source.read_bytes())
    return target


def test_a_secret_open_to_others_is_not_handed_out(tmp_path: Path) -> None:
    source = tmp_path / "secret"
    source.touch(mode=0o640)
    with handed_out(tmp_path / "remis") as secrets, pytest.raises(AccountError, match="chmod 600"):
        secrets.give(OURS, "un", {"cle": source})
    source.chmod(0o600)
    (tmp_path / "lien").symlink_to(source)
    with handed_out(tmp_path / "remis") as secrets:
        with pytest.raises(OSError, match="symbolic links"):
            secrets.give(OURS, "un", {"cle": tmp_path / "lien"})
        copies = secrets.give(OURS, "deux", {"cle": source, "absente": tmp_path / "absente"})
        assert list(copies) == ["cle"]


def test_what_stands_against_the_accounts_is_told_at_once(settings: Settings, tmp_path: Path) -> None:
    keys = settings.pki.keys_dir
    keys.mkdir(parents=True)
    (keys / "ACI.key.pem").touch(mode=0o644)
    for folder in (keys, *keys.parents):
        if folder.is_relative_to(tmp_path):
            folder.chmod(0o755)
    with pytest.raises(AccountError) as refused:
        Accounts(settings).check()
    told = str(refused.value)
    assert f"{NAMES[0]} ne peut pas lire {settings.pki.authorities_dir / 'authorities.json'}" in told
    assert f"{NAMES[2]} ne peut pas lire {settings.ws.tls_key_file.path}" in told
    assert ("seul root" in told) is not IS_ROOT
    embedded = Settings.from_mapping({"accounts": dict(zip(ROLES, NAMES, strict=True))}, base=tmp_path)
    with pytest.raises(AccountError) as refused:
        Accounts(embedded).check()
    assert "queue_url" in str(refused.value)
    assert "PostgreSQL" in str(refused.value)
    Accounts(Settings.from_mapping({}, base=tmp_path)).check()


def test_root_does_not_run_production_as_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commands.processes.serve.os.geteuid", lambda: 0)
    config = write_settings(tmp_path / "igc.toml", {"plateforme": "PRODUCTION", "data_dir": str(tmp_path)})
    refused = igc("serve", "--config", config).exception
    assert isinstance(refused, AccountError)
    assert "[accounts]" in str(refused)
    assert not (tmp_path / "igc.db").exists()


def test_a_child_runs_under_its_account(capfd: pytest.CaptureFixture[str]) -> None:
    account = find_account(NAMES[0])
    words: list[str] = []

    def has_spoken() -> bool:
        lines = capfd.readouterr().out.splitlines()
        words.extend(word for line in lines if line.startswith("compte ") for word in line.split()[1:])
        return bool(words)

    program = 'echo "compte $(id -u) $(id -g) $HOME $USER"; exec sleep 60'
    child = Child(name="un", argv=["/bin/sh", "-c", program], account=account, ready=has_spoken)
    supervisor = Supervisor([child], ready_seconds=20)
    if not IS_ROOT:
        with pytest.raises(SupervisorError):
            supervisor.start()
        return
    with supervisor:
        assert words == [str(account.uid), str(account.gid), account.home, account.name]


def test_what_root_writes_belongs_to_the_account_of_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _descriptor, uid, gid: given.append((uid, gid)))
    write_new(tmp_path / "un", b"1", secret=True)
    replace(tmp_path / "un", b"2", secret=True)
    status = (tmp_path / "un").stat()
    assert given == [(tmp_path.stat().st_uid, tmp_path.stat().st_gid), (status.st_uid, status.st_gid)]
    given.clear()
    Protocol(tmp_path / "ceremony.jsonl", system_clock()).note("begin")
    with held(tmp_path / "reperes.json") as alone:
        assert alone
    assert given == [(tmp_path.stat().st_uid, tmp_path.stat().st_gid)] * 2
    given.clear()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    replace(tmp_path / "un", b"3", secret=True)
    assert given == []


def test_a_secret_is_for_the_group_where_the_folder_hands_it_on(tmp_path: Path) -> None:
    file = tmp_path / "cle.pem"
    replace(file, b"1", secret=True)
    assert (stat.S_IMODE(file.stat().st_mode), _is_closed(file)) == (0o600, True)
    file.chmod(0o640)
    assert not _is_closed(file)
    tmp_path.chmod(0o2750)
    assert _is_closed(file)
    replace(file, b"2", secret=True)
    assert (stat.S_IMODE(file.stat().st_mode), _is_closed(file)) == (0o640, True)
    for mode in (0o644, 0o660, 0o604):
        file.chmod(mode)
        assert not _is_closed(file)


_DUMPS = """
import ctypes, resource, sys
import commands.main as verbs
verbs.build_app = lambda _arguments: lambda: print(
    resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
)
verbs.main()
"""


def test_no_process_of_igc_leaves_its_memory_on_a_disk() -> None:
    done = subprocess.run([sys.executable, "-c", _DUMPS], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(0, 0) 0"
