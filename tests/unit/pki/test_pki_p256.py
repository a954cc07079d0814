"""EC keys on P-256: only where the setting admits them and the product enciphers nothing; clean for every reader."""

from collections.abc import Callable

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.authority import Authority
from pki.ceremony.configuration import default_settings
from pki.certificates.profiles import PRODUCTS
from pki.errors import LintError, ProfileError
from pki.issuing.issuance import PreparedCertificate, issue, lint, prepare
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL, SHAPES, KeySigner, make_issuing

POINT = ec.derive_private_key(7, ec.SECP256R1()).public_key()
SPKI = POINT.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
SIGNING = [name for name, content in SHAPES.items() if PRODUCTS[content.product].admits_p256]
ENCIPHERING = [name for name in SHAPES if name not in SIGNING]


def authority(generation: int = 2, *, p256: bool = True) -> Authority:
    return make_issuing(msgspec.structs.replace(default_settings("TEST"), p256=p256, generation=generation))


@pytest.mark.parametrize("generation", [1, 2])
@pytest.mark.parametrize("name", SIGNING)
def test_certificate_is_clean(
    name: str, generation: int, findings_of_certificate: Callable[[bytes], set[tuple[str, str]]]
) -> None:
    issuer = authority(generation)
    signer = KeySigner(issuer.short_name, key("issuing"))
    issued = issue(lint(prepare(issuer, SHAPES[name], SPKI, SERIAL, NOW), issuer), signer)
    assert {severity for severity, _ in findings_of_certificate(issued.der)} <= {"NOTICE", "INFO"}
    certificate = x509.load_der_x509_certificate(issued.der)
    assert certificate.public_key() == POINT
    if generation == 1:
        named = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        assert named == x509.SubjectKeyIdentifier.from_public_key(POINT)


@pytest.mark.parametrize("name", ENCIPHERING)
def test_product_that_enciphers_takes_no_ec_key(name: str) -> None:
    issuer = authority()
    with pytest.raises(ProfileError) as caught:
        prepare(issuer, SHAPES[name], SPKI, SERIAL, NOW)
    assert caught.value.field == "public_key"


def test_without_the_setting_no_ec_key_is_taken() -> None:
    issuer = authority(p256=False)
    with pytest.raises(ProfileError):
        prepare(issuer, SHAPES["org-sign"], SPKI, SERIAL, NOW)


def _tampered(name: str, product: str, old: bytes, new: bytes) -> PreparedCertificate:
    prepared = prepare(authority(), SHAPES[name], SPKI, SERIAL, NOW)
    assert len(old) == len(new)
    return PreparedCertificate(
        tbs=prepared.tbs.replace(old, new), issuer=prepared.issuer, product=product, serial=SERIAL,
        not_before=prepared.not_before, not_after=prepared.not_after,
    )  # fmt: skip


def test_lint_judges_the_key_by_itself() -> None:
    good = _tampered("org-sign", "ORG_SIGN", b"", b"")
    lint(good, authority())
    with pytest.raises(LintError, match="key: not RSA"):
        lint(good, authority(p256=False))
    with pytest.raises(LintError, match="key: EC in a product that enciphers"):
        lint(_tampered("org-sign", "ORG_CONF", b"", b""), authority())
    # A compressed point would begin with 2 or 3.
    head = bytes.fromhex("03420004")
    with pytest.raises(LintError, match="key"):
        lint(_tampered("org-sign", "ORG_SIGN", head, bytes.fromhex("03420003")), authority())
