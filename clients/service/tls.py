"""The TLS context of a call: our certificate and key, and the authorities that the server's certificate may come from.

What is wrong with a file is found here, before any network, and said with the name of the file.
"""

from __future__ import annotations

import contextlib
import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from clients.errors import SettingsError
from clients.files import reason_of
from clients.keys.csr import UNREADABLE
from clients.text import invisible_character, spellings

_PEM = b"-----BEGIN"
_DER_SEQUENCE = b"\x30"
_MAX_PASSWORD_BYTES = 1023
"""What Python's ssl module takes at most."""


def tls_context(certificate: tuple[Path, Path], ca: Path | None, key_password: str | None) -> ssl.SSLContext:
    """TLS 1.2 or later, our certificate presented, the server checked against ``ca`` (PEM; None: the system's CAs).

    ``ca`` may hold issuing CAs without their root. Raises SettingsError when a file is missing, unreadable, not what
    it should be or does not fit the other.
    """
    cert_file, key_file = certificate
    for file in (cert_file, key_file, *([ca] if ca else [])):
        if not file.is_file():
            raise SettingsError(f"Fichier introuvable : {file}{_path_hint(file)}")
    context = _checked_against(ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if key_password is not None and len(key_password.encode()) > _MAX_PASSWORD_BYTES:
        raise SettingsError(f"Le mot de passe de la clé dépasse {_MAX_PASSWORD_BYTES} octets : est-ce le bon fichier ?")
    # A pass phrase typed with combining accents opens a key made with composed ones, and the reverse.
    for password in spellings(key_password or ""):
        try:
            # Without an answer OpenSSL would stop and ask on the terminal, even in a scheduled job.
            context.load_cert_chain(str(cert_file), str(key_file), password=password)
        except (ssl.SSLError, OSError, ValueError):
            continue
        return context
    raise SettingsError(_what_is_wrong(cert_file, key_file, key_password))


def describe_certificate(path: Path) -> str:
    """Our certificate as an error names it: file, subject and end; the file alone when it cannot be read."""
    certificate = next(iter(_certificates(path)), None)
    if certificate is None:
        return str(path)
    end = certificate.not_valid_after_utc
    name = certificate.subject.rfc4514_string()
    ended = "expiré le" if end < datetime.now(UTC) else "valable jusqu'au"
    return f"{path} ({name}, {ended} {end:%Y-%m-%d})"


def _checked_against(ca: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
    except (ssl.SSLError, OSError) as error:
        raise SettingsError(f"Le fichier d'AC {ca} ne contient pas de certificat PEM lisible.{_form_of(ca)}") from error
    if ca is not None and _only_authorities(context, ca):
        # An issuing CA named on purpose is enough; no root is asked for above it (openssl verify -partial_chain).
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    return context


def _only_authorities(context: ssl.SSLContext, ca: Path) -> bool:
    """Whether each certificate of the file is that of a CA, as OpenSSL counts them.

    With partial chains each one becomes an anchor, which that of one server or client must not: SettingsError.
    Who signed itself was an anchor without them, and vouches for itself alone: no partial chains beside it.
    """
    counted = context.cert_store_stats()
    if counted["x509"] == counted["x509_ca"]:
        return True
    authorities = set(context.get_ca_certs(binary_form=True))
    for certificate in _certificates(ca):
        if certificate.public_bytes(serialization.Encoding.DER) in authorities:
            continue
        if certificate.issuer != certificate.subject:
            raise SettingsError(
                f"Le fichier d'AC {ca} contient un certificat qui n'est pas celui d'une AC : "
                f"{certificate.subject.rfc4514_string()}. Mettez-y l'AC racine ou l'AC émettrice du serveur."
            )
    return False


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, *UNREADABLE):
        return []


def _what_is_wrong(cert_file: Path, key_file: Path, key_password: str | None) -> str:
    certificate = next(iter(_certificates(cert_file)), None)
    if certificate is None:
        return f"Le certificat {cert_file} n'est pas un certificat PEM lisible.{_form_of(cert_file)}"
    key = _key_of(key_file, key_password)
    if isinstance(key, str):
        return key
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        return (
            f"Le certificat {cert_file} et la clé {key_file} ne vont pas ensemble. Dans {cert_file}, le certificat "
            "du client vient en premier, ses AC après."
        )
    return f"Le certificat {cert_file} ou la clé {key_file} est refusé par OpenSSL (taille ou algorithme trop faible)."


def _key_of(path: Path, password: str | None) -> PrivateKeyTypes | str:
    """The key, or why there is none."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return f"La clé {path} ne peut pas être lue : {reason_of(error)}."
    protected = b"ENCRYPTED" in content
    if protected and password is None:
        return f"La clé {path} est protégée : indiquez le fichier de son mot de passe (mot_de_passe_cle)."
    for spelling in spellings(password or ""):
        with contextlib.suppress(*UNREADABLE):
            return serialization.load_pem_private_key(content, spelling.encode() if protected else None)
    if protected:
        return f"Le mot de passe de la clé {path} est faux, ou le fichier est abîmé."
    return f"La clé {path} n'est pas une clé privée PEM lisible.{_form_of(path)}"


def _form_of(path: Path | None) -> str:
    """What the file seems to be instead of PEM, as an end of sentence."""
    try:
        content = b"" if path is None else path.read_bytes()
    except OSError:
        return " Il ne peut pas être lu."
    if not content.strip():
        return " Il est vide."
    if content.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")) and _PEM in content.replace(b"\0", b""):
        return " Il commence par une marque d'ordre des octets (BOM) : enregistrez-le en texte ASCII."
    if content.startswith(_DER_SEQUENCE):
        return " Il est en binaire (DER ou PKCS#12) : convertissez-le en PEM avec openssl."
    return ""


def _path_hint(path: Path) -> str:
    if any(character in "\t\n\r\b\f" for character in str(path)):
        return " (dans un fichier TOML, un chemin de Windows s'écrit entre apostrophes : 'C:\\certificats\\client.pem')"
    hidden = invisible_character(str(path))
    return f" (son nom contient un caractère invisible : {hidden})" if hidden else ""
