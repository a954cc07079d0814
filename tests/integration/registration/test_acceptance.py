"""What a withdrawal accepts (guide §9.2): who, when, by which canal, which texts; one row for one act."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from sqlalchemy import select

from registration.errors import Code, IgcError
from registration.retraits.textes import TexteChangedError, publish_textes
from registration.values import Textes
from registration.vocabulary import NatureTexte, Plateforme
from storage import tables
from tests.support.assertions import assert_refused, the
from tests.support.databases import assert_same_cost, count_rows
from tests.support.produits import conditions
from tests.support.textes import TEXTES, fichier, texte
from tests.support.world import World


def acceptances(world: World) -> list[tables.Acceptation]:
    return world.values(select(tables.Acceptation).order_by(tables.Acceptation.id))


def of(world: World, numero: int) -> tables.Acceptation:
    ident = the(world.certificat(numero).id_acceptation)
    (row,) = world.values(select(tables.Acceptation).where(tables.Acceptation.id == ident))
    return row


def test_it_says_who_when_how_and_what(world: World) -> None:
    (numero,) = world.numeros(world.issued(world.form()))
    world.clock.advance(hours=2)
    world.ra.retraits.withdraw(world.origin(), numero, conditions())
    row = of(world, numero)
    assert (row.id_acteur, row.id_administrateur, row.canal) == (world.acteurs["dr-leroux"].id, None, "WS")
    assert row.acceptee_le == world.clock.now == world.certificat(numero).retire_le
    assert (row.cgu_version, row.cgu_empreinte) == (TEXTES.cgu.version, TEXTES.cgu.empreinte)
    assert (row.pc_version, row.pc_empreinte) == (TEXTES.pc.version, TEXTES.pc.empreinte)


def test_who_acts_for_another_is_named_beside_him(world: World) -> None:
    (numero,) = world.numeros(world.issued(world.form()))
    origin = msgspec.structs.replace(world.origin(), administrateur=world.acteurs["administrateur"])
    world.ra.retraits.withdraw(origin, numero, conditions())
    assert of(world, numero).id_administrateur == world.acteurs["administrateur"].id


def test_a_page_is_one_act_and_its_repetition_is_none(world: World) -> None:
    index = world.with_policy(at_once=20).issued(*world.forms(7))
    for _ in range(2):
        world.ra.retraits.withdraw_page(world.origin(), index, conditions(), limit=5)
    assert len(acceptances(world)) == 1
    world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert len({world.certificat(numero).id_acceptation for numero in world.numeros(index)}) == 2
    assert len(acceptances(world)) == 2


def test_what_is_refused_accepts_nothing(world: World) -> None:
    index = world.issued(world.form())
    (numero,) = world.numeros(index)
    with assert_refused(IgcError, Code.CGU_NOT_ACCEPTED):
        world.ra.retraits.withdraw(world.origin(), numero, conditions(cgu_accepted=False))
    world.clock.advance(days=10)
    with assert_refused(IgcError, Code.RETRAIT_FAILED):
        world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert acceptances(world) == []


def test_a_larger_page_costs_no_statement_more(world: World) -> None:
    index = world.with_policy(at_once=40).issued(*world.forms(30))
    assert_same_cost(
        world.db,
        lambda: world.ra.retraits.withdraw_page(world.origin(), index, conditions(), limit=2),
        lambda: world.ra.retraits.withdraw_page(world.origin(), index, conditions(), after=2, limit=25),
    )


def test_each_act_keeps_the_versions_of_its_day(world: World) -> None:
    first, second = world.numeros(world.issued(*world.forms(2)))
    world.ra.retraits.withdraw(world.origin(), first, conditions())
    later = Textes(cgu=texte(NatureTexte.CGU, "2.0", b"autre"), pc=TEXTES.pc)
    replace(world, textes=later).ra.retraits.withdraw(world.origin(), second, conditions())
    assert [of(world, numero).cgu_version for numero in (first, second)] == ["1.0", "2.0"]
    # Repeated under the new version it stays the act that it was.
    replace(world, textes=later).ra.retraits.withdraw(world.origin(), first, conditions())
    assert of(world, first).cgu_version == "1.0"


def test_a_version_that_was_published_never_changes(world: World) -> None:
    files = (fichier(NatureTexte.CGU), fichier(NatureTexte.PC))
    for _ in range(2):
        publish_textes(world.db, world.plateforme, files, world.clock.now)
    assert count_rows(world.db)["texte"] == 2
    other = (fichier(NatureTexte.CGU, "2.0"), fichier(NatureTexte.PC, "1.0", b"autre texte"))
    with pytest.raises(TexteChangedError, match=r"PC, version 1\.0"):
        publish_textes(world.db, world.plateforme, other, world.clock.now)
    assert count_rows(world.db)["texte"] == 2
    publish_textes(world.db, world.plateforme, (other[0], fichier(NatureTexte.PC, "2.0")), world.clock.now)
    # The other plateforme has texts of its own, under whatever version.
    publish_textes(world.db, Plateforme.PRODUCTION, other, world.clock.now)
    assert count_rows(world.db)["texte"] == 6
