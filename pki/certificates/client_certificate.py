"""What a certificate must be to stand for a client, whoever issued it (RFC 5280 §4, §6.1); doubt is refused.

OpenSSL has seen it in the handshake before, and lets pass what would surprise here: a CA that calls itself a client, a
serial of 21 octets, RSASSA-PSS. Not here: who issued it, dates, revocation, and whose it is.
"""

from collections.abc import Iterator

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki.certificates import der
from pki.certificates.reading import UNREADABLE
from pki.certificates.tbs import RawExtension, TbsFields, read_tbs
from pki.errors import CertificateError, LintError

_MAX_SERIAL_OCTETS = 20
_TEXTS = frozenset({der.UTF8_STRING, der.PRINTABLE_STRING, der.IA5_STRING})
# What may be critical, since it is judged here or says nothing about a client.
_UNDERSTOOD = frozenset(
    der.object_identifier(oid)[2:]
    for oid in ("2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.32", "2.5.29.35", "2.5.29.37")
)


def read_client_certificate(data: bytes) -> x509.Certificate:
    """Return the certificate; CertificateError for anything that is not a version 3 client certificate in strict DER.

    Wanted: sha256WithRSAEncryption, a positive serial of at most 20 octets, an issuer that is not the subject, a
    subject that people can read, digitalSignature in KeyUsage and clientAuth in ExtendedKeyUsage, no mark of a CA, each
    extension once and none critical that is not understood.
    """
    try:
        tbs, *_ = der.children(data, *der.sole(data, der.SEQUENCE))
        fields = read_tbs(data[tbs[1] : tbs[3]])
        findings = [*_check_frame(fields), *_check_listed(fields.extensions)]
        if not findings:
            certificate = x509.load_der_x509_certificate(data)
            findings += _check_usage(certificate)
    except (IndexError, LintError, *UNREADABLE):
        raise CertificateError("not a client certificate in DER") from None
    if findings:
        raise CertificateError("; ".join(findings))
    return certificate


def _check_frame(fields: TbsFields) -> Iterator[str]:
    if fields.algorithm != der.SHA256_WITH_RSA:
        yield "not signed with sha256WithRSAEncryption"
    if fields.serial <= 0 or fields.serial_octets > _MAX_SERIAL_OCTETS:
        yield "a serial that is not positive, or beyond 20 octets"
    if fields.issuer == fields.subject:
        yield "the name of its own issuer"
    if not all(text.isprintable() for text in _texts(fields.subject)):
        yield "a name that nobody can read"


def _texts(name: bytes) -> Iterator[str]:
    """Yield the values of a Name; ValueError when one is no text."""
    for _, _, start, end in der.children(name, *der.sole(name, der.SEQUENCE)):
        for _, _, content, stop in der.children(name, start, end):
            _, (tag, _, text, text_end) = der.children(name, content, stop)
            if tag not in _TEXTS:
                raise der.DerError
            yield name[text:text_end].decode()


def _check_listed(extensions: tuple[RawExtension, ...]) -> Iterator[str]:
    if any(extension.critical and extension.oid not in _UNDERSTOOD for extension in extensions):
        yield "a critical extension that is not understood"


def _check_usage(certificate: x509.Certificate) -> Iterator[str]:
    """ExtensionNotFound when a usage is missing: without it a certificate would be good for everything."""
    listed = certificate.extensions
    usage = listed.get_extension_for_class(x509.KeyUsage).value
    if not usage.digital_signature or usage.key_cert_sign or usage.crl_sign:
        yield "a key that is not for signing in"
    if ExtendedKeyUsageOID.CLIENT_AUTH not in listed.get_extension_for_class(x509.ExtendedKeyUsage).value:
        yield "not for client authentication"
    if any(isinstance(item.value, x509.BasicConstraints) and item.value.ca for item in listed):
        yield "an authority"
