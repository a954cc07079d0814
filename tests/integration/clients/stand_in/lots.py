"""The stand-in's operations on lots: deposit, check, follow-up, list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from lxml import etree

from tests.integration.clients.stand_in.authority import now
from tests.integration.clients.stand_in.memory import Memory, page
from tests.integration.clients.stand_in.messages import FaultError, Member, Value, all_of, one_of, refusal, text_of


def deposer_lot(memory: Memory, body: etree._Element) -> Iterator[Member]:
    node = body[0]
    reference = one_of(node, "reference").text or ""
    content = etree.tostring(node, method="c14n", exclusive=True)
    known = next((one for one in memory.lots.values() if one.reference == reference), None)
    if known is not None and known.content != content:
        raise FaultError("conflit", "ERR_WS_030", "Cette référence de lot a déjà servi pour un autre contenu.")
    lot = known or memory.keep(reference, content, all_of(node, "demande"))
    yield (
        "accuse",
        [
            ("indexLot", lot.index),
            ("reference", reference),
            ("nombre", len(lot.demandes)),
            ("deposeLe", lot.born),
            ("dejaDepose", known is not None),
        ],
    )


def verifier_lot(_memory: Memory, body: etree._Element) -> Iterator[Member]:
    demandes = all_of(body[0], "demande")
    verdicts: list[Value] = []
    refused = 0
    for position, node in enumerate(demandes, start=1):
        bad = text_of(node, "serviceApplicatif") == "REFUS"
        refused += bad
        reference = text_of(node, "reference")
        members: list[Member] = [("position", position)]
        members += [("reference", reference)] if reference else []
        members += [("acceptable", not bad)]
        if not bad:
            named: list[Member] = [("nature", "DNS"), ("valeur", "a.exemple.fr")]
            warned: list[Member] = [
                ("code", "AVT_WS_001"), ("texte", "Nom à vérifier."), ("champ", "serviceApplicatif"),
            ]  # fmt: skip
            members += [("sujet", "CN=essai, C=FR"), ("nomAlternatif", named)]
            members += [("avertissement", warned)] if position == 1 else []
        members += [("erreur", list(refusal()))] if bad else []
        verdicts.append(members)
    yield (
        "bilan",
        [
            ("nombre", len(demandes)),
            ("acceptables", len(demandes) - refused),
            ("refusees", refused),
            *(("verdict", members) for members in verdicts),
        ],
    )


def suivre_lot(memory: Memory, body: etree._Element) -> Iterator[Member]:
    index, reference = text_of(body, "indexLot"), text_of(body, "reference")
    by_reference = next((lot.index for lot in memory.lots.values() if lot.reference == reference), 0)
    lot = memory.lot(by_reference if index is None else int(index))
    counts = Counter(demande.etat for demande in lot.demandes)
    ready = sum(demande.produit == "A_RETIRER" for demande in lot.demandes)
    waiting, total = counts["ENREGISTREE"], len(lot.demandes)
    yield (
        "suivi",
        [
            ("indexLot", lot.index),
            ("reference", lot.reference),
            ("etat", "EN_COURS" if waiting else "TERMINE"),
            ("nombre", total),
            ("enregistrees", waiting),
            ("validees", 0),
            ("transmises", counts["TRANSMISE"]),
            ("closes", counts["CLOSE"]),
            ("rejetees", counts["REJETEE"]),
            ("nonTraitees", 0),
            ("annulees", counts["ANNULEE"]),
            ("aRetirer", ready),
            ("avancement", 100 * (total - waiting) // total),
            ("deposeLe", lot.born),
            ("modifieLe", now()),
            ("version", str(lot.version)),
        ],
    )
    memory.advance(lot)


def lister_demandes_lot(memory: Memory, body: etree._Element) -> Iterator[Member]:
    lot, etat = memory.lot_of(body), text_of(body, "etat")
    shown, after = page(body, [one for one in lot.demandes if etat in (None, one.etat)])
    members: list[Member] = [("demande", list(demande.as_members())) for demande in shown]
    yield "page", [("nombre", len(members)), *members, *after]
