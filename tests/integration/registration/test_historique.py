"""History (guide §10, figures 147 and 167): the exact lines of each path, and that no line ever changes."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from registration.life.giving_up import give_up
from registration.vocabulary import Canal, CodeAction, EtatDemande, Offre
from storage import tables
from tests.support.acteurs import CLINIQUE, HOPITAL, MEDECIN
from tests.support.produits import conditions
from tests.support.world import World, summary

RECORDED = ("WS", "ACT_DCL_001", "ENREGISTREE")
VALIDATED = ("WS", "ACT_DCL_005", "VALIDEE")
HANDED = ("SYSTEM", "ACT_IGC_003", "TRANSMISE")
ISSUED = ("SYSTEM", "ACT_IGC_004", "TRANSMISE")


@pytest.mark.parametrize("count", [1, 6])
def test_a_demande_that_goes_all_the_way(world: World, count: int) -> None:
    index = world.issued(*world.forms(count))
    world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    for numero in world.numeros(index):
        lines = world.history(numero)
        assert summary(lines) == [RECORDED, VALIDATED, HANDED, ISSUED, ("WS", "ACT_RET_001", "CLOSE")]
        assert {line.numero_demande for line in lines} == {numero}
        assert [line.numero for line in lines] == sorted({line.numero for line in lines})


def test_every_column_of_a_line(world: World) -> None:
    index = world.issued(world.form(), world.form("PS_AUTH", 1))
    first, second = (world.history(numero) for numero in world.numeros(index))
    recorded, _, handed, _ = first
    assert (recorded.canal, recorded.date, recorded.type_acteur) == (Canal.WS, world.clock.now, "Mandataire")
    assert recorded.acteur == f"LEROUX CAMILLE ({MEDECIN})"
    # Her right to ORG comes with the one to SERV.
    assert recorded.habilitations_acteur == f"Administrateur technique SERV {HOPITAL}"
    assert (recorded.administrateur, recorded.habilitations_administrateur) == (None, None)
    assert (handed.canal, handed.type_acteur, handed.acteur) == (Canal.SYSTEM, "PFCNG-MG", "")
    assert (handed.habilitations_acteur, handed.administrateur) == (None, None)
    assert (second[0].type_acteur, second[0].habilitations_acteur) == ("Bénéficiaire", "Demandeur à titre personnel")


def test_the_dates_are_those_of_the_steps(world: World) -> None:
    index = world.deposit(*world.forms(6)).index
    start = world.clock.now
    world.clock.advance(minutes=1)
    world.run_batch()
    world.clock.advance(minutes=1)
    world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    minutes = [(line.date - start).total_seconds() / 60 for line in world.history(world.numeros(index)[0])]
    assert minutes == [1, 1, 1, 1, 2]


def test_a_refused_demande(world: World) -> None:
    index = world.issued(world.form(email_acteur="none"))
    assert summary(world.history(world.numeros(index)[0])) == [RECORDED, ("WS", "ACT_DCL_004", "REJETEE")]


def test_a_demande_that_cannot_be_treated(world: World) -> None:
    form = world.form()
    index = world.deposit(form).index
    with world.db.write() as session:
        session.query(tables.Outbox).delete()
        give_up(session, world.numeros(index), world.clock())
    # Its key is free again.
    assert world.codes(world.deposit(form, reference="lot-2").index) == [None]
    assert summary(world.history(world.numeros(index)[0])) == [
        RECORDED,
        VALIDATED,
        ("SYSTEM", "ACT_IGC_005", "NON_TRAITEE"),
    ]


def test_a_demande_of_the_portal(world: World) -> None:
    numero = world.ra.demandes.submit(world.origin(canal=Canal.IHM), world.form())
    world.run_batch()
    world.ra.retraits.withdraw(world.origin(canal=Canal.IHM), numero, conditions())
    assert summary(world.history(numero)) == [
        ("IHM", "ACT_DCL_001", "ENREGISTREE"),
        ("IHM", "ACT_DCL_005", "VALIDEE"),
        HANDED,
        ISSUED,
        ("IHM", "ACT_RET_001", "CLOSE"),
    ]


def test_each_canal_signs_its_own_steps(world: World) -> None:
    numero = world.ra.demandes.submit(world.origin(canal=Canal.IHM), world.form())
    world.ra.demandes.cancel(world.origin(canal=Canal.WS), numero)
    assert [line.canal for line in world.history(numero)] == [Canal.IHM, Canal.IHM, Canal.WS]


def test_agir_pour_un_tiers_keeps_both(world: World) -> None:
    from registration.values import Origin

    origin = Origin(acteur=world.acteurs["dr-leroux"], canal=Canal.IHM, administrateur=world.acteurs["administrateur"])
    numero = world.ra.demandes.submit(origin, world.form())
    for line in world.history(numero):
        assert line.acteur == f"LEROUX CAMILLE ({MEDECIN})"
        assert line.administrateur == "BERTIN HUGO (30B0990011/CPE001)"


def test_lines_are_only_ever_appended(world: World) -> None:
    index = world.issued(world.form())
    before = world.history(world.numeros(index)[0])
    table = tables.Historique
    for statement in (update(table).values(acteur="X"), delete(table), text("UPDATE historique SET etat = 'CLOSE'")):
        with pytest.raises(DBAPIError, match="append-only"), world.db.write() as session:
            session.execute(statement)
    assert world.history(world.numeros(index)[0]) == before


def test_a_demande_that_is_rolled_back_leaves_no_line(world: World) -> None:
    from registration.errors import IgcError

    with pytest.raises(IgcError):
        world.ra.demandes.submit(world.origin(canal=Canal.IHM), world.form(email_acteur="none"))
    with world.db.read() as session:
        assert session.query(table_count := tables.Historique).count() == 0, table_count


def test_every_code_of_a_line_is_in_the_vocabulary(world: World) -> None:
    index = world.issued(*world.forms(2), world.form(key=5, email_acteur="none"))
    world.ra.demandes.cancel(world.origin(), world.numeros(index)[0])
    world.ra.retraits.withdraw(world.origin(), world.numeros(index)[1], conditions())
    with world.db.read() as session:
        found = {(row.code_action, row.etat) for row in session.query(tables.Historique)}
    assert {CodeAction(code) for code, _ in found} == {
        CodeAction.RECORDED,
        CodeAction.VALIDATED,
        CodeAction.REJECTED,
        CodeAction.HANDED_TO_CA,
        CodeAction.ISSUED,
        CodeAction.CANCELLED,
        CodeAction.CERTIFICATE_REVOKED,
        CodeAction.WITHDRAWN,
    }
    assert {EtatDemande(etat) for _, etat in found} <= set(EtatDemande)


def test_the_history_states_the_right_that_the_acteur_has(world: World) -> None:
    """Figures 147, 167: nothing that he lacks, and the row that really gives it; lines are never mended afterwards."""
    world.grant("inconnu", Offre.SERV, CLINIQUE, "*clinique.example")
    forms = (
        world.form(key=0, structure=CLINIQUE),  # ORG, implied by SERV
        world.form(key=1, structure=HOPITAL),  # no right there
        world.form("PS_AUTH", 2),  # an application is nobody's bearer
    )
    index = world.issued(*forms, sender="inconnu")
    # A right that comes later lets him read the second one, and changes nothing of what it says.
    world.grant("inconnu", Offre.ORG, HOPITAL)
    told = [
        [(line.type_acteur, line.habilitations_acteur) for line in world.history(numero, "inconnu")[:2]]
        for numero in world.numeros(index)
    ]
    assert told[0] == [("Mandataire", f"Administrateur technique SERV {CLINIQUE}")] * 2
    assert told[1] == [("Mandataire", "aucune")] * 2
    assert told[2] == [("Mandataire", "aucune")] * 2
