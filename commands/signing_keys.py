"""The keys of this machine: signers for the batch, places for the ceremony. Only what signs imports this."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from pki.authority import Authority
from pki.issuing.signers.pkcs11 import load_pkcs11_signer
from pki.issuing.signers.software import load_software_signer
from pki.issuing.signers.stores import key_file
from pki.issuing.signers.token import Token
from pki.keys.private import write_new_passphrase
from pki.signer import Signer
from runtime.settings.model import Settings
from runtime.whole_files import AlreadyThereError


def signing_token(settings: Settings, *, writable: bool = False) -> Token:
    """The PKCS#11 token of the settings; nothing is opened before its first use."""
    signers = settings.pki.signers
    return Token(signers.module_file, signers.token_label, signers.pin_file.path, writable=writable)


def load_signers(settings: Settings, authorities: Mapping[str, Authority]) -> dict[str, Signer]:
    """The keys that this machine may use; an authority that is offline, or whose key file is elsewhere, has none.

    A key that the settings place in the token must be there: SignerError otherwise.
    """
    pass_phrase = settings.pki.pass_phrase_file.path
    token = signing_token(settings)
    found: dict[str, Signer] = {}
    for name, authority in authorities.items():
        kind = settings.pki.signers.kind_of(name)
        path = key_file(settings.pki.keys_dir, name)
        if kind == "pkcs11":
            found[name] = load_pkcs11_signer(authority, token, settings.pki.signers.key_labels.get(name))
        elif kind == "software" and path.exists():
            found[name] = load_software_signer(authority, path, pass_phrase)
    return found


def make_delegate_phrases(settings: Settings) -> None:
    """Pass phrases of their own for OCSP responders and audit seal; safe when several processes start together.

    Who may open these keys need not be able to open those of the authorities.
    """
    for secret in (settings.publication.ocsp_pass_phrase_file, settings.pki.seal_pass_phrase_file):
        if secret.path.exists():
            continue
        secret.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(AlreadyThereError):
            write_new_passphrase(secret.path)
