"""Faults planted in the history, in the states and in what must be unique: each is found, named, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from audit.findings import Topic
from registration.life.giving_up import give_up
from registration.retraits.overdue import end_overdue
from storage import tables
from tests.integration.audit import forging
from tests.integration.audit.conftest import Place
from tests.integration.audit.forging import SERIAL, forge
from tests.support.csrs import key
from tests.support.signers import watched

pytestmark = pytest.mark.long

Plant = Callable[[Place], object]
PLANTED: dict[str, tuple[Plant, tuple[tuple[str, str], ...]]] = {}


def plants(*expected: tuple[str, str]) -> Callable[[Plant], Plant]:
    """Register a fault with (name of the demande, words) of each of its findings."""

    def register(plant: Plant) -> Plant:
        PLANTED[plant.__name__.strip("_").replace("_", " ")] = (plant, expected)
        return plant

    return register


def lines(place: Place, name: str, **values: str) -> None:
    """Change lines of a history: ``where`` says which, the others are columns."""
    where = values.pop("where")
    changes = ", ".join(f"{column} = '{value}'" for column, value in values.items())
    place.sql(f"UPDATE historique SET {changes} WHERE id_demande = {place.numeros[name]} AND {where}")


def without_lines(place: Place, name: str, where: str = "1 = 1") -> None:
    place.sql(f"DELETE FROM historique WHERE id_demande = {place.numeros[name]} AND {where}")


@plants(("waiting", "ligne 2 impossible à cette place : ACT_IGC_003 TRANSMISE"))
def _a_line_is_gone(place: Place) -> None:
    without_lines(place, "waiting", "code_action = 'ACT_DCL_005'")


@plants(("rejected", "ligne 1 impossible à cette place : ACT_DCL_004 REJETEE"))
def _the_first_line_is_gone(place: Place) -> None:
    without_lines(place, "rejected", "code_action = 'ACT_DCL_001'")


@plants(("new", "aucune ligne d'historique"))
def _every_line_is_gone(place: Place) -> None:
    without_lines(place, "new")


@plants(("ORG_SIGN", "état CLOSE, mais sa dernière ligne dit TRANSMISE"))
def _the_last_line_is_gone(place: Place) -> None:
    without_lines(place, "ORG_SIGN", "code_action = 'ACT_RET_001'")


@plants(("ORG_SIGN", "ligne 4 impossible à cette place : ACT_IGC_003 TRANSMISE"))
def _a_step_twice(place: Place) -> None:
    lines(place, "ORG_SIGN", where="code_action = 'ACT_IGC_004'", code_action="ACT_IGC_003")


@plants(("ORG_SIGN", "ligne 3 impossible à cette place : ACT_IGC_003 VALIDEE"))
def _a_step_with_another_etat(place: Place) -> None:
    lines(place, "ORG_SIGN", where="code_action = 'ACT_IGC_003'", etat="VALIDEE")


@plants(("ORG_SIGN", "impossible à cette place : ACT_XXX_001 CLOSE"))
def _an_unknown_step(place: Place) -> None:
    lines(place, "ORG_SIGN", where="code_action = 'ACT_RET_001'", code_action="ACT_XXX_001")


@plants(
    ("ORG_SIGN", "ligne 5 : date antérieure"),
    ("ORG_SIGN", "la date de retrait du certificat n'est pas celle de l'historique"),
)
def _a_date_that_goes_back(place: Place) -> None:
    lines(place, "ORG_SIGN", where="code_action = 'ACT_RET_001'", date="2026-01-06 00:00:00.000000")


@plants(
    ("ORG_SIGN", "ligne 3 : ACT_IGC_003 n'est pas un pas de MALLORY par WS"),
    ("ORG_SIGN", "ligne 3 : le certificat client présenté n'était pas celui de MALLORY"),
)
def _an_automatic_step_of_a_person(place: Place) -> None:
    lines(place, "ORG_SIGN", where="code_action = 'ACT_IGC_003'", acteur="MALLORY", canal="WS")


@plants(("ORG_SIGN", "le canal de la demande n'est pas celui de son enregistrement"))
def _another_canal(place: Place) -> None:
    place.change(tables.Demande, "ORG_SIGN", canal="IHM")


@plants(("revoked", "ligne 7 impossible à cette place : ACT_REV_001 VALIDEE"))
def _a_revocation_that_nobody_asked_for(place: Place) -> None:
    place.sql(
        "INSERT INTO historique (id_demande, canal, date, code_action, etat, type_acteur, acteur) SELECT id_demande, "
        "canal, date, 'ACT_REV_001', 'VALIDEE', type_acteur, acteur FROM historique "
        f"WHERE id_demande = {place.numeros['revoked']} AND code_action = 'ACT_IGC_006'"
    )


@plants(("waiting", "encore à retirer, longtemps après sa date limite"))
def _a_limit_that_nobody_follows(place: Place) -> None:
    place.change(tables.Demande, "waiting", limite_retrait=place.clock.now - timedelta(hours=2))


@plants(("ORG_SIGN", "retirée après sa date limite"))
def _withdrawn_after_the_limit(place: Place) -> None:
    place.change(tables.Demande, "ORG_SIGN", limite_retrait=place.clock.now - timedelta(hours=1))


def overdue(place: Place) -> None:
    """One more demande, which nobody withdrew in time."""
    place.numeros["overdue"] = place.world.place(place.world.form(key=26))
    place.world.run_batch()
    place.change(tables.Demande, "overdue", limite_retrait=place.clock.now)
    assert end_overdue(place.db, place.clock) == 1


def test_who_did_not_come_in_time_is_no_fault(place: Place) -> None:
    overdue(place)
    assert place.audit(trail=True).findings == []


@plants(("overdue", "annulée pour délai de retrait dépassé avant sa date limite"))
def _ended_before_the_limit(place: Place) -> None:
    overdue(place)
    place.change(tables.Demande, "overdue", limite_retrait=place.clock.now + timedelta(days=1))


@plants(("overdue", "demande ANNULEE sans code d'erreur"))
def _ended_without_its_motif(place: Place) -> None:
    overdue(place)
    place.change(tables.Demande, "overdue", code_erreur=None)


@plants(("waiting", "état CLOSE, mais sa dernière ligne dit TRANSMISE"))
def _etat_edited(place: Place) -> None:
    place.change(tables.Demande, "waiting", etat="CLOSE", etat_produit="ACTIF")


@plants(("waiting", "produit ACTIF d'une demande TRANSMISE"))
def _product_edited(place: Place) -> None:
    place.change(tables.Demande, "waiting", etat_produit="ACTIF")


@plants(("waiting", "état du produit absent, le certificat est signé"))
def _product_forgotten(place: Place) -> None:
    place.change(tables.Demande, "waiting", etat_produit=None)


@plants(("new", "état du produit A_RETIRER, le certificat n’est pas signé"))
def _product_of_nothing(place: Place) -> None:
    place.change(tables.Demande, "new", etat_produit="A_RETIRER")


@plants(("ORG_SIGN", "les dates du produit dans la demande ne sont pas celles de son certificat"))
def _a_product_that_ends_later_for_searches(place: Place) -> None:
    ends = place.certificat("ORG_SIGN").not_after
    place.change(tables.Demande, "ORG_SIGN", produit_fin_le=ends + timedelta(days=1))


@plants(("new", "les dates du produit dans la demande ne sont pas celles de son certificat"))
def _dates_of_nothing(place: Place) -> None:
    place.change(tables.Demande, "new", produit_emis_le=place.clock())


@plants(("ORG_SIGN", "état du produit REVOQUE, le certificat n’est pas révoqué"))
def _revoked_product_without_revocation(place: Place) -> None:
    place.change(tables.Demande, "ORG_SIGN", etat_produit="REVOQUE")


@plants(("revoked", "état du produit ACTIF, le certificat est révoqué"))
def _product_that_forgot_its_revocation(place: Place) -> None:
    place.change(tables.Demande, "revoked", etat_produit="ACTIF")


@plants(("revoked", "le certificat est révoqué, et aucune ligne ne le dit"))
def _revocation_without_lines(place: Place) -> None:
    without_lines(place, "revoked", "code_action = 'ACT_IGC_006'")


@plants(
    ("cancelled", "demande ANNULEE, et son certificat n'est pas révoqué"),
    ("cancelled", "état du produit REVOQUE, le certificat n’est pas révoqué"),
    ("cancelled", "sur la liste, et pas révoquée"),
)
def _revocation_taken_back(place: Place) -> None:
    place.change(tables.Certificat, "cancelled", revoque_le=None, raison_crl=None)


@plants(("ORG_SIGN", "produit expiré avant la fin de son certificat"))
def _expired_before_its_time(place: Place) -> None:
    place.change(tables.Demande, "ORG_SIGN", etat_produit="EXPIRE")


@plants(
    ("waiting", "le retrait du certificat et celui de l'historique ne vont pas ensemble"),
    ("waiting", "code de révocation ne vont pas"),
)
def _withdrawn_in_secret(place: Place) -> None:
    place.change(tables.Certificat, "waiting", retire_le=place.clock())


@plants(("rejected", "demande REJETEE sans code d'erreur"))
def _rejected_without_a_reason(place: Place) -> None:
    place.change(tables.Demande, "rejected", code_erreur=None)


@plants(("new", "un certificat existe, et la demande n'a jamais été transmise"))
def _a_certificate_that_nobody_handed_over(place: Place) -> None:
    row = place.certificat("ORG_SIGN")
    values = {"produit": "ORG_AUTH_CLI", "tbs": b"\x30\x00", "serial": "34" * 16}
    _add(
        place,
        row,
        id_demande=place.numeros["new"],
        der=None,
        emis_le=None,
        retire_le=None,
        id_code_revocation=None,
        **values,
    )


@plants(
    ("ORG_SIGN", "transmise à l'AC, et ni certificat ni contenu à signer n'existent"),
    ("ORG_SIGN", "les dates du produit dans la demande ne sont pas celles de son certificat"),
    ("ORG_SIGN", "état du produit ACTIF, le certificat n’est pas signé"),
)
def _a_certificate_that_is_gone(place: Place) -> None:
    place.sql(f"DELETE FROM certificat WHERE id_demande = {place.numeros['ORG_SIGN']}")


@plants(("TLS_SERVER", "même clé publique que"))
def _one_key_in_two_certificates(place: Place) -> None:
    forging.with_key(place, "TLS_SERVER", key(0))


def _add(place: Place, row: tables.Certificat, **changes: object) -> None:
    """One more row like another."""
    columns = tables.Certificat.__table__.columns.keys()
    values = {name: getattr(row, name) for name in columns if name != "id"} | changes
    with place.db.write() as session:
        session.execute(insert(tables.Certificat).values(**values))


def named(place: Place, name: str) -> tuple[str, ...]:
    """How a finding may name a demande, or the certificate that no demande asked for."""
    row = place.find_certificat(name)
    return (
        *((f"demande n° {place.numeros[name]}",) if name in place.numeros else ()),
        *((row.serial,) if row is not None else ()),
    )


def check(place: Place, expected: tuple[tuple[str, str], ...]) -> None:
    """Exactly these findings; that a state was edited shows in the counts of its lot too, which have tests of their own."""
    findings = [one for one in place.audit().findings if one.topic != Topic.LOT]
    assert len(findings) == len(expected), findings
    left = list(findings)
    for name, words in expected:
        fitting = [
            one
            for one in left
            if words in one.text and any(n in f"{one.subject} {one.text}" for n in named(place, name))
        ]
        assert fitting, (name, words, left)
        left.remove(fitting[0])


@plants(("ORG_SIGN", "la date de la demande n'est pas celle de son enregistrement"))
def _older_than_its_record(place: Place) -> None:
    place.sql(f"UPDATE demande SET cree_le = '2026-01-05 00:00:00.000000' WHERE id = {place.numeros['ORG_SIGN']}")


@pytest.mark.parametrize("case", PLANTED)
def test_a_planted_fault_is_found_and_named(embedded: Place, case: str) -> None:
    plant, expected = PLANTED[case]
    plant(embedded)
    check(embedded, expected)


_LOTS = {
    "UPDATE demande SET id_lot = NULL, position = NULL WHERE id = 5": [
        "lot n° 1 : déposé avec 13 demande(s), la base en a 12, ou à d'autres places",
        "demande n° 5 : déposée par le service web, et d'aucun lot",
    ],
    "UPDATE demande SET position = 1000 WHERE id = 5": [
        "lot n° 1 : déposé avec 13 demande(s), la base en a 13, ou à d'autres places"
    ],
    "UPDATE lot SET nombre = 12 WHERE id = 1": [
        "lot n° 1 : déposé avec 12 demande(s), la base en a 13, ou à d'autres places"
    ],
    "UPDATE lot SET id_acteur = id_acteur + 1 WHERE id = 3": ["lot n° 3 : son acteur n'est pas celui de ses demandes"],
    "UPDATE lot SET plateforme = 'PRODUCTION' WHERE id = 3": [
        "lot n° 3 : sa plateforme n'est pas celle de ses demandes"
    ],
    "DELETE FROM compteur WHERE nom = 'lot'": ["numéros de lot : leur compteur a disparu"],
    "UPDATE compteur SET prochain = 3": [
        "numéros de demande : le compteur en est à 3, le n° 20 est donné",
        "numéros de lot : le compteur en est à 3, le n° 3 est donné",
    ],
}


@pytest.mark.parametrize("statement", _LOTS)
def test_lots_and_counters(place: Place, statement: str) -> None:
    place.sql(statement)
    findings = [one for one in place.audit().findings if one.topic != Topic.LOT]
    assert [f"{one.subject} : {one.text}" for one in findings] == _LOTS[statement]


def test_the_same_on_both_databases(place: Place) -> None:
    plant, expected = PLANTED["a date that goes back"]
    plant(place)
    check(place, expected)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "UPDATE demande SET etat = 'ANNULEE' WHERE etat = 'TRANSMISE' AND etat_produit = 'A_RETIRER'",
            "ANNULEE A_RETIRER 0",
        ),
        ("UPDATE lot_compte SET nombre = nombre + 1 WHERE etat = 'CLOSE'", "CLOSE ACTIF"),
        ("UPDATE lot_compte SET etat_produit = 'EXPIRE' WHERE etat_produit = 'ACTIF'", "CLOSE EXPIRE"),
        ("DELETE FROM lot_compte WHERE etat = 'REJETEE'", "REJETEE 0 au lieu de"),
    ],
)
def test_counts_that_are_not_those_of_the_rows(place: Place, change: str, words: str) -> None:
    place.sql(change)
    found = [one.text for one in place.audit().findings if one.topic == Topic.LOT]
    assert any(words in text for text in found), found


def test_lines_of_a_demande_that_does_not_exist(place: Place) -> None:
    place.sql(
        "INSERT INTO historique (id_demande, canal, date, code_action, etat, type_acteur, acteur) "
        "SELECT 987654, canal, date, code_action, etat, type_acteur, acteur FROM historique WHERE id = 1"
    )
    (finding,) = place.audit().findings
    assert (finding.topic, finding.subject) == ("HISTORIQUE", "demande n° 987654")
    assert finding.text == "1 ligne(s) d'une demande qui n'existe pas"


def _without_constraints(place: Place) -> None:
    """What forbids doubles is dropped first, as whoever wants doubles would do."""
    if place.db.engine.dialect.name == "sqlite":
        place.sql(
            "PRAGMA legacy_alter_table=ON",
            "ALTER TABLE certificat RENAME TO certificat_before",
            "CREATE TABLE certificat AS SELECT * FROM certificat_before",
        )
        return
    place.sql(
        "ALTER TABLE certificat DROP CONSTRAINT uq_certificat__id_demande",
        "ALTER TABLE certificat DROP CONSTRAINT uq_certificat__autorite_serial",
    )


def test_doubles(place: Place) -> None:
    _without_constraints(place)
    row = place.certificat("ORG_SIGN")
    columns = ", ".join(column.name for column in tables.Certificat.__table__.columns if column.name != "id")
    place.sql(
        f"INSERT INTO certificat (id, {columns}) SELECT 900, {columns} FROM certificat WHERE id = {row.id}",
    )
    texts = {(one.topic.value, one.text) for one in place.audit().findings}
    demande = place.numeros["ORG_SIGN"]
    assert texts == {
        ("UNICITE", f"numéro de série donné 2 fois ({row.autorite})"),
        ("UNICITE", f"plusieurs certificats : {row.autorite} {row.serial}, {row.autorite} {row.serial}"),
        ("UNICITE", f"même clé publique que {row.autorite} {row.serial} (demande n° {demande})"),
    }


def test_one_serial_under_one_name_whatever_the_keys(place: Place, tmp_path: Path) -> None:
    """Two authorities of one name after a rollover; here both certify the same number."""
    import json

    index = place.own("authorities_dir", tmp_path) / "authorities.json"
    content = json.loads(index.read_text())
    (old,) = [entry for entry in content["authorities"] if entry["short_name"] == "ACI-EL-ORG-TEST"]
    content["authorities"].append(old | {"short_name": "ACI-EL-ORG-2-TEST"})
    index.write_text(json.dumps(content))
    (place.authorities_dir / "ACI-EL-ORG-2-TEST.pem").write_bytes(
        (place.authorities_dir / "ACI-EL-ORG-TEST.pem").read_bytes()
    )
    row = place.certificat("ORG_SIGN")
    _add(
        place, place.certificat("TLS_SERVER"), autorite="ACI-EL-ORG-2-TEST", serial=row.serial, spki_sha256=b"\x00" * 32
    )
    found = [one for one in place.audit().findings if one.topic == "UNICITE"]
    assert [one.text for one in found] == ["numéro de série donné 2 fois (ACI-EL-ORG-2-TEST et ACI-EL-ORG-TEST)"]
    assert row.serial in found[0].subject


def test_a_key_given_back_may_come_again(embedded: Place) -> None:
    """A demande that was given up while it was being signed: its certificate is revoked, its key free."""
    world = embedded.world
    world.run_batch()  # what waits in every copy
    (numero,) = world.numeros(world.deposit(world.form(key=40), reference="lot-9").index)
    embedded.numeros["first"] = numero

    def give_it_up(_tbs: bytes) -> None:
        with embedded.db.write() as session:
            give_up(session, [numero], embedded.clock())

    world.run_batch(context=replace(world.context, signers=watched(world.hierarchy.signers, give_it_up)))
    assert world.certificat(numero).revoque_le is not None
    world.issued(world.form(key=40), reference="lot-10")
    assert embedded.audit().findings == []
    embedded.change(tables.Demande, "first", etat="ANNULEE")
    with embedded.db.read() as session:
        assert session.scalar(select(tables.Demande.etat).where(tables.Demande.id == numero)) == "ANNULEE"
    assert "UNICITE" in {one.topic for one in embedded.audit().findings}


def test_a_forged_serial_of_another_certificate_is_named(embedded: Place) -> None:
    other = int(embedded.certificat("ORG_CONF").serial, 16)
    from pki.certificates import der

    forge(embedded, "ORG_SIGN")({SERIAL: lambda _: der.integer(other)})
    (finding,) = embedded.audit().findings
    assert finding.text == "le numéro de série du certificat n'est pas celui de la ligne"
