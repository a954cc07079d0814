"""PKCS#7 and PKCS#12, read back by the library and by openssl."""

import subprocess
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from pki.errors import ContainerError
from pki.issuance import issue, lint, prepare
from pki.pkcs7 import certs_only, read_certs_only
from pki.pkcs12 import Pkcs12Form, to_pkcs12
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL, SHAPES, spki

PASSWORD = "Été à l'hôpital 12"


@pytest.fixture(scope="module")
def leaf(issuing, signer) -> bytes:
    return issue(lint(prepare(issuing, SHAPES["pro-auth"], spki(), SERIAL, NOW), issuing), signer).der


def test_certs_only_holds_leaf_and_chain(leaf, issuing, openssl):
    data = certs_only(leaf, issuing.chain)
    assert sorted(read_certs_only(data)) == sorted((leaf, *issuing.chain))
    text = openssl("pkcs7", "-inform", "DER", "-print_certs", "-noout", data=data)
    assert text.count("subject=") == 3
    assert "899700027131" in text


def test_certs_only_is_signed_data_version_1_with_empty_sets(leaf, issuing, openssl):
    lines = openssl("asn1parse", "-inform", "DER", data=certs_only(leaf, issuing.chain)).splitlines()
    shape = [line.split(":d=")[1].split(":")[0].split("prim")[0].split("cons")[0] for line in lines]
    assert "pkcs7-signedData" in lines[1]
    assert lines[4].rstrip().endswith("INTEGER           :01")
    assert "l=   0 cons: SET" in lines[5]  # digestAlgorithms
    assert "pkcs7-data" in lines[7]
    assert "l=   0 cons: SET" in lines[-1]  # signerInfos
    assert shape


def test_certs_only_refuses_what_is_no_certificate(leaf):
    with pytest.raises(ContainerError):
        certs_only(leaf, (b"\x30\x00",))


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"-----BEGIN PKCS7-----", bytes(range(100))])
def test_unreadable_pkcs7_is_refused(data):
    with pytest.raises(ContainerError):
        read_certs_only(data)


def test_truncated_pkcs7_is_refused(leaf, issuing):
    with pytest.raises(ContainerError):
        read_certs_only(certs_only(leaf, issuing.chain)[:-3])


@pytest.mark.parametrize("form", Pkcs12Form)
def test_pkcs12_round_trip(leaf, issuing, form):
    data = to_pkcs12(key("leaf"), leaf, issuing.chain, PASSWORD, friendly_name="appli", form=form)
    opened = pkcs12.load_pkcs12(data, PASSWORD.encode())
    assert opened.key.private_numbers() == key("leaf").private_numbers()
    assert opened.cert.certificate.public_bytes(Encoding.DER) == leaf
    assert opened.cert.friendly_name == b"appli"
    assert {entry.certificate.public_bytes(Encoding.DER) for entry in opened.additional_certs} == set(issuing.chain)
    with pytest.raises(ValueError):
        pkcs12.load_pkcs12(data, b"another password")


ALGORITHMS = {
    Pkcs12Form.MODERN: ("MAC: sha256", "PBES2, PBKDF2, AES-256-CBC"),
    Pkcs12Form.LEGACY: ("MAC: sha1, Iteration 2048", "pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2048"),
}


@pytest.mark.parametrize("form", Pkcs12Form)
def test_openssl_opens_pkcs12(leaf, issuing, openssl, tmp_path, form):
    path = tmp_path / "file.p12"
    path.write_bytes(to_pkcs12(key("leaf"), leaf, issuing.chain, "a plain password", form=form))
    text = openssl("pkcs12", "-in", str(path), "-info", "-noout", "-passin", "pass:a plain password")
    for algorithm in ALGORITHMS[form]:
        assert algorithm in text
    text = openssl("pkcs12", "-in", str(path), "-nodes", "-passin", "pass:a plain password", "-legacy")
    assert text.count("BEGIN CERTIFICATE") == 3
    assert "localKeyID" in text


def test_pkcs12_is_modern_unless_the_old_form_is_asked_for(leaf, issuing, openssl, tmp_path):
    path = tmp_path / "file.p12"
    path.write_bytes(to_pkcs12(key("leaf"), leaf, issuing.chain, "a plain password"))
    text = openssl("pkcs12", "-in", str(path), "-info", "-noout", "-passin", "pass:a plain password")
    assert all(algorithm in text for algorithm in ALGORITHMS[Pkcs12Form.MODERN])


def test_pkcs12_refuses_short_passwords_and_foreign_keys(leaf, issuing):
    with pytest.raises(ContainerError):
        to_pkcs12(key("leaf"), leaf, issuing.chain, "elevenchars")
    with pytest.raises(ContainerError):
        to_pkcs12(key("leaf-2"), leaf, issuing.chain, PASSWORD)
    with pytest.raises(ContainerError):
        to_pkcs12(key("leaf"), b"\x30\x00", issuing.chain, PASSWORD)


def test_leaf_is_found_again_by_its_key(leaf, issuing):
    found = [
        der
        for der in read_certs_only(certs_only(leaf, issuing.chain))
        if x509.load_der_x509_certificate(der).public_key() == key("leaf").public_key()
    ]
    assert found == [leaf]


@pytest.fixture
def nss(tmp_path) -> Callable[..., str]:
    """Runs a tool of NSS on an empty key store of this test's own; fails with its own words."""
    store = tmp_path / "nss"
    store.mkdir()

    def run(*arguments: str) -> str:
        done = subprocess.run([*arguments, "-d", f"sql:{store}"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("certutil", "-N", "--empty-password")
    return run


@pytest.mark.parametrize("form", Pkcs12Form)
def test_nss_opens_pkcs12_with_its_chain_and_key(leaf, issuing, nss, tmp_path, form):
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
