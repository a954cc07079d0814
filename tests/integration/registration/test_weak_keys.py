"""Keys that only many keys together, or a dear look, show to be broken: certified, then revoked when nothing waits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from registration.errors import Code
from registration.revocation import weak_keys
from registration.revocation.weak_keys import any_due, examine_some
from registration.rules.revocation import KEY_COMPROMISE
from registration.vocabulary import Canal, EtatDemande, EtatProduit
from storage import tables
from storage.database import Database
from tests.support.concurrency import overtake
from tests.support.databases import statements
from tests.support.produits import lot
from tests.support.world import World
from tests.vectors.csr_cases import CASES, PRIME, build, rsa_spki
from tests.vectors.keys import key_of, prime

REFUSED = Code.CSR_REFUSED.value


def csr(p: str, q: str) -> bytes:
    """A request with proof of possession for the key of two primes of the test keys."""
    return build(spki=rsa_spki(prime(p) * prime(q)), signer=key_of(prime(p), prime(q)))


ONE, OTHER, FAR = csr("leaf-p", "leaf-q"), csr("leaf-p", "leaf-2-q"), csr("stranger-p", "stranger-q")


def reasons(world: World) -> dict[int | None, str | None]:
    """The reason of revocation of each certificate, by its demande."""
    with world.db.read() as session:
        rows = session.execute(select(tables.Certificat.id_demande, tables.Certificat.raison_crl)).all()
    return {numero: raison for numero, raison in rows}  # noqa: C416 -- rows are no pairs for mypy


def blocked(world: World) -> int:
    with world.db.read() as session:
        return session.scalar(select(func.count()).select_from(tables.CleInterdite)) or 0


def examine(world: World) -> int:
    return examine_some(world.db, world.clock())


def numero_of(world: World, csr: bytes, reference: str) -> int:
    (numero,) = world.numeros(world.issued(world.form(csr=csr), reference=reference))
    return numero


def test_a_prime_shared_with_a_key_certified_before_breaks_both(world: World) -> None:
    first, far = numero_of(world, ONE, "a"), numero_of(world, FAR, "b")
    assert examine(world) == 2
    assert reasons(world) == {first: None, far: None}
    world.clock.advance(days=30)
    second = numero_of(world, OTHER, "c")
    assert examine(world) == 1
    assert reasons(world) == {first: KEY_COMPROMISE, far: None, second: KEY_COMPROMISE}
    assert blocked(world) == 2
    (row,) = [row for row in world.demandes(1) if row.id == first]
    assert (row.etat, row.etat_produit) == (EtatDemande.ANNULEE.value, EtatProduit.REVOQUE.value)
    again = world.issued(world.form(csr=ONE), world.form(csr=OTHER), reference="again")
    assert world.codes(again) == [REFUSED, REFUSED]
    assert examine(world) == 0


def test_in_other_pages_of_one_lot_and_on_the_portal(world: World) -> None:
    filling = world.forms(6)
    index = world.issued(world.form(csr=ONE), *filling, world.form(csr=OTHER))
    assert world.codes(index) == [None] * 8
    portal = world.ra.demandes.submit(world.origin(canal=Canal.IHM), world.form(csr=csr("leaf-2-q", "root-p")))
    world.run_batch()
    examine(world)
    numeros = world.numeros(index)
    assert {numero for numero, raison in reasons(world).items() if raison} == {numeros[0], numeros[-1], portal}


def test_a_prime_modulus_of_a_large_lot_is_revoked(world: World) -> None:
    """In a small one it is refused (test_keys)."""
    index = world.issued(*world.forms(6), world.form(csr=CASES["prime-modulus"].make()))
    assert world.codes(index) == [None] * 7
    examine(world)
    assert [raison for _, raison in sorted(reasons(world).items())] == [None] * 6 + [KEY_COMPROMISE]
    many = lot("v", *world.forms(6, first_key=10), world.form(csr=build(spki=rsa_spki(PRIME))))
    assert "nombre premier" not in str(world.ra.lots.verify(world.origin(), many))
    assert world.codes(world.issued(world.form(csr=CASES["prime-modulus"].make()), reference="b")) == [REFUSED]


def test_the_same_key_on_both_plateformes_shares_no_prime_with_itself(world: World, production: World) -> None:
    numero_of(world, ONE, "a")
    production.deposit(production.form(csr=ONE))
    production.run_batch()
    examine(world)
    numero_of(world, FAR, "b")
    examine(world)
    assert set(reasons(world).values()) == {None}


def test_it_holds_across_the_plateformes(world: World, production: World) -> None:
    numero_of(world, ONE, "a")
    examine(world)
    production.deposit(production.form(csr=OTHER))
    production.run_batch()
    examine(world)
    assert set(reasons(world).values()) == {KEY_COMPROMISE}


def test_it_waits_until_nothing_else_does_and_an_hour_at_most(world: World) -> None:
    assert not any_due(world.db, world.clock())
    numero_of(world, ONE, "a")
    assert any_due(world.db, world.clock())
    world.deposit(*world.forms(2), reference="waits")
    assert not any_due(world.db, world.clock())
    world.clock.advance(minutes=61)
    assert any_due(world.db, world.clock())
    examine(world)
    assert not any_due(world.db, world.clock())


def test_a_look_takes_so_many_and_goes_on_with_the_rest(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weak_keys, "AT_ONCE", 3)
    monkeypatch.setattr(weak_keys, "_BLOCK", 4)
    index = world.issued(world.form(csr=ONE), *world.forms(6), world.form(csr=OTHER))
    assert [examine(world) for _ in range(4)] == [3, 3, 2, 0]
    with world.db.read() as session:
        assert session.scalars(select(tables.BlocCles.nombre).order_by(tables.BlocCles.id)).all() == [3, 3, 2]
    numeros = world.numeros(index)
    assert {numero for numero, raison in reasons(world).items() if raison} == {numeros[0], numeros[-1]}


def test_the_other_holder_s_certificate_need_not_be_readable(world: World) -> None:
    first = numero_of(world, ONE, "a")
    examine(world)
    with world.db.write() as session:
        session.execute(update(tables.Certificat).values(der=b"words"))
    second = numero_of(world, OTHER, "b")
    examine(world)
    assert reasons(world) == {first: None, second: KEY_COMPROMISE}


def test_of_two_looks_at_the_same_time_one_counts(world: World) -> None:
    numero_of(world, ONE, "a")
    world.issued(*world.forms(3), world.form(csr=FAR), world.form(csr=OTHER))
    overtake(world.db, lambda: examine(world), "FROM bloc_cles", lambda: examine(world))
    with world.db.read() as session:
        assert session.scalars(select(tables.BlocCles.nombre)).all() == [6]
    assert examine(world) == 0


def test_a_crash_between_revocation_and_mark_repeats_the_look(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    numero_of(world, ONE, "a")
    numero_of(world, OTHER, "b")

    def fail(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(weak_keys, "_mark", fail)
        with pytest.raises(ConnectionError):
            examine(world)
    before = blocked(world)
    world.clock.advance(minutes=1)
    assert (examine(world), blocked(world), before) == (2, 2, 2)
    with world.db.read() as session:
        dates = session.scalars(select(tables.Certificat.revoque_le)).all()
    assert set(dates) == {world.clock() - timedelta(minutes=1)}


def test_the_number_of_statements_does_not_grow_with_the_keys(world: World) -> None:
    def cost(count: int, first: int) -> int:
        world.issued(*world.forms(count, first_key=first), reference=f"lot-{count}")
        with statements(world.db.engine) as sent:
            assert examine(world) == count
        return len(sent)

    cost(1, 0)
    assert cost(2, 1) == cost(7, 3)


def test_what_is_due_is_read_from_an_index(database: Database) -> None:
    """However many certificates there are: the question is asked every half a minute."""
    with database.engine.connect() as connection:
        if connection.dialect.name != "sqlite":
            return
        query = select(tables.Certificat.emis_le).where(weak_keys._UNEXAMINED).order_by(tables.Certificat.id).limit(1)
        sql = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
        plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
    assert any("ix_certificat__a_examiner" in line for line in plan), plan
