"""How often a revocation code may be tried: attackers are slowed down, the owner is never kept out (rules.code_tries)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from batch.queue.jobs import forget_tries, install
from batch.queue.periodic import TABLE
from registration.authority.revocations import RevocationsParCode
from registration.errors import Code, IgcError
from registration.revocation.tries import anything_to_forget, forget
from registration.rules.code_tries import TryPolicy
from storage import tables
from storage.database import Database
from tests.support.assertions import all_done
from tests.support.by_code import a_try, proof_of
from tests.support.concurrency import overtake, together
from tests.support.databases import count_rows
from tests.support.revoking import active, revocation_form
from tests.support.world import World, open_world


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """The salt of each slow hash since a code was kept."""
    seen: list[bytes] = []
    scrypt = hashlib.scrypt

    def hashed(password: bytes, **options: Any) -> bytes:
        seen.append(options["salt"])
        return scrypt(password, **options)

    monkeypatch.setattr(hashlib, "scrypt", hashed)
    yield seen
    monkeypatch.setattr(hashlib, "scrypt", scrypt)


def door(world: World, **policy: Any) -> RevocationsParCode:
    return RevocationsParCode(world.db, world.clock, world.plateforme, world.hierarchy.chains, TryPolicy(**policy))


def fail(world: World, numero: int, adresse: str, at: RevocationsParCode | None = None, **changes: Any) -> IgcError:
    with pytest.raises(IgcError) as caught:
        (at or world.par_code).prove(a_try(world, numero, adresse=adresse, **{"code": "faux"} | changes))
    return caught.value


def fails(world: World, numero: int, adresse: str, number: int, at: RevocationsParCode | None = None) -> list[Code]:
    return [fail(world, numero, adresse, at).code for _ in range(number)]


def test_an_address_has_five_tries_an_hour_for_a_certificate_and_is_told_when_the_next_is(
    world: World, hashes: list[bytes]
) -> None:
    numero = active(world)
    hashes.clear()
    assert fails(world, numero, "a", 5) == [Code.CODE_REFUSED] * 5
    late = fail(world, numero, "a")
    assert (late.code, late.data["heure"]) == (Code.CODE_TRIED_TOO_OFTEN, "02/03/2026 14:00")
    assert len(hashes) == 5
    world.clock.advance(minutes=60)
    assert world.par_code.prove(a_try(world, numero, adresse="a")).numero == numero


def test_the_right_code_is_not_looked_at_either_where_the_tries_are_used_up(world: World, hashes: list[bytes]) -> None:
    numero = active(world)
    fails(world, numero, "a", 5)
    hashes.clear()
    right, wrong = fail(world, numero, "a", code="Sesame-ouvre-toi-1"), fail(world, numero, "a")
    assert (right.code, right.text) == (wrong.code, wrong.text)
    assert hashes == []


def test_an_address_has_twenty_tries_an_hour_whatever_it_tries(world: World) -> None:
    numero = active(world)
    codes = [fail(world, numero, "a", serie=f"{rank:032x}").code for rank in range(1, 22)]
    assert codes == [Code.CODE_REFUSED] * 20 + [Code.CODE_TRIED_TOO_OFTEN]


def test_what_is_refused_does_not_make_the_wait_longer(world: World) -> None:
    numero = active(world)
    fails(world, numero, "a", 5)
    world.clock.advance(minutes=59)
    assert fails(world, numero, "a", 3) == [Code.CODE_TRIED_TOO_OFTEN] * 3
    world.clock.advance(minutes=1)
    assert world.par_code.prove(a_try(world, numero, adresse="a")).numero == numero


def test_the_owner_gets_through_while_many_addresses_hammer_at_his_certificate(world: World) -> None:
    numero = active(world)
    for rank in range(12):
        fails(world, numero, f"attaquant {rank}", 2)
        if rank % 4 == 0:
            proved = world.par_code.prove(a_try(world, numero, adresse="le porteur"))
    # He may err once, too.
    assert fail(world, numero, "le porteur").code is Code.CODE_REFUSED
    proved = world.par_code.prove(a_try(world, numero, adresse="le porteur"))
    assert world.par_code.revoke(proof_of(world, proved), revocation_form()).numero_produit == numero


def test_an_attacked_certificate_gives_each_address_fewer_tries(world: World) -> None:
    numero, other = active(world, key=1), active(world, key=2)
    at = door(world, attacked_from=4)
    fails(world, numero, "attaquant", 4, at)
    assert fails(world, numero, "nouveau", 3, at) == [Code.CODE_REFUSED] * 2 + [Code.CODE_TRIED_TOO_OFTEN]
    assert fails(world, other, "nouveau", 3, at) == [Code.CODE_REFUSED] * 3
    world.clock.advance(hours=24)
    assert fails(world, numero, "nouveau", 3, at) == [Code.CODE_REFUSED] * 3


def test_tries_at_the_same_moment_are_all_counted(world: World, hashes: list[bytes]) -> None:
    numero = active(world)
    hashes.clear()
    made = [a_try(world, numero, adresse="a", code="faux") for _ in range(9)]

    def send(rank: int) -> Code:
        with pytest.raises(IgcError) as caught:
            world.par_code.prove(made[rank])
        return caught.value.code

    codes = all_done(together([lambda rank=rank: send(rank) for rank in range(9)]))  # type: ignore[misc]  # bound now
    assert sorted(codes) == [Code.CODE_REFUSED] * 5 + [Code.CODE_TRIED_TOO_OFTEN] * 4
    assert len(hashes) == 5


def test_another_process_and_a_restart_go_on_counting(world: World) -> None:
    numero = active(world)
    fails(world, numero, "a", 5)
    other = Database(world.db.engine.url.render_as_string(hide_password=False))
    try:
        again = open_world(other, world.hierarchy)
        assert fail(again, numero, "a").code is Code.CODE_TRIED_TOO_OFTEN
        assert fail(again, numero, "b").code is Code.CODE_REFUSED
    finally:
        other.dispose()


@pytest.mark.parametrize("minutes", [-400, -1])
def test_a_clock_that_is_set_back_keeps_nobody_out_for_more_than_an_hour(world: World, minutes: int) -> None:
    numero = active(world)
    fails(world, numero, "a", 5)
    world.clock.advance(minutes=minutes)
    assert fail(world, numero, "a").code is Code.CODE_TRIED_TOO_OFTEN
    world.clock.advance(minutes=30)
    assert fail(world, numero, "a").code is Code.CODE_TRIED_TOO_OFTEN
    world.clock.advance(minutes=31)
    assert fail(world, numero, "a").code is Code.CODE_REFUSED


# --- overall ---

FLOOD: dict[str, Any] = {"per_second": 1, "burst": 4}


def hour_of(error: IgcError) -> datetime:
    return datetime.strptime(str(error.data["heure"]), "%d/%m/%Y %H:%M")  # noqa: DTZ007 -- compared with its like


def test_above_the_burst_each_address_is_given_a_place_and_finds_it_free(world: World, hashes: list[bytes]) -> None:
    numero, at = active(world), door(world, **FLOOD)
    hashes.clear()
    flood = [fail(world, numero, f"attaquant {rank}", at, serie=f"{rank:x}").code for rank in range(20)]
    compared = flood.count(Code.CODE_REFUSED)
    assert (compared, len(hashes)) == (5, 5)
    assert fail(world, numero, "le porteur", at).code is Code.CODE_TRIED_TOO_OFTEN
    for rank in range(20):  # the attackers go on; at the end his hour has come
        world.clock.advance(seconds=1)
        fail(world, numero, f"attaquant {20 + rank}", at, serie=f"{rank:x}")
    assert at.prove(a_try(world, numero, adresse="le porteur")).numero == numero


def test_the_flood_itself_is_compared_at_its_pace(world: World, hashes: list[bytes]) -> None:
    numero, at = active(world), door(world, **FLOOD)
    hashes.clear()
    for second in range(12):
        for rank in range(4):
            fail(world, numero, f"attaquant {rank}", at, serie=f"{second * 4 + rank:x}")
        world.clock.advance(seconds=1)
    assert 12 <= len(hashes) <= 12 + FLOOD["burst"] + 1


def test_an_address_has_one_place_however_often_it_asks(world: World) -> None:
    numero, at = active(world), door(world, **FLOOD)
    for rank in range(5):
        fail(world, numero, f"autre {rank}", at)
    hours = {hour_of(fail(world, numero, "a", at, serie=f"{rank:x}")) for rank in range(10)}
    assert len(hours) == 1
    with world.db.read() as session:
        places = session.query(tables.EssaiCode).filter_by(nature="place")
        assert sum(row.nombre for row in places) == 1


def test_a_clock_set_back_leaves_no_place_far_away(world: World) -> None:
    numero, at = active(world), door(world, **FLOOD)
    for rank in range(5):
        fail(world, numero, f"autre {rank}", at)
    assert fail(world, numero, "a", at).code is Code.CODE_TRIED_TOO_OFTEN
    world.clock.advance(days=-3)
    fail(world, numero, "a", at)
    world.clock.advance(seconds=10)
    assert at.prove(a_try(world, numero, adresse="a")).numero == numero


# --- rows ---


def test_the_rows_name_neither_address_nor_certificate_nor_code(world: World) -> None:
    numero = active(world)
    made = a_try(world, numero, adresse="198.51.100.7", code="Mot-de-passe-9")
    with pytest.raises(IgcError):
        world.par_code.prove(made)
    with world.db.read() as session:
        stored = " ".join(row.cle for row in session.query(tables.EssaiCode))
        stored += " ".join(row.contenu for row in session.query(tables.PisteAudit).filter_by(acte="CODES_REFUSES"))
    for secret in ("198.51.100.7", made.serie, made.serie[:12], "Mot-de-passe-9"):
        assert secret not in stored


def test_what_is_over_is_forgotten_and_told_once_in_the_trail(world: World) -> None:
    numero = active(world)
    fails(world, numero, "a", 3)
    world.par_code.prove(a_try(world, numero, adresse="a"))
    install(world.context)
    forget_tries()
    assert count_rows(world.db)["jeton_servi"] == 4
    world.clock.advance(minutes=11)
    assert anything_to_forget(world.db, world.clock())
    forget_tries()
    with world.db.read() as session:
        (line,) = session.query(tables.PisteAudit).filter_by(acte="CODES_REFUSES")
        assert line.contenu == '{"nombre":3,"depuis":"2026-03-02T12:00:00+00:00"}'
    world.clock.advance(hours=24)
    forget_tries()
    assert {name: count_rows(world.db)[name] for name in ("essai_code", "jeton_servi")} == {
        "essai_code": 0, "jeton_servi": 0,
    }  # fmt: skip
    assert not anything_to_forget(world.db, world.clock())


def test_what_is_forgotten_while_it_is_counted_is_counted_anew(world: World) -> None:
    numero = active(world)
    fails(world, numero, "a", 2)
    world.clock.advance(days=2)
    made = a_try(world, numero, adresse="a", code="faux")

    def counted() -> Code:
        with pytest.raises(IgcError) as caught:
            world.par_code.prove(made)
        return caught.value.code

    code, _ = overtake(world.db, counted, "INSERT INTO essai_code", lambda: forget(world.db, world.clock()))
    assert code is Code.CODE_REFUSED
    with world.db.read() as session:
        counts = {row.nature: row.nombre for row in session.query(tables.EssaiCode)}
    assert (counts["essai"], counts["certificat"]) == (1, 1)


def test_forgetting_is_periodic_work(world: World) -> None:
    (line,) = [one for one in TABLE if one.name == "tries of codes"]
    fails(world, active(world), "a", 1)
    world.clock.advance(days=2)
    assert line.due is not None
    assert line.due(world.db, world.policy, world.clock())
