"""Authorities loaded from a folder: everything is verified, and whatever is wrong is refused."""

import json
import shutil
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from pki.authority import INDEX_NAME, Authority, find_issuer, load_authorities
from pki.ceremony.ca_certificates import CaName, CaTerm, build_issuing
from pki.certificates.profiles import DELTA_IN_DIRECTORY
from pki.errors import AuthorityError
from pki.issuing.issuance import issue, lint, prepare
from tests.support.damage import flipped
from tests.vectors.chain_cases import ca_certificate_signed_with_sha1
from tests.vectors.generate import FOLDER
from tests.vectors.keys import key
from tests.vectors.samples import CA_FROM, NOW, SERIAL, SHAPES, KeySigner, make_issuing, make_root, spki

Entry = dict[str, object]


def write_folder(
    folder: Path,
    entries: Sequence[Entry],
    authorities: list[Authority],
) -> None:
    for authority in authorities:
        pem = authority.certificate.public_bytes(Encoding.PEM)
        (folder / f"{authority.short_name}.pem").write_bytes(pem)
    (folder / INDEX_NAME).write_text(json.dumps({"authorities": entries}))


OLD_INDEX = FOLDER.parent / "authorities.one-delta-address.json"
ROOT_ENTRY: Entry = {"short_name": "ACR-EL-TEST", "issuer": "ACR-EL-TEST"}
ISSUING_ENTRY: Entry = {"short_name": "ACI-EL-TEST", "issuer": "ACR-EL-TEST", "products": ["ORG_SIGN"]}


@pytest.fixture
def folder(tmp_path: Path, root: Authority, issuing: Authority) -> Path:
    write_folder(tmp_path, [ROOT_ENTRY, ISSUING_ENTRY], [root, issuing])
    return tmp_path


def test_chain_is_issuer_first_and_root_last(folder: Path, root: Authority, issuing: Authority) -> None:
    loaded = load_authorities(folder)
    assert loaded["ACI-EL-TEST"].chain == (issuing.certificate_der, root.certificate_der)
    assert loaded["ACR-EL-TEST"].chain == (root.certificate_der,)
    assert loaded["ACI-EL-TEST"].products == {"ORG_SIGN"}
    assert loaded["ACI-EL-TEST"].name_hash != loaded["ACR-EL-TEST"].name_hash
    assert len(loaded["ACI-EL-TEST"].name_hash) == 32
    with pytest.raises(TypeError):
        loaded["X"] = loaded["ACR-EL-TEST"]  # type: ignore[index]  # nobody adds an authority to those that were loaded


def test_index_from_before_the_second_delta_address_means_what_it_meant(
    tmp_path: Path, root: Authority, issuing: Authority, signer: KeySigner
) -> None:
    write_folder(tmp_path, [ROOT_ENTRY, ISSUING_ENTRY], [root, issuing])
    without_settings = load_authorities(tmp_path)["ACI-EL-TEST"]
    shutil.copy(OLD_INDEX, tmp_path / INDEX_NAME)
    authority = load_authorities(tmp_path)["ACI-EL-TEST"]
    for settings in (authority.settings, without_settings.settings):
        assert settings.delta_addresses == (DELTA_IN_DIRECTORY,)
    issued = issue(lint(prepare(authority, SHAPES["org-auth-cli"], spki(), SERIAL, NOW), authority), signer)
    # The vector is the certificate of that index, byte for byte.
    vector = x509.load_pem_x509_certificate((FOLDER / "org-auth-cli.one-delta-address.gen2.pem").read_bytes())
    assert issued.der == vector.public_bytes(Encoding.DER)


def damaged(folder: Path, entries: Sequence[Entry]) -> None:
    (folder / INDEX_NAME).write_text(json.dumps({"authorities": entries}))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no index": lambda f: (f / INDEX_NAME).unlink(),
    "index not JSON": lambda f: (f / INDEX_NAME).write_text("{"),
    "index with unknown keys": lambda f: damaged(f, [ROOT_ENTRY | {"key": "x"}]),
    "setting unknown": lambda f: damaged(f, [ROOT_ENTRY | {"settings": {"validity": 3}}]),
    "no certificate": lambda f: (f / "ACI-EL-TEST.pem").unlink(),
    "certificate unreadable": lambda f: (f / "ACI-EL-TEST.pem").write_text("no PEM"),
    "unknown product": lambda f: damaged(f, [ROOT_ENTRY, ISSUING_ENTRY | {"products": ["ORG"]}]),
    "short name twice": lambda f: damaged(f, [ROOT_ENTRY, ISSUING_ENTRY, ISSUING_ENTRY | {"products": []}]),
    "unknown issuer": lambda f: damaged(f, [ROOT_ENTRY, ISSUING_ENTRY | {"issuer": "ACR"}]),
    "issuer is not the issuer": lambda f: damaged(f, [ROOT_ENTRY, ISSUING_ENTRY | {"issuer": "ACI-EL-TEST"}]),
    "certificates swapped": lambda f: shutil.copy(f / "ACI-EL-TEST.pem", f / "ACR-EL-TEST.pem"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_folder_is_refused(folder: Path, name: str) -> None:
    DAMAGES[name](folder)
    with pytest.raises(AuthorityError):
        load_authorities(folder)


def test_chain_that_goes_round_is_refused(tmp_path: Path, root: Authority, issuing: Authority) -> None:
    twin = make_issuing(label="issuing-2", short_name="ACI-EL-2-TEST")
    entries = [
        ISSUING_ENTRY | {"issuer": "ACI-EL-2-TEST"},
        ISSUING_ENTRY | {"short_name": "ACI-EL-2-TEST", "issuer": "ACI-EL-TEST"},
    ]
    write_folder(tmp_path, entries, [issuing, twin])
    with pytest.raises(AuthorityError):
        load_authorities(tmp_path)


def test_leaf_is_no_authority(folder: Path, issuing: Authority, signer: KeySigner) -> None:
    leaf = issue(lint(prepare(issuing, SHAPES["org-sign"], spki(), SERIAL, NOW), issuing), signer)
    pem = x509.load_der_x509_certificate(leaf.der).public_bytes(Encoding.PEM)
    (folder / "ACI-EL-TEST.pem").write_bytes(pem)
    with pytest.raises(AuthorityError, match="pas celui d'une AC"):
        load_authorities(folder)


_USAGE = dict.fromkeys(
    ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
     "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False
)  # fmt: skip
SIGNS = x509.KeyUsage(**_USAGE | {"key_cert_sign": True, "crl_sign": True})
NO_AUTHORITY = {
    "no keyUsage": (None, True, "ne se lit pas"),
    "keyUsage without cRLSign": (x509.KeyUsage(**_USAGE | {"key_cert_sign": True}), True, "pas celui d'une AC"),
    "keyUsage without keyCertSign": (x509.KeyUsage(**_USAGE | {"crl_sign": True}), True, "pas celui d'une AC"),
    "no basicConstraints": (SIGNS, None, "ne se lit pas"),
    "not a CA": (SIGNS, False, "pas celui d'une AC"),
}


def authority_without(root: Authority, usage: x509.KeyUsage | None, is_ca: bool | None) -> x509.Certificate:
    """Return the certificate of an issuing CA that lacks something, signed by the root."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(make_issuing().certificate.subject)
        .issuer_name(root.certificate.subject)
        .public_key(key("issuing").public_key())
        .serial_number(SERIAL)
        .not_valid_before(CA_FROM)
        .not_valid_after(NOW)
        .add_extension(x509.SubjectKeyIdentifier(make_issuing().key_id), critical=False)
    )
    if usage is not None:
        builder = builder.add_extension(usage, critical=True)
    if is_ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    return builder.sign(key("root"), SHA256())


@pytest.mark.parametrize("name", NO_AUTHORITY)
def test_who_may_not_sign_certificates_and_lists_is_no_authority(folder: Path, root: Authority, name: str) -> None:
    usage, is_ca, message = NO_AUTHORITY[name]
    pem = authority_without(root, usage, is_ca).public_bytes(Encoding.PEM)
    (folder / "ACI-EL-TEST.pem").write_bytes(pem)
    with pytest.raises(AuthorityError, match=message):
        load_authorities(folder)


def test_path_length_is_kept(folder: Path, root: Authority, issuing: Authority) -> None:
    """Our issuing CAs have the path length 0: nothing that they certify is an authority."""
    term = CaTerm(serial=SERIAL, not_before=CA_FROM, not_after=NOW)
    name = CaName(country="FR", organization="O", identifier="1", infrastructure="I", common_name="AC DESSOUS")
    below = build_issuing(name, key("stranger").public_key(), issuing, key("issuing"), term)
    (folder / "ACI-3-TEST.pem").write_bytes(below.public_bytes(Encoding.PEM))
    damaged(folder, [ROOT_ENTRY, ISSUING_ENTRY, {"short_name": "ACI-3-TEST", "issuer": "ACI-EL-TEST"}])
    with pytest.raises(AuthorityError, match="pathLen"):
        load_authorities(folder)


def test_signature_that_is_no_longer_read_is_a_typed_error(folder: Path, root: Authority) -> None:
    """SHA-1: the library does not even try."""
    weak = ca_certificate_signed_with_sha1(root.name_der, make_issuing().name_der)
    (folder / "ACI-EL-TEST.pem").write_text(ssl.DER_cert_to_PEM_cert(weak))
    with pytest.raises(AuthorityError, match="pas délivrée par"):
        load_authorities(folder)


def test_issuer_is_found_among_two_keys_of_one_name(root: Authority, issuing: Authority, signer: KeySigner) -> None:
    twin = make_issuing(label="issuing-2", short_name="ACI-EL-2-TEST")
    authorities = {authority.short_name: authority for authority in (root, twin, issuing)}
    for authority, by in ((issuing, signer), (twin, KeySigner(twin.short_name, key("issuing-2")))):
        issued = issue(lint(prepare(authority, SHAPES["org-sign"], spki(), SERIAL, NOW), authority), by)
        assert find_issuer(authorities, x509.load_der_x509_certificate(issued.der)) is authority
    assert find_issuer(authorities, issuing.certificate) is root
    assert find_issuer(authorities, root.certificate) is root


def test_certificate_of_others_has_no_issuer_here(root: Authority, issuing: Authority, signer: KeySigner) -> None:
    issued = issue(lint(prepare(issuing, SHAPES["org-sign"], spki(), SERIAL, NOW), issuing), signer)
    genuine = x509.load_der_x509_certificate(issued.der)
    forged = x509.load_der_x509_certificate(flipped(issued.der))
    twin = make_issuing(label="issuing-2", short_name="ACI-EL-2-TEST")
    for certificate, authorities in (
        (genuine, {}),
        (genuine, {"ACR-EL-TEST": root, "ACI-EL-2-TEST": twin}),
        (forged, {"ACI-EL-TEST": issuing}),
    ):
        with pytest.raises(AuthorityError):
            find_issuer(authorities, certificate)


def test_directory_name_is_escaped_for_a_url() -> None:
    root = make_root()
    assert root.directory_name == (
        "cn=TEST%20AC%20RACINE%20IGC%20EXEMPLE%20ELEMENTAIRE,ou=IGC-EXEMPLE%20TEST,ou=0002%20000000000,"
        "o=IGC%20EXEMPLE,c=FR"
    )
