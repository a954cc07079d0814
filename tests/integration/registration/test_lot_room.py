"""What of a lot waits for whom, and what became of each item, as CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from registration.errors import Code, NotFoundError
from registration.values import RevocationForm, RevocationLotForm
from registration.vocabulary import EtatRevocation
from tests.support.acteurs import withdraw_rights
from tests.support.assertions import assert_refused
from tests.support.produits import conditions
from tests.support.world import World


def rows(world: World, index: int, name: str = "dr-leroux") -> list[dict[str, str]]:
    content = b"".join(world.ra.lots.export(world.acteurs[name], index)).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(content), delimiter=";"))


def test_what_waits_is_told_with_its_limits_to_who_may_withdraw(world: World) -> None:
    index = world.deposit(*world.forms(8)).index
    world.register_pages()
    acteur = world.acteurs["dr-leroux"]
    assert world.ra.lots.waiting(acteur, index).nombre == 0
    world.run_batch()
    waiting = world.ra.lots.waiting(acteur, index)
    assert waiting.nombre == 8
    limits = [one.limite_retrait for one in world.ra.lots.list_demandes(acteur, index).demandes if one.limite_retrait]
    assert (waiting.first, waiting.last) == (min(limits), max(limits))
    world.ra.retraits.withdraw(world.origin(), world.numeros(index)[0], conditions())
    assert world.ra.lots.waiting(acteur, index).nombre == 7
    assert world.ra.lots.waiting(world.acteurs["administrateur"], index).nombre == 7
    withdraw_rights(world.db, acteur)
    assert world.ra.lots.waiting(acteur, index).nombre == 0
    for stranger in ("inconnu",):
        with assert_refused(NotFoundError, Code.LOT_UNKNOWN):
            world.ra.lots.waiting(world.acteurs[stranger], index)
        with assert_refused(NotFoundError, Code.LOT_UNKNOWN):
            world.ra.lots.export(world.acteurs[stranger], index)


def test_every_item_has_its_line_registered_or_not(world: World) -> None:
    forms = [*world.forms(6), world.form(key=20, email_acteur="=1+1", reference="mauvais"), world.form(key=21)]
    index = world.deposit(*forms).index
    before = rows(world, index)
    assert [row["Position"] for row in before] == [str(position) for position in range(1, 9)]
    assert {row["État"] for row in before} == {"Enregistrée"}
    world.run_batch(1)
    half = rows(world, index)
    assert [row["Position"] for row in half] == [row["Position"] for row in before]
    world.run_batch()
    after = rows(world, index)
    refused = after[6]
    assert (refused["Référence"], refused["Code du refus"]) == ("mauvais", Code.EMAIL_ACTEUR_SYNTAX.value)
    assert refused["Motif du refus"]
    assert all(row["Limite de retrait"] and row["Numéro de série"] for row in after if row is not refused)
    assert rows(world, index, "administrateur") == [row for row in after if row is not refused]


def test_a_lot_of_revocations_waits_for_its_days_and_is_filtered(world: World) -> None:
    numeros = world.numeros(world.issued(*world.forms(3)))
    for numero in numeros:
        world.ra.retraits.withdraw(world.origin(), numero, conditions())
    wish: dict[str, Any] = {"motif": "FIN_ACTIVITE", "email": "a@acacias.example", "confirmation": True}
    day = (world.clock.now.date()).replace(day=28).isoformat()
    forms = (
        RevocationForm(numero=numeros[0], **wish),
        RevocationForm(numero=numeros[1], date_effet=day, **wish),
        RevocationForm(numero=999_999, **wish),
    )
    origin = world.origin()
    index = world.ra.revocations.submit(origin, RevocationLotForm(reference="rev", revocations=forms)).index
    waiting = world.ra.lots.waiting(origin.acteur, index)
    assert waiting.nombre == 1
    assert waiting.first == waiting.last is not None
    refused = world.ra.revocations.list_lot(origin.acteur, index, etat=EtatRevocation.NON_TRAITEE)
    assert [one.position for one in refused.revocations] == [3]
    found = rows(world, index)
    assert [row["Position"] for row in found] == ["1", "2", "3"]
    assert [bool(row["Code du refus"]) for row in found] == [False, False, True]


@pytest.mark.parametrize("name", ["inconnu"])
def test_who_sees_nothing_of_it_is_told_nothing(world: World, name: str) -> None:
    index = world.deposit(*world.forms(2)).index
    with assert_refused(NotFoundError, Code.LOT_UNKNOWN):
        world.ra.lots.export(world.acteurs[name], index)
