"""Sessions of the portal: bound, short, over once ended, on both databases and for every process of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from registration.authority.sessions import Sessions
from registration.sessions.keeping import LONGEST, anything_to_forget, forget
from registration.sessions.values import Compte, Durees, FinDeSession, Ouverture, Porte
from registration.values import Sujet
from registration.vocabulary import Plateforme
from storage import tables
from storage.database import Database
from tests.support.concurrency import together
from tests.support.databases import count_rows
from tests.support.world import World

DUREES = Durees(inactivite=timedelta(minutes=30), au_plus=timedelta(hours=8))
ISSUER = "https://auth.psc.example/realms/esante"
CERT, OTHER_CERT = "a" * 64, "b" * 64


def by_card(**changes: Any) -> Ouverture:
    return Ouverture(**({"porte": Porte.CARTE, "acteur": "PERSONNE 1", "certificat": CERT} | changes))


def by_account(sub: str = "f:1:899700990011", sid: str | None = "s1", emetteur: str = ISSUER) -> Ouverture:
    sujet = Sujet(emetteur=emetteur, sub=sub, subject_name_id="899700990011", roles=("10^1",), nom="É", prenom="ALIX")
    return Ouverture(porte=Porte.CONNEXION, acteur="PERSONNE 1", compte=Compte(sujet=sujet, jeton="e.y.J", sid=sid))


def end(**changes: Any) -> FinDeSession:
    values: dict[str, Any] = {"emetteur": ISSUER, "jti": "j1", "fin_le": datetime(2099, 1, 1, tzinfo=UTC)}
    return FinDeSession(**(values | changes))


def test_the_token_is_nowhere_and_opens_its_own_door_with_its_own_certificate_only(world: World) -> None:
    sessions = world.ra.sessions
    token = sessions.open(by_card(), DUREES)
    assert sessions.keep(token, {"csrf": "é"}, DUREES)
    read = sessions.read(token, Porte.CARTE, CERT)
    assert read is not None
    assert (read.acteur, read.donnees, read.compte) == ("PERSONNE 1", {"csrf": "é"}, None)
    for door, certificate in ((Porte.CARTE, OTHER_CERT), (Porte.CARTE, None), (Porte.CERTIFICAT, CERT)):
        assert sessions.read(token, door, certificate) is None
    assert sessions.read(token[:-1], Porte.CARTE, CERT) is None
    other = Sessions(world.db, world.clock, Plateforme.PRODUCTION)
    assert other.read(token, Porte.CARTE, CERT) is None
    with world.db.read() as session:
        row = session.scalars(select(tables.SessionPortail)).one()
    assert token not in repr([getattr(row, column.key) for column in tables.SessionPortail.__table__.columns])


def test_it_is_over_without_activity_and_at_the_latest_after_its_life(world: World) -> None:
    sessions = world.ra.sessions
    token = sessions.open(by_card(), DUREES)
    world.clock.advance(seconds=30 * 60 - 1)
    assert sessions.keep(token, None, DUREES)
    for _ in range(15):
        world.clock.advance(seconds=29 * 60)
        assert sessions.keep(token, {"n": 1}, DUREES)
    world.clock.advance(seconds=14 * 60)  # 7 h 59 since it was opened
    assert sessions.read(token, Porte.CARTE, CERT) is not None
    assert sessions.keep(token, None, DUREES)
    world.clock.advance(seconds=2 * 60)
    assert sessions.read(token, Porte.CARTE, CERT) is None
    assert not sessions.keep(token, {"n": 2}, DUREES), "nothing brings it back"
    idle = sessions.open(by_card(), DUREES)
    assert count_rows(world.db)["session_portail"] == 1, "what is over was swept"
    world.clock.advance(seconds=30 * 60)
    assert sessions.read(idle, Porte.CARTE, CERT) is None


def test_the_batch_removes_those_that_are_over(world: World) -> None:
    world.ra.sessions.open(by_account(), DUREES)
    assert not anything_to_forget(world.db, world.clock())
    world.clock.advance(seconds=31 * 60)
    alive = world.ra.sessions.open(by_card(acteur="PERSONNE 2"), DUREES)
    world.ra.sessions.open(by_account(), DUREES)
    world.clock.advance(seconds=29 * 60)
    assert world.ra.sessions.keep(alive, None, DUREES)
    world.clock.advance(seconds=2 * 60)
    assert anything_to_forget(world.db, world.clock())
    forget(world.db, world.clock())
    assert not anything_to_forget(world.db, world.clock())
    assert count_rows(world.db)["session_portail"] == 1
    assert world.ra.sessions.read(alive, Porte.CARTE, CERT) is not None


def test_once_ended_nothing_reads_or_keeps_it(world: World) -> None:
    sessions = world.ra.sessions
    token, another = sessions.open(by_card(), DUREES), sessions.open(by_card(), DUREES)
    sessions.end(token)
    sessions.end(token)
    assert sessions.read(token, Porte.CARTE, CERT) is None
    assert not sessions.keep(token, {"a": 1}, DUREES)
    assert sessions.read(another, Porte.CARTE, CERT) is not None, "the other browser stays"


def test_a_page_under_way_does_not_bring_back_what_is_ended_meanwhile(world: World) -> None:
    sessions = world.ra.sessions
    token = sessions.open(by_card(), DUREES)
    together([lambda: sessions.end(token), *[lambda: sessions.keep(token, {"a": 1}, DUREES)] * 3])
    assert sessions.read(token, Porte.CARTE, CERT) is None


def test_two_processes_share_them(world: World) -> None:
    token = world.ra.sessions.open(by_card(), DUREES)
    db = Database(world.db.engine.url.render_as_string(hide_password=False))
    try:
        there = Sessions(db, world.clock, world.plateforme)
        assert there.keep(token, {"csrf": "x"}, DUREES)
        read = world.ra.sessions.read(token, Porte.CARTE, CERT)
        assert read is not None
        assert read.donnees == {"csrf": "x"}
        there.end(token)
        assert world.ra.sessions.read(token, Porte.CARTE, CERT) is None
    finally:
        db.dispose()


def test_they_stay_small_and_few(world: World) -> None:
    sessions = world.ra.sessions
    first = sessions.open(by_card(), DUREES)
    with pytest.raises(ValueError, match="bytes"):
        sessions.keep(first, {"texte": "x" * LONGEST}, DUREES)
    for _ in range(45):
        world.clock.advance(seconds=1)
        last = sessions.open(by_card(), DUREES)
    assert count_rows(world.db)["session_portail"] == 40
    assert sessions.read(first, Porte.CARTE, CERT) is None
    assert sessions.read(last, Porte.CARTE, CERT) is not None


def test_the_account_comes_back_as_it_was_verified(world: World) -> None:
    opening = by_account()
    token = world.ra.sessions.open(opening, DUREES)
    read = world.ra.sessions.read(token, Porte.CONNEXION)
    assert read is not None
    assert read.compte is not None
    assert opening.compte is not None
    assert (read.compte.sujet, read.compte.jeton) == (opening.compte.sujet, "e.y.J")


def test_the_issuer_ends_what_it_means_once(world: World) -> None:
    sessions = world.ra.sessions
    opened = {
        name: sessions.open(opening, DUREES)
        for name, opening in {
            "s1": by_account(), "s2": by_account(sid="s2"), "other": by_account(sub="f:1:2", sid="s3"),
            "issuer": by_account(emetteur="https://autre.example"), "card": by_card(),
        }.items()
    }  # fmt: skip

    def alive() -> set[str]:
        return {
            name
            for name, token in opened.items()
            if sessions.read(token, Porte.CONNEXION) or sessions.read(token, Porte.CARTE, CERT)
        }

    assert sessions.end_by_issuer(end(sid="s3", sub="f:1:899700990011")) == 0, "neither one's"
    assert sessions.end_by_issuer(end(jti="j2", sid="s1")) == 1
    assert alive() == {"s2", "other", "issuer", "card"}
    assert sessions.end_by_issuer(end(jti="j2", sid="s2")) is None, "a token serves once"
    assert alive() == {"s2", "other", "issuer", "card"}
    assert sessions.end_by_issuer(end(jti="j3", sub="f:1:899700990011")) == 1
    assert alive() == {"other", "issuer", "card"}
    with pytest.raises(ValueError, match="neither"):
        sessions.end_by_issuer(end(jti="j4"))
