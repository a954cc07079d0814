"""Agir pour un tiers over SOAP: a whole life in his place, and its end at the next request, wherever that stands."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from sqlalchemy import select

from registration.acteurs.administrateurs import appoint, dismiss
from registration.acteurs.habilitations import Terms
from registration.vocabulary import Offre
from storage import tables
from tests.integration.ws.conftest import Door
from tests.integration.ws.test_canal import CONDITIONS, as_item, as_xml, refused
from tests.integration.ws.test_waiting import Waiting, ask, listeners, version_now, wait_until
from tests.support.acteurs import HOPITAL, MEDECIN, PHARMACIENNE
from tests.support.databases import count_rows, statements
from tests.unit.ws.messages import envelope, fault_of, lot, request
from ws.contract.files import ENDPOINT
from ws.contract.names import CONTRACT_NS

pytestmark = pytest.mark.long

HELPER = "ph-arnaud"
HELPED, HELPS = f"LEROUX CAMILLE ({MEDECIN})", f"ARNAUD INES ({PHARMACIENNE})"
NUMBER = f"<l:numeroNational>{MEDECIN}</l:numeroNational>"
HEADER = f'<l:pourLeCompteDe xmlns:l="{CONTRACT_NS}">{NUMBER}</l:pourLeCompteDe>'


@dataclass
class Port:
    """The operations of the service, with or without the header."""

    service: Any
    tiers: str | None = None

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        headers = {} if self.tiers is None else {"_soapheaders": {"pourLeCompteDe": {"numeroNational": self.tiers}}}
        return lambda **arguments: self.service[operation](**arguments, **headers)


@pytest.fixture
def named(door: Door) -> Door:
    """A door behind which the pharmacist may act for others."""
    with door.world.db.write() as session:
        ident = door.world.acteurs[HELPER].id
        assert appoint(session, ident, door.world.clock(), Terms(motif="assistance"))
    return door


@pytest.fixture
def mine(named: Door) -> Iterator[Port]:
    with requests.Session() as session:
        yield Port(named.zeep(session, HELPER))


@pytest.fixture
def his(named: Door) -> Iterator[Port]:
    with requests.Session() as session:
        yield Port(named.zeep(session, HELPER), MEDECIN)


def end_it(door: Door) -> None:
    with door.world.db.write() as session:
        assert dismiss(session, door.world.acteurs[HELPER].id, door.world.clock(), "départ")


def test_a_life_in_his_place(named: Door, his: Port, mine: Port) -> None:
    world = named.world
    state, own = his.consulterService(), mine.consulterService()
    assert (state.acteur, state.administrateur, own.acteur, own.administrateur) == (
        "LEROUX CAMILLE", "ARNAUD INES", "ARNAUD INES", None,
    )  # fmt: skip
    allowed = world.ra.acteurs.allowed_structures(world.acteurs["dr-leroux"])
    assert {(right.offre, right.structure) for right in his.mesDroits().droit} == {one[:2] for one in allowed}
    assert his.mesDroits().pourSoi
    given = {"reference": "pour-lui", "demande": [as_item(form) for form in world.forms(7)]}
    assert his.verifierLot(lot=given).acceptables == 7
    index = his.deposerLot(lot=given).indexLot
    assert his.deposerLot(lot=given).dejaDepose
    world.run_batch()
    assert his.suivreLot(reference="pour-lui").aRetirer == 7
    numeros = [one.numeroDemande for one in his.listerDemandesLot(indexLot=index).demande]
    assert his.annulerDemande(numeroDemande=numeros[0]).annulees == 1
    assert his.retirerDemande(numeroDemande=numeros[1], conditions=CONDITIONS).numeroDemande == numeros[1]
    assert len(his.retirerPageLot(indexLot=index, conditions=CONDITIONS).retrait) == 6
    assert his.rechercherDemandes(criteres={"indexLot": index}).nombre == 7
    assert his.rechercherProduits(criteres={"indexLot": index, "etatProduit": "ACTIF"}).nombre == 6
    assert his.consulterProduit(numeroProduit=numeros[1]).produit.demandeur == "LEROUX CAMILLE"
    assert his.telechargerCertificat(numeroProduit=numeros[1]).certificat
    history = his.consulterDemande(numeroDemande=numeros[1]).ligneHistorique
    steps = {(line.acteur, line.administrateur) for line in history if line.canal == "WS"}
    assert steps == {(HELPED, HELPS)}
    assert {line.habilitationsAdministrateur for line in history if line.canal == "WS"} == {"Agir pour un tiers"}
    assert his.annulerLot(indexLot=index).annulees == 0
    revoked(his, numeros[1:])
    assert his.listerARenouveler().nombre == 0
    # What was done in his place is his, and the helper's own name opens nothing of it.
    for call in (
        lambda: mine.suivreLot(indexLot=index),
        lambda: mine.listerDemandesLot(indexLot=index),
        lambda: mine.retirerPageLot(indexLot=index, conditions=CONDITIONS),
        lambda: mine.consulterDemande(numeroDemande=numeros[1]),
        lambda: mine.telechargerCertificat(numeroProduit=numeros[1]),
    ):
        assert refused(call)[0] == "introuvable"
    assert mine.rechercherDemandes(criteres={"offre": "TOUTES"}).nombre == 0


def revoked(his: Port, numeros: list[int]) -> None:
    """One, one on a day and given up, and a lot with one on a day that is cancelled."""
    common = {"motif": "FIN_ACTIVITE", "emailActeur": "a@acacias.example", "confirmation": True}
    later = common | {"dateEffet": "2026-12-20"}
    assert his.revoquerCertificat(revocation=common | {"numeroProduit": numeros[0]}).resultat == "REVOQUE"
    planned = his.revoquerCertificat(revocation=later | {"numeroProduit": numeros[1]})
    assert his.abandonnerRevocation(numeroRevocation=planned.numeroRevocation).annulees == 1
    items = [common | {"numeroProduit": numeros[1]}, later | {"numeroProduit": numeros[2]}]
    given = {"reference": "rev-pour-lui", "revocation": items}
    assert his.verifierLotRevocations(lotRevocations=given).acceptables == 2
    index = his.deposerLotRevocations(lotRevocations=given).indexLot
    bilan = his.annulerLot(indexLot=index)
    assert (bilan.annulees, bilan.inchangees) == (1, 1)
    bilan = his.annulerLot(indexLot=index)
    assert (bilan.annulees, bilan.inchangees) == (0, 2)
    listed = his.listerRevocationsLot(indexLot=index).revocation
    assert [one.resultat for one in listed] == ["REVOQUE", "ABANDONNEE"]
    assert his.rechercherRevocations(criteres={"indexLot": index}).nombre == 2
    lines = his.consulterRevocation(numeroRevocation=listed[1].numeroRevocation).ligneHistorique
    assert [line.codeAction for line in lines] == ["ACT_REV_001", "ACT_REV_001", "ACT_REV_002"]
    assert {(line.acteur, line.administrateur) for line in lines} == {(HELPED, HELPS)}


def test_the_end_counts_at_the_next_request_and_nothing_is_done_in_ones_own_name(named: Door, his: Port) -> None:
    world = named.world
    world.grant(HELPER, Offre.ORG, HOPITAL)  # he could do it in his own name as well
    given = {"reference": "un", "demande": [as_item(world.form())]}
    index = his.deposerLot(lot=given).indexLot
    end_it(named)
    before = count_rows(world.db)
    for call in (
        lambda: his.deposerLot(lot=given | {"reference": "deux"}),
        lambda: his.suivreLot(indexLot=index),
        lambda: his.annulerLot(indexLot=index),
        his.mesDroits,
        his.consulterService,
    ):
        kind, members = refused(call)
        assert (kind, members["code"], members["champ"]) == ("accesRefuse", "ERR_IHM_026", "pourLeCompteDe")
    assert count_rows(world.db) == before


def test_the_end_counts_in_the_midst_of_a_wait(named: Door) -> None:
    world = named.world
    index = world.with_policy(at_once=20).deposit(*world.forms(1), reference="lot").index
    message = ask(index, version_now(named, index))
    waiting = Waiting(named, message.replace(b"<s:Body>", f"<s:Header>{HEADER}</s:Header><s:Body>".encode()), 2, HELPER)
    wait_until(lambda: len(listeners()) == 1)
    end_it(named)
    world.ra.lots.cancel(world.origin(), index)
    waiting.join()
    assert [fault_of(answer)["code"] for _, answer in waiting.ended] == ["ERR_IHM_026"] * 2


def test_the_end_counts_at_the_end_of_a_wait_in_which_nothing_changed(named: Door) -> None:
    world = named.world
    index = world.with_policy(at_once=20).deposit(*world.forms(1), reference="lot").index
    message = ask(index, version_now(named, index), seconds=2)
    waiting = Waiting(named, message.replace(b"<s:Body>", f"<s:Header>{HEADER}</s:Header><s:Body>".encode()), 1, HELPER)
    wait_until(lambda: len(listeners()) == 1)
    end_it(named)
    waiting.join()
    assert [fault_of(answer)["code"] for _, answer in waiting.ended] == ["ERR_IHM_026"]


def test_the_end_counts_in_the_midst_of_a_big_message(named: Door) -> None:
    world = named.world
    world.grant(HELPER, Offre.ORG, HOPITAL)
    filler = f"<!--{'x' * 100_000}-->"
    body = envelope(lot(as_xml(world.form())), header=HEADER + filler)
    half = len(body) - 2_000
    with statements(world.db.engine) as sent:
        connection = begin(named, body)
        connection.send(body[:half])
        wait_until(lambda: any("identite" in one for one in sent))  # who sends it is known
    end_it(named)
    connection.send(body[half:])
    answer = connection.getresponse().read()
    connection.close()
    assert fault_of(answer)["code"] == "ERR_IHM_026"
    assert count_rows(world.db)["lot"] == 0


def begin(door: Door, body: bytes) -> http.client.HTTPSConnection:
    connection = door.connect(HELPER)
    connection.putrequest("POST", ENDPOINT)
    connection.putheader("Content-Type", "text/xml")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    return connection


@pytest.mark.parametrize("name", ["administrateur", "inconnu", "dr-leroux"])
def test_who_is_not_named_acts_for_nobody(named: Door, name: str) -> None:
    """A person with rights of his own, an application, and he himself."""
    status, answer = named.post(envelope(request("mesDroits"), header=HEADER), name)
    fault = fault_of(answer)
    assert (status, fault["code"], fault["fault"]) == (500, "ERR_IHM_026", "accesRefuse")


@pytest.mark.parametrize("number", [PHARMACIENNE, "899700990999", f"{HOPITAL}/DPI", ""])
def test_a_wrong_number_is_018(named: Door, number: str) -> None:
    answer = named.post(envelope(request("mesDroits"), header=HEADER.replace(MEDECIN, number)), HELPER)[1]
    fault = fault_of(answer)
    assert (fault["code"], fault["champ"], fault["repetable"]) == ("ERR_IHM_018", "pourLeCompteDe", "false")


def test_large_lots_keep_both_names_through_the_batch(named: Door, his: Port) -> None:
    world = named.world
    forms = [as_item(form) for form in world.forms(12)]
    index = his.deposerLot(lot={"reference": "grand", "demande": forms}).indexLot
    end_it(named)
    world.run_batch()
    line = tables.Historique
    rows = world.rows(
        select(line.acteur, line.administrateur, line.serie).where(
            line.id_demande.in_(world.numeros(index)), line.canal == "WS"
        )
    )
    assert len(rows) == 24
    ((acteur, administrateur, serie),) = {tuple(row) for row in rows}
    assert (acteur, administrateur) == (HELPED, HELPS)
    assert serie == world.values(select(tables.Lot.serie).where(tables.Lot.id == index))[0]
