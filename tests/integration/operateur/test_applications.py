"""``igc application``: what it enters opens the canals, and what it ends does not any more."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select

from registration.acteurs.rights import load_rights
from registration.errors import AccessError, Code
from registration.revocation.revoking import revoke
from registration.vocabulary import Offre, TypeActeurInscrit
from storage import tables
from tests.integration.operateur.conftest import Desk, as_der
from tests.support.acteurs import ALL_SENDERS, HOPITAL
from tests.support.clock import day_of_paris
from tests.support.csrs import key
from tests.support.databases import count_rows

pytestmark = pytest.mark.long

DPI = "10B0990011/DPI-2"
DATES = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC))


def refused_as(desk: Desk, der: bytes) -> Code:
    with pytest.raises(AccessError) as refusal:
        desk.world.ra.acteurs.identify(der)
    return refusal.value.code


def authors(desk: Desk) -> list[tuple[str, str]]:
    with desk.world.db.read() as session:
        line = tables.PisteAudit
        return [
            (acte, auteur) for acte, auteur in session.execute(select(line.acte, line.auteur).order_by(line.numero))
        ]


@pytest.mark.parametrize("form", [as_der, lambda path: path], ids=["DER", "PEM"])
def test_an_application_enters_by_its_certificate(desk: Desk, form: object) -> None:
    enrolled, path = desk.client()
    assert refused_as(desk, enrolled.der) is Code.ACTEUR_UNKNOWN
    file = form(path)  # type: ignore[operator]  # one of the two above
    told = desk.good("application", "register", DPI, file, "--label", "DPI DEUX", "--operateur", "Alix Bertin")
    assert told.startswith(f"{DPI} : reconnue par ACI-EL-ORG-TEST ")
    caller = desk.world.ra.acteurs.identify(enrolled.der)
    assert (caller.acteur.libelle, caller.acteur.id_national) == ("DPI DEUX", DPI)
    with desk.world.db.read() as session:
        assert not load_rights(session, caller.acteur).patterns
    last = authors(desk)[-2:]
    assert [acte for acte, _ in last] == ["ACTEUR", "IDENTITE"]
    assert all(auteur.startswith("operateur Alix Bertin (") for _, auteur in last)


def test_what_the_canals_would_refuse_is_refused_with_the_reason(desk: Desk, tmp_path: Path) -> None:
    enrolled, path = desk.client()
    card, card_file = desk.client(ALL_SENDERS["dr-leroux"].content)
    with_key = tmp_path / "paire.pem"
    with_key.write_bytes(enrolled.chain_pem + enrolled.key_pem)
    nothing = tmp_path / "rien.pem"
    nothing.write_bytes(b"bonjour")
    stranger = tmp_path / "autre.der"
    stranger.write_bytes(self_signed())
    revoked, revoked_file = desk.client()
    with desk.world.db.write() as session:
        serial = f"{x509.load_der_x509_certificate(revoked.der).serial_number:040x}"[-40:]
        rows = session.execute(select(tables.Certificat.id, tables.Certificat.serial)).all()
        ident = next(row.id for row in rows if int(row.serial, 16) == int(serial, 16))
        revoke(session, {ident: "superseded"}, desk.world.clock(), "essai")
    before = count_rows(desk.world.db)
    for file, reason in (
        (with_key, "clé privée"),
        (nothing, "ni certificat PEM"),
        (stranger, "pas un certificat client d'une AC"),
        (card_file, "c'est le certificat d'une personne"),
        (revoked_file, "est révoqué, ou n'est pas en vigueur"),
    ):
        assert reason in desk.refused("application", "register", DPI, file, "--label", "DPI")
    for ident_typed, label, reason in (
        ("DPI É", "DPI", "identifiant"),
        (DPI, " ", "libellé"),
        (DPI, "x" * 161, "libellé"),
        ("10B0990011/DPI", "DPI", "igc application renew"),
    ):
        assert reason in desk.refused("application", "register", ident_typed, path, "--label", label)
    assert count_rows(desk.world.db) == before
    assert desk.world.ra.acteurs.identify(card.der).acteur.type_acteur is TypeActeurInscrit.PERSONNE
    desk.good("application", "register", DPI, path, "--label", "DPI")
    assert "déjà inscrit pour DPI" in desk.refused("application", "register", "AUTRE", path, "--label", "AUTRE")


def self_signed() -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "INTRUS")])
    builder = x509.CertificateBuilder(name, name, key(0).public_key(), 7, *DATES)
    return builder.sign(key(0), hashes.SHA256()).public_bytes(Encoding.DER)


def test_two_certificates_are_good_for_a_while_and_the_old_one_ends_by_date_or_by_verb(desk: Desk) -> None:
    first, first_file = desk.client()
    second, second_file = desk.client()
    third, third_file = desk.client()
    desk.good("application", "register", DPI, first_file, "--label", "DPI")
    last_day = day_of_paris(5)
    desk.good("application", "renew", DPI, second_file, "--old-until", last_day)
    identify = desk.world.ra.acteurs.identify
    assert identify(first.der).acteur == identify(second.der).acteur
    desk.world.clock.advance(days=7)
    desk.world.publish_crls("ACI-EL-ORG-TEST")
    assert refused_as(desk, first.der) is Code.ACTEUR_UNKNOWN
    acteur = identify(second.der).acteur
    desk.world.clock.now = datetime.now(UTC)
    # A later end does not give the first one more days.
    desk.good("application", "renew", DPI, third_file, "--old-until", last_day + timedelta(days=300))
    serial = f"{x509.load_der_x509_certificate(second.der).serial_number:X}"
    desk.good("application", "end", DPI, "--serial", serial, "--reason", "poste perdu")
    desk.world.clock.advance(minutes=1)
    assert refused_as(desk, second.der) is Code.ACTEUR_UNKNOWN
    assert identify(third.der).acteur == acteur
    desk.world.clock.advance(days=7)
    desk.world.publish_crls("ACI-EL-ORG-TEST")
    assert refused_as(desk, first.der) is Code.ACTEUR_UNKNOWN
    told = desk.refused("application", "end", DPI, "--serial", serial, "--reason", "encore")
    assert "n'a pas de certificat" in told
    assert "et terminé le" in desk.refused("application", "register", "AUTRE", second_file, "--label", "AUTRE")


def test_an_application_that_ended_is_refused_at_its_next_request_and_stays_in_the_list(desk: Desk) -> None:
    enrolled, path = desk.client()
    desk.good("application", "register", DPI, path, "--label", "DPI")
    acteur = desk.world.ra.acteurs.identify(enrolled.der).acteur
    desk.world.acteurs["dpi-2"] = acteur
    desk.world.grant("dpi-2", Offre.ORG, HOPITAL)
    assert "motif" in desk.refused("application", "end", DPI, "--reason", " ")
    told = desk.good("application", "end", DPI, "--reason", "contrat résilié")
    assert "certificats 1, habilitations 1" in told
    desk.world.clock.advance(minutes=1)
    assert refused_as(desk, enrolled.der) is Code.ACTEUR_UNKNOWN
    with desk.world.db.read() as session:
        assert not load_rights(session, acteur).patterns
        kept = session.scalars(select(tables.Habilitation).where(tables.Habilitation.id_acteur == acteur.id)).one()
    assert kept.motif_fin == "contrat résilié"
    assert "déjà terminée" in desk.refused("application", "end", DPI, "--reason", "encore")
    assert f"proches : {DPI}" in desk.refused("application", "end", DPI[:-1], "--reason", "encore")
    rows = json.loads(desk.good("application", "list", "--format", "json"))
    (ended,) = [row for row in rows if row["identifiant"] == DPI]
    assert (ended["etat"], ended["motif_fin"]) == ("terminé", "contrat résilié")


def test_what_ends_soon_can_be_seen(desk: Desk) -> None:
    _, path = desk.client()
    desk.good("application", "register", DPI, path, "--label", "=DPI")
    assert desk.good("application", "list", "--ends-within", 30) == ""
    text = desk.good("application", "list", "--ends-within", 3 * 366, "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(text), delimiter=";")
    assert (row["identifiant"], row["libelle"], row["autorite"], row["etat"]) == (
        DPI, "'=DPI", "ACI-EL-ORG-TEST", "en vigueur",
    )  # fmt: skip


def test_the_first_certificate_is_made_of_a_csr_where_the_keys_are(desk: Desk, tmp_path: Path) -> None:
    csr, out = tmp_path / "dpi.csr", tmp_path / "dpi.pem"
    builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
    csr.write_bytes(builder.sign(key(70), hashes.SHA256()).public_bytes(Encoding.PEM))
    words = ("application", "enroll", DPI, csr, "--label", "DPI DES ACACIAS", "--out", out)
    assert HOPITAL in desk.refused(*words, "--structure", "10B0990012")
    assert not out.exists()
    desk.good(*words, "--structure", HOPITAL)
    leaf, *chain = x509.load_pem_x509_certificates(out.read_bytes())
    leaf.verify_directly_issued_by(chain[0])
    assert leaf.public_key() == key(70).public_key()
    assert [a.value for a in leaf.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATIONAL_UNIT_NAME)] == [HOPITAL]
    caller = desk.world.ra.acteurs.identify(leaf.public_bytes(Encoding.DER))
    assert caller.acteur.id_national == DPI
    assert "existe déjà" in desk.refused(*words, "--structure", HOPITAL)
    out.unlink()
    assert "déjà été présentée" in desk.refused(*words, "--structure", HOPITAL)
