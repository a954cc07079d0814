"""What the CA core makes before two more readers: NSS (what Firefox judges with) and GnuTLS."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.authority import Authority
from pki.containers.pkcs12 import Pkcs12Form, to_pkcs12
from pki.issuing.crl import CrlEntry, CrlForm, build_crl
from pki.issuing.issuance import issue, lint, prepare
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL, SHAPES, KeySigner, spki

PASSWORD = "Été à l'hôpital 12"
MOMENT = f"{NOW + timedelta(hours=1):%y%m%d%H%M%SZ}"
# What NSS calls the purposes: C client, V server, S signature of mail, R enciphered mail.
PURPOSES = {
    "ORG_AUTH_CLI": "C", "ORG_SIGN": "S", "ORG_CONF": "R", "SERV_SSL_SERV": "VC", "SERV_SIGN": "S", "SERV_SMIME": "SR",
    "SERV_CONF": "R", "PS_AUTH": "C", "PS_SIGN": "S", "PS_CONF": "R", "PRO_AUTH": "C", "PRO_SIGN": "S", "PRO_CONF": "R",
    "CPS_AUTH": "C", "CPF_AUTH": "C", "CPE_AUTH": "C", "CPA_AUTH": "C", "TLS_SERVER": "V",
}  # fmt: skip


@pytest.fixture(scope="module")
def certificates(issuing: Authority, signer: KeySigner) -> dict[str, x509.Certificate]:
    """One certificate of each shape, each with a serial of its own."""
    found = {}
    for number, (name, content) in enumerate(SHAPES.items()):
        prepared = prepare(issuing, content, spki(), SERIAL + number, NOW)
        found[name] = x509.load_der_x509_certificate(issue(lint(prepared, issuing), signer).der)
    return found


@pytest.mark.needs("libnss3-tools")
def test_nss_finds_each_product_good_for_its_purposes_and_the_revoked_ones_for_none(
    certificates: dict[str, x509.Certificate], issuing: Authority, signer: KeySigner, tmp_path: Path
) -> None:
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
        assert nss("certutil", *judge, "-n", name, "-u", own[0])[0] == 0, product
    # All four are asked of some only: each question is a process.
    assert [purposes(by_product[product]) for product in ("SERV_SSL_SERV", "SERV_SMIME")] == ["VC", "SR"]

    revoked = by_product["PS_AUTH"]
    entries = [CrlEntry(certificates[revoked].serial_number, NOW)]
    lists = build_crl(issuing, signer, entries, 1, NOW, NOW + timedelta(days=3), CrlForm(freshest=True))
    (tmp_path / "list.crl").write_bytes(lists)
    assert nss("crlutil", "-I", "-i", "list.crl")[0] == 0
    status, said = nss("certutil", *judge, "-n", revoked, "-u", "C")
    assert status != 0
    assert "revoked" in said
    assert nss("certutil", *judge, "-n", by_product["PRO_AUTH"], "-u", "C")[0] == 0


@pytest.mark.needs("gnutls-bin")
def test_gnutls_reads_every_shape(certificates: dict[str, x509.Certificate], issuing: Authority) -> None:
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


@pytest.mark.needs("libnss3-tools")
@pytest.mark.parametrize("form", Pkcs12Form)
def test_nss_opens_pkcs12_with_its_chain_and_key(
    issuing: Authority, signer: KeySigner, tmp_path: Path, form: Pkcs12Form
) -> None:
    store = tmp_path / "nss"
    store.mkdir()

    def nss(*arguments: str) -> str:
        done = subprocess.run([*arguments, "-d", f"sql:{store}"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    nss("certutil", "-N", "--empty-password")
    leaf = issue(lint(prepare(issuing, SHAPES["pro-auth"], spki(), SERIAL, NOW), issuing), signer).der
    (tmp_path / "file.p12").write_bytes(
        to_pkcs12(key("leaf"), leaf, issuing.chain, PASSWORD, friendly_name="appli", form=form)
    )
    (tmp_path / "password").write_text(PASSWORD + "\n")
    nss("pk12util", "-i", str(tmp_path / "file.p12"), "-w", str(tmp_path / "password"))
    listed = nss("certutil", "-L")
    assert "appli" in listed
    assert "appli" in nss("certutil", "-K")
    assert len([line for line in listed.splitlines() if line.rstrip().endswith((",,", "u,u,u"))]) == 3
    pem = nss("certutil", "-L", "-n", "appli", "-a")
    assert x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER) == leaf
