"""What a revocation changes: every reason against every state of a certificate, every state of a demande."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from pki.status.reasons import REASONS
from registration.rules.revocation import KEY_COMPROMISE, Consequence, Outcome, consequence, judge
from registration.rules.states import DEMANDE, PRODUIT
from registration.vocabulary import EtatDemande, EtatProduit

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
BEFORE, AFTER = NOW - timedelta(days=1), NOW + timedelta(days=1)


@pytest.mark.parametrize("raison", REASONS)
def test_a_certificate_in_force_is_revoked_and_one_that_expired_is_not(raison: str) -> None:
    assert judge(raison, revoque_le=None, raison_crl=None, not_after=AFTER, now=NOW) is Outcome.REVOKED
    for end in (BEFORE, NOW):
        assert judge(raison, revoque_le=None, raison_crl=None, not_after=end, now=NOW) is Outcome.EXPIRED


@pytest.mark.parametrize(("raison", "first"), list(product(REASONS, [*REASONS, None])))
def test_a_second_revocation_only_ever_changes_the_reason_to_compromise(raison: str, first: str | None) -> None:
    outcome = judge(raison, revoque_le=BEFORE, raison_crl=first, not_after=AFTER, now=NOW)
    stronger = raison == KEY_COMPROMISE and first != KEY_COMPROMISE
    assert outcome is (Outcome.STRENGTHENED if stronger else Outcome.UNCHANGED)
    assert judge(raison, revoque_le=BEFORE, raison_crl=first, not_after=BEFORE, now=NOW) is Outcome.UNCHANGED


def test_only_what_is_written_is_a_change() -> None:
    assert {outcome for outcome in Outcome if outcome.is_change} == {Outcome.REVOKED, Outcome.STRENGTHENED}


STEPS = {
    Consequence.CANCEL: (EtatDemande.ANNULEE, None),
    Consequence.REVOKE: (None, EtatProduit.REVOQUE),
    Consequence.CANCEL_AND_REVOKE: (EtatDemande.ANNULEE, EtatProduit.REVOQUE),
    Consequence.GIVE_UP: (EtatDemande.NON_TRAITEE, None),
}


@pytest.mark.parametrize(("etat", "produit", "signed"), list(product(EtatDemande, [None, *EtatProduit], [False, True])))
def test_every_step_is_an_arrow_of_the_state_tables(
    etat: EtatDemande, produit: EtatProduit | None, signed: bool
) -> None:
    if produit is EtatProduit.EXPIRE:
        return  # never stored: it follows the date
    for revoked, blocked in product([False, True], repeat=2):
        step = consequence(etat, produit, signed=signed, revoked=revoked, blocked=blocked)
        if step is None:
            continue
        new_etat, new_produit = STEPS[step]
        assert new_etat is None or new_etat in DEMANDE[etat]
        assert new_produit is None or produit is None or new_produit in PRODUIT[produit]


@pytest.mark.parametrize("etat", EtatDemande)
def test_what_is_revoked_is_never_left_as_valid_nor_waiting(etat: EtatDemande) -> None:
    ended = not DEMANDE[etat]
    signed = consequence(etat, EtatProduit.A_RETIRER, signed=True, revoked=True, blocked=False)
    assert signed is (Consequence.REVOKE if ended else Consequence.CANCEL_AND_REVOKE)
    unsigned = consequence(etat, None, signed=False, revoked=True, blocked=False)
    assert unsigned is (None if ended else Consequence.CANCEL)
    blocked = consequence(etat, None, signed=False, revoked=True, blocked=True)
    assert blocked is (None if ended else Consequence.GIVE_UP)


@pytest.mark.parametrize("etat", EtatDemande)
def test_what_is_done_is_not_done_again(etat: EtatDemande) -> None:
    assert consequence(etat, EtatProduit.REVOQUE, signed=True, revoked=True, blocked=True) is None
    assert consequence(etat, EtatProduit.ACTIF, signed=True, revoked=False, blocked=False) is None
    assert consequence(etat, None, signed=False, revoked=False, blocked=False) is None
