"""What a refused item claims to concern is its sender's alone: nobody reads it, and it tells nobody's secrets."""

from __future__ import annotations

import pytest

from registration.errors import Code, NotFoundError
from registration.lots.pages import give_up_page
from registration.views import SearchCriteria
from registration.vocabulary import EtatDemande, Offre
from tests.support.acteurs import CLINIQUE, HOPITAL
from tests.support.produits import lot
from tests.support.world import World


def test_a_refused_item_is_not_shown_to_the_structure_that_it_names(world: World) -> None:
    """Somebody without any right there writes what he likes in its fields."""
    world.grant("inconnu", Offre.ORG, CLINIQUE)
    forms = [
        world.form(key=rank, structure=HOPITAL, service_applicatif="Votre facture est jointe") for rank in range(6)
    ]
    index = world.deposit(*forms, sender="inconnu").index
    world.run_batch()
    assert set(world.etats(index)) == {EtatDemande.REJETEE}
    for name in ("dr-leroux", "administrateur", "dpi-acacias"):
        acteur = world.acteurs[name]
        assert world.ra.demandes.search(acteur, SearchCriteria(all_offres=True)).demandes == ()
        for numero in world.numeros(index):
            with pytest.raises(NotFoundError):
                world.ra.demandes.read(acteur, numero)
        with pytest.raises(NotFoundError):
            world.ra.lots.follow(acteur, index=index)
    # Its sender reads every verdict.
    assert world.ra.lots.follow(world.acteurs["inconnu"], index=index).nombre == 6


def test_what_could_not_be_examined_is_not_shown_either(world: World) -> None:
    world.grant("inconnu", Offre.ORG, CLINIQUE)
    forms = [world.form(key=rank, structure=HOPITAL) for rank in range(6)]
    index = world.deposit(*forms, sender="inconnu").index
    with world.db.write() as session:
        give_up_page(session, index, 0, world.clock(), world.policy.lots)
    assert EtatDemande.NON_TRAITEE in world.etats(index)
    assert world.ra.demandes.search(world.acteurs["administrateur"], SearchCriteria(all_offres=True)).demandes == ()


@pytest.mark.parametrize(("structure", "sees"), [(CLINIQUE, False), (HOPITAL, True)])
def test_a_key_of_somebody_else_tells_of_him_only_to_who_may_follow_him(
    world: World, structure: str, sees: bool
) -> None:
    (numero,) = world.numeros(world.issued(world.form(key=0)))
    world.grant("inconnu", Offre.ORG, structure)
    form = world.form(key=0, structure=structure)
    (verdict,) = world.ra.lots.verify(world.origin("inconnu"), lot("v", form))
    (row,) = world.demandes(world.deposit(form, sender="inconnu").index)
    texts = [refusal.texte for refusal in verdict.refusals if refusal.code == Code.CSR_REFUSED.value]
    assert row.code_erreur == Code.CSR_REFUSED.value
    assert texts == [row.texte_erreur]
    for told in (str(numero), HOPITAL, "02/03/2026"):
        assert (told in texts[0]) is sees
