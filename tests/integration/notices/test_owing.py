"""What each act owes, in its own transaction (guide §8.5, 8.7.1, 9.4, 11.3; specification A6)."""

from __future__ import annotations

import pytest

from registration.revocation.by_demande import revoke_demandes
from registration.vocabulary import Avis
from tests.integration.notices.world import ACTEUR, INFORME, NoticeWorld
from tests.support.databases import statements
from tests.support.produits import conditions

pytestmark = pytest.mark.long


def both(avis: Avis, numero: int) -> list[tuple[str, int, str]]:
    return [(avis.value, numero, ACTEUR), (avis.value, numero, INFORME)]


def test_a_demande_of_the_portal_owes_each_step_to_both(world: NoticeWorld) -> None:
    numero = world.place(world.form(email_informe=INFORME))
    assert world.owed() == both(Avis.VALIDATED, numero)
    world.clear()
    world.run_batch()
    assert world.owed() == both(Avis.AVAILABLE, numero)
    world.clear()
    world.ra.retraits.withdraw(world.origin(), numero, conditions())
    assert world.owed() == both(Avis.WITHDRAWN, numero)
    world.clear()
    revoke_one(world, numero)
    assert world.owed() == both(Avis.REVOKED, numero)


def revoke_one(world: NoticeWorld, numero: int) -> None:
    revoke_demandes(world.db, [numero], "cessationOfOperation", world.clock, "essai")


def test_the_same_address_twice_is_one_mail_to_the_acteur(world: NoticeWorld) -> None:
    numero = world.place(world.form(email_informe=ACTEUR.upper().replace("EXAMPLE", "example")))
    assert world.owed() == [(Avis.VALIDATED, numero, ACTEUR)]
    assert [row.role for row in world.avis()] == ["ACTEUR"]


def test_a_cancellation_is_one_notice_even_where_a_certificate_is_revoked_with_it(world: NoticeWorld) -> None:
    numero = world.place(world.form(email_informe=INFORME))
    world.run_batch()
    world.clear()
    world.cancel(numero)
    world.cancel(numero)
    assert world.owed() == both(Avis.CANCELLED, numero)


def test_revoked_before_its_withdrawal_it_is_told_as_cancelled(world: NoticeWorld) -> None:
    numero = world.place()
    world.run_batch()
    world.clear()
    revoke_one(world, numero)
    assert world.owed() == [(Avis.CANCELLED, numero, ACTEUR)]


def test_nothing_is_owed_of_what_failed_or_of_a_refused_item(world: NoticeWorld) -> None:
    index = world.deposit(world.form(structure="10B0000000"), world.form(key=1)).index
    assert world.owed() == [(Avis.VALIDATED, index, None)]
    world.run_batch()
    assert world.owed() == [(Avis.VALIDATED, index, None)]


@pytest.mark.parametrize("count", [1, 12])
def test_a_lot_owes_by_lot_whatever_its_size(world: NoticeWorld, count: int) -> None:
    index = world.issued(*world.forms(count))
    world.ra.retraits.withdraw_page(world.origin(), index, conditions(), limit=5)
    first = world.avis()[-1]
    world.clock.advance(minutes=1)
    world.ra.retraits.withdraw_page(world.origin(), index, conditions(), after=5, limit=500) if count > 5 else None
    assert world.owed() == [(Avis.WITHDRAWN, index, None), (Avis.VALIDATED, index, None)]
    second = world.avis()[-1]
    assert (second.id, second.depuis, second.jusqu_a) == (first.id, first.depuis, first.jusqu_a)
    # Nothing is left to be waited for.
    assert second.du_le == (world.clock() if count > 5 else first.du_le)
    assert (first.du_le > world.clock()) == (count > 5)


def test_waiting_has_an_end(world: NoticeWorld) -> None:
    index = world.issued(*world.forms(3))
    numeros = world.numeros(index)
    for numero in numeros:
        world.ra.retraits.withdraw(world.origin(), numero, conditions())
        world.clock.advance(hours=4)
    row = world.avis()[-1]
    assert row.du_le == row.jusqu_a


def test_statements_do_not_depend_on_the_number(world: NoticeWorld) -> None:
    counts = set()
    for size in (2, 20):
        index = world.with_policy(at_once=20).deposit(*world.forms(size, 40 * size), reference=f"of {size}").index
        with statements(world.db.engine) as sent:
            world.ra.lots.cancel(world.origin(), index)
        counts.add(len([one for one in sent if " avis " in one]))
    assert counts == {2}
