"""A hierarchy grows: another authority, a new key under an old name, a root on a machine of its own."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from pki.authority import INDEX_NAME, Authority, find_issuer, load_authorities
from pki.ceremony.configuration import CeremonyConfig, IssuingConfig, RevokedConfig, RootConfig
from pki.ceremony.offline import check_carried_crl, crl_number
from pki.ceremony.perform import Performed, advance, answer_requests, make_root, renew_root_crl
from pki.ceremony.steps import PROTOCOL_NAME, Workshop
from pki.containers.pkcs7 import read_certs_only
from pki.errors import CeremonyError, SignerError
from pki.issuing.crl import build_crl
from pki.issuing.issuance import issue, lint, prepare
from pki.issuing.signers.software import SoftwareSigner
from pki.issuing.signers.stores import FileStore, key_file
from tests.support.assertions import rsa_key
from tests.support.damage import flipped
from tests.vectors.keys import key, key_of
from tests.vectors.samples import SERIAL, SHAPES, spki

NOW = datetime(2026, 11, 23, 17, 33, 19, tzinfo=UTC)
LATER = NOW + timedelta(days=900)
PASSPHRASE = b"a pass phrase of the tests"
ORG = IssuingConfig(short_name="ACI-ORG", common_name="AC ORGANISATIONS", products=("ORG_SIGN", "TLS_SERVER"))
ORG_2 = msgspec.structs.replace(ORG, short_name="ACI-ORG-2")
CARDS = IssuingConfig(short_name="ACI-CARTES", common_name="AC CARTES", products=("CPS_AUTH",))


def configured(*issuing: IssuingConfig, **root: Any) -> CeremonyConfig:
    return CeremonyConfig(plateforme="PRODUCTION", key_bits=2048, issuing=issuing, root=RootConfig(**root))


def workshop(folder: Path, exchange: Path | None = None) -> Workshop:
    store = {"software": FileStore(folder / "cles", PASSPHRASE)}
    return Workshop(authorities=folder / "ac", stores=store, root_stores=store, exchange=exchange)


def signer_of(authority: Authority, folder: Path) -> SoftwareSigner:
    store = FileStore(folder / "cles", PASSPHRASE)
    return SoftwareSigner(authority, store.open(authority.short_name, authority.public_key))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def first(tmp_path: Path) -> Performed:
    return advance(configured(ORG), workshop(tmp_path), NOW)


def test_same_configuration_again_changes_nothing_but_the_protocol(first: Performed, tmp_path: Path) -> None:
    before = files(tmp_path)
    again = advance(configured(ORG), workshop(tmp_path), LATER)
    assert (again.made, again.pending) == ((), ())
    assert list(again.authorities) == ["ACR-EL", "ACI-ORG"]
    after = files(tmp_path)
    assert {name for name in after if after[name] != before.get(name)} == {f"ac/{PROTOCOL_NAME}"}


def test_new_key_under_the_same_name_and_another_authority(first: Performed, tmp_path: Path) -> None:
    old = first.authorities["ACI-ORG"]
    outcome = advance(configured(ORG_2, CARDS), workshop(tmp_path), LATER)
    assert outcome.made == ("ACI-ORG-2", "ACI-CARTES")
    made = outcome.authorities
    assert list(made) == ["ACR-EL", "ACI-ORG", "ACI-ORG-2", "ACI-CARTES"]
    assert made["ACI-ORG"].certificate_der == old.certificate_der
    new = made["ACI-ORG-2"]
    assert new.name_der == old.name_der
    assert new.key_id != old.key_id
    assert new.not_before == LATER
    assert new.not_after == old.not_after == made["ACR-EL"].not_after - timedelta(days=1)
    chain = read_certs_only((tmp_path / "ac" / "Chaine_de_certification.p7b").read_bytes())
    assert sorted(chain) == sorted(authority.certificate_der for authority in made.values())
    events = [json.loads(line)["event"] for line in (tmp_path / "ac" / PROTOCOL_NAME).read_text().splitlines()]
    assert events[-6:] == ["begin", "key", "key", "certificate", "certificate", "end"]


def test_both_keys_work_at_a_time_and_are_told_apart(first: Performed, tmp_path: Path) -> None:
    made = advance(configured(ORG_2), workshop(tmp_path), LATER).authorities
    when = LATER + timedelta(days=1)
    twins = [made["ACI-ORG"], made["ACI-ORG-2"]]
    for number, authority in enumerate(twins):
        signer = signer_of(authority, tmp_path)
        issued = issue(lint(prepare(authority, SHAPES["org-sign"], spki(), SERIAL + number, when), authority), signer)
        assert find_issuer(made, x509.load_der_x509_certificate(issued.der)) is authority
        crl = x509.load_der_x509_crl(build_crl(authority, signer, [], 1, when, when + timedelta(days=1)))
        assert crl.is_signature_valid(authority.public_key)
        assert not crl.is_signature_valid(twins[1 - number].public_key)


CONTRADICTIONS = {
    "another root": configured(ORG, short_name="ACR-ST"),
    "another name of the root": configured(ORG, common_name="AC AUTRE"),
    "un autre nom": configured(msgspec.structs.replace(ORG, common_name="AC AUTRE")),
    "other products": configured(msgspec.structs.replace(ORG, products=("ORG_SIGN",))),
    "key in a place that is not here": configured(ORG, msgspec.structs.replace(CARDS, key="pkcs11")),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_configuration_that_contradicts_what_exists_is_refused(first: Performed, tmp_path: Path, name: str) -> None:
    before = files(tmp_path / "ac")
    with pytest.raises(CeremonyError):
        advance(CONTRADICTIONS[name], workshop(tmp_path), LATER)
    assert files(tmp_path / "ac").keys() == before.keys()
    assert (tmp_path / "ac" / INDEX_NAME).read_bytes() == before[INDEX_NAME]


def test_key_that_lies_there_already_is_never_certified(first: Performed, tmp_path: Path) -> None:
    key_file(tmp_path / "cles", "ACI-CARTES").write_bytes(b"left over")
    with pytest.raises(CeremonyError, match="existe déjà"):
        advance(configured(ORG, CARDS), workshop(tmp_path), LATER)
    assert list(load_authorities(tmp_path / "ac")) == ["ACR-EL", "ACI-ORG"]


def test_root_key_elsewhere_is_a_typed_error(first: Performed, tmp_path: Path) -> None:
    key_file(tmp_path / "cles", "ACR-EL").unlink()
    with pytest.raises(SignerError):
        advance(configured(ORG, CARDS), workshop(tmp_path), LATER)


# --- a root on a machine of its own ---

OFFLINE = configured(ORG, CARDS, offline=True)


@pytest.fixture
def machines(tmp_path: Path) -> tuple[Workshop, Workshop, Path]:
    """The platform, the machine of the root, and the folder that is carried between them."""
    exchange = tmp_path / "echange"
    return workshop(tmp_path / "ligne", exchange), workshop(tmp_path / "coffre", exchange), exchange


def test_requests_go_and_answers_come(machines: tuple[Workshop, Workshop, Path], tmp_path: Path) -> None:
    online, vault, exchange = machines
    root = make_root(OFFLINE, vault, NOW)
    waiting = advance(OFFLINE, online, NOW)
    assert (waiting.made, waiting.pending) == ((), ("ACI-ORG", "ACI-CARTES"))
    assert waiting.authorities == {}
    # Nothing new is made while the answer is awaited.
    keys = files(tmp_path / "ligne" / "cles")
    assert advance(OFFLINE, online, NOW).pending == ("ACI-ORG", "ACI-CARTES")
    assert files(tmp_path / "ligne" / "cles") == keys

    assert answer_requests(OFFLINE, vault, NOW) == ("ACI-CARTES", "ACI-ORG")
    assert answer_requests(OFFLINE, vault, LATER) == ()

    outcome = advance(OFFLINE, online, NOW)
    assert outcome.made == ("ACR-EL", "ACI-ORG", "ACI-CARTES")
    assert outcome.authorities["ACR-EL"].certificate_der == root.certificate_der
    assert sorted(path.name for path in (tmp_path / "ligne" / "cles").iterdir()) == [
        "ACI-CARTES.key.pem", "ACI-ORG.key.pem",
    ]  # fmt: skip
    assert [path.name for path in (tmp_path / "coffre" / "cles").iterdir()] == ["ACR-EL.key.pem"]
    assert not [name for name in files(exchange) if "key" in name]
    # Both machines know the same certificates.
    both = [load_authorities(tmp_path / machine / "ac") for machine in ("ligne", "coffre")]
    assert {a.certificate_der for a in both[0].values()} == {a.certificate_der for a in both[1].values()}


def test_rollover_with_the_root_offline(machines: tuple[Workshop, Workshop, Path]) -> None:
    online, vault, _exchange = machines
    make_root(OFFLINE, vault, NOW)
    advance(OFFLINE, online, NOW)
    answer_requests(OFFLINE, vault, NOW)
    advance(OFFLINE, online, NOW)
    more = configured(ORG, CARDS, ORG_2, offline=True)
    assert advance(more, online, LATER).pending == ("ACI-ORG-2",)
    assert answer_requests(more, vault, LATER) == ("ACI-ORG-2",)
    made = advance(more, online, LATER).authorities
    assert made["ACI-ORG-2"].name_der == made["ACI-ORG"].name_der


def test_crl_of_the_root_is_numbered_and_lists_what_the_file_says(machines: tuple[Workshop, Workshop, Path]) -> None:
    online, vault, exchange = machines
    root = make_root(OFFLINE, vault, NOW)
    advance(OFFLINE, online, NOW)
    answer_requests(OFFLINE, vault, NOW)
    serial = load_authorities(vault.authorities)["ACI-ORG"].certificate.serial_number
    first = (exchange / "ACR-EL.crl").read_bytes()
    revoked = RevokedConfig(serial=f"{serial:x}", revoked_at=LATER, reason="keyCompromise")
    config = configured(ORG, CARDS, offline=True, revoked=(revoked,), crl_days=30)
    path = renew_root_crl(config, vault, LATER)
    crl = x509.load_der_x509_crl(path.read_bytes())
    assert [crl_number(first), crl_number(path.read_bytes())] == [1, 2]
    assert crl.next_update_utc == LATER + timedelta(days=30)
    assert [entry.serial_number for entry in crl] == [serial]
    assert check_carried_crl(root, path.read_bytes(), first, LATER) == 2
    # What was published is damaged, or somebody else's: nothing that could hold back a good list.
    forged = flipped(path.read_bytes())
    for published in (b"words", b"", forged):
        assert check_carried_crl(root, first, published, NOW) == 1
    with pytest.raises(CeremonyError, match="plus ancienne"):
        check_carried_crl(root, first, path.read_bytes(), NOW)
    with pytest.raises(CeremonyError, match="en vigueur"):
        check_carried_crl(root, path.read_bytes(), first, LATER + timedelta(days=31))
    with pytest.raises(CeremonyError, match="pas signée"):
        check_carried_crl(load_authorities(vault.authorities)["ACI-ORG"], first, None, NOW)
    with pytest.raises(CeremonyError, match="ne se lit pas"):
        check_carried_crl(root, b"words", None, NOW)


def _request(name: x509.Name, private: rsa.RSAPrivateKey) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(private, SHA256()).public_bytes(Encoding.PEM)


def _close_primes() -> rsa.RSAPrivateKey:
    """A key of the right size whose primes are neighbours: the distance is written down, so that none is searched."""
    prime = key("leaf").private_numbers().p
    return key_of(prime, prime + 534)


def _broken(pem: bytes) -> bytes:
    csr = bytearray(x509.load_pem_x509_csr(pem).public_bytes(Encoding.DER))
    csr[-1] ^= 1
    return x509.load_der_x509_csr(bytes(csr)).public_bytes(Encoding.PEM)


BAD_REQUESTS: dict[str, tuple[str, Callable[[bytes, x509.Name], bytes], str]] = {
    "unnamed authority": ("ACI-X", lambda pem, name: pem, "pas dans le fichier de cérémonie"),
    "words": ("ACI-ORG", lambda pem, name: b"words", "ne se lit pas"),
    "broken signature": ("ACI-ORG", lambda pem, name: _broken(pem), "possession"),
    "another size": ("ACI-ORG", lambda pem, name: _request(name, rsa.generate_private_key(65537, 1024)), "2048 bits"),
    "another exponent": ("ACI-ORG", lambda pem, name: _request(name, rsa.generate_private_key(3, 2048)), "faible"),
    "close primes": ("ACI-ORG", lambda pem, name: _request(name, _close_primes()), "faible"),
    "un autre nom": ("ACI-ORG", lambda pem, name: _request(x509.Name([]), key("leaf")), "un autre nom"),
    "key of another request": ("ACI-ORG", lambda pem, name: pem, "un autre nom"),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_root_certifies_nothing_but_what_its_own_file_says(
    machines: tuple[Workshop, Workshop, Path], name: str
) -> None:
    online, vault, exchange = machines
    make_root(OFFLINE, vault, NOW)
    advance(OFFLINE, online, NOW)
    short_name, change, message = BAD_REQUESTS[name]
    source = "ACI-CARTES" if name == "key of another request" else "ACI-ORG"
    pem = (exchange / f"{source}.request.pem").read_bytes()
    subject = x509.load_pem_x509_csr(pem).subject
    (exchange / f"{short_name}.request.pem").write_bytes(change(pem, subject))
    with pytest.raises(CeremonyError, match=message):
        answer_requests(OFFLINE, vault, NOW)
    assert list(load_authorities(vault.authorities)) == ["ACR-EL"]


def test_root_certifies_no_key_twice(machines: tuple[Workshop, Workshop, Path]) -> None:
    """Neither its own key for an issuing authority, nor one key for two."""
    online, vault, exchange = machines
    root = make_root(OFFLINE, vault, NOW)
    advance(OFFLINE, online, NOW)
    request = exchange / "ACI-ORG.request.pem"
    subject = x509.load_pem_x509_csr(request.read_bytes()).subject
    own = vault.root_store(OFFLINE).open("ACR-EL", root.public_key)
    of_cards = online.store(CARDS).open(
        "ACI-CARTES", rsa_key(x509.load_pem_x509_csr((exchange / "ACI-CARTES.request.pem").read_bytes()))
    )
    for private in (own, of_cards):
        request.write_bytes(_request(subject, private))
        with pytest.raises(CeremonyError, match="clé d'une autre AC"):
            answer_requests(OFFLINE, vault, NOW)
    assert list(load_authorities(vault.authorities)) == ["ACR-EL"]


def test_answer_of_another_root_or_for_another_key_is_refused(
    machines: tuple[Workshop, Workshop, Path], tmp_path: Path
) -> None:
    online, vault, exchange = machines
    make_root(OFFLINE, vault, NOW)
    advance(OFFLINE, online, NOW)
    answer_requests(OFFLINE, vault, NOW)
    good = (exchange / "ACI-ORG.answer.pem").read_bytes()
    stranger = advance(configured(ORG), workshop(tmp_path / "ailleurs"), NOW).authorities["ACI-ORG"]
    for content in (
        stranger.certificate.public_bytes(Encoding.PEM),
        (exchange / "ACI-CARTES.answer.pem").read_bytes(),
        (exchange / "ACR-EL.pem").read_bytes(),
        b"words",
    ):
        (exchange / "ACI-ORG.answer.pem").write_bytes(content)
        with pytest.raises(CeremonyError):
            advance(OFFLINE, online, NOW)
        assert not (online.authorities / INDEX_NAME).exists()
    (exchange / "ACI-ORG.answer.pem").write_bytes(good)
    assert advance(OFFLINE, online, NOW).pending == ()


def test_offline_root_needs_an_exchange_folder(tmp_path: Path) -> None:
    with pytest.raises(CeremonyError, match="dossier d'échange"):
        advance(OFFLINE, workshop(tmp_path), NOW)
