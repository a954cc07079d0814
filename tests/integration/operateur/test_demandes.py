"""``igc demande find`` and ``igc revoke demande``: from what somebody on the telephone has at hand to the revocation."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from sqlalchemy import select

from registration.vocabulary import Plateforme
from storage import tables
from tests.integration.operateur.conftest import Desk
from tests.support.acteurs import HOPITAL
from tests.support.databases import count_rows
from tests.support.hierarchies import Hierarchy
from tests.support.verbs import igc
from tests.support.world import make_world

pytestmark = pytest.mark.long


def find(desk: Desk, *words: object) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(desk.good("demande", "find", *words, "--format", "csv")), delimiter=";"))


def test_a_demande_is_found_by_each_thing_that_is_known_of_it(desk: Desk) -> None:
    world = desk.world
    form = world.form("SERV_SMIME", 5, adresse_email="Labo@Acacias.example", email_acteur="si@acacias.example")
    index = world.issued(form, world.form("PRO_AUTH", 6))
    mail, card = world.numeros(index)
    certificat = world.certificat(mail)
    for words in (
        (mail,),
        ("--serial", f"0x{int(certificat.serial, 16):X}"),
        ("--email", "labo@ACACIAS.example"),
        ("--email", "si@acacias.example"),
        ("--structure", HOPITAL, "--serial", certificat.serial),
    ):
        (row,) = find(desk, *words)
        assert (row["numero"], row["serie"], row["email"]) == (str(mail), certificat.serial, "Labo@acacias.example")
    assert [row["numero"] for row in find(desk, "--lot", index)] == [str(card), str(mail)]
    (bearer,) = {row["beneficiaire"] for row in find(desk, card)}
    assert str(card) in {row["numero"] for row in find(desk, "--beneficiaire", bearer)}
    assert "et d'autres" in desk.good("demande", "find", "--lot", index, "--limit", 1)
    assert find(desk, mail, "--structure", "10B0990099") == []
    assert "un numéro, ou" in desk.refused("demande", "find")
    assert "hexadécimal" in desk.refused("demande", "find", "--serial", "xyz")


def test_the_other_plateforme_is_not_looked_into(desk: Desk, production_hierarchy: Hierarchy) -> None:
    other = make_world(desk.world.db, production_hierarchy, Plateforme.PRODUCTION, desk.world.clock.now)
    other.clock.now = desk.world.clock.now
    numero = other.place(other.form())
    other.run_batch()
    assert find(desk, numero) == []
    told = desk.refused("revoke", "demande", numero, "--reason", "superseded", "--motif", "essai", "--yes")
    assert "inconnue sur cette plateforme" in told


def test_demandes_are_revoked_all_or_none(desk: Desk) -> None:
    world = desk.world
    first, second = world.numeros(world.issued(*world.forms(2)))
    waiting = world.place(world.form(key=9))
    before = count_rows(world.db)
    words = ("--reason", "cessationOfOperation", "--motif", "service fermé")
    told = desk.refused("revoke", "demande", first, waiting, *words, "--yes")
    assert f"demande n° {waiting} : VALIDEE, sans certificat" in told
    assert "Essai" in desk.good("revoke", "demande", first, second, *words, "--dry-run")
    assert count_rows(world.db) == before
    assert "révoqué 2" in desk.good("revoke", "demande", first, second, first, *words, "--yes")
    assert {row["raison"] for row in (*find(desk, first), *find(desk, second))} == {"cessationOfOperation"}
    assert "déjà révoqué 2" in desk.good("revoke", "demande", first, second, *words, "--yes")
    with world.db.read() as session:
        line = tables.PisteAudit
        lines = session.execute(select(line.contenu, line.auteur).where(line.acte == "REVOCATION")).all()
    (told_line,) = lines
    assert '"motif":"service fermé"' in told_line.contenu
    assert told_line.auteur.startswith("revocation par ")


@pytest.mark.parametrize("option", [("--reason", "parce que"), ("--motif", " ")])
def test_a_revocation_has_a_known_reason_and_says_why(desk: Desk, option: tuple[str, str]) -> None:
    words = {"--reason": "superseded", "--motif": "essai"} | dict([option])
    done = [word for pair in words.items() for word in pair]
    assert igc("revoke", "demande", 1, *done, "--yes", "--config", desk.config).exit_code in {1, 2}
