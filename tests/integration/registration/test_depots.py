"""Lots looked at before they are sent: kept, checked as a deposit would, sent once, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from registration.brouillons import keeping
from registration.errors import AccessError, Code, ConflictError, IgcError, NotFoundError
from registration.lots import preparing
from registration.lots.follow_up import follow_lot
from registration.values import Caller, LotForm, RevocationForm, RevocationLotForm
from registration.views import LotReceipt
from registration.vocabulary import Canal, EtatLot
from storage import tables
from tests.support.acteurs import card_of, withdraw_rights
from tests.support.assertions import assert_refused
from tests.support.concurrency import together
from tests.support.produits import conditions, lot
from tests.support.world import World


def caller(world: World, name: str, holder: str | None = None) -> Caller:
    acteur = world.acteurs[name]
    return Caller(
        acteur=acteur,
        identite=card_of(acteur.id),
        administrateur=None if holder is None else world.acteurs[holder],
    )


def pages(world: World) -> int:
    with world.db.read() as session:
        return session.scalar(select(func.count()).select_from(tables.BrouillonPage)) or 0


def bad_lot(world: World) -> LotForm:
    forms = world.forms(6)
    return lot("essai", *forms, world.form(key=20, email_acteur="personne"), world.form(key=21, email_acteur="rien"))


def test_it_is_checked_as_a_deposit_would_and_sent_once(world: World) -> None:
    origin = world.origin(canal=Canal.IHM)
    form = bad_lot(world)
    prepared = world.ra.depots.prepare(origin, form)
    assert (prepared.reference, prepared.nombre, prepared.index, prepared.verification) == ("essai", 8, None, None)
    assert prepared.id is not None
    expected = world.ra.lots.verify(origin, form)
    told = world.ra.depots.check(origin, prepared.id)
    assert (told.fini, told.faits, told.acceptees, told.refusees) == (True, 8, 6, 2)
    assert [(one.position, one.code, one.texte) for one in told.refus] == [
        (one.position, one.refusals[0].code, one.refusals[0].texte) for one in expected if one.refusals
    ]
    assert [(cause.code, cause.nombre) for cause in told.causes] == [(Code.EMAIL_ACTEUR_SYNTAX.value, 2)]
    assert told.subjects
    assert world.ra.depots.read(origin, prepared.id).verification == told
    first = world.ra.depots.submit(origin, prepared.id)
    again = world.ra.depots.submit(origin, prepared.id)
    assert (first.already_known, again.already_known) == (False, True)
    assert first.index == again.index == world.ra.depots.read(origin, prepared.id).index
    assert pages(world) == 0
    world.run_batch()
    followed = follow_lot(world.db, origin.acteur, index=first.index)
    assert (followed.nombre, followed.etat) == (8, EtatLot.TERMINE)
    # The same file once more: its index, and nothing is kept of it.
    known = world.ra.depots.prepare(origin, form)
    assert (known.id, known.index) == (None, first.index)
    assert pages(world) == 0
    with assert_refused(ConflictError, Code.LOT_CONFLICT):
        world.ra.depots.prepare(origin, lot("essai", *world.forms(1, 30)))


def test_many_who_send_it_at_once_make_one_lot(world: World) -> None:
    origin = world.origin(canal=Canal.IHM)
    prepared = world.ra.depots.prepare(origin, lot("ensemble", *world.forms(3)))
    assert prepared.id is not None
    ident = prepared.id
    receipts = together([lambda: world.ra.depots.submit(origin, ident)] * 4)
    assert len({receipt.index for receipt in receipts if isinstance(receipt, LotReceipt)}) == 1
    assert not [one for one in receipts if isinstance(one, Exception)]
    with world.db.read() as session:
        assert session.scalar(select(func.count()).select_from(tables.Lot)) == 1


def test_how_far_a_check_is_can_be_read_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = world.origin(canal=Canal.IHM)
    prepared = world.ra.depots.prepare(origin, lot("long", *world.forms(12)))
    assert prepared.id is not None
    seen = []
    keep = keeping.keep_step

    def keep_and_look(*args: Any) -> object:
        kept = keep(*args)
        verification = world.ra.depots.read(origin, prepared.id or "").verification
        assert verification is not None
        seen.append((verification.faits, verification.fini))
        return kept

    monkeypatch.setattr(keeping, "keep_step", keep_and_look)
    world.ra.depots.check(origin, prepared.id)
    assert seen == [(0, False), (5, False), (10, False), (12, False), (12, True)]


def test_a_lot_that_is_refused_as_a_whole_says_so(world: World) -> None:
    origin = world.origin(canal=Canal.IHM)
    prepared = world.ra.depots.prepare(origin, lot("perdu", *world.forms(2)))
    assert prepared.id is not None
    # A person keeps the right over what she bears; an application has none left.
    application = world.origin("dpi-acacias", Canal.IHM)
    theirs = world.ra.depots.prepare(application, lot("perdu", *world.forms(2)))
    withdraw_rights(world.db, application.acteur)
    told = world.ra.depots.check(application, theirs.id or "")
    assert told.fini
    assert told.erreur is not None
    assert Code.NO_RIGHT.value in told.erreur
    with pytest.raises(AccessError):
        world.ra.depots.submit(application, theirs.id or "")
    with pytest.raises(AccessError):
        world.ra.depots.prepare(application, lot("autre", *world.forms(1)))


def test_nobody_else_finds_it_not_even_himself_in_anothers_name(world: World) -> None:
    origin = world.origin(canal=Canal.IHM)
    ident = world.ra.depots.prepare(origin, lot("mien", *world.forms(2))).id or ""
    for other in (caller(world, "administrateur"), caller(world, world.sender, "administrateur")):
        with assert_refused(NotFoundError, Code.LOT_UNKNOWN):
            world.ra.depots.read(other, ident)
    for act in (world.ra.depots.check, world.ra.depots.submit):
        with assert_refused(NotFoundError, Code.LOT_UNKNOWN):
            act(world.origin("administrateur", Canal.IHM), ident)
    world.clock.advance(days=3, seconds=1)
    with assert_refused(NotFoundError, Code.LOT_UNKNOWN):
        world.ra.depots.read(origin, ident)


def test_few_are_kept_at_once_and_what_is_over_takes_its_items_along(world: World) -> None:
    origin = world.origin(canal=Canal.IHM)
    idents = []
    for rank in range(preparing.MOST + 1):
        world.clock.advance(seconds=1)
        idents.append(world.ra.depots.prepare(origin, lot(f"lot-{rank}", *world.forms(2))).id or "")
    with assert_refused(NotFoundError, Code.LOT_UNKNOWN):
        world.ra.depots.read(origin, idents[0])
    assert pages(world) == preparing.MOST
    world.clock.advance(days=4)
    world.ra.depots.prepare(origin, lot("new", *world.forms(2)))
    assert pages(world) == 1


def test_a_lot_without_items_or_with_too_many_is_refused(world: World) -> None:
    origin = world.origin(canal=Canal.IHM)
    for form in (lot("vide"), lot("plein", *world.forms(1) * 41)):
        with assert_refused(IgcError, Code.TOO_MANY_ITEMS):
            world.ra.depots.prepare(origin, form)
    assert pages(world) == 0


def test_a_lot_of_revocations_goes_the_same_way(world: World) -> None:
    index = world.issued(*world.forms(2))
    origin = world.origin(canal=Canal.IHM)
    numeros = world.numeros(index)
    for numero in numeros:
        world.ra.retraits.withdraw(origin, numero, conditions())
    good = RevocationForm(numero=numeros[0], motif="FIN_ACTIVITE", email="a@acacias.example", confirmation=True)
    bad = RevocationForm(numero=999_999, motif="FIN_ACTIVITE", email="a@acacias.example", confirmation=True)
    prepared = world.ra.depots.prepare(origin, RevocationLotForm(reference="rev", revocations=(good, bad)))
    assert prepared.id is not None
    told = world.ra.depots.check(origin, prepared.id)
    assert (told.acceptees, told.refusees, [one.position for one in told.refus]) == (1, 1, [2])
    receipt = world.ra.depots.submit(origin, prepared.id)
    assert follow_lot(world.db, origin.acteur, index=receipt.index).nombre == 2
