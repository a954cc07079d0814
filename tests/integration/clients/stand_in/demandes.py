"""The stand-in's operations on demandes: search, consultation, withdrawal, cancellation, of one or of a lot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from tests.integration.clients.stand_in.authority import StandInAuthority, now
from tests.integration.clients.stand_in.memory import Demande, Memory, page
from tests.integration.clients.stand_in.messages import FaultError, Member, one_of, text_of

WEAK_CODE = "faible"


def rechercher_demandes(memory: Memory, body: etree._Element) -> Iterator[Member]:
    criteres = one_of(body, "criteres")
    offre = text_of(criteres, "offre")
    if len(criteres) == 0:
        raise FaultError("messageRefuse", "ERR_IHM_025", "Précisez un numéro de demande, un index de lot ou une offre.")
    shown, after = page(body, [one for one in memory.demandes.values() if offre in {one.text("offre"), "TOUTES"}])
    members: list[Member] = [("demande", list(demande.as_members())) for demande in shown]
    yield "page", [("nombre", len(members)), *members, *after]


def lister_a_renouveler(_memory: Memory, _body: etree._Element) -> Iterator[Member]:
    """Its certificates are all of today."""
    yield "page", [("nombre", 0)]


def consulter_demande(memory: Memory, body: etree._Element) -> Iterator[Member]:
    demande = memory.demande_of(body)
    step: list[Member] = [
        ("numero", 1),
        ("canal", "WS"),
        ("date", demande.born),
        ("codeAction", "ACT_DCL_001"),
        ("etat", "ENREGISTREE"),
        ("typeActeur", "Mandataire"),
        ("acteur", "1750140014"),
    ]
    yield (
        "detail",
        [
            ("demande", list(demande.as_members())),
            ("attributSujet", [("nom", "CN"), ("valeur", "accueil")]),
            ("ligneHistorique", step),
        ],
    )


def retirer_demande(memory: Memory, body: etree._Element) -> Iterator[Member]:
    demande = memory.demande_of(body)
    _check_conditions(body, [demande])
    if demande.certificate is None:
        raise FaultError("conflit", "ERR_WS_033", f"Le certificat n'est pas à retirer (état {demande.etat}).")
    yield "retrait", [*_withdraw(demande, memory.authority), ("chaine", _chain(memory.authority))]


def retirer_page_lot(memory: Memory, body: etree._Element) -> Iterator[Member]:
    lot = memory.lot_of(body)
    shown, after = page(body, lot.demandes)
    _check_conditions(body, shown)
    members: list[Member] = [
        ("retrait", list(_withdraw(one, memory.authority))) for one in shown if one.certificate is not None
    ]
    waiting = sum(one.etat == "ENREGISTREE" for one in lot.demandes)
    chain: list[Member] = [("chaine", _chain(memory.authority))] if members else []
    yield "page", [("nombre", len(members)), *members, *chain, *after, ("enAttente", waiting)]


def annuler_demande(memory: Memory, body: etree._Element) -> Iterator[Member]:
    demande = memory.demande_of(body)
    if demande.etat == "CLOSE":
        raise FaultError("conflit", "ERR_WS_035", "Cette demande ne peut plus être annulée (état CLOSE).")
    yield "bilan", _cancel([demande])


def annuler_lot(memory: Memory, body: etree._Element) -> Iterator[Member]:
    yield "bilan", _cancel(memory.lot_of(body).demandes)


def _check_conditions(body: etree._Element, demandes: Sequence[Demande]) -> None:
    conditions = one_of(body, "conditions")
    code = text_of(conditions, "codeRevocation")
    if code != text_of(conditions, "confirmation"):
        raise FaultError("messageRefuse", "ERR_IHM_010", "Code et confirmation différents.", champ="confirmation")
    if code == WEAK_CODE:
        raise FaultError("messageRefuse", "ERR_IHM_011", "Code trop faible.", champ="codeRevocation")
    if text_of(conditions, "acceptationCgu") != "true":
        raise FaultError("messageRefuse", "ERR_IHM_012", "CGU non acceptées.", champ="acceptationCgu")
    for demande in demandes:
        if demande.code not in (None, code):
            raise FaultError("conflit", "ERR_IHM_013", "Déjà retiré avec un autre code.", position=demande.position)
        if demande.certificate is not None:
            demande.code = code


def _withdraw(demande: Demande, authority: StandInAuthority) -> Iterator[Member]:
    assert demande.certificate is not None
    demande.etat, demande.produit = "CLOSE", "ACTIF"
    yield "numeroDemande", demande.numero
    yield "indexLot", demande.lot_index
    yield "position", demande.position
    if reference := demande.text("reference"):
        yield "reference", reference
    yield "numeroSerie", f"{demande.certificate.serial_number:X}"
    yield "finValidite", demande.certificate.not_valid_after_utc
    yield "retireLe", now()
    yield "autorite", "AC d'essai"
    yield "certificat", demande.certificate.public_bytes(Encoding.DER)
    yield "pkcs7", authority.chain(demande.certificate)


def _chain(authority: StandInAuthority) -> list[Member]:
    above = [("certificat", one.public_bytes(Encoding.DER)) for one in (authority.certificate, authority.root)]
    return [("autorite", "AC d'essai"), *above]


def _cancel(demandes: Sequence[Demande]) -> list[Member]:
    changed = [one for one in demandes if one.etat in ("ENREGISTREE", "TRANSMISE")]
    for demande in changed:
        demande.etat, demande.produit, demande.certificate = "ANNULEE", None, None
    return [("annulees", len(changed)), ("inchangees", len(demandes) - len(changed))]
