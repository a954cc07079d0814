"""Whether the profiles can be deployed: one sample of every product, signed with a throw-away key, through both lints.

A change of a table, of a setting or of the encoder that breaks RFC 5280 is found here, before anything is issued.
"""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.authority import Authority
from pki.ceremony.configuration import CeremonyConfig, check_config
from pki.ceremony.steps import build_root_authority, build_under_root
from pki.certificates import der
from pki.certificates.content import CertificateContent
from pki.certificates.profiles import PRODUCTS
from pki.errors import LintError
from pki.issuing.issuance import lint, prepare
from pki.issuing.profile_samples import SAMPLE_SERIAL, samples
from pki.keys.key_policy import RSA_BITS, RSA_EXPONENT
from pki.lint.full import find_all_breaches


def check_profiles(authority: Authority, now: datetime) -> None:
    """Return when every product of the authority passes both lints; else raise LintError with the findings of all."""
    throw_away = rsa.generate_private_key(RSA_EXPONENT, RSA_BITS)
    spkis = [_spki(throw_away.public_key())]
    if authority.settings.p256:
        spkis.append(_spki(ec.generate_private_key(ec.SECP256R1()).public_key()))
    findings: list[str] = []
    for product in sorted(authority.products):
        profile = PRODUCTS[product]
        for spki in spkis if profile.admits_p256 else spkis[:1]:
            for content in samples(profile):
                findings += (f"{product}: {text}" for text in _findings(authority, content, spki, now, throw_away))
    if findings:
        raise LintError(tuple(dict.fromkeys(findings)))


def _findings(
    authority: Authority, content: CertificateContent, spki: bytes, now: datetime, throw_away: rsa.RSAPrivateKey
) -> tuple[str, ...]:
    prepared = prepare(authority, content, spki, SAMPLE_SERIAL, now)
    try:
        lint(prepared, authority)
    except LintError as error:
        return error.findings
    signature = throw_away.sign(prepared.tbs, PKCS1v15(), SHA256())
    return find_all_breaches(der.sequence(prepared.tbs, der.SHA256_WITH_RSA, der.bit_string(signature)))


def _spki(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def check_profiles_of(config: CeremonyConfig, now: datetime) -> None:
    """Check what a ceremony is about to decide, before it makes a key: LintError as check_profiles."""
    settings = check_config(config)
    keys = [rsa.generate_private_key(RSA_EXPONENT, RSA_BITS) for _ in range(2)]
    root = build_root_authority(config, settings, keys[0], now)
    for member in config.issuing:
        authority = build_under_root(config, member, keys[1].public_key(), root, keys[0], root.not_before)
        check_profiles(authority, root.not_before)
