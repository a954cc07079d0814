"""Both ways to a page, the walk and the indexes, find the same: wherever a walk ends nothing is lost or told twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from registration.acteurs.visibility import may_follow
from registration.demandes import newest, queries
from registration.demandes import revocations as of_revocations
from registration.produits import queries as of_produits
from registration.revocation_views import RevocationCriteria
from registration.values import Acteur
from registration.views import ProduitCriteria, SearchCriteria
from registration.vocabulary import Offre
from storage import tables
from tests.support.acteurs import AGENT, CLINIQUE
from tests.support.produits import conditions
from tests.support.revoking import revocation_form
from tests.support.world import World

pytestmark = pytest.mark.long

WALKS = (0, 1, 3, newest.WALK)
Turn = Callable[[int | None], tuple[list[int], int | None]]


@pytest.fixture
def mixed(world: World) -> World:
    """Three times the same lot: several offres, a refusal, a structure of others; then a revocation of each lot."""
    world.grant("administrateur", Offre.ORG, CLINIQUE)
    for rank in range(3):
        index = world.with_policy(at_once=20).issued(
            world.form("ORG_AUTH_CLI", 10 * rank, reference="org"),
            world.form("PRO_SIGN", 10 * rank + 1, reference="pro", beneficiaire=AGENT),
            world.form("PS_AUTH", 10 * rank + 2, reference="ps"),
            world.form("ORG_CONF", 10 * rank + 3, reference="bad", email_acteur="none"),
            world.form("ORG_SIGN", 10 * rank + 4, reference="foreign", structure=CLINIQUE),
            reference=f"lot-{rank}",
        )
        world.ra.retraits.withdraw_page(world.origin(), index, conditions())
        world.ra.revocations.revoke(world.origin(), revocation_form(world.numeros(index)[0]))
    return world


def walked(turn: Turn) -> list[int]:
    """Everything, page by page."""
    found, after = turn(None)
    while after is not None:
        more, after = turn(after)
        found += more
    return found


def of_demandes(world: World, acteur: Acteur, criteria: SearchCriteria) -> Turn:
    def turn(after: int | None) -> tuple[list[int], int | None]:
        page = world.ra.demandes.search(acteur, criteria, after=after, limit=2)
        return [view.numero for view in page.demandes], page.next_after

    return turn


def every(world: World, acteur: Acteur, table: type[tables.Demande | tables.DemandeRevocation]) -> list[int]:
    """All that he may follow, newest first, by the rule that looks at each row."""
    query = select(table.id).order_by(table.id.desc()).where(may_follow(acteur))
    if table is tables.DemandeRevocation:
        query = query.join(tables.Demande, tables.Demande.id == tables.DemandeRevocation.id_demande)
    return world.values(query)


@pytest.mark.parametrize("walk", WALKS)
def test_pages_give_everything_once(mixed: World, walk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (queries, of_produits):
        monkeypatch.setattr(module, "WALK", walk)
    monkeypatch.setattr(of_revocations, "_WALK", walk)
    for name, acteur in mixed.acteurs.items():
        demandes = every(mixed, acteur, tables.Demande)
        assert walked(of_demandes(mixed, acteur, SearchCriteria(all_offres=True))) == demandes, name
        assert mixed.ra.demandes.count(acteur, SearchCriteria(all_offres=True)) == len(demandes)
        pros = [numero for numero in demandes if mixed.demande(numero).offre == "PRO"]
        assert walked(of_demandes(mixed, acteur, SearchCriteria(offre=Offre.PRO))) == pros

        def of_products(after: int | None, acteur: Acteur = acteur) -> tuple[list[int], int | None]:
            page = mixed.ra.produits.search(acteur, ProduitCriteria(all_offres=True), after=after, limit=2)
            return [view.numero for view in page.produits], page.next_after

        def of_wishes(after: int | None, acteur: Acteur = acteur) -> tuple[list[int], int | None]:
            page = mixed.ra.revocations.search(acteur, RevocationCriteria(), after=after, limit=2)
            return [view.numero for view in page.revocations], page.next_after

        shown = [numero for numero in demandes if mixed.demande(numero).etat_produit in {"ACTIF", "REVOQUE"}]
        assert walked(of_products) == shown, name
        assert walked(of_wishes) == every(mixed, acteur, tables.DemandeRevocation), name
