"""The files of a connection: an issuing CA alone is enough, nothing else becomes an anchor, and each fault is named."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from clients.errors import ServerNotTrustedError, SettingsError
from clients.service.lots import ServiceLots
from tests.integration.clients.stand_in.authority import StandInAuthority
from tests.integration.clients.stand_in.listener import serve
from tests.integration.clients.stand_in.service import StandIn

pytestmark = pytest.mark.long

PEM = serialization.Encoding.PEM
Form = Literal["NFC", "NFD"]


def write(path: Path, *certificates: x509.Certificate) -> Path:
    path.write_bytes(b"".join(one.public_bytes(PEM) for one in certificates))
    return path


def leaf_of(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificates(path.read_bytes())[0]


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def test_the_issuing_ca_alone_is_enough(
    connect: Callable[..., ServiceLots], authority: StandInAuthority, tmp_path: Path
) -> None:
    issuing = write(tmp_path / "emettrice.pem", authority.certificate)
    assert connect(ca=issuing).consulter_service().plateforme == "TEST"


def test_the_root_alone_is_enough_as_ever(
    connect: Callable[..., ServiceLots], authority: StandInAuthority, tmp_path: Path
) -> None:
    assert connect(ca=write(tmp_path / "racine.pem", authority.root)).consulter_service().plateforme == "TEST"


def test_another_issuing_ca_of_the_same_root_is_not(
    connect: Callable[..., ServiceLots], authority: StandInAuthority, tmp_path: Path
) -> None:
    sister = authority._certify("AC SOEUR", new_key().public_key(), (authority.root_key, authority.root), ca=True)
    with pytest.raises(ServerNotTrustedError):
        connect(ca=write(tmp_path / "soeur.pem", sister)).consulter_service()


def test_an_issuing_ca_that_has_ended_is_not(
    connect: Callable[..., ServiceLots], authority: StandInAuthority, tmp_path: Path
) -> None:
    subject = authority.certificate.subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.root.subject)
        .public_key(authority.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2021, 1, 1, tzinfo=dt.UTC))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    old = builder.sign(authority.root_key, hashes.SHA256())
    with pytest.raises(ServerNotTrustedError):
        connect(ca=write(tmp_path / "ancienne.pem", old)).consulter_service()


@pytest.mark.parametrize("beside", [False, True])
def test_the_certificate_of_a_server_or_client_is_no_anchor(
    connect: Callable[..., ServiceLots], authority: StandInAuthority, tmp_path: Path, beside: bool
) -> None:
    for files in (authority.server_files, authority.client_files):
        others = [authority.root] if beside else []
        ca = write(tmp_path / "ca.pem", *others, leaf_of(files.certificate))
        with pytest.raises(SettingsError, match="n'est pas celui d'une AC"):
            connect(ca=ca)


def test_who_holds_a_certificate_of_the_issuing_ca_cannot_sign_for_a_server(
    connect: Callable[..., ServiceLots], authority: StandInAuthority, tmp_path: Path
) -> None:
    # A client's certificate that signs: no CA, whatever is trusted above it.
    key = new_key()
    client = authority._certify("client", key.public_key(), (authority.key, authority.certificate))
    rogue = StandInAuthority(tmp_path)
    rogue.key, rogue.certificate = key, client
    rogue_files = rogue.leaf_files("faux", server=True)
    write(rogue_files.certificate, leaf_of(rogue_files.certificate), client, authority.certificate)
    rogue.server_files = rogue_files
    issuing = write(tmp_path / "emettrice.pem", authority.certificate)
    with serve(StandIn(rogue)) as service, pytest.raises(ServerNotTrustedError):
        connect(url=service.url, ca=issuing).consulter_service()


def test_a_ca_that_may_not_sign_certificates_is_no_authority(
    connect: Callable[..., ServiceLots], authority: StandInAuthority, tmp_path: Path
) -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fausse AC")])
    key = new_key()
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(authority.root.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2045, 1, 1, tzinfo=dt.UTC))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(authority.root_key, hashes.SHA256())
    )
    with pytest.raises(SettingsError, match="fausse AC"):
        connect(ca=write(tmp_path / "ca.pem", made))


def test_a_server_that_signed_itself_vouches_for_itself_alone(
    connect: Callable[..., ServiceLots], authority: StandInAuthority, tmp_path: Path
) -> None:
    # As before partial chains: it is an anchor, and opens no partial chain for what stands beside it.
    key = new_key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    alone = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(8)
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2045, 1, 1, tzinfo=dt.UTC))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    sister = authority._certify("AC SOEUR", new_key().public_key(), (authority.root_key, authority.root), ca=True)
    service = connect(ca=write(tmp_path / "ca.pem", alone, authority.certificate, sister))
    with pytest.raises(ServerNotTrustedError):
        service.consulter_service()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda cert, key, ca: cert.write_bytes(leaf_of(cert).public_bytes(serialization.Encoding.DER)), "binaire"),
        (lambda cert, key, ca: cert.write_bytes(b""), "vide"),
        (lambda cert, key, ca: cert.write_bytes(cert.read_bytes().decode().encode("utf-16")), "BOM"),
        (lambda cert, key, ca: cert.write_bytes(key.read_bytes()), "n'est pas un certificat"),
        (lambda cert, key, ca: key.write_bytes(cert.read_bytes()), "n'est pas une clé privée"),
        (lambda cert, key, ca: key.write_bytes(b""), "vide"),
        (lambda cert, key, ca: cert.write_bytes(ca.read_bytes() + cert.read_bytes()), "vient en premier"),
        (lambda cert, key, ca: cert.unlink(), "introuvable"),
        (lambda cert, key, ca: (key.unlink(), key.mkdir()), "introuvable"),
        (lambda cert, key, ca: ca.write_bytes(key.read_bytes()), "AC"),
        (lambda cert, key, ca: ca.write_bytes(b""), "vide"),
    ],
)
def test_each_fault_of_a_file_is_named_with_the_file(
    connect: Callable[..., ServiceLots],
    authority: StandInAuthority,
    tmp_path: Path,
    spoil: Callable[[Path, Path, Path], object],
    words: str,
) -> None:
    cert, key, ca = (tmp_path / name for name in ("client.pem", "client.key", "ca.pem"))
    cert.write_bytes(authority.client_files.certificate.read_bytes())
    key.write_bytes(authority.client_files.key.read_bytes())
    ca.write_bytes(authority.ca_file.read_bytes())
    spoil(cert, key, ca)
    with pytest.raises(SettingsError, match=words) as caught:
        connect(certificate=(cert, key), ca=ca)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(("made", "typed"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFC", "NFC"), ("NFD", "NFD")])
def test_a_pass_phrase_with_accents_opens_the_key_however_it_was_typed(
    connect: Callable[..., ServiceLots], authority: StandInAuthority, made: Form, typed: Form
) -> None:
    phrase = unicodedata.normalize(made, "clé très secrète")
    files = authority.leaf_files(f"accents-{made}", passphrase=phrase.encode())
    service = connect(certificate=files, key_password=unicodedata.normalize(typed, phrase))
    assert service.consulter_service().plateforme == "TEST"


def test_a_pass_phrase_that_is_wrong_missing_or_a_whole_book_is_told_apart(
    connect: Callable[..., ServiceLots], authority: StandInAuthority
) -> None:
    files = authority.leaf_files("protege-2", passphrase=b"la bonne")
    for password, words in ((None, "protégée"), ("la mauvaise", "est faux"), ("x" * 2000, "1023")):
        with pytest.raises(SettingsError, match=words) as caught:
            connect(certificate=files, key_password=password)
        assert "mauvaise" not in str(caught.value)


def test_a_path_of_windows_that_toml_has_eaten_is_explained(
    connect: Callable[..., ServiceLots], authority: StandInAuthority, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="entre apostrophes"):
        connect(certificate=(tmp_path / "C:\new\table.pem", authority.client_files.key))
    with pytest.raises(SettingsError, match=r"U\+200B"):
        connect(certificate=(tmp_path / "cli\u200bent.pem", authority.client_files.key))
