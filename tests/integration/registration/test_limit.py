"""The limit of a withdrawal (guide §8.7): to the instant, once, and whoever meets it is told which of both won."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from batch.lists.crls import publish
from registration.errors import Code, ConflictError
from registration.policy import LotPolicy
from registration.retraits.overdue import any_due, count_without_limit, end_overdue, give_limits
from registration.views import SearchCriteria
from registration.vocabulary import EtatDemande, EtatProduit
from storage import tables
from tests.support.assertions import assert_refused
from tests.support.concurrency import together
from tests.support.databases import count_rows
from tests.support.produits import conditions
from tests.support.verbs import igc, write_settings
from tests.support.world import World, summary

DELAY = timedelta(days=10)
AN_INSTANT = timedelta(microseconds=1)
ENDED = [("SYSTEM", "ACT_IGC_008", "ANNULEE"), ("SYSTEM", "ACT_IGC_006", "ANNULEE")]


def one(world: World, key: int = 0, product: str = "ORG_AUTH_CLI") -> int:
    """A demande whose certificate waits."""
    numero = world.place(world.form(product, key))
    world.run_batch()
    return numero


def limit_of(world: World, numero: int) -> datetime:
    limit = world.demande(numero).limite_retrait
    assert limit is not None
    return limit


def end(world: World, now: datetime | None = None) -> int:
    return end_overdue(world.db, lambda: now or world.clock.now)


def test_it_is_ten_times_24_hours_from_the_signature_and_is_shown_wherever_a_demande_is(world: World) -> None:
    world.clock.now = datetime.fromisoformat("2026-03-25T09:00:00+00:00")  # summer time begins within the ten days
    index = world.deposit(world.form()).index
    world.clock.advance(hours=3)
    world.run_batch()
    (numero,) = world.numeros(index)
    expected = datetime.fromisoformat("2026-04-04T12:00:00+00:00")
    acteur = world.acteurs["dr-leroux"]
    views = [
        world.ra.demandes.read(acteur, numero).demande,
        world.ra.lots.list_demandes(acteur, index).demandes[0],
        world.ra.demandes.search(acteur, SearchCriteria(numero=numero)).demandes[0],
    ]
    assert [view.limite_retrait for view in views] == [expected] * 3


def test_before_the_signature_there_is_none(world: World) -> None:
    index = world.deposit(world.form()).index
    assert world.ra.lots.list_demandes(world.acteurs["dr-leroux"], index).demandes[0].limite_retrait is None
    assert not any_due(world.db, world.clock.advance(days=400))


@pytest.mark.parametrize("is_ended", [False, True], ids=["the batch is late", "the batch was there"])
def test_from_its_instant_on_nobody_withdraws_whatever_the_batch_has_done(world: World, is_ended: bool) -> None:
    index = world.issued(*world.forms(2))
    first, second = world.numeros(index)
    world.clock.now = limit_of(world, first) - AN_INSTANT
    assert end(world) == 0
    world.ra.retraits.withdraw(world.origin(), first, conditions())
    world.clock.now += AN_INSTANT
    if is_ended:
        assert end(world) == 1
    with assert_refused(ConflictError, Code.RETRAIT_FAILED):
        world.ra.retraits.withdraw(world.origin(), second, conditions())
    # What was withdrawn in time comes again, and the page leaves out the other one.
    page = world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert [retrait.numero for retrait in page.retraits] == [first]
    world.ra.retraits.withdraw(world.origin(), first, conditions())


@pytest.mark.parametrize("is_ended", [False, True])
def test_a_page_of_which_nothing_is_left_says_so(world: World, is_ended: bool) -> None:
    index = world.issued(*world.forms(2))
    world.clock.advance(days=10)
    if is_ended:
        assert end(world) == 2
    with assert_refused(ConflictError, Code.RETRAIT_FAILED):
        world.ra.retraits.withdraw_page(world.origin(), index, conditions())


def test_what_it_ends_is_annulee_with_its_motif_and_the_certificate_revoked(world: World) -> None:
    index = world.issued(*world.forms(2))
    numero, withdrawn = world.numeros(index)
    world.ra.retraits.withdraw(world.origin(), withdrawn, conditions())
    world.clock.advance(days=10, seconds=7)
    assert any_due(world.db, world.clock.now)
    assert end(world) == 1
    assert not any_due(world.db, world.clock.now)

    view = world.ra.demandes.read(world.acteurs["dr-leroux"], numero).demande
    assert (view.etat, view.etat_produit) == (EtatDemande.ANNULEE, EtatProduit.REVOQUE)
    assert view.refusal is not None
    assert (view.refusal.code, "délai de retrait" in view.refusal.texte) == ("ERR_IHM_013", True)
    lines = world.history(numero)[-2:]
    assert summary(lines) == ENDED
    assert {(line.type_acteur, line.acteur, line.date) for line in lines} == {("PFCNG-MG", "", world.clock.now)}
    certificat = world.certificat(numero)
    assert (certificat.revoque_le, certificat.raison_crl) == (world.clock.now, "cessationOfOperation")
    crl = x509.load_der_x509_crl(publish(world.context, certificat.autorite))
    assert crl.get_revoked_certificate_by_serial_number(int(certificat.serial, 16)) is not None
    follow = world.ra.lots.follow(world.acteurs["dr-leroux"], index=index)
    assert (follow.counts[EtatDemande.ANNULEE], follow.counts[EtatDemande.CLOSE], follow.a_retirer) == (1, 1, 0)
    assert world.certificat(withdrawn).revoque_le is None


def test_the_address_is_free_again_and_the_key_stays_taken(world: World) -> None:
    form = world.form("SERV_SMIME", 3)
    numero = world.place(form)
    world.run_batch()
    world.clock.advance(days=10)
    assert end(world) == 1
    again = world.deposit(form, reference="same key").index
    assert world.codes(again) == ["ERR_IHM_007"]
    other = world.deposit(world.form("SERV_SMIME", 4, structure=form.structure), reference="new key").index
    assert world.etats(other) == [EtatDemande.VALIDEE]
    assert world.demande(numero).etat == EtatDemande.ANNULEE.value
    world.run_batch()


def test_what_ended_otherwise_is_left_alone(world: World) -> None:
    index = world.issued(*world.forms(3))
    cancelled, withdrawn, late = world.numeros(index)
    world.ra.demandes.cancel(world.origin(), cancelled)
    world.ra.retraits.withdraw(world.origin(), withdrawn, conditions())
    world.clock.advance(days=11)
    # Its sender may still give it up himself, as long as nobody has.
    world.ra.demandes.cancel(world.origin(), late)
    before = count_rows(world.db)
    assert end(world) == 0
    assert count_rows(world.db) == before


def test_a_certificate_that_expired_meanwhile_stops_no_other(world: World) -> None:
    numeros = [one(world, rank) for rank in range(2)]
    world.clock.advance(days=11)
    world.set_end(numeros[:1], world.clock.now - timedelta(days=1))
    assert (end(world), end(world)) == (2, 0)
    assert {world.demande(numero).etat for numero in numeros} == {EtatDemande.ANNULEE.value}
    with world.db.write() as session:  # as the rules of the rows want it
        session.execute(
            update(tables.Certificat)
            .where(tables.Certificat.id_demande == numeros[0])
            .values(revoque_le=world.clock.now, raison_crl="cessationOfOperation")
        )
        session.execute(
            update(tables.Demande).where(tables.Demande.id == numeros[0]).values(etat_produit=EtatProduit.REVOQUE.value)
        )


def test_several_at_the_same_time_end_each_demande_once(world: World) -> None:
    index = world.with_policy(at_once=20).issued(*world.forms(12))
    world.clock.advance(days=10)
    done = together([lambda: end(world)] * 3)
    assert sum(number for number in done if isinstance(number, int)) == 12, done
    for numero in world.numeros(index):
        assert summary(world.history(numero))[-2:] == ENDED
        assert len(world.history(numero)) == 6


def plant(world: World, count: int, limit: datetime | None) -> list[int]:
    """So many certificates that wait, copied from one: every row that a signed demande has."""
    model = one(world)
    with world.db.write() as session:
        numeros = list(range(1_000_000, 1_000_000 + count))
        columns = tables.Demande.__table__.c.keys()
        row = session.execute(select(tables.Demande.__table__).where(tables.Demande.id == model)).one()
        copy = dict(zip(columns, row, strict=True)) | {"limite_retrait": limit}
        session.execute(insert(tables.Demande), [copy | {"id": numero} for numero in numeros])
        _copies(session, tables.Certificat, model, numeros, lambda n: {"serial": f"{n:032x}", "spki_sha256": _key(n)})
        _copies(session, tables.ClePublique, model, numeros, lambda n: {"spki_sha256": _key(n)})
        _copies(session, tables.Historique, model, numeros, lambda _n: {})
    return [model, *numeros]


def _copies(
    session: Session, table: type[Any], model: int, numeros: list[int], changes: Callable[[int], dict[str, object]]
) -> None:
    columns = [column for column in table.__table__.c if column.name != "id"]
    for row in session.execute(select(*columns).where(table.id_demande == model)).all():
        copy = {column.name: value for column, value in zip(columns, row, strict=True)}
        session.execute(insert(table), [copy | {"id_demande": numero} | changes(numero) for numero in numeros])


def _key(numero: int) -> bytes:
    return numero.to_bytes(32, "big")


def test_old_stocks_get_a_grace_and_nothing_is_revoked_at_once(world: World) -> None:
    numeros = plant(world, 40, None)
    fresh = numeros[0]
    began = world.clock.advance(days=30)
    with world.db.read() as session:
        assert count_without_limit(session) == 40
    assert any_due(world.db, began)
    policy = LotPolicy(grace_retrait=timedelta(days=3))
    assert give_limits(world.db, policy, began) == 40
    # Their grace begins once: a restart, or another worker, gives no second one.
    assert give_limits(world.db, policy, world.clock.advance(days=2)) == 0
    assert {limit_of(world, numero) for numero in numeros[1:]} == {began + timedelta(days=3)}
    assert end(world) == 1  # the one that had its limit
    assert world.demande(fresh).etat == EtatDemande.ANNULEE.value
    world.ra.retraits.withdraw(world.origin(), numeros[1], conditions())
    world.clock.now = began + timedelta(days=3)
    assert end(world) == 39


def test_the_operator_who_migrates_is_told_of_them(world: World, tmp_path: Path) -> None:
    settings = {"data_dir": tmp_path, "database_url": world.database_url, "registration": {"retrait_grace_days": 15}}
    config = write_settings(tmp_path / "igc.toml", settings)
    assert "sans date limite" not in igc("migrate", "--config", config).output
    plant(world, 4, None)
    told = igc("migrate", "--config", config).output
    assert "À retirer sans date limite : 4 certificat(s)" in told
    assert "15 jours" in told


def test_what_was_signed_just_before_the_upgrade_keeps_its_ten_days(world: World) -> None:
    numeros = plant(world, 2, None)
    signed = world.clock.now
    world.clock.advance(days=1)
    assert give_limits(world.db, LotPolicy(grace_retrait=timedelta(days=3)), world.clock.now) == 2
    assert {limit_of(world, numero) for numero in numeros} == {signed + DELAY}


@pytest.mark.long
def test_two_thousand_old_ones(world: World) -> None:
    plant(world, 2_000, None)
    world.clock.advance(days=100)
    assert give_limits(world.db, LotPolicy(), world.clock.now) == 2_000
    assert end(world) == 1
    world.clock.advance(days=10)
    assert end(world) == 2_000


@pytest.mark.long
def test_ten_thousand_at_once_are_many_short_transactions(world: World) -> None:
    plant(world, 10_000, world.clock.now)
    with world.db.read() as session:
        before = session.scalar(select(tables.PisteAudit.numero).order_by(tables.PisteAudit.numero.desc()).limit(1))
    done = [end(world) for _ in range(2)]
    assert done == [10_000, 0]
    with world.db.read() as session:
        lines = session.scalars(
            select(tables.PisteAudit).where(
                tables.PisteAudit.numero > (before or 0), tables.PisteAudit.acte == "REVOCATION"
            )
        ).all()
        sizes = [line.contenu.count("cessationOfOperation") for line in lines]
    assert (sum(sizes), max(sizes) <= 250) == (10_000, True)
