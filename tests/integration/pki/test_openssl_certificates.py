"""Certificates and CRLs of the CA core, as openssl reads and judges them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.authority import Authority
from pki.ceremony.configuration import CeremonyConfig, IssuingConfig, default_settings
from pki.ceremony.perform import advance
from pki.ceremony.steps import Workshop
from pki.certificates.profiles import PRODUCTS
from pki.issuing.crl import CrlEntry, CrlForm, build_crl
from pki.issuing.issuance import issue, lint, prepare
from pki.issuing.signers.software import SoftwareSigner
from pki.issuing.signers.stores import FileStore
from pki.signer import Signer
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL, SHAPES, KeySigner, make_issuing, spki

pytestmark = pytest.mark.needs("openssl")

Openssl = Callable[..., str]
WEEK = NOW + timedelta(days=7)
PURPOSES = {
    "sslclient": "org-auth-cli",
    "sslserver": "serv-ssl-serv",
    "smimesign": "ps-sign",
    "smimeencrypt": "pro-conf",
}


def issued(
    authority: Authority,
    shape: str,
    *,
    public: bytes | None = None,
    serial: int = SERIAL,
    signer: Signer | None = None,
    when: datetime = NOW,
) -> x509.Certificate:
    prepared = prepare(authority, SHAPES[shape], public or spki(), serial, when)
    signed = issue(lint(prepared, authority), signer or KeySigner(authority.short_name, key("issuing")))
    return x509.load_der_x509_certificate(signed.der)


def write_pem(path: Path, *items: x509.Certificate | x509.CertificateRevocationList) -> str:
    path.write_bytes(b"".join(item.public_bytes(Encoding.PEM) for item in items))
    return str(path)


def root_of(authority: Authority) -> x509.Certificate:
    return x509.load_der_x509_certificate(authority.chain[-1])


def seconds_after(when: datetime, seconds: int) -> str:
    return str(int(when.timestamp()) + seconds)


@pytest.fixture(params=[1, 2], ids=["gen1", "gen2"])
def authority(request: pytest.FixtureRequest) -> Authority:
    return make_issuing(msgspec.structs.replace(default_settings("TEST"), generation=request.param))


def test_every_shape_is_verified(authority: Authority, openssl: Openssl, tmp_path: Path) -> None:
    anchors = (
        "-CAfile", write_pem(tmp_path / "root.pem", root_of(authority)),
        "-untrusted", write_pem(tmp_path / "ca.pem", authority.certificate),
    )  # fmt: skip
    moment = ("-attime", seconds_after(NOW, 60))
    paths = {shape: write_pem(tmp_path / f"{shape}.pem", issued(authority, shape)) for shape in SHAPES}
    said = openssl("verify", "-x509_strict", *anchors, *moment, *paths.values())
    assert said.count(": OK") == len(SHAPES)
    for purpose, shape in PURPOSES.items():
        assert ": OK" in openssl("verify", "-x509_strict", "-purpose", purpose, *anchors, *moment, paths[shape])


def test_the_person_s_subject_is_read(authority: Authority, openssl: Openssl) -> None:
    text = openssl(
        "x509", "-inform", "DER", "-noout", "-subject", "-nameopt", "RFC2253,-esc_msb,utf8",
        data=issued(authority, "ps-auth").public_bytes(Encoding.DER),
    )  # fmt: skip
    assert "Médecin,C=FR" in text
    assert "CN=899700027131" in text.split(",")[0]
    assert text.split(",")[0].count("+") == 2


@pytest.mark.parametrize("generation", [1, 2])
def test_a_point_on_p256_is_read(generation: int, openssl: Openssl) -> None:
    admitted = make_issuing(msgspec.structs.replace(default_settings("TEST"), p256=True, generation=generation))
    point = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    public = point.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    shapes = [name for name, content in SHAPES.items() if PRODUCTS[content.product].admits_p256]
    assert shapes
    for shape in shapes:
        der = issued(admitted, shape, public=public).public_bytes(Encoding.DER)
        assert "prime256v1" in openssl("x509", "-inform", "DER", "-noout", "-text", data=der), shape


def test_a_list_is_read_and_finds_the_revoked_certificate(
    issuing: Authority, signer: KeySigner, openssl: Openssl, tmp_path: Path
) -> None:
    def build(serial: int) -> bytes:
        return build_crl(issuing, signer, [CrlEntry(serial, NOW)], 1, NOW, WEEK)

    text = openssl("crl", "-inform", "DER", "-noout", "-text", data=build(SERIAL))
    assert "Version 2" in text
    assert f"{SERIAL:X}" in text
    files = (
        "-CAfile", write_pem(tmp_path / "root.pem", root_of(issuing)),
        "-untrusted", write_pem(tmp_path / "ca.pem", issuing.certificate),
    )  # fmt: skip
    leaf = write_pem(tmp_path / "leaf.pem", issued(issuing, "org-auth-cli"))

    def verify(serial: int) -> str:
        crl = write_pem(tmp_path / "crl.pem", x509.load_der_x509_crl(build(serial)))
        return openssl(
            "verify", "-crl_check", "-x509_strict", "-attime", seconds_after(NOW, 60), *files, "-CRLfile", crl, leaf
        )

    assert ": OK" in verify(SERIAL + 1)
    with pytest.raises(AssertionError, match="certificate revoked"):
        verify(SERIAL)


def test_the_list_of_one_key_is_not_taken_for_that_of_another_of_the_same_name(
    issuing: Authority, signer: KeySigner, tmp_path: Path
) -> None:
    """With the point it is of another scope; without, openssl may find a revoked certificate good on the other's list."""
    twin = make_issuing(label="issuing-2", short_name="ACI-EL-2-TEST")
    of_twin = KeySigner(twin.short_name, key("issuing-2"))
    write_pem(tmp_path / "leaf.pem", issued(issuing, "org-auth-cli"))
    write_pem(tmp_path / "root.pem", root_of(issuing))
    write_pem(tmp_path / "twins.pem", issuing.certificate, twin.certificate)
    for authority, its_signer, believed in ((issuing, signer, True), (twin, of_twin, False)):
        crl = build_crl(authority, its_signer, [], 1, NOW, WEEK, CrlForm(issuing_point=True))
        write_pem(tmp_path / "crl.pem", x509.load_der_x509_crl(crl))
        done = subprocess.run(
            ["openssl", "verify", "-crl_check", "-extended_crl", "-attime", seconds_after(NOW, 60),
             "-CAfile", "root.pem", "-untrusted", "twins.pem", "-CRLfile", "crl.pem", "leaf.pem"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ((done.returncode == 0), (": OK" in done.stdout)) == (believed, believed), done.stderr


def test_both_keys_under_one_name_are_told_apart(openssl: Openssl, tmp_path: Path) -> None:
    made_at = datetime(2026, 11, 23, 17, 33, 19, tzinfo=UTC)
    later = made_at + timedelta(days=900)
    org = IssuingConfig(short_name="ACI-ORG", common_name="AC ORGANISATIONS", products=("ORG_SIGN", "TLS_SERVER"))
    store = FileStore(tmp_path / "cles", b"a pass phrase of the tests")
    shop = Workshop(authorities=tmp_path / "ac", stores={"software": store}, root_stores={"software": store})
    for member, when in ((org, made_at), (msgspec.structs.replace(org, short_name="ACI-ORG-2"), later)):
        made = advance(CeremonyConfig(plateforme="PRODUCTION", key_bits=2048, issuing=(member,)), shop, when)
    twins = [made.authorities["ACI-ORG"], made.authorities["ACI-ORG-2"]]
    files = (
        "-CAfile", write_pem(tmp_path / "root.pem", made.authorities["ACR-EL"].certificate),
        "-untrusted", write_pem(tmp_path / "twins.pem", *(twin.certificate for twin in twins)),
    )  # fmt: skip
    for number, authority in enumerate(twins):
        signer = SoftwareSigner(authority, store.open(authority.short_name, authority.public_key))
        leaf = issued(authority, "org-sign", serial=SERIAL + number, signer=signer, when=later)
        path = write_pem(tmp_path / "leaf.pem", leaf)
        text = openssl("verify", "-x509_strict", "-attime", seconds_after(later, 1), *files, path)
        assert text.rstrip().endswith("OK")
