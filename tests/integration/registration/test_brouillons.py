"""Forms under way: each for its owner alone, kept through everything, and never two demandes of one."""

from __future__ import annotations

import pytest

from registration.brouillons.keeping import KEPT, LONGEST
from registration.errors import Code, IgcError, NotFoundError
from registration.values import Caller, Identite, Origin
from registration.vocabulary import Canal, GenreBrouillon
from tests.support.concurrency import together
from tests.support.csrs import csr
from tests.support.databases import count_rows
from tests.support.produits import demande_form
from tests.support.world import World


def who(world: World, name: str, administrateur: str | None = None) -> Caller:
    return Caller(
        acteur=world.acteurs[name],
        identite=Identite(emetteur="0" * 64, serie="1"),
        administrateur=None if administrateur is None else world.acteurs[administrateur],
    )


def sender(world: World, name: str = "dr-leroux") -> Origin:
    return Origin(acteur=world.acteurs[name], canal=Canal.IHM)


def test_steps_are_kept_one_by_one_for_three_days(world: World) -> None:
    mine, forms = who(world, "dr-leroux"), world.ra.brouillons
    opened = forms.begin(mine, GenreBrouillon.DEMANDE, {"etape1": {"offre": "ORG"}})
    forms.keep(mine, opened.id, "etape3", {"service": "Messagerie « é »"})
    forms.keep(mine, opened.id, "etape1", {"offre": "SERV"})
    read = forms.read(mine, opened.id)
    assert read is not None
    assert read.donnees == {"etape1": {"offre": "SERV"}, "etape3": {"service": "Messagerie « é »"}}
    world.clock.advance(seconds=KEPT.total_seconds() - 1)
    assert forms.read(mine, opened.id) == read
    world.clock.advance(seconds=2)
    assert forms.read(mine, opened.id) is None
    assert forms.keep(mine, opened.id, "etape1", {}) is None
    forms.begin(mine, GenreBrouillon.DEMANDE, {})
    assert count_rows(world.db)["brouillon"] == 1


def test_nobody_finds_what_another_one_typed(world: World) -> None:
    forms = world.ra.brouillons
    opened = forms.begin(who(world, "dr-leroux"), GenreBrouillon.DEMANDE, {"etape1": {"offre": "ORG"}})
    for other in (who(world, "ph-arnaud"), who(world, "dr-leroux", administrateur="ph-arnaud")):
        assert forms.read(other, opened.id) is None
        assert forms.keep(other, opened.id, "etape1", {"offre": "PS"}) is None
        forms.drop(other, opened.id)
    with pytest.raises(NotFoundError):
        world.ra.demandes.submit(sender(world, "ph-arnaud"), demande_form(csr(0)), brouillon=opened.id)
    kept = forms.read(who(world, "dr-leroux"), opened.id)
    assert kept is not None
    assert kept.donnees == {"etape1": {"offre": "ORG"}}


def test_too_much_is_refused_and_the_oldest_go(world: World) -> None:
    mine, forms = who(world, "dr-leroux"), world.ra.brouillons
    first = forms.begin(mine, GenreBrouillon.DEMANDE, {})
    with pytest.raises(ValueError, match="bytes"):
        forms.keep(mine, first.id, "etape3", {"texte": "x" * LONGEST})
    for _ in range(45):
        world.clock.advance(seconds=1)
        last = forms.begin(mine, GenreBrouillon.DEMANDE, {})
    assert count_rows(world.db)["brouillon"] == 40
    assert forms.read(mine, first.id) is None
    assert forms.read(mine, last.id) is not None


def test_a_double_click_places_one_demande(world: World) -> None:
    mine, forms = who(world, "dr-leroux"), world.ra.brouillons
    opened = forms.begin(mine, GenreBrouillon.DEMANDE, {"etape1": {}})
    demande = demande_form(csr(0))

    def send() -> int:
        return world.ra.demandes.submit(sender(world), demande, brouillon=opened.id)

    numeros = together([send] * 4)
    assert len(set(numeros)) == 1
    assert isinstance(numeros[0], int)
    assert count_rows(world.db)["demande"] == 1
    assert send() == numeros[0]
    sent = forms.keep(mine, opened.id, "etape1", {"offre": "PS"})
    assert sent is not None
    assert (sent.numero, sent.donnees) == (numeros[0], {"etape1": {}})
    forms.drop(mine, opened.id)
    assert forms.read(mine, opened.id) == sent


def test_what_was_refused_can_be_sent_again(world: World) -> None:
    mine, forms = who(world, "dr-leroux"), world.ra.brouillons
    opened = forms.begin(mine, GenreBrouillon.DEMANDE, {})
    with pytest.raises(IgcError) as caught:
        world.ra.demandes.submit(sender(world), demande_form(csr(0), email_acteur="nobody"), brouillon=opened.id)
    assert caught.value.code is Code.EMAIL_ACTEUR_SYNTAX
    assert world.ra.demandes.submit(sender(world), demande_form(csr(0)), brouillon=opened.id)
