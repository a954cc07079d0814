"""What comes from the machine of an offline root is believed only as far as it must be: each defect alone is refused."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from pki.authority import INDEX_NAME
from pki.ceremony.configuration import CeremonyConfig, IssuingConfig, RootConfig
from pki.ceremony.perform import advance
from pki.ceremony.steps import Workshop, ca_name
from pki.errors import CeremonyError
from pki.issuing.signers.stores import FileStore
from tests.vectors.keys import key
from tests.vectors.samples import CA_FROM, CA_UNTIL, NOW, SERIAL

ORG = IssuingConfig(short_name="ACI-ORG", common_name="AC ORGANISATIONS", products=("ORG_SIGN",))
CONFIG = CeremonyConfig(plateforme="PRODUCTION", key_bits=2048, issuing=(ORG,), root=RootConfig(offline=True))
ROOT, ISSUING = ca_name(CONFIG, CONFIG.root).to_x509(), ca_name(CONFIG, ORG).to_x509()
OTHER = ca_name(CONFIG, msgspec.structs.replace(ORG, common_name="AC AUTRE")).to_x509()


def workshop(folder: Path) -> Workshop:
    store = {"software": FileStore(folder / "cles", b"a pass phrase of the tests")}
    return Workshop(authorities=folder / "ac", stores=store, root_stores={}, exchange=folder / "echange")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plateforme that has made its key and its request, once for all."""
    folder = tmp_path_factory.mktemp("asked")
    assert advance(CONFIG, workshop(folder), NOW).pending == ("ACI-ORG",)
    return folder


@pytest.fixture
def folder(asked: Path, tmp_path: Path) -> Path:
    shutil.copytree(asked, tmp_path / "ligne")
    return tmp_path / "ligne"


def certificate(
    subject: x509.Name,
    public: rsa.RSAPublicKey,
    *,
    issuer: x509.Name = ROOT,
    signer: str = "root",
    ca: bool = True,
    cert_sign: bool = True,
    crl_sign: bool = True,
    usage: bool = True,
    key_id: bool = True,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(SERIAL)
        .not_valid_before(CA_FROM)
        .not_valid_after(CA_UNTIL)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if key_id:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    if usage:
        bits = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "encipher_only", "decipher_only"), False,
        )  # fmt: skip
        builder = builder.add_extension(x509.KeyUsage(**bits, key_cert_sign=cert_sign, crl_sign=crl_sign), True)
    return builder.sign(key(signer), SHA256(), rsa_padding=padding.PKCS1v15())


def carry(folder: Path, root: dict[str, Any], answer: dict[str, Any]) -> None:
    """Put the root and the answer into the exchange folder, each with its changes."""
    request = x509.load_pem_x509_csr((folder / "echange" / "ACI-ORG.request.pem").read_bytes())
    own = {"subject": ROOT, "public": key("root").public_key()} | root
    given = {"subject": ISSUING, "public": request.public_key()} | answer
    for name, values in (("ACR-EL.pem", own), ("ACI-ORG.answer.pem", given)):
        (folder / "echange" / name).write_bytes(certificate(**values).public_bytes(Encoding.PEM))


STRANGER = {"signer": "stranger"}
NO_ROOT: dict[str, dict[str, Any]] = {
    "of another name": {"subject": OTHER, "issuer": OTHER},
    "not signed by itself": STRANGER,
    "not a CA": {"ca": False},
    "signs no certificates": {"cert_sign": False},
    "signs no lists": {"crl_sign": False},
    "without key usage": {"usage": False},
    "without key identifier": {"key_id": False},
}
NO_ANSWER: dict[str, dict[str, Any]] = {
    "for another name": {"subject": OTHER},
    "for another key": {"public": key("leaf").public_key()},
    "by another key": STRANGER,
    "by another issuer": {"issuer": OTHER},
    "not a CA": {"ca": False},
    "signs no certificates": {"cert_sign": False},
    "signs no lists": {"crl_sign": False},
    "without key usage": {"usage": False},
    "without key identifier": {"key_id": False},
}


def test_good_ones_are_taken_up(folder: Path) -> None:
    carry(folder, {}, {})
    assert advance(CONFIG, workshop(folder), NOW).made == ("ACR-EL", "ACI-ORG")


@pytest.mark.parametrize("defect", NO_ROOT)
def test_root_that_is_none_is_refused_before_anything_is_written(folder: Path, defect: str) -> None:
    carry(folder, NO_ROOT[defect], {})
    with pytest.raises(CeremonyError, match=r"pas (une|la) racine"):
        advance(CONFIG, workshop(folder), NOW)
    assert not (folder / "ac" / INDEX_NAME).exists()
    assert not list((folder / "ac").glob("*.pem"))


@pytest.mark.parametrize("defect", NO_ANSWER)
def test_answer_that_is_none_is_refused_before_anything_is_written(folder: Path, defect: str) -> None:
    carry(folder, {}, NO_ANSWER[defect])
    with pytest.raises(CeremonyError, match=r"pas (un certificat d'AC délivré par la racine|la réponse à la demande)"):
        advance(CONFIG, workshop(folder), NOW)
    assert not (folder / "ac" / INDEX_NAME).exists()
    assert not list((folder / "ac").glob("*.pem"))
