"""`igc ceremony` from its file to certificates in force, with the root here, in a token, and on another machine."""

import json
import ssl
from collections import Counter
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select

from commands.composition import Instance
from pki.authority import load_authorities
from pki.certificates.serials import serial_hex
from pki.errors import CeremonyError, NoIssuerError
from registration.vocabulary import Plateforme
from runtime.settings.model import Settings
from storage import tables
from tests.support.ceremonies import ceremony_file
from tests.support.softhsm import SoftHsm
from tests.support.verbs import igc
from tests.vectors.samples import make_root

pytestmark = pytest.mark.long


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def ceremony(*arguments: object, status: int = 0) -> str:
    done = igc("ceremony", *arguments)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == status, done.output
    return done.output


def told(folder: Path, *facts: str) -> list[tuple[object, ...]]:
    """The event and these facts of each line of the protocol that has them all."""
    lines = [json.loads(line) for line in (folder / "pki" / "autorites" / "ceremony.jsonl").read_text().splitlines()]
    return [tuple(line[fact] for fact in ("event", *facts)) for line in lines if set(facts) <= line.keys()]


def pair_is_good(folder: Path) -> None:
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(folder / "ws.pem", folder / "ws.key")


def publish_crl(settings_file: Path, *names: str) -> tuple[int, str]:
    done = igc("publish-crl", "-c", settings_file, *(word for name in names for word in ("--authority", name)))
    return done.exit_code, done.stdout


@pytest.mark.parametrize("plateforme", ["TEST", "PRODUCTION"])
def test_root_here_then_a_second_key(tmp_path: Path, plateforme: str) -> None:
    settings_file = written(tmp_path / "igc.toml", f'plateforme = "{plateforme}"\n')
    first = written(tmp_path / "1.toml", ceremony_file(plateforme, "ACI-ORG"))
    ceremony("run", first, "-c", settings_file)
    second = written(tmp_path / "2.toml", ceremony_file(plateforme, "ACI-ORG-2", server=""))
    ceremony("run", second, "-c", settings_file)

    settings = Settings.load(settings_file)
    suffix = "-TEST" if plateforme == "TEST" else ""
    names = {f"{name}{suffix}" for name in ("ACR-EL", "ACI-ORG", "ACI-ORG-2")}
    assert load_authorities(settings.pki.authorities_dir).keys() == names
    pair_is_good(settings.data_dir / "tls")
    acts = told(settings.data_dir, "authority")
    for event, expected in (
        ("key", names),
        ("certificate", names),
        ("crl_published", names),
        ("ocsp_signer", names - {f"ACR-EL{suffix}"}),
        ("tls", {f"ACI-ORG{suffix}"}),
    ):
        assert Counter(name for what, name in acts if what == event) == Counter(expected), event
    here = Instance(settings)
    db = here.db
    try:
        context = here.worker_context()
        assert context.signers.keys() == names
        assert context.issuer_of(Plateforme(plateforme), "ORG_SIGN").short_name == f"ACI-ORG-2{suffix}"
        with db.read() as session:
            assert set(session.scalars(select(tables.Crl.autorite))) == names
    finally:
        db.dispose()
    status, said = publish_crl(settings_file)
    assert status == 0, said
    assert [line.split(" publiée")[0] for line in said.splitlines()] == [
        f"CRL n° 2 de {name}" for name in sorted(names)
    ]
    status, said = publish_crl(settings_file, f"ACI-ORG{suffix}")
    assert (status, said.count("CRL n° 3")) == (0, 1)
    published = settings.pki.publication_dir / "CRL" / f"ACI-ORG{suffix}.crl"
    number = x509.load_der_x509_crl(published.read_bytes()).extensions.get_extension_for_class(x509.CRLNumber)
    assert number.value.crl_number == 3
    assert publish_crl(settings_file, "ACI-AILLEURS")[0] == 2


def test_root_on_another_machine(tmp_path: Path) -> None:
    file = written(tmp_path / "c.toml", ceremony_file("PRODUCTION", "ACI-ORG", root="offline = true\n"))
    phrase = written(tmp_path / "phrase", "une phrase de passe apprise par coeur\n")
    phrase.chmod(0o600)
    here, vault = (written(tmp_path / name / "igc.toml", 'plateforme = "PRODUCTION"\n') for name in ("ici", "coffre"))
    exchange = ("--exchange", tmp_path / "echange")
    known = ("--passphrase-file", phrase)
    root = ceremony("root", file, "-c", vault, *exchange, *known)
    assert "En attente" in ceremony("run", file, "-c", here, *exchange)
    assert "ACI-ORG" in ceremony("answer", file, "-c", vault, *exchange, *known)
    done = ceremony("run", file, "-c", here, *exchange)
    assert root.splitlines()[1] in done  # the fingerprint that both sides compare
    assert "CRL n° 1" in done
    pair_is_good(tmp_path / "ici" / "var" / "tls")
    ceremony("crl", file, "-c", vault, *exchange, *known)
    assert "CRL n° 2" in ceremony("run", file, "-c", here, *exchange)
    published = tmp_path / "ici" / "var" / "pki" / "publication" / "CRL" / "ACR-EL.crl"
    crl = x509.load_der_x509_crl(published.read_bytes())
    authorities = load_authorities(tmp_path / "ici" / "var" / "pki" / "autorites")
    assert crl.is_signature_valid(authorities["ACR-EL"].public_key)
    assert not list((tmp_path / "ici").rglob("ACR-EL.key.pem"))
    assert [line for line in told(tmp_path / "ici" / "var", "authority", "number") if line[1] == "ACR-EL"] == [
        ("crl_published", "ACR-EL", 1), ("crl_published", "ACR-EL", 2),
    ]  # fmt: skip
    # What is older than the published list is not put in its place.
    (tmp_path / "echange" / "ACR-EL.crl").write_bytes(b"words")
    with pytest.raises(CeremonyError):
        ceremony("run", file, "-c", here, *exchange)
    assert published.read_bytes() == crl.public_bytes(Encoding.DER)
    renew_tls(file, here)
    serial = serial_hex(authorities["ACI-ORG"].certificate.serial_number)
    entry = f'revoked = [{{ serial = "{serial}", revoked_at = 2026-11-20T00:00:00Z, reason = "keyCompromise" }}]'
    revoking = written(tmp_path / "r.toml", file.read_text().replace("offline = true", f"offline = true\n{entry}"))
    ceremony("crl", revoking, "-c", vault, *exchange, *known)
    assert "CRL n° 3" in ceremony("run", file, "-c", here, *exchange)
    instance = Instance(Settings.load(here))
    db = instance.db
    try:
        with db.read() as session:
            row = session.get_one(tables.Crl, "ACR-EL")
        assert (row.numero, row.apportee, row.der) == (3, True, published.read_bytes())
        with pytest.raises(NoIssuerError):
            instance.worker_context().issuer_of(Plateforme.PRODUCTION, "ORG_SIGN")
    finally:
        db.dispose()


def renew_tls(file: Path, settings_file: Path) -> None:
    """The step for every night: silent while all is well, status 1 when somebody is needed."""
    tls = settings_file.parent / "var" / "tls"
    assert ceremony("tls", file, "-c", settings_file).endswith("Certificats TLS : rien à renouveler.\n")
    former = (tls / "ws.pem").read_bytes()
    renamed = written(
        file.with_name("renamed.toml"), file.read_text().replace("ws.acacias-sante.fr", "ws2.acacias-sante.fr")
    )
    assert "autres noms" in ceremony("tls", renamed, "-c", settings_file)
    assert (tls / "ws.pem.precedent").read_bytes() == former
    pair_is_good(tls)
    (tls / "ws.pem").write_bytes(make_root().certificate.public_bytes(Encoding.PEM))
    assert "laissé en place" in ceremony("tls", renamed, "-c", settings_file, status=1)


@pytest.mark.needs("softhsm2")
def test_keys_in_a_token_serve_the_batch(tmp_path: Path) -> None:
    hsm = SoftHsm(tmp_path / "hsm")
    hsm.start()
    try:
        token = hsm.make_token("IGC")
        places = f"[pki.signers]\nmodule_file = {json.dumps(str(hsm.module))}\npin_file = {json.dumps(str(token.pin_file.path))}\n"
        file = written(
            tmp_path / "c.toml",
            ceremony_file("PRODUCTION", "ACI-ORG", key="pkcs11"),
        )
        # File and settings must agree, or the batch would look for the key elsewhere.
        disagree = written(tmp_path / "igc.toml", 'plateforme = "PRODUCTION"\n' + places)
        assert igc("ceremony", "run", file, "-c", disagree).exit_code == 2
        assert not (tmp_path / "var").exists()
        agree = written(tmp_path / "igc.toml", 'plateforme = "PRODUCTION"\n' + places + 'default = "pkcs11"\n')
        ceremony("run", file, "-c", agree)
        pair_is_good(tmp_path / "var" / "tls")
        assert not list((tmp_path / "var").rglob("*.key.pem"))
    finally:
        hsm.stop()


@pytest.mark.parametrize(
    ("encoding", "status", "told_text"),
    [
        ("utf-8-sig", 2, "le fichier est pour PRODUCTION"),  # read, and refused for what it says only
        ("utf-16", 2, "l'enregistrer en UTF-8"),
        ("cp1252", 2, "ce n'est pas du texte UTF-8"),
    ],
)
def test_what_editors_make_of_the_file(tmp_path: Path, encoding: str, status: int, told_text: str) -> None:
    settings_file = written(tmp_path / "igc.toml", "")
    file = tmp_path / "ceremonie.toml"
    file.write_bytes('# cérémonie\r\nplateforme = "PRODUCTION"\r\n'.encode(encoding))
    shown = ceremony("run", file, "-c", settings_file, status=status)
    assert told_text in " ".join(shown.replace("│", " ").split())
