"""PKCS#7 and PKCS#12 of the CA core, as openssl opens them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pki.authority import Authority
from pki.containers.pkcs7 import certs_only
from pki.containers.pkcs12 import Pkcs12Form, to_pkcs12
from pki.issuing.issuance import issue, lint, prepare
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL, SHAPES, KeySigner, spki

pytestmark = pytest.mark.needs("openssl")

Openssl = Callable[..., str]
ALGORITHMS = {
    Pkcs12Form.MODERN: ("MAC: sha256", "PBES2, PBKDF2, AES-256-CBC"),
    Pkcs12Form.LEGACY: ("MAC: sha1, Iteration 2048", "pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2048"),
}


@pytest.fixture(scope="module")
def leaf(issuing: Authority, signer: KeySigner) -> bytes:
    return issue(lint(prepare(issuing, SHAPES["pro-auth"], spki(), SERIAL, NOW), issuing), signer).der


def test_certs_only_holds_leaf_and_chain(leaf: bytes, issuing: Authority, openssl: Openssl) -> None:
    text = openssl("pkcs7", "-inform", "DER", "-print_certs", "-noout", data=certs_only(leaf, issuing.chain))
    assert text.count("subject=") == 3
    # Whoever takes the first one takes the holder's.
    assert "899700027131" in text.split("subject=")[1]


def test_certs_only_is_signed_data_version_1_with_empty_sets(leaf: bytes, issuing: Authority, openssl: Openssl) -> None:
    lines = openssl("asn1parse", "-inform", "DER", data=certs_only(leaf, issuing.chain)).splitlines()
    assert "pkcs7-signedData" in lines[1]
    assert lines[4].rstrip().endswith("INTEGER           :01")
    assert "l=   0 cons: SET" in lines[5]  # digestAlgorithms
    assert "pkcs7-data" in lines[7]
    assert "l=   0 cons: SET" in lines[-1]  # signerInfos


@pytest.mark.parametrize("form", Pkcs12Form)
def test_pkcs12_is_opened(leaf: bytes, issuing: Authority, openssl: Openssl, tmp_path: Path, form: Pkcs12Form) -> None:
    path = tmp_path / "file.p12"
    path.write_bytes(to_pkcs12(key("leaf"), leaf, issuing.chain, "a plain password", form=form))
    text = openssl("pkcs12", "-in", str(path), "-info", "-noout", "-passin", "pass:a plain password")
    for algorithm in ALGORITHMS[form]:
        assert algorithm in text
    text = openssl("pkcs12", "-in", str(path), "-nodes", "-passin", "pass:a plain password", "-legacy")
    assert text.count("BEGIN CERTIFICATE") == 3
    assert "localKeyID" in text


def test_pkcs12_is_modern_unless_the_old_form_is_asked_for(
    leaf: bytes, issuing: Authority, openssl: Openssl, tmp_path: Path
) -> None:
    path = tmp_path / "file.p12"
    path.write_bytes(to_pkcs12(key("leaf"), leaf, issuing.chain, "a plain password"))
    text = openssl("pkcs12", "-in", str(path), "-info", "-noout", "-passin", "pass:a plain password")
    assert all(algorithm in text for algorithm in ALGORITHMS[Pkcs12Form.MODERN])
