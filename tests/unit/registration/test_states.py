"""The state tables: complete, ended, and what a cancellation may touch. The arrows themselves: docs/etats.md."""

from __future__ import annotations

import pytest

from registration.rules.states import AVIS, CANCELLABLE, DEMANDE, IMPORT, PENDING, PRODUIT, REVOCATION, sources_of
from registration.vocabulary import (
    LABELS,
    EtatAvis,
    EtatDemande,
    EtatImport,
    EtatProduit,
    EtatRevocation,
    Motif,
    NatureLot,
)


def test_every_etat_has_its_line() -> None:
    assert set(DEMANDE) == set(EtatDemande)
    assert set(PRODUIT) == set(EtatProduit)
    assert set(REVOCATION) == set(EtatRevocation)
    assert set(AVIS) == set(EtatAvis)
    assert set(IMPORT) == set(EtatImport)
    assert set(PENDING) == set(NatureLot)


def test_what_is_ended_stays_ended() -> None:
    ends = {EtatDemande.CLOSE, EtatDemande.REJETEE, EtatDemande.NON_TRAITEE, EtatDemande.ANNULEE}
    assert {etat for etat, targets in DEMANDE.items() if not targets} == ends
    assert {etat for etat, targets in PRODUIT.items() if not targets} == {EtatProduit.EXPIRE, EtatProduit.REVOQUE}


def test_no_etat_leads_to_itself_or_back() -> None:
    order = list(EtatDemande)
    for source, targets in DEMANDE.items():
        assert all(order.index(target) > order.index(source) for target in targets)


def test_every_etat_can_be_reached() -> None:
    reached, todo = {EtatDemande.ENREGISTREE}, [EtatDemande.ENREGISTREE]
    while todo:
        fresh = DEMANDE[todo.pop()] - reached
        reached |= fresh
        todo.extend(fresh)
    assert reached == set(EtatDemande)


@pytest.mark.parametrize("etat", EtatDemande)
def test_sources_are_the_arrows_backwards(etat: EtatDemande) -> None:
    assert all(etat in DEMANDE[source] for source in sources_of(etat))
    assert len(sources_of(etat)) == sum(etat in targets for targets in DEMANDE.values())


def test_before_the_withdrawal_everything_can_be_cancelled() -> None:
    assert set(CANCELLABLE) == {EtatDemande.ENREGISTREE, EtatDemande.VALIDEE, EtatDemande.TRANSMISE}


def test_every_etat_has_its_label() -> None:
    assert {etat for etat in LABELS if isinstance(etat, EtatDemande)} == set(EtatDemande)
    assert {etat for etat in LABELS if isinstance(etat, EtatProduit)} == set(EtatProduit)
    assert all(LABELS[etat] == LABELS[EtatDemande(etat.value)] for etat in EtatRevocation)
    assert {motif for motif in LABELS if isinstance(motif, Motif)} == set(Motif)
