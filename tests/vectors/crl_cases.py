"""CRLs good and bad, each with what read_crl must say of it; built octet by octet for any authority of the tests."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from pki.authority import Authority
from pki.certificates import der
from pki.issuing.crl import CrlEntry, CrlForm, build_crl
from tests.support.damage import flipped
from tests.vectors.csr_cases import NULL
from tests.vectors.keys import key
from tests.vectors.samples import SERIAL, KeySigner, make_issuing, make_root

DAY = timedelta(days=1)
_KEY_ID, _NUMBER, _DELTA, _POINT, _REASON = "2.5.29.35", "2.5.29.20", "2.5.29.27", "2.5.29.28", "2.5.29.21"
_OURS_ALONE = "1.3.6.1.4.1.32473.1"
_SHA1_WITH_RSA = der.sequence(der.object_identifier("1.2.840.113549.1.1.5"), NULL)
_KEY_COMPROMISE = b"\x0a\x01\x01"
Make = Callable[[Authority, rsa.RSAPrivateKey, datetime], bytes]


def entry(serial: int, now: datetime, *extensions: bytes) -> bytes:
    listed = der.sequence(*extensions) if extensions else b""
    return der.sequence(der.integer(serial), der.time(now - DAY), listed)


def key_id(authority: Authority) -> bytes:
    return der.extension(_KEY_ID, der.sequence(der.tlv(0x80, authority.key_id)))


def number(content: bytes = b"\x02\x01\x07", *, critical: bool = False) -> bytes:
    return der.extension(_NUMBER, content, critical=critical)


def crl(
    authority: Authority,
    private: rsa.RSAPrivateKey,
    now: datetime,
    *,
    version: bytes = der.integer(1),
    algorithm: bytes = der.SHA256_WITH_RSA,
    outer: bytes | None = None,
    issuer: bytes | None = None,
    next_update: bool = True,
    entries: tuple[bytes, ...] = (),
    extensions: tuple[bytes, ...] | None = None,
    more: tuple[bytes, ...] = (),
    digest: HashAlgorithm | None = None,
    scheme: padding.AsymmetricPadding | None = None,
) -> bytes:
    """Return a CRL of number 7, DER; by default a good one that lists nothing."""
    listed = (key_id(authority), number(), *more) if extensions is None else extensions
    tbs = der.sequence(
        version,
        algorithm,
        issuer or authority.name_der,
        der.time(now - DAY),
        der.time(now + DAY) if next_update else b"",
        der.sequence(*entries) if entries else b"",
        der.tlv(der.CONTEXT_0, der.sequence(*listed)) if listed else b"",
    )
    signature = private.sign(tbs, scheme or padding.PKCS1v15(), digest or SHA256())
    return der.sequence(tbs, outer or algorithm, der.bit_string(signature))


def _with(**changes: Any) -> Make:
    return lambda authority, private, now: crl(authority, private, now, **changes)


def _listing(*extensions: bytes) -> Make:
    return lambda authority, private, now: crl(authority, private, now, entries=(entry(SERIAL, now, *extensions),))


def _made(form: CrlForm) -> Make:
    """Return what makes a list as the CA core does."""

    def make(authority: Authority, private: rsa.RSAPrivateKey, now: datetime) -> bytes:
        entries = [CrlEntry(SERIAL + 1, now - DAY)]
        return build_crl(authority, KeySigner(authority.short_name, private), entries, 7, now - DAY, now + DAY, form)

    return make


def _of_another(authority: Authority, _private: rsa.RSAPrivateKey, now: datetime) -> bytes:
    """The good list of the other of two authorities; it lists the serial in question."""
    other, label = (make_issuing(), "issuing") if authority.is_root else (make_root(), "root")
    return crl(other, key(label), now, entries=(entry(SERIAL, now),))


def _by_another_key(authority: Authority, _private: rsa.RSAPrivateKey, now: datetime) -> bytes:
    return crl(authority, key("stranger"), now)


def _broken(authority: Authority, private: rsa.RSAPrivateKey, now: datetime) -> bytes:
    good = crl(authority, private, now)
    return flipped(good)


def _point(content: bytes) -> Make:
    return _with(more=(der.extension(_POINT, der.sequence(content), critical=True),))


_ELSEWHERE = der.tlv(0xA0, der.tlv(0xA0, der.tlv(0x86, b"http://elsewhere.example/a.crl")))


@dataclass(frozen=True)
class Case:
    """One list; `wrong` is a part of what read_crl says of it, empty when it is good; `lists` tells of SERIAL."""

    make: Make
    wrong: str = ""
    lists: bool = False


CASES: dict[str, Case] = {
    "good": Case(crl),
    "good-of-the-core": Case(_made(CrlForm(freshest=True))),
    "good-with-its-own-point": Case(_made(CrlForm(issuing_point=True))),
    "good-with-the-octets-of-a-mark-in-a-serial": Case(
        lambda authority, private, now: crl(authority, private, now, entries=(entry(0x0101FF, now),))
    ),
    "revoked": Case(_listing(der.extension(_REASON, _KEY_COMPROMISE)), lists=True),
    "same-serial-of-another-issuer": Case(_of_another, "pas signée"),
    "another-key": Case(_by_another_key, "pas signée"),
    "signature-broken": Case(_broken, "pas signée"),
    "signed-with-sha1": Case(_with(algorithm=_SHA1_WITH_RSA, digest=SHA1()), "ne se lit pas"),
    "algorithms-differ": Case(_with(outer=_SHA1_WITH_RSA), "ne se lit pas"),
    "signed-with-pss-said-otherwise": Case(_with(scheme=padding.PSS(padding.MGF1(SHA256()), 32)), "pas signée"),
    "issuer-of-another-name": Case(_with(issuer=der.sequence()), "pas signée"),
    "number-missing": Case(lambda a, p, now: crl(a, p, now, extensions=(key_id(a),)), "sans numéro"),
    "number-critical": Case(
        lambda a, p, now: crl(a, p, now, extensions=(key_id(a), number(critical=True))), "numéro de la CRL est critique"
    ),
    "number-of-21-octets": Case(
        lambda a, p, now: crl(a, p, now, extensions=(key_id(a), number(b"\x02\x15\x01" + bytes(20)))), "20 octets"
    ),
    "number-negative": Case(
        lambda a, p, now: crl(a, p, now, extensions=(key_id(a), number(b"\x02\x01\x80"))), "ne se lit pas"
    ),
    "key-identifier-missing": Case(lambda a, p, now: crl(a, p, now, extensions=(number(),)), "une autre clé"),
    "extensions-missing": Case(_with(extensions=()), "sans numéro"),
    "version-1": Case(_with(version=b"", extensions=()), "sans numéro"),
    "never-ends": Case(_with(next_update=False), "sans fin"),
    "delta": Case(_made(CrlForm(base=6)), "pas la liste entière"),
    "delta-indicator-not-critical": Case(_with(more=(der.extension(_DELTA, b"\x02\x01\x06"),)), "pas la liste entière"),
    "only-certificates-of-users": Case(_point(b"\x81\x01\xff"), "qu'une partie"),
    "only-some-reasons": Case(_point(b"\x83\x02\x06\x40"), "qu'une partie"),
    "indirect": Case(_point(b"\x84\x01\xff"), "qu'une partie"),
    "point-of-another-address": Case(_point(_ELSEWHERE), "qu'une partie"),
    "critical-extension-unknown": Case(
        _with(more=(der.extension(_OURS_ALONE, b"\x05\x00", critical=True),)), "extension critique de la CRL"
    ),
    "critical-extension-of-an-entry": Case(
        _listing(der.extension(_OURS_ALONE, b"\x05\x00", critical=True)), "extension critique d'une entrée"
    ),
    "extension-twice": Case(_with(more=(number(),)), "ne se lit pas"),
    "trailing-octet": Case(lambda *arguments: crl(*arguments) + b"\x00", "ne se lit pas"),
    "truncated": Case(lambda *arguments: crl(*arguments)[:-9], "ne se lit pas"),
    "empty": Case(lambda *_arguments: b"", "ne se lit pas"),
    "one-field": Case(lambda *_arguments: der.sequence(der.sequence(der.integer(1))), "ne se lit pas"),
    "frame-without-fields": Case(
        lambda *_arguments: der.sequence(der.sequence(), der.SHA256_WITH_RSA, der.bit_string(b"")), "ne se lit pas"
    ),
}
