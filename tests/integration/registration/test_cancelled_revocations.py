"""annulerLot of a lot of revocations: what waits for its day is given up, what is done stays done, twice is once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import select

from registration.errors import AccessError, Code, IgcError, NotFoundError
from registration.revocation.due import revoke_due
from registration.values import RevocationForm
from registration.views import CancelResult
from registration.vocabulary import EtatDemande, EtatLot, Offre
from storage import tables
from tests.integration.registration.test_cards import audited
from tests.integration.registration.test_revocation_lots import many, results, submit, views
from tests.support.acteurs import CLINIQUE
from tests.support.assertions import all_done, assert_refused
from tests.support.concurrency import together
from tests.support.databases import count_rows
from tests.support.revoking import active, certificat, revocation_form
from tests.support.world import World, summary

DAY = "2026-12-15"
MIDNIGHT = datetime(2026, 12, 14, 23, 0, tzinfo=UTC)  # 00:00 in Paris on that day


def planned(numero: int, day: str = DAY) -> RevocationForm:
    return revocation_form(numero, date_effet=day)


def cancel(world: World, index: int, sender: str | None = None) -> tuple[int, int]:
    result = world.ra.lots.cancel(world.origin(sender), index)
    return result.cancelled, result.unchanged


def test_what_waits_is_given_up_and_what_is_done_stays_done(world: World) -> None:
    numeros = [active(world, key=key) for key in range(3)]
    index = submit(world, planned(numeros[0]), revocation_form(numeros[1]), planned(numeros[2]), planned(10**9)).index
    follow = partial(world.ra.lots.follow, world.origin().acteur, index=index)
    before = follow().version
    assert cancel(world, index) == (2, 2)
    assert results(world, index) == ["ABANDONNEE", "REVOQUE", "ABANDONNEE", "REFUSEE"]
    assert (follow().etat, follow().avancement) == (EtatLot.TERMINE, 100)
    assert {etat: count for etat, count in follow().counts.items() if count} == {
        EtatDemande.CLOSE: 1, EtatDemande.NON_TRAITEE: 3,
    }  # fmt: skip
    assert follow().version != before
    numero = views(world, index)[0].numero
    assert summary(world.ra.revocations.read(world.origin().acteur, numero).historique)[-1] == (
        "WS", "ACT_REV_002", "NON_TRAITEE",
    )  # fmt: skip
    assert audited(world) == []
    # The day comes, and nothing happens.
    world.clock.now = MIDNIGHT
    assert revoke_due(world.db, world.clock) == 0
    assert certificat(world, numeros[0]).revoque_le is None


def test_twice_is_once(world: World) -> None:
    index = submit(world, *[planned(active(world, key=key)) for key in range(2)]).index
    assert cancel(world, index) == (2, 0)
    before = count_rows(world.db)
    assert cancel(world, index) == (0, 2)
    assert count_rows(world.db) == before


def test_two_at_once_give_each_up_once(world: World) -> None:
    index = submit(world, *[planned(active(world, key=key)) for key in range(3)]).index
    acts: list[Callable[[], object]] = [partial(world.ra.lots.cancel, world.origin(), index)] * 3
    done = [one for one in all_done(together(acts)) if isinstance(one, CancelResult)]
    assert sorted(one.cancelled for one in done) == [0, 0, 3]
    assert results(world, index) == ["ABANDONNEE"] * 3


def test_the_day_and_the_giving_up_at_once_leave_one_of_the_two(world: World) -> None:
    index = submit(world, *[planned(active(world, key=key)) for key in range(3)]).index
    world.clock.now = MIDNIGHT
    acts: list[Callable[[], object]] = [
        partial(world.ra.lots.cancel, world.origin(), index),
        partial(revoke_due, world.db, world.clock),
    ]
    cancelled, revoked = all_done(together(acts))
    assert isinstance(cancelled, CancelResult)
    assert isinstance(revoked, int)
    assert cancelled.cancelled + revoked == 3
    assert sorted(results(world, index)) == ["ABANDONNEE"] * cancelled.cancelled + ["REVOQUE"] * revoked


def test_what_the_batch_has_not_come_to_is_never_done(world: World) -> None:
    """Whether it was to wait or not; what comes to light as refused, or as done before, says so."""
    numeros = many(world, 11)
    world.ra.revocations.revoke(world.origin(), revocation_form(numeros[9]))
    forms = [planned(numero) if rank % 2 else revocation_form(numero) for rank, numero in enumerate(numeros)]
    twice = revocation_form(numeros[6], motif="VOL")
    index = submit(world, *forms, twice, planned(10**9)).index
    world.run_batch(1)
    assert results(world, index) == ["REVOQUE", "PROGRAMMEE", "REVOQUE", "PROGRAMMEE", "REVOQUE"]
    assert cancel(world, index) == (2 + 8, 3)
    assert cancel(world, index) == (0, 13)
    world.run_batch()
    assert results(world, index) == [
        "REVOQUE", "ABANDONNEE", "REVOQUE", "ABANDONNEE", "REVOQUE",
        *["ABANDONNEE"] * 4, "DEJA_REVOQUE", "ABANDONNEE", "ABANDONNEE", "REFUSEE",
    ]  # fmt: skip
    assert [certificat(world, numero).revoque_le is None for numero in numeros] == [
        False, True, False, True, False, True, True, True, True, False, True,
    ]  # fmt: skip
    assert summary(world.ra.revocations.read(world.origin().acteur, views(world, index)[6].numero).historique) == [
        ("WS", "ACT_REV_001", "ENREGISTREE"),
        ("WS", "ACT_REV_001", "VALIDEE"),
        ("WS", "ACT_REV_002", "NON_TRAITEE"),
    ]
    assert world.ra.lots.follow(world.origin().acteur, index=index).etat is EtatLot.TERMINE
    # Nothing waits that would stand in the way of another day.
    again = world.ra.revocations.revoke(world.origin(), planned(numeros[6]))
    assert again.resultat.value == "PROGRAMMEE"


def test_others_give_up_what_they_may_revoke_and_strangers_nothing(world: World) -> None:
    world.grant("dr-leroux", Offre.ORG, CLINIQUE)
    index = submit(world, planned(active(world)), planned(active(world, key=1, structure=CLINIQUE))).index
    with assert_refused(NotFoundError, Code.LOT_UNKNOWN):
        cancel(world, index, "ph-arnaud")
    assert cancel(world, index, "administrateur") == (1, 0)
    assert cancel(world, index, "administrateur") == (0, 1)
    assert results(world, index) == ["ABANDONNEE", "PROGRAMMEE"]
    lot = world.values(select(tables.Lot).where(tables.Lot.id == index))[0]
    assert lot.annule_le is None, "only its sender stops the rest"
    assert cancel(world, index) == (1, 1)


def test_a_sender_who_lost_his_rights_gives_up_nothing(world: World) -> None:
    index = submit(world, planned(active(world))).index
    world.withdraw_rights("dr-leroux")
    with assert_refused(AccessError, Code.HABILITATION_MISSING):
        cancel(world, index)
    assert world.values(select(tables.DemandeRevocation.resultat)) == ["PROGRAMMEE"]


@pytest.mark.parametrize("index", [10**6, 2**62])
def test_a_lot_that_is_not_there(world: World, index: int) -> None:
    with pytest.raises(IgcError) as caught:
        cancel(world, index)
    assert caught.value.code is Code.LOT_UNKNOWN
