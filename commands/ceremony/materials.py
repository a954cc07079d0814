"""What the steps of a ceremony share: what must not be signed, the folders and stores of a machine, what is shown."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import typer

from commands.signing_keys import signing_token
from pki.authority import Authority
from pki.ceremony.configuration import CeremonyConfig
from pki.ceremony.fictitious import fictitious_authorities, fictitious_servers
from pki.ceremony.steps import Workshop, known_authorities
from pki.errors import CeremonyError
from pki.issuing.signers.stores import FileStore, KeyStore, TokenStore
from pki.keys.private import write_new_passphrase
from runtime.settings.model import Settings


class CeremonyStep(StrEnum):
    """What is to be done, and where."""

    RUN = "run"  # these two on the platform's machine
    TLS = "tls"
    ROOT = "root"  # the others on the machine of an offline root
    ANSWER = "answer"
    CRL = "crl"


def refuse_fictitious(settings: Settings, ceremony: CeremonyConfig) -> None:
    """Nothing invented is signed into a new authority of PRODUCTION; those that exist are what they are."""
    plain = [ceremony.root.short_name, *(member.short_name for member in ceremony.issuing)]
    names = {ceremony.short_name(name) for name in plain}
    found = fictitious_servers(ceremony)
    if names - known_authorities(settings.pki.authorities_dir).keys():
        found = fictitious_authorities(ceremony) + found
    if found:
        raise CeremonyError(
            "une cérémonie de PRODUCTION n'écrit rien d'inventé dans des certificats ; à remplacer dans le fichier :\n"
            + "\n".join(f"- {line}" for line in found)
        )


def workshop_of(
    settings: Settings, ceremony: CeremonyConfig, exchange: Path | None, phrase: bytes | None = None
) -> Workshop:
    """The folders and the places for keys of this machine.

    Without ``phrase`` the machine is the platform's, whose workers need the pass phrase in a file; it is made when the
    first key needs one.
    """
    places = {ceremony.root.key, *(member.key for member in ceremony.issuing)}
    stores: dict[str, KeyStore] = {}
    if phrase is not None:
        places = {ceremony.root.key}
    if "software" in places:
        phrase = _pass_phrase(settings) if phrase is None else phrase
        stores["software"] = FileStore(settings.pki.keys_dir, phrase)
    if "pkcs11" in places:
        stores["pkcs11"] = TokenStore(signing_token(settings, writable=True))
    return Workshop(
        authorities=settings.pki.authorities_dir,
        stores=stores,
        root_stores=stores,
        exchange=exchange,
        backdate=timedelta(minutes=settings.pki.backdate_minutes),
    )


def _pass_phrase(settings: Settings) -> bytes:
    secret = settings.pki.pass_phrase_file
    if not secret.path.exists():
        secret.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return write_new_passphrase(secret.path)
    return secret.read_text().encode()


def show(authority: Authority, what: str) -> None:
    """One authority with the fingerprint that witnesses compare."""
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 -- needed nowhere else here

    typer.echo(f"{what} : {authority.short_name}, {authority.common_name}")
    typer.echo(f"  SHA-256 {authority.certificate.fingerprint(SHA256()).hex(':')}")
    typer.echo(f"  valable jusqu'au {authority.not_after:%d/%m/%Y}")
