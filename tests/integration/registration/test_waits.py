"""Nobody waits for ever: a lock that does not come is told as ERR_WS_050, and reading never waits for who writes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from registration.errors import Code, IgcError
from registration.retraits import codes, withdrawing
from registration.rules.revocation_code import hash_code, verify_code
from registration.views import SearchCriteria
from registration.vocabulary import Canal
from storage import tables
from storage.database import Database
from storage.waits import CANAL, Waits
from tests.support.produits import conditions, lot
from tests.support.world import World

_SHORT = Waits(lock=0.2, statement=20.0, idle=60.0, connection=0.5)


@pytest.fixture
def impatient(world: World, database_url: str) -> Iterator[World]:
    """The same world behind connections of its own that wait for a moment only."""
    db = Database(database_url, waits=_SHORT, pool_size=2)
    yield replace(world, db=db)
    db.dispose()


@contextmanager
def _forgotten_transaction(world: World, numero: int) -> Iterator[None]:
    """Somebody holds the row of a demande (SQLite: the one lock of writers) and does nothing more."""
    with world.db.write() as session:
        session.execute(select(tables.Demande.id).where(tables.Demande.id == numero).with_for_update())
        yield


def _code(act: Callable[[], object]) -> Code:
    with pytest.raises(IgcError) as refused:
        act()
    return refused.value.code


def test_an_act_on_a_row_that_somebody_holds(world: World, impatient: World) -> None:
    index = world.issued(*world.forms(2))
    numero = world.numeros(index)[0]
    ra, origin = impatient.ra, world.origin()
    with _forgotten_transaction(world, numero):
        assert _code(lambda: ra.retraits.withdraw(origin, numero, conditions())) is Code.BUSY
        assert _code(lambda: ra.retraits.withdraw_page(origin, index, conditions())) is Code.BUSY
        assert _code(lambda: ra.demandes.cancel(origin, numero)) is Code.BUSY
        assert _code(lambda: ra.lots.cancel(origin, index)) is Code.BUSY
        # Whoever only reads is answered.
        assert ra.lots.follow(origin.acteur, index=index).nombre == 2
        assert ra.demandes.read(origin.acteur, numero).demande.numero == numero
        assert len(ra.demandes.search(origin.acteur, SearchCriteria(index_lot=index)).demandes) == 2
        assert len(ra.lots.list_demandes(origin.acteur, index).demandes) == 2
    # Nothing was half-written, and the same call succeeds.
    assert ra.retraits.withdraw(origin, numero, conditions()).numero == numero


def test_a_deposit_while_the_numbers_are_held(world: World, impatient: World) -> None:
    with world.db.write() as session:
        session.execute(select(tables.Compteur).with_for_update())
        origin = world.origin(canal=Canal.IHM)
        assert _code(lambda: impatient.ra.demandes.submit(origin, world.form())) is Code.BUSY
        assert _code(lambda: impatient.deposit(world.form())) is Code.BUSY
    assert impatient.deposit(world.form()).already_known is False


def test_no_connection_left(world: World, impatient: World) -> None:
    index = world.issued(*world.forms(1))
    held = [impatient.db.engine.connect() for _ in range(12)]
    try:
        assert _code(lambda: impatient.ra.lots.follow(world.acteurs["dr-leroux"], index=index)) is Code.BUSY
    finally:
        for connection in held:
            connection.close()
    assert impatient.ra.lots.follow(world.acteurs["dr-leroux"], index=index).nombre == 1


def test_other_errors_of_the_database_stay_what_they_are(world: World) -> None:
    """What trying again does not mend is not told as something that it does."""
    with world.db.write() as session:
        session.execute(text("ALTER TABLE habilitation RENAME TO away"))
    try:
        with pytest.raises(DBAPIError):
            world.ra.lots.submit(world.origin(), lot("r", world.form()))
    finally:
        with world.db.write() as session:
            session.execute(text("ALTER TABLE away RENAME TO habilitation"))


@pytest.mark.parametrize("limit", ["lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"])
def test_postgresql_knows_every_limit_of_a_canal(database_url: str, limit: str) -> None:
    if database_url.startswith("sqlite"):
        assert min(CANAL.lock, CANAL.statement, CANAL.idle, CANAL.connection) > 0
        return
    db = Database(database_url, waits=CANAL)
    try:
        for _ in range(2):  # also after a rollback
            with db.read() as session:
                assert session.scalar(text(f"SHOW {limit}")) not in {"0", ""}
    finally:
        db.dispose()


def test_slow_hashes_are_made_while_nobody_waits(
    world: World, impatient: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """During each of them somebody else writes."""
    index = world.issued(*world.forms(4))
    numeros = world.numeros(index)
    world.ra.retraits.withdraw(world.origin(), numeros[0], conditions())
    others: list[int] = []

    def meanwhile(slow: Callable[..., object]) -> Callable[..., object]:
        def hashed(*args: object) -> object:
            others.append(impatient.ra.demandes.submit(world.origin(canal=Canal.IHM), world.form(key=20 + len(others))))
            return slow(*args)

        return hashed

    monkeypatch.setattr(codes, "hash_code", meanwhile(hash_code))
    monkeypatch.setattr(codes, "verify_code", meanwhile(verify_code))
    page = world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert [retrait.numero for retrait in page.retraits] == numeros
    assert world.ra.retraits.withdraw(world.origin(), numeros[0], conditions()).numero == numeros[0]
    assert len(others) == 2 + 1  # what comes again needs no hash of its own


def test_items_withdrawn_one_by_one_come_again_some_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a hash of its own: a page compares a few of them, whatever it was asked."""
    index = world.issued(*world.forms(20))
    numeros = world.numeros(index)
    for numero in numeros[:19]:
        world.ra.retraits.withdraw(world.origin(), numero, conditions())
    compared: list[str] = []

    def counted(code: str, stored: str) -> bool:
        compared.append(stored)
        return verify_code(code, stored)

    monkeypatch.setattr(codes, "verify_code", counted)
    found: list[int] = []
    after, pages = 0, 0
    while True:
        compared.clear()
        page = world.ra.retraits.withdraw_page(world.origin(), index, conditions(), after=after, limit=100)
        assert len(compared) <= 8
        pages += 1
        found += [retrait.numero for retrait in page.retraits]
        if page.next_after is None:
            break
        after = page.next_after
    assert found == numeros
    assert pages == 3


def test_what_somebody_withdraws_in_between_is_compared_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    index = world.issued(*world.forms(3))
    stored_codes = withdrawing._stored_codes
    busy = threading.Event()

    def and_then_another_call(*args: Any) -> list[str | None]:
        found = stored_codes(*args)
        if not busy.is_set():
            busy.set()
            world.ra.retraits.withdraw_page(world.origin(), index, conditions())
        return found

    monkeypatch.setattr(withdrawing, "_stored_codes", and_then_another_call)
    page = world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert [retrait.numero for retrait in page.retraits] == world.numeros(index)
