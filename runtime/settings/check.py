"""What the settings name, looked at before anything starts: files, secrets, folders, addresses. Nothing is changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from runtime.listening.tls import server_ssl_context
from runtime.processes.accounts import AccountError, find_account
from runtime.secret_file import SecretFile, SecretFileError
from runtime.settings.errors import SettingsProblem
from runtime.settings.model import Settings
from runtime.settings.portal import PortalSettings
from runtime.settings.sans_login import SansLoginSettings
from runtime.settings.sections import PkiSettings, WsSettings
from runtime.settings.textes import TEST_VERSION

_MIN_SESSION_SECRET = 32
_NO_LIST = "aucune liste de clés prévisibles : une clé de Debian 2008, par exemple, serait acceptée"
_NO_MAIL = "aucun serveur SMTP : les avis ne partent pas, ils s'écrivent dans notices.folder"


def check(settings: Settings) -> tuple[SettingsProblem, ...]:
    """Everything that would stop a process of this plateforme from starting, key by key; empty when all is well."""
    return tuple(_problems(settings))


def warnings(settings: Settings) -> tuple[SettingsProblem, ...]:
    """What stops nothing but should be known, key by key.

    That no list of predictable keys is in force; that the clock is shifted; that a public address of PRODUCTION is that
    of one machine alone, or its notices stay in a folder.
    """
    found = [] if settings.pki.weak_key_files else [SettingsProblem("pki.weak_key_files", _NO_LIST)]
    if settings.clock_shift_seconds:
        texte = f"l'horloge de la plateforme avance de {settings.clock_shift_seconds} s sur celle de la machine"
        found.append(SettingsProblem("clock_shift_seconds", texte))
    if settings.plateforme == "PRODUCTION":
        found += [
            SettingsProblem(f"{name}.public_url", f"{url} n'est joignable que de cette machine")
            for name, url in (
                ("ws", settings.ws.public_url),
                ("portal", settings.portal.public_url),
                ("textes", settings.textes.public_url),
                *(
                    (f"portal.{name}", door.public_url)
                    for name, door in (("carte", settings.portal.carte), ("connexion", settings.portal.connexion))
                    if door.port
                ),
                *(
                    (("portal.connexion", settings.portal.connexion.public_url),)
                    if settings.portal.connexion.port
                    else ()
                ),
                *((("sans_login", settings.sans_login.public_url),) if settings.sans_login.processes else ()),
            )
            if (urlsplit(url).hostname or "").startswith(("localhost", "127.", "::1"))
        ]
        if settings.notices.smtp.host is None:
            found.append(SettingsProblem("notices.smtp.host", _NO_MAIL))
    return tuple(found)


def _problems(settings: Settings) -> Iterator[SettingsProblem]:
    try:
        owners = _owners(settings)
    except AccountError as error:
        yield SettingsProblem("accounts", str(error))
        owners = {}
    yield from _private_folder("data_dir", settings.data_dir)
    yield from _folder("pki.authorities_dir", settings.pki.authorities_dir)
    yield from _signing_keys(settings.pki)
    yield from _weak_key_lists(settings)
    for cle, secret in (
        ("database_password_file", settings.database_password_file),
        ("queue_password_file", settings.queue_password_file),
    ):
        if secret is not None:
            yield from _secret(cle, secret)
    yield from (*settings.database_problems(), *settings.owner_problems(), *settings.queue_problems())
    yield from _directory(settings)
    yield from _textes(settings)
    yield from _tls("ws", settings.ws, owners.get("ws", ()))
    yield from _tls("portal", settings.portal, owners.get("portal", ()))
    yield from _secret("portal.session_secret_file", settings.portal.session_secret_file, at_least=_MIN_SESSION_SECRET)
    yield from _psc(settings)
    yield from _sans_login(settings, owners.get("sans_login", ()))
    if settings.publication.processes:
        yield from _secret("publication.ocsp_pass_phrase_file", settings.publication.ocsp_pass_phrase_file)
    yield from _notices(settings)
    yield from _shared_addresses(settings)


def _sans_login(settings: Settings, owners: Collection[int]) -> Iterator[SettingsProblem]:
    section = settings.sans_login
    if not section.processes:
        return
    yield from _tls("sans_login", section, owners)
    yield from _secret("sans_login.secret_file", section.secret_file, at_least=_MIN_SESSION_SECRET)
    if section.secret_file.path == settings.portal.session_secret_file.path:
        yield SettingsProblem("sans_login.secret_file", "un autre fichier que portal.session_secret_file attendu")


def _psc(settings: Settings) -> Iterator[SettingsProblem]:
    psc = settings.portal.psc
    if psc.issuer is None or psc.client_secret_file is None:
        return
    yield from _secret("portal.psc.client_secret_file", psc.client_secret_file)
    if psc.ca_file is not None:
        yield from _file("portal.psc.ca_file", psc.ca_file)


def _textes(settings: Settings) -> Iterator[SettingsProblem]:
    section = settings.textes
    for name, path, version in (
        ("cgu", section.cgu_file, section.cgu_version),
        ("pc", section.pc_file, section.pc_version),
    ):
        if path is not None:
            yield from _file(f"textes.{name}_file", path)
        if settings.plateforme != "PRODUCTION":
            continue
        if path is None:
            yield SettingsProblem(f"textes.{name}_file", "obligatoire sur une plateforme de PRODUCTION")
        if version == TEST_VERSION:
            yield SettingsProblem(f"textes.{name}_version", "obligatoire sur une plateforme de PRODUCTION")


def _directory(settings: Settings) -> Iterator[SettingsProblem]:
    if settings.directory.source != "ldap":
        return
    ldap = settings.directory.ldap
    yield from settings.directory_problems()
    if ldap.ca_file is not None:
        yield from _file("directory.ldap.ca_file", ldap.ca_file)
    if ldap.password_file is not None:
        yield from _secret("directory.ldap.password_file", ldap.password_file)


def _notices(settings: Settings) -> Iterator[SettingsProblem]:
    smtp = settings.notices.smtp
    if smtp.host is None:
        return
    yield from settings.notices_problems()
    if smtp.ca_file is not None:
        yield from _file("notices.smtp.ca_file", smtp.ca_file)
    if smtp.password_file is not None:
        yield from _secret("notices.smtp.password_file", smtp.password_file)


def _owners(settings: Settings) -> dict[str, tuple[int]]:
    """Whose files root finds in order: each listener's key belongs to the account that the listener runs under."""
    names = settings.accounts
    if os.geteuid() != 0 or names.ws is None or names.portal is None:
        return {}
    roles = {"ws": names.ws, "portal": names.portal, "sans_login": names.sans_login}
    return {role: (find_account(name).uid,) for role, name in roles.items() if name is not None}


def _shared_addresses(settings: Settings) -> Iterator[SettingsProblem]:
    taken = {(settings.ws.host, settings.ws.port)}
    portal, publication, site = settings.portal, settings.publication, settings.sans_login
    listeners = [(f"portal.{key}", portal.host, port) for key, port in portal.ports.items()]
    listeners += [
        (f"{name}.port", section.host, section.port)
        for name, section in (("publication", publication), ("sans_login", site))
        if section.processes
    ]
    if settings.metrics.port:
        listeners.append(("metrics.port", settings.metrics.host, settings.metrics.port))
    for key, host, port in listeners:
        if (host, port) in taken:
            yield SettingsProblem(key, "un autre service de la plateforme écoute déjà à cette adresse")
        taken.add((host, port))


def _weak_key_lists(settings: Settings) -> Iterator[SettingsProblem]:
    pki = settings.pki
    for path in pki.weak_key_files:
        yield from _file("pki.weak_key_files", path)
    if settings.plateforme == "PRODUCTION" and not pki.weak_key_files and not pki.without_weak_key_files:
        texte = f"{_NO_LIST} ; nommer une liste, ou l'assumer par pki.without_weak_key_files = true"
        yield SettingsProblem("pki.weak_key_files", texte)


def _signing_keys(pki: PkiSettings) -> Iterator[SettingsProblem]:
    kinds = {pki.signers.default, *pki.signers.authorities.values()}
    if "software" in kinds:
        yield from _private_folder("pki.keys_dir", pki.keys_dir)
        yield from _secret("pki.pass_phrase_file", pki.pass_phrase_file)
    if "pkcs11" in kinds:
        yield from _file("pki.signers.module_file", pki.signers.module_file)
        yield from _secret("pki.signers.pin_file", pki.signers.pin_file)


def _file(cle: str, path: Path) -> Iterator[SettingsProblem]:
    if not path.is_file():
        yield SettingsProblem(cle, f"fichier absent : {path}")


def _folder(cle: str, path: Path) -> Iterator[SettingsProblem]:
    if not path.is_dir():
        yield SettingsProblem(cle, f"dossier absent : {path}")


def _private_folder(cle: str, path: Path) -> Iterator[SettingsProblem]:
    yield from _folder(cle, path)
    if path.is_dir() and stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO:
        yield SettingsProblem(cle, f"dossier ouvert à tous les comptes (chmod 700 attendu) : {path}")


def _secret(cle: str, secret: SecretFile, *, at_least: int = 1) -> Iterator[SettingsProblem]:
    try:
        content = secret.read_text()
    except SecretFileError as error:
        yield SettingsProblem(cle, str(error))
    else:
        if len(content.encode()) < at_least:
            yield SettingsProblem(cle, f"{secret} : {at_least} octets au moins")


def _secret_bytes(cle: str, secret: SecretFile, owners: Collection[int]) -> Iterator[SettingsProblem]:
    try:
        secret.read_bytes(owners)
    except SecretFileError as error:
        yield SettingsProblem(cle, str(error))


def _tls(
    name: str, section: WsSettings | PortalSettings | SansLoginSettings, owners: Collection[int]
) -> Iterator[SettingsProblem]:
    certificate = section.tls_certificate_file
    problems = [
        *_secret_bytes(f"{name}.tls_key_file", section.tls_key_file, owners),
        *_file(f"{name}.tls_certificate_file", certificate),
    ]
    yield from problems
    if not problems:
        try:
            server_ssl_context(certificate, section.tls_key_file.path)
        except OSError:
            yield SettingsProblem(
                f"{name}.tls_certificate_file", f"PEM illisible, ou autre clé que celle de tls_key_file : {certificate}"
            )
