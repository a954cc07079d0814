"""Client certificates good and bad, each with the verdict of PeerChecker and of a TLS handshake.

Built octet by octet with the fixed test keys. All hang on one hierarchy, `trusted`, which knows our issuing CA, an issuing
CA of the same name whose own certificate has expired, and the issuing CA of the other plateforme.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA256, SHA512, HashAlgorithm

from pki.authority import Authority
from pki.ceremony.configuration import default_settings
from pki.certificates import der
from pki.issuing.issuance import issue, lint, prepare
from registration.errors import Code
from tests.support.damage import flipped
from tests.unit.pki.ocsp_support import make_responder
from tests.vectors.csr_cases import NULL, rdn
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL, SHAPES, KeySigner, make_issuing, make_root, spki

DAY = timedelta(days=1)
_ROOT, _ISSUING = make_root(), make_issuing()
_C, _O, _OU, _CN = (der.object_identifier(oid) for oid in ("2.5.4.6", "2.5.4.10", "2.5.4.11", "2.5.4.3"))
_KEY_USAGE, _CONSTRAINTS, _EXTENDED, _KEY_ID = "2.5.29.15", "2.5.29.19", "2.5.29.37", "2.5.29.35"
_CLIENT, _SERVER, _MAIL, _OCSP = (f"1.3.6.1.5.5.7.3.{number}" for number in (2, 1, 4, 9))
_SUBJECT_KEY_ID = "2.5.29.14"
_ANY = "2.5.29.37.0"
_OURS_ALONE = "1.3.6.1.4.1.32473.1"  # an extension that nobody knows
_NOT_A_CA, _A_CA = b"\x30\x00", b"\x30\x03\x01\x01\xff"
_SIGNS = b"\x03\x02\x07\x80"  # digitalSignature
_SIGNS_CERTIFICATES = b"\x03\x02\x01\x06"  # keyCertSign, cRLSign
STRANGERS, REVOKED = SERIAL - 100, SERIAL - 101
SERIALS = (-SERIAL, 0, 1 << 160)  # negative, zero, 21 octets
SUBJECT = der.sequence(rdn(_CN, b"899700990011"))


class Tls(Enum):
    """What a handshake with the front comes to."""

    PASSES = "the application has the last word"
    ALERT = "refused by OpenSSL"
    CANNOT = "OpenSSL's own client cannot send these octets"


# Which key each authority of `trusted` has.
LABELS = {
    "ACR-EL-TEST": "root",
    "ACI-EL-TEST": "issuing",
    "ACI-EL-OLD-TEST": "issuing-2",
    "ACI-EL": "production",
    "ACR-EL": "root",
}


@cache
def trusted(now: datetime) -> Mapping[str, Authority]:
    """Return the authorities whose clients are recognised on plateforme TEST, by short name."""
    production = default_settings("PRODUCTION")
    found = (
        _ROOT,
        _ISSUING,
        make_issuing(label="issuing-2", short_name="ACI-EL-OLD-TEST", until=now - DAY),
        make_issuing(production, label="production", short_name="ACI-EL"),
        replace(make_root(production), short_name="ACR-EL"),
    )
    return {authority.short_name: authority for authority in found}


def extensions(
    usage: bytes | None = _SIGNS,
    extended: tuple[str, ...] | None = (_CLIENT,),
    constraints: bytes | None = _NOT_A_CA,
    key_id: bytes | None = None,
    more: tuple[bytes, ...] = (),
) -> list[bytes]:
    """Return those of a client certificate; None leaves one out, `key_id` is by default that of our issuing CA."""
    found = [der.extension(_KEY_ID, der.sequence(der.tlv(0x80, key_id or _ISSUING.key_id)))]
    if usage is not None:
        found.append(der.extension(_KEY_USAGE, usage, critical=True))
    if extended is not None:
        found.append(der.extension(_EXTENDED, der.sequence(*(der.object_identifier(oid) for oid in extended))))
    if constraints is not None:
        found.append(der.extension(_CONSTRAINTS, constraints, critical=True))
    return [*found, *more]


def certificate(
    now: datetime,
    *,
    version: bytes = b"\xa0\x03\x02\x01\x02",
    serial: int = SERIAL,
    inner: bytes = der.SHA256_WITH_RSA,
    outer: bytes | None = None,
    issuer: bytes | None = None,
    begin: timedelta = -DAY,
    end: timedelta = DAY,
    subject: bytes = SUBJECT,
    public: bytes | None = None,
    listed: list[bytes] | None = None,
    signer: rsa.RSAPrivateKey | None = None,
    digest: HashAlgorithm | None = None,
    scheme: padding.AsymmetricPadding | None = None,
) -> bytes:
    """Return a client certificate, DER; by default a good one of our issuing CA for the test key "leaf"."""
    found = extensions() if listed is None else listed
    tbs = der.sequence(
        version,
        _integer(serial),
        inner,
        issuer or _ISSUING.name_der,
        der.sequence(der.time(now + begin), der.time(now + end)),
        subject,
        public or spki(),
        der.tlv(der.CONTEXT_3, der.sequence(*found)) if found else b"",
    )
    signature = (signer or key("issuing")).sign(tbs, scheme or padding.PKCS1v15(), digest or SHA256())
    return der.sequence(tbs, outer or inner, der.bit_string(signature))


def _integer(value: int) -> bytes:
    return der.tlv(der.INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _algorithm(number: int, parameters: bytes = NULL) -> bytes:
    return der.sequence(der.object_identifier(f"1.2.840.113549.1.1.{number}"), parameters)


# RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 octets (RFC 4055 §3.1).
_SHA256 = der.sequence(der.object_identifier("2.16.840.1.101.3.4.2.1"), NULL)
_PSS = _algorithm(
    10,
    der.sequence(
        der.tlv(0xA0, _SHA256),
        der.tlv(0xA1, der.sequence(der.object_identifier("1.2.840.113549.1.1.8"), _SHA256)),
        der.tlv(0xA2, der.integer(32)),
    ),
)
_PSS_PADDING = padding.PSS(padding.MGF1(SHA256()), 32)


def _product(name: str, serial: int = SERIAL) -> Callable[[datetime], bytes]:
    """Return what makes a certificate of a product by the CA core itself."""

    def make(now: datetime) -> bytes:
        prepared = prepare(_ISSUING, SHAPES[name], spki(), serial, now)
        return issue(lint(prepared, _ISSUING), KeySigner(_ISSUING.short_name, key("issuing"))).der

    return make


def _with(**changes: Any) -> Callable[[datetime], bytes]:
    return lambda now: certificate(now, **changes)


def _having(**changes: Any) -> Callable[[datetime], bytes]:
    return lambda now: certificate(now, listed=extensions(**changes))


def _named(*, tag: int = der.UTF8_STRING, end: str = "", reverse: bool = False) -> Callable[[datetime], bytes]:
    """Return what makes a certificate whose issuer is ours in another writing: OpenSSL takes one for the other."""
    values = [(_C, "FR"), (_O, "IGC EXEMPLE"), (_OU, "0002 000000000"), (_OU, "IGC-EXEMPLE TEST")]
    values.append((_CN, f"TEST AC IGC EXEMPLE ELEMENTAIRE{end}"))
    rdns = [rdn(oid, text.encode(), der.PRINTABLE_STRING if oid == _C else tag) for oid, text in values]
    return lambda now: certificate(now, issuer=der.sequence(*(reversed(rdns) if reverse else rdns)))


def _broken(now: datetime) -> bytes:
    good = certificate(now)
    return flipped(good)


def _rewrapped(head: Callable[[bytes], bytes], tail: bytes = b"") -> Callable[[datetime], bytes]:
    """Return what makes a good certificate whose outermost length is written in another way."""

    def make(now: datetime) -> bytes:
        good = certificate(now)
        start, end = der.sole(good, der.SEQUENCE)
        return head((end - start).to_bytes(2, "big")) + good[start:end] + tail

    return make


# --- authorities that are none ---


_INVENTED = der.sequence(rdn(_CN, b"AC INVENTEE"))
# The names of issuers that stand in the cases, but for other writings of ours.
ISSUERS = (_ISSUING.name_der, _ROOT.name_der, SUBJECT, _INVENTED)


def ca_certificate_signed_with_sha1(issuer: bytes, subject: bytes) -> bytes:
    """Return the certificate of an issuing CA by the test root, as it was usual until 2011."""
    key_id = der.extension(_SUBJECT_KEY_ID, der.octet_string(_ISSUING.key_id))
    listed = extensions(
        usage=_SIGNS_CERTIFICATES, extended=None, constraints=_A_CA, key_id=_ROOT.key_id, more=(key_id,)
    )
    return certificate(
        NOW, inner=_algorithm(5), issuer=issuer, subject=subject, public=spki("issuing"), listed=listed,
        signer=key("root"), digest=SHA1(),
    )  # fmt: skip


def _leaf_of_leaf(now: datetime) -> bytes:
    return certificate(now, issuer=SUBJECT, signer=key("leaf-2"), listed=extensions(key_id=bytes(20)))


def _leaf_as_issuer(now: datetime) -> tuple[bytes, ...]:
    return (certificate(now, public=spki("leaf-2")),)


def _of_sub_ca(now: datetime) -> bytes:
    return certificate(now, issuer=_INVENTED, signer=key("stranger"), listed=extensions(key_id=bytes(20)))


def _authority(above: str, label: str, key_id: bytes, name: bytes, now: datetime) -> tuple[bytes, ...]:
    """Return the certificate of an authority with the key "stranger", by the key of a label under the name above."""
    issuer = {"root": _ROOT, "issuing": _ISSUING}[above].name_der
    listed = extensions(usage=_SIGNS_CERTIFICATES, extended=None, constraints=_A_CA, key_id=key_id)
    return (certificate(now, issuer=issuer, signer=key(label), subject=name, public=spki("stranger"), listed=listed),)


def _sub_ca(now: datetime) -> tuple[bytes, ...]:
    """Our issuing CA, whose path length is 0, has certified another CA."""
    return _authority("issuing", "issuing", _ISSUING.key_id, _INVENTED, now)


def _unknown_ca(now: datetime) -> tuple[bytes, ...]:
    """An issuing CA that our root has certified, and that is not in the index."""
    return _authority("root", "root", _ROOT.key_id, _INVENTED, now)


def _of_former_root(now: datetime) -> tuple[bytes, ...]:
    """An issuing CA of our name, certified by another key of a root of our root's name."""
    return _authority("root", "leaf-2", bytes(20), _ISSUING.name_der, now)


def _of_former_issuing(now: datetime) -> bytes:
    return certificate(now, signer=key("stranger"), listed=extensions(key_id=bytes(20)))


@dataclass(frozen=True)
class Case:
    """One certificate, what is sent with it, and the verdicts; `code` None means that it is its acteur's.

    `sent_with` makes the certificates that the client sends behind its own, `label` names its key. Whatever has the
    serial STRANGERS is registered for nobody, REVOKED is revoked.
    """

    make: Callable[[datetime], bytes]
    code: Code | None
    tls: Tls = Tls.PASSES
    sent_with: Callable[[datetime], tuple[bytes, ...]] = lambda _now: ()
    label: str = "leaf"


_REFUSED, _REVOKED = Code.CERTIFICATE_REFUSED, Code.CERTIFICATE_REVOKED


def _refused(make: Callable[[datetime], bytes], tls: Tls = Tls.PASSES, label: str = "leaf") -> Case:
    return Case(make, _REFUSED, tls, label=label)


CASES: dict[str, Case] = {
    "good": Case(certificate, None),
    "revoked": Case(_with(serial=REVOKED), _REVOKED),
    "good-application": Case(_product("org-auth-cli"), None),
    "good-long-name": Case(_product("org-auth-cli.common-name-64"), None),
    "good-card": Case(_product("cps-auth"), None),
    "good-server-that-is-a-client": Case(_product("serv-ssl-serv"), None),
    "application-that-nobody-registered": Case(_product("org-auth-cli", STRANGERS), Code.ACTEUR_UNKNOWN),
    # when
    "expired": Case(_with(begin=-3 * DAY, end=-DAY), _REVOKED),
    "not-yet-valid": Case(_with(begin=DAY, end=2 * DAY), _REVOKED),
    "authority-expired": Case(
        lambda now: certificate(
            now, signer=key("issuing-2"), listed=extensions(key_id=trusted(now)["ACI-EL-OLD-TEST"].key_id)
        ),
        _REVOKED,
    ),
    # what for
    "usage-of-a-server": _refused(_having(extended=(_SERVER,))),
    "usage-mail": _refused(_having(extended=(_MAIL,))),
    "usage-any": _refused(_having(extended=(_ANY,))),
    "usage-missing": _refused(_having(extended=None)),
    "key-usage-missing": _refused(_having(usage=None)),
    "key-usage-encipherment": _refused(_having(usage=b"\x03\x02\x05\x20")),
    "key-usage-non-repudiation": _refused(_having(usage=b"\x03\x02\x06\x40")),
    "key-usage-signs-certificates": _refused(_having(usage=b"\x03\x02\x02\x84")),
    "tls-server": _refused(_product("tls-server")),
    "seal-of-an-organisation": _refused(_product("org-sign")),
    "ocsp-signer": _refused(lambda now: make_responder(_ISSUING, now=now - DAY).certificate_der, label="leaf-2"),
    # an authority as a client, a client as an authority
    "issuing-authority": _refused(lambda _now: _ISSUING.certificate_der, label="issuing"),
    "root": _refused(lambda _now: _ROOT.certificate_der, label="root"),
    "claims-to-be-a-ca": _refused(_having(constraints=_A_CA)),
    "issued-by-a-client": Case(_leaf_of_leaf, _REFUSED, Tls.ALERT, _leaf_as_issuer),
    "path-length-violated": Case(_of_sub_ca, _REFUSED, Tls.ALERT, _sub_ca),
    # whose
    "unknown-authority": _refused(_of_sub_ca, Tls.ALERT),
    "authority-of-our-root-outside-the-index": Case(_of_sub_ca, _REFUSED, Tls.PASSES, _unknown_ca),
    "chain-missing": _refused(_of_former_issuing, Tls.ALERT),
    "authority-of-a-former-root-key": Case(_of_former_issuing, _REFUSED, Tls.ALERT, _of_former_root),
    "same-name-another-key": _refused(lambda now: certificate(now, signer=key("stranger")), Tls.ALERT),
    "key-identifier-of-another-authority": _refused(_having(key_id=bytes(20)), Tls.ALERT),
    "key-identifier-missing": _refused(lambda now: certificate(now, listed=extensions()[1:])),
    "self-signed": _refused(lambda now: certificate(now, issuer=SUBJECT, signer=key("leaf")), Tls.ALERT),
    "self-issued": _refused(lambda now: certificate(now, subject=_ISSUING.name_der), Tls.ALERT),
    "other-plateforme": Case(
        lambda now: certificate(now, signer=key("production"), listed=extensions(key_id=trusted(now)["ACI-EL"].key_id)),
        Code.CERTIFICATE_WRONG_PLATEFORME,
    ),
    # names
    "issuer-as-printable-string": _refused(_named(tag=der.PRINTABLE_STRING)),
    "issuer-with-trailing-blank": _refused(_named(end=" ")),
    "issuer-in-another-order": _refused(_named(reverse=True), Tls.ALERT),
    "subject-with-nul": _refused(_with(subject=der.sequence(rdn(_CN, b"899700990011\x00.evil.example")))),
    "subject-right-to-left": _refused(_with(subject=der.sequence(rdn(_CN, "a\u202eb".encode())))),
    "subject-not-utf8": _refused(_with(subject=der.sequence(rdn(_CN, b"\xff\xfe"))), Tls.CANNOT),
    # The name decides nothing: who is registered is who may come in.
    "subject-with-trailing-blank": Case(
        lambda now: certificate(now, serial=STRANGERS, subject=der.sequence(rdn(_CN, b"899700990011 "))),
        Code.ACTEUR_UNKNOWN,
    ),
    # the signature
    "signature-broken": _refused(_broken, Tls.ALERT),
    "signed-with-sha1": _refused(_with(inner=_algorithm(5), digest=SHA1()), Tls.ALERT),
    "signed-with-md5": _refused(_with(inner=_algorithm(4), digest=MD5()), Tls.ALERT),
    "signed-with-sha512": _refused(_with(inner=_algorithm(13), digest=SHA512())),
    "signed-with-pss": _refused(_with(inner=_PSS, scheme=_PSS_PADDING)),
    "algorithms-differ": _refused(_with(outer=_algorithm(13)), Tls.ALERT),
    "algorithm-without-null": _refused(_with(inner=_algorithm(11, b""))),
    # extensions
    "critical-extension-unknown": _refused(
        _having(more=(der.extension(_OURS_ALONE, b"\x05\x00", critical=True),)), Tls.ALERT
    ),
    "extension-twice": _refused(lambda now: certificate(now, listed=[*extensions(), extensions()[2]]), Tls.CANNOT),
    "usage-unreadable": _refused(_having(extended=None, more=(der.extension(_EXTENDED, b"\xff\xff"),)), Tls.CANNOT),
    # frame and encoding
    "serial-negative": _refused(_with(serial=SERIALS[0])),
    "serial-zero": _refused(_with(serial=SERIALS[1])),
    "serial-of-21-octets": _refused(_with(serial=SERIALS[2])),
    "version-1": _refused(_with(version=b"", listed=[])),
    "version-1-with-extensions": _refused(_with(version=b"")),
    "version-that-does-not-exist": _refused(_with(version=b"\xa0\x03\x02\x01\x07")),
    "trailing-octet": _refused(lambda now: certificate(now) + b"\x00", Tls.CANNOT),
    "indefinite-length": _refused(_rewrapped(lambda _length: b"\x30\x80", b"\x00\x00"), Tls.CANNOT),
    "length-with-a-needless-octet": _refused(_rewrapped(lambda length: b"\x30\x83\x00" + length), Tls.CANNOT),
    "true-written-as-1": _refused(
        lambda now: certificate(now).replace(b"\x06\x03\x55\x1d\x0f\x01\x01\xff", b"\x06\x03\x55\x1d\x0f\x01\x01\x01"),
        Tls.ALERT,
    ),
}
