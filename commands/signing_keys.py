"""The keys of this machine: signers for the batch, places for the ceremony. Only what signs imports this."""

from __future__ import annotations

from collections.abc import Mapping

from pki.authority import Authority
from pki.signers.pkcs11 import load_pkcs11_signer
from pki.signers.port import Signer
from pki.signers.software import load_software_signer
from pki.signers.stores import key_file
from pki.signers.token import Token
from runtime.settings import Settings


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
