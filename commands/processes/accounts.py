"""Which account each process of ``igc serve`` runs under, and which secrets it is handed: those of its work alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import reduce
from pathlib import Path

from runtime.processes.accounts import Account, AccountError, HandedOut, find_account
from runtime.secret_file import SecretFile
from runtime.settings.model import PREFIX, Settings

_DATABASE, _QUEUE = "database_password_file", "queue_password_file"
_OCSP = "publication.ocsp_pass_phrase_file"
_SECRETS = {
    "worker": (
        _DATABASE,
        _QUEUE,
        _OCSP,
        "pki.pass_phrase_file",
        "pki.signers.pin_file",
        "pki.seal_pass_phrase_file",
    ),
    "relay": (_DATABASE, _QUEUE),
    "mailer": (_DATABASE, "notices.smtp.password_file"),
    "ws": (_DATABASE,),
    "portal": (_DATABASE, "portal.session_secret_file", "portal.psc.client_secret_file"),
    "sans-login": (_DATABASE, "sans_login.secret_file"),
    "publication": (_DATABASE, _OCSP),
    "metrics": (_DATABASE,),
}


class Accounts:
    """The accounts of the settings; without any, every process runs as the one that starts it."""

    def __init__(self, settings: Settings, secrets: HandedOut | None = None) -> None:
        """AccountError when an account does not exist."""
        self._settings = settings
        self._secrets = secrets
        names = settings.accounts
        given = {role: getattr(names, role.replace("-", "_")) for role in _SECRETS} if names.given else {}
        self._accounts = {role: find_account(name) for role, name in given.items() if name is not None}

    def of(self, role: str) -> Account | None:
        """The account of a kind of process, by the verb that runs it."""
        return self._accounts.get(role)

    def env(self, role: str, name: str) -> dict[str, str]:
        """Settings that lead the process of this name to its copies of the secrets of its role."""
        account = self.of(role)
        if account is None or self._secrets is None:
            return {}
        sources = {key: secret.path for key in _SECRETS[role] if (secret := self._secret(key)) is not None}
        copies = self._secrets.give(account, name, sources)
        return {f"{PREFIX}{key.upper().replace('.', '__')}": str(copy) for key, copy in copies.items()}

    def _secret(self, key: str) -> SecretFile | None:
        found = reduce(getattr, key.split("."), self._settings)
        return found if isinstance(found, SecretFile) else None

    def check(self) -> None:
        """AccountError, with every reason, unless each account can read what it needs, and the keys the worker's alone.

        Only root can start processes under these accounts, and the embedded database and queue belong to one account.
        """
        if self._accounts and (problems := tuple(self._problems())):
            raise AccountError("comptes des processus :\n" + "\n".join(f"- {problem}" for problem in problems))

    def _problems(self) -> Iterator[str]:
        settings = self._settings
        if os.geteuid() != 0:
            yield "seul root peut lancer des processus sous d'autres comptes que le sien"
        if settings.queue_is_embedded:
            yield "la file embarquée n'appartient qu'à un compte : renseigner queue_url"
        if settings.database_url is None or settings.database_url.startswith("sqlite"):
            yield "une base SQLite n'appartient qu'à un compte : renseigner database_url (PostgreSQL)"
        for role, path in self._needed():
            if role not in self._accounts:  # nothing of it runs here
                continue
            account = self._accounts[role]
            if path.is_dir() and not account.may_list(path):
                yield f"{account.name} ne peut pas lire le dossier {path}"
            elif not path.is_dir() and not account.may_read(path):
                yield f"{account.name} ne peut pas lire {path}"
        for role, account in self._accounts.items():
            yield from (
                f"{account.name} peut lire {path} : à fermer à tout autre compte que {self._accounts['worker'].name}"
                for path in self._keys()
                if role != "worker" and account.may_read(path)
            )

    def _needed(self) -> Iterator[tuple[str, Path]]:
        settings = self._settings
        for role in ("worker", "ws", "portal", "sans-login", "publication", "metrics"):
            yield role, settings.pki.authorities_dir / "authorities.json"
        for role, section in (("ws", settings.ws), ("portal", settings.portal), ("sans-login", settings.sans_login)):
            yield role, section.tls_certificate_file
            yield role, section.tls_key_file.path
        if settings.pki.keys_dir.is_dir():
            yield "worker", settings.pki.keys_dir
        yield "publication", settings.pki.publication_dir
        yield "publication", settings.publication.ocsp_keys_dir
        if settings.notices.smtp.host is None and settings.notices.folder.is_dir():
            yield "mailer", settings.notices.folder

    def _keys(self) -> Iterator[Path]:
        pki = self._settings.pki
        for path in (pki.keys_dir, pki.pass_phrase_file.path, pki.signers.pin_file.path, pki.seal_keys_dir):
            if path.exists():
                yield path
        if pki.keys_dir.is_dir():
            yield from sorted(pki.keys_dir.iterdir())
