"""Faults planted in certificates and their rows: each is found, named, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import update

from batch.issuing.own_certificates import enroll
from pki.certificates import der
from pki.certificates.content import CertificateContent
from storage import tables
from storage.bulk import insert_rows
from tests.integration.audit import forging
from tests.integration.audit.conftest import ORG, PERSONNES, Place
from tests.integration.audit.forging import ISSUER, SERIAL, attribute, forge, parts, rebuilt, replaced, value
from tests.support.acteurs import HOPITAL
from tests.support.assertions import the
from tests.support.csrs import csr
from tests.support.damage import flipped
from tests.support.stored import der_of
from tests.support.world import enrolled_serial
from tests.vectors.keys import key

pytestmark = pytest.mark.long

KEY_USAGE, EXTENDED, SAN, POLICIES = "2.5.29.15", "2.5.29.37", "2.5.29.17", "2.5.29.32"
POINTS, FRESHEST, ACCESS, PERIOD = "2.5.29.31", "2.5.29.46", "1.3.6.1.5.5.7.1.1", "2.5.29.16"
CONSTRAINTS, OWN_KEY, ISSUER_KEY = "2.5.29.19", "2.5.29.14", "2.5.29.35"
CATEGORY, PROFESSION = "1.3.6.1.4.1.32473.71.1.2.5", "1.3.6.1.4.1.32473.71.1.2.7"
CLI, SIGN, SSL, SMIME, PS, PRO = "ORG_AUTH_CLI", "ORG_SIGN", "SERV_SSL_SERV", "SERV_SMIME", "PS_SIGN", "PRO_AUTH"

Plant = Callable[[Place], object]
PLANTED: dict[str, tuple[str, Plant, tuple[str, ...]]] = {}


def plants(name: str, *needles: str) -> Callable[[Plant], Plant]:
    """Register a fault of the certificate of ``name``, with what its findings say."""

    def register(plant: Plant) -> Plant:
        PLANTED[plant.__name__.strip("_").replace("_", " ")] = (name, plant, needles)
        return plant

    return register


def extension(case: str, name: str, oid: str, edit: Callable[[bytes], bytes | None], *needles: str) -> None:
    """Register a fault of one extension."""
    PLANTED[case] = (name, lambda place: forging.with_extension(place, name, oid, edit), needles)


def extensions(case: str, name: str, edit: forging.Change, *needles: str) -> None:
    """Register a fault of the list of extensions."""
    PLANTED[case] = (name, lambda place: forging.with_extensions(place, name, edit), needles)


def subject(case: str, name: str, edit: forging.Change, *needles: str) -> None:
    """Register a fault of the subject."""
    PLANTED[case] = (name, lambda place: forging.with_subject(place, name, edit), needles)


_EKU_SERVER = der.sequence(der.object_identifier("1.3.6.1.5.5.7.3.1"))
extension("wrong purpose", CLI, EXTENDED, value(EXTENDED, _EKU_SERVER), "extKeyUsage : autre contenu")
extension(
    "key usage not critical", CLI, KEY_USAGE, value(KEY_USAGE, b"\x03\x02\x07\x80"), "keyUsage : devrait être critique"
)
extension(
    "other key usage", PS, KEY_USAGE, value(KEY_USAGE, b"\x03\x02\x06\xc0", critical=True), "keyUsage : autre contenu"
)
extension(
    "may sign certificates",
    CLI,
    KEY_USAGE,
    value(KEY_USAGE, b"\x03\x02\x02\x84", critical=True),
    "keyUsage : autre contenu",
)
extension(
    "critical purpose",
    SIGN,
    EXTENDED,
    lambda one: der.sequence(parts(one)[0], b"\x01\x01\xff", parts(one)[1]),
    "extKeyUsage : devrait être non critique",
)
extension(
    "names swapped",
    SSL,
    SAN,
    lambda one: der.extension(SAN, der.sequence(*reversed(parts(parts(parts(one)[1])[0])))),
    "subjectAltName : autre contenu",
)
extension("other address", SMIME, SAN, replaced(b"dossier@", b"dossief@"), "subjectAltName : autre contenu")
extension("no alternative name", SMIME, SAN, lambda _: None, "subjectAltName absente")
extension(
    "other distribution point",
    CLI,
    POINTS,
    replaced(b"igc.example/CRL", b"igd.example/CRL"),
    "cRLDistributionPoints : autre contenu",
)
extension(
    "other delta",
    CLI,
    FRESHEST,
    replaced(b"deltarevocationlist", b"certirevocationlist"),
    "freshestCRL : autre contenu",
)
extension("no delta", CLI, FRESHEST, lambda _: None, "freshestCRL absente")
extension(
    "other responder", CLI, ACCESS, replaced(b"http://ocsp.", b"http://oscp."), "authorityInfoAccess : autre contenu"
)
extension("other CPS", CLI, POLICIES, replaced(b"PC%20TEST", b"PC%20TOST"), "certificatePolicies : autre contenu")
extension("category of production", CLI, CATEGORY, replaced(b"\x83", b"\x03"), "catégorie de produit : autre contenu")
extension("other profession", PS, PROFESSION, replaced(b"\x02\x01\x0a", b"\x02\x01\x0b"), "profession : autre contenu")
extension(
    "other period of use",
    SIGN,
    PERIOD,
    lambda one: one.replace(b"Z\x81", b"Y\x81"),
    "privateKeyUsagePeriod : autre contenu",
)
extension(
    "period where none belongs",
    CLI,
    CONSTRAINTS,
    lambda one: der.extension(PERIOD, b"\x30\x00"),
    "basicConstraints absente",
    f"extension {PERIOD} qui n'a pas sa place",
)
extension(
    "other identifier of the key",
    CLI,
    OWN_KEY,
    flipped,
    "subjectKeyIdentifier : autre contenu",
)
extension(
    "other identifier of the issuer",
    CLI,
    ISSUER_KEY,
    flipped,
    "authorityKeyIdentifier : autre contenu",
)
extension(
    "an authority", CLI, CONSTRAINTS, value(CONSTRAINTS, b"\x30\x03\x01\x01\xff"), "basicConstraints : autre contenu"
)
extension(
    "default written", CLI, CONSTRAINTS, value(CONSTRAINTS, b"\x30\x03\x01\x01\x00"), "basicConstraints : autre contenu"
)
extension(
    "default of critical written",
    CLI,
    CONSTRAINTS,
    lambda one: der.sequence(parts(one)[0], b"\x01\x01\x00", parts(one)[1]),
    "illisible : le drapeau critique",
)
extensions(
    "unknown extension",
    CLI,
    lambda found: [*found, der.extension("1.2.3.4", b"\x05\x00")],
    "extension 1.2.3.4 qui n'a pas sa place ici",
)
extensions("extension twice", CLI, lambda found: [*found, found[-1]], "une extension est là deux fois")
extensions("other order", CLI, lambda found: [found[1], found[0], *found[2:]], "dans un autre ordre")

_ORGANIZATION, _COMMON_NAME = "2.5.4.10", "2.5.4.3"
subject(
    "organization not cut",
    CLI,
    lambda rdns: [*rdns[:2], attribute(_ORGANIZATION, "CENTRE HOSPITALIER DES ACACIAS ET DES ENVIRONS"), *rdns[3:]],
    "organizationName n'a pas de 1 à 40 caractères",
)
subject(
    "other organization",
    CLI,
    lambda rdns: [*rdns[:2], attribute(_ORGANIZATION, "CENTRE HOSPITALIER DES TULIPES"), *rdns[3:]],
    "organizationName n'est pas celui de la demande",
)
subject(
    "other string type",
    CLI,
    lambda rdns: [*rdns[:-1], rdns[-1].replace(b"\x0c\x0fDossier", b"\x13\x0fDossier")],
    "commonName n'est pas du type de chaîne",
)
subject(
    "a name that cannot be read",
    CLI,
    lambda rdns: [*rdns[:-1], attribute(_COMMON_NAME, "Dossier\u202epatient")],
    "commonName contient des caractères",
)
subject("other order of names", CLI, lambda rdns: [rdns[1], rdns[0], *rdns[2:]], "sujet : les attributs ou leur ordre")
subject("a name more", CLI, lambda rdns: [*rdns, attribute("2.5.4.5", "1")], "sujet : les attributs ou leur ordre")
subject(
    "set not in order",
    PS,
    lambda rdns: [*rdns[:-1], rebuilt(rdns[-1], lambda names: names[::-1])],
    "pas dans l'ordre de DER",
)


@plants(CLI, "série n'est pas un nombre positif de 8 à 20 octets")
def _short_serial(place: Place) -> None:
    forge(place, CLI, serial=f"{0x123456:032x}")({SERIAL: lambda _: der.integer(0x123456)})


@plants(CLI, "série du certificat n'est pas celui de la ligne")
def _other_serial(place: Place) -> None:
    forge(place, CLI)({SERIAL: lambda old: der.tlv(der.INTEGER, bytes((old[2] ^ 1,)) + old[3:])})


@plants(SIGN, "durée de validité", "dates de validité du certificat ne sont pas celles de la ligne")
def _a_second_longer(place: Place) -> None:
    row = place.certificat(SIGN)
    forging.with_validity(place, SIGN, row.not_before, row.not_after + timedelta(seconds=1))


@plants(CLI, "la durée de validité n'est pas celle des réglages")
def _a_day_shorter(place: Place) -> None:
    row = place.certificat(CLI)
    end = row.not_after - timedelta(days=1)
    forging.with_validity(place, CLI, row.not_before, end, not_after=end)
    place.change(tables.Demande, CLI, produit_fin_le=end)


@plants(CLI, "la validité sort de celle de l'autorité", "date d'émission", "durée")
def _outlives_its_authority(place: Place) -> None:
    row = place.certificat(CLI)
    begin, end = row.not_before + timedelta(days=365), row.not_after + timedelta(days=365 * 30)
    forging.with_validity(place, CLI, begin, end, not_before=begin, not_after=end)
    place.change(tables.Demande, CLI, produit_fin_le=end)


@plants(CLI, "la clé certifiée n'est pas celle présentée dans la demande")
def _other_key(place: Place) -> None:
    forging.with_key(place, CLI, key("leaf"))


@plants(CLI, f"signé par {PERSONNES}")
def _signed_by_another_authority(place: Place) -> None:
    forge(place, CLI, place.hierarchy.signers[PERSONNES])({})


@plants(CLI, f"signé par {PERSONNES}", "l'émetteur nommé n'est pas l'autorité")
def _issued_by_another_authority(place: Place) -> None:
    name = place.hierarchy.authorities[PERSONNES].name_der
    forge(place, CLI, place.hierarchy.signers[PERSONNES])({ISSUER: lambda _: name})


@plants(CLI, "la signature n'est d'aucune autorité connue")
def _broken_signature(place: Place) -> None:
    place.change(tables.Certificat, CLI, der=flipped(der_of(place.certificat(CLI))))


@plants(CLI, "l'algorithme de signature n'est pas sha256WithRSAEncryption", "la signature n'est d'aucune")
def _other_algorithm(place: Place) -> None:
    sha512 = replaced(der.object_identifier("1.2.840.113549.1.1.11"), der.object_identifier("1.2.840.113549.1.1.13"))
    place.change(tables.Certificat, CLI, der=sha512(der_of(place.certificat(CLI))))


@plants(CLI, "le produit de la ligne n'est pas celui de la demande", "keyUsage", "extKeyUsage")
def _product_of_the_row_changed(place: Place) -> None:
    place.change(tables.Certificat, CLI, produit="ORG_CONF")


@plants("TLS_SERVER", "produit inconnu")
def _unknown_product(place: Place) -> None:
    place.change(tables.Certificat, "TLS_SERVER", produit="TLS_PROXY")


@plants("TLS_SERVER", "autorité inconnue de l'index")
def _unknown_authority(place: Place) -> None:
    place.change(tables.Certificat, "TLS_SERVER", autorite="ACI-INCONNUE")


@plants(CLI, "certificat illisible")
def _no_certificate_at_all(place: Place) -> None:
    place.change(tables.Certificat, CLI, der=b"\x30\x03no!")


@plants(CLI, "la clé du certificat n'est pas celle de la ligne")
def _row_without_key(place: Place) -> None:
    place.change(tables.Certificat, CLI, spki_sha256=None)


@plants(CLI, "le contenu à signer est encore là")
def _bytes_to_sign_left_behind(place: Place) -> None:
    place.change(tables.Certificat, CLI, tbs=b"\x30\x00")


@plants("revoked", "raison de révocation inconnue", "date ou raison autres")
def _unknown_reason(place: Place) -> None:
    place.change(tables.Certificat, "revoked", raison_crl="humeur")


@plants(CLI, "une raison de révocation sans révocation")
def _reason_without_revocation(place: Place) -> None:
    place.change(tables.Certificat, CLI, raison_crl="superseded")


@plants(CLI, "service applicatif de la ligne et du contenu validé diffèrent")
def _demande_changed_afterwards(place: Place) -> None:
    place.change(tables.Demande, CLI, service_applicatif="Autre service")


@plants(PRO, "service applicatif de la ligne et du contenu validé diffèrent")
def _service_where_none_belongs(place: Place) -> None:
    place.change(tables.Demande, PRO, service_applicatif="Autre service")


@plants(PRO, "bénéficiaire de la ligne et du contenu validé diffèrent")
def _another_beneficiaire(place: Place) -> None:
    place.change(tables.Demande, PRO, id_beneficiaire="899700990029")


@plants(SSL, "FQDN de la ligne et du contenu validé diffèrent")
def _names_of_the_demande_changed(place: Place) -> None:
    place.change(tables.Demande, SSL, fqdns=json.dumps(["www.acacias.example"]))


@plants(PRO, "sujet : title n'est pas celui de la demande")
def _validated_content_changed(place: Place) -> None:
    with place.db.read() as session:
        content = the(session.get_one(tables.Demande, place.numeros[PRO]).contenu)
    place.change(tables.Demande, PRO, contenu=content | {"title": "Médecin"})


@plants(CLI, "contenu validé de la demande manque ou est illisible")
def _validated_content_gone(place: Place) -> None:
    place.change(tables.Demande, CLI, contenu=None)


@plants(CLI, "CSR conservée ne prouve pas la possession")
def _other_request(place: Place) -> None:
    cle = tables.ClePublique
    with place.db.write() as session:
        session.execute(update(cle).where(cle.id_demande == place.numeros[CLI]).values(csr=csr(1)))


@plants(CLI, "l'autorité n'est pas de la plateforme de la demande")
def _demande_of_the_other_plateforme(place: Place) -> None:
    place.change(tables.Demande, CLI, plateforme="PRODUCTION")


@plants("TLS_SERVER", "subjectAltName : contenu d'une autre forme")
def _listener_with_another_first_name(place: Place) -> None:
    forging.with_extension(
        place, "TLS_SERVER", SAN, lambda one: der.extension(SAN, der.sequence(*parts(parts(parts(one)[1])[0])[1:]))
    )


@plants("CPE_AUTH", "type de carte : autre contenu")
def _card_of_another_type(place: Place) -> None:
    oid = "1.3.6.1.4.1.32473.71.1.2.2"
    forging.with_extension(place, "CPE_AUTH", oid, value(oid, der.integer(0)))


@plants("OCSP_SIGNER", "ocsp-nocheck absente")
def _responder_that_can_be_doubted(place: Place) -> None:
    forging.with_extension(place, "OCSP_SIGNER", "1.3.6.1.5.5.7.48.1.5", lambda _: None)


@plants("OCSP_SIGNER", "validité trop longue")
def _responder_for_ever(place: Place) -> None:
    row = place.certificat("OCSP_SIGNER")
    end = row.not_after + timedelta(days=400)
    forging.with_validity(place, "OCSP_SIGNER", row.not_before, end, not_after=end)


@plants("OCSP_SIGNER", "sujet : ce n'est pas le nom de l'autorité")
def _responder_of_another_name(place: Place) -> None:
    forging.with_subject(place, "OCSP_SIGNER", lambda rdns: [*rdns[:-1], attribute(_COMMON_NAME, "OCSP ADVERSE")])


@plants(SIGN, "la clé certifiée n'est plus retenue")
def _a_certified_key_that_may_come_again(place: Place) -> None:
    place.sql(f"DELETE FROM cle_publique WHERE id_demande = {place.numeros[SIGN]}")


@plants(SIGN, "la clé présentée est retenue pour une autre plateforme")
def _a_certified_key_kept_elsewhere(place: Place) -> None:
    place.sql(f"UPDATE cle_publique SET plateforme = 'PRODUCTION' WHERE id_demande = {place.numeros[SIGN]}")


@plants(SIGN, "une raison de révocation sans révocation")
def _a_reason_that_changed_without_one(place: Place) -> None:
    place.change(tables.Certificat, SIGN, raison_modifiee_le=place.clock())


@plants("TLS_SERVER", "révoqué avant d'être émis", "révoquée, et absente de la liste")
def _revoked_before_it_was_issued(place: Place) -> None:
    row = place.certificat("TLS_SERVER")
    moment = row.not_before - timedelta(days=1)
    place.change(tables.Certificat, "TLS_SERVER", revoque_le=moment, raison_crl="superseded")


@pytest.mark.parametrize("case", PLANTED)
def test_a_planted_fault_is_found_and_named(embedded: Place, case: str) -> None:
    name, plant, needles = PLANTED[case]
    row = embedded.certificat(name)
    plant(embedded)
    report = embedded.audit()
    texts = [finding.text for finding in report.findings]
    assert len(texts) == len(needles), texts
    for needle in needles:
        assert any(needle in text for text in texts), texts
    changed = embedded.find_certificat(name) or row
    for finding in report.findings:
        named = f"{finding.subject} {finding.text}"
        assert row.serial in named or changed.serial in named, finding


def test_an_authority_issues_its_products_only(embedded: Place, tmp_path: Path) -> None:
    index = embedded.own("authorities_dir", tmp_path) / "authorities.json"
    content = json.loads(index.read_text())
    for entry in content["authorities"]:
        entry["products"] = [product for product in entry["products"] if product != "ORG_CONF"]
    index.write_text(json.dumps(content))
    (finding,) = embedded.audit().findings
    assert finding.text == "l'autorité n'émet pas ce produit"
    assert f"(demande n° {embedded.numeros['ORG_CONF']})" in finding.subject


def test_a_production_certificate_without_demande_is_planted(embedded: Place, tmp_path: Path) -> None:
    """On TEST the clients of the demo have such; in production applications that an operator registered, nobody else."""
    index = embedded.own("authorities_dir", tmp_path) / "authorities.json"
    index.write_text(index.read_text().replace('"category": 131', '"category": 3'))
    embedded.change(tables.Certificat, "CPE_AUTH", produit="ORG_SIGN")
    texts = {(one.subject.split(" (")[0], one.text) for one in embedded.audit().findings}
    row = embedded.certificat("ORG_SIGN")
    stranger = next(row for row in _rows(embedded) if row.produit == "ORG_SIGN" and row.id_demande is None)
    assert (
        f"{stranger.autorite} {stranger.serial}",
        "un produit du catalogue sans demande, sur la plateforme de production",
    ) in texts
    assert (
        f"{row.autorite} {row.serial}",
        "un produit du catalogue sans demande, sur la plateforme de production",
    ) not in texts


def test_the_first_certificate_of_an_application_has_no_demande_when_the_trail_says_whose_it_is(
    embedded: Place, tmp_path: Path
) -> None:
    index = embedded.own("authorities_dir", tmp_path) / "authorities.json"
    index.write_text(index.read_text().replace('"category": 131', '"category": 3'))
    world = embedded.world
    content = CertificateContent(
        product="ORG_AUTH_CLI",
        common_name="DPI",
        state="Paris (75)",
        organization="HOPITAL",
        organizational_unit=HOPITAL,
    )
    planted = enrolled_serial(enroll(world.context, world.plateforme, content))
    told = enrolled_serial(world.enroll_client("inconnu", content))
    found = [one.subject for one in embedded.audit().findings if one.text.startswith("un produit du catalogue sans")]
    assert [any(serial in subject for subject in found) for serial in (planted, told)] == [True, False]


def _rows(place: Place) -> list[tables.Certificat]:
    with place.db.read() as session:
        return session.query(tables.Certificat).all()


def test_what_was_prepared_must_be_signed_within_the_hour(embedded: Place) -> None:
    row = embedded.certificat(CLI)
    prepared = {
        "autorite": ORG, "produit": "ORG_SIGN", "tbs": b"\x30\x00", "not_after": row.not_after, "serial": "12" * 16,
        "not_before": embedded.clock() - timedelta(minutes=5),
    }  # fmt: skip
    with embedded.db.write() as session:
        insert_rows(session, tables.Certificat, [prepared])
    assert embedded.audit().findings == []
    embedded.clock.advance(minutes=30)
    (finding,) = embedded.audit().findings
    assert (finding.subject, finding.text) == (f"{ORG} {'12' * 16}", "contenu préparé et jamais signé")


@pytest.mark.parametrize(
    "broken", [b"", b"\x30", b"\x30\x80\x00\x00", b"\x30\x81\x01\x00", SHA256.name.encode(), b"\x30\x00" * 2]
)
def test_no_bytes_end_the_audit(embedded: Place, broken: bytes) -> None:
    embedded.change(tables.Certificat, CLI, der=broken)
    assert [one.text.split(" :")[0] for one in embedded.audit().findings] == ["certificat illisible"]
