"""Certificates of every product and a CRL before two more readers: NSS (what Firefox judges with) and GnuTLS."""

import subprocess
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.crl import CrlEntry, CrlForm, build_crl
from pki.issuance import issue, lint, prepare
from tests.vectors.samples import NOW, SERIAL, SHAPES, spki

MOMENT = f"{NOW + timedelta(hours=1):%y%m%d%H%M%SZ}"
# What NSS calls the purposes: C client, V server, S signature of mail, R enciphered mail.
PURPOSES = {
    "ORG_AUTH_CLI": "C", "ORG_SIGN": "S", "ORG_CONF": "R", "SERV_SSL_SERV": "VC", "SERV_SIGN": "S", "SERV_SMIME": "SR",
    "SERV_CONF": "R", "PS_AUTH": "C", "PS_SIGN": "S", "PS_CONF": "R", "PRO_AUTH": "C", "PRO_SIGN": "S", "PRO_CONF": "R",
    "CPS_AUTH": "C", "CPE_AUTH": "C", "TLS_SERVER": "V",
}  # fmt: skip


@pytest.fixture(scope="module")
def certificates(issuing, signer) -> dict[str, x509.Certificate]:
    """One certificate of each shape, each with a serial of its own."""
    found = {}
    for number, (name, content) in enumerate(SHAPES.items()):
        prepared = prepare(issuing, content, spki(), SERIAL + number, NOW)
        found[name] = x509.load_der_x509_certificate(issue(lint(prepared, issuing), signer).der)
    return found


def test_nss_finds_each_product_good_for_its_purposes_and_the_revoked_ones_for_none(
    certificates, issuing, signer, tmp_path
):
    def nss(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [*arguments, "-d", f"sql:{tmp_path}"], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        return done.returncode, done.stdout + done.stderr

    def purposes(name: str) -> str:
        return "".join(usage for usage in "VCSR" if not nss("certutil", *judge, "-n", name, "-u", usage)[0])

    judge = ("-V", "-b", MOMENT, "-e")
    assert nss("certutil", "-N", "--empty-password")[0] == 0
    root = x509.load_der_x509_certificate(issuing.chain[-1])
    by_product = {SHAPES[name].product: name for name in SHAPES}
    assert by_product.keys() == PURPOSES.keys()
    added = {"root": (root, "CT,C,C"), "ca": (issuing.certificate, ",,")}
    added |= {name: (certificates[name], ",,") for name in by_product.values()}
    for name, (certificate, trust) in added.items():
        (tmp_path / "one.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        assert nss("certutil", "-A", "-n", name, "-t", trust, "-i", "one.pem")[0] == 0
    for product, name in by_product.items():
        own = PURPOSES[product]
        assert nss("certutil", *judge, "-n", name, "-u", own[0]) == (0, "certutil: certificate is valid\n"), product
    # All four are asked of some only: each question is a process.
    assert [purposes(by_product[product]) for product in ("SERV_SSL_SERV", "SERV_SMIME")] == ["VC", "SR"]

    revoked = by_product["PS_AUTH"]
    entries = [CrlEntry(certificates[revoked].serial_number, NOW)]
    lists = build_crl(issuing, signer, entries, 1, NOW, NOW + timedelta(days=3), CrlForm(freshest=True))
    (tmp_path / "list.crl").write_bytes(lists)
    assert nss("crlutil", "-I", "-i", "list.crl")[0] == 0
    assert "revoked" in nss("certutil", *judge, "-n", revoked, "-u", "C")[1]
    assert nss("certutil", *judge, "-n", by_product["PRO_AUTH"], "-u", "C")[0] == 0


def test_gnutls_reads_every_shape(certificates, issuing):
    pem = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates.values())
    done = subprocess.run(["certtool", "--certificate-info"], input=pem, capture_output=True, check=False)
    said = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    blocks = said.split("X.509 Certificate Information:")[1:]
    assert len(blocks) == len(certificates)
    for block, (name, certificate) in zip(blocks, certificates.items(), strict=True):
        assert f"Serial Number (hex): {certificate.serial_number:x}" in block, name
        assert issuing.key_id.hex() in block
        assert "error" not in block.lower()
        assert ("Private Key Usage Period" in block) is SHAPES[name].product.endswith("_SIGN")
