"""``igc operateur``: who may enter the operators' room, by whom, why and until when; the trail tells it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from registration.acteurs.granting import Step, Wanted
from registration.acteurs.habilitations import Terms
from registration.errors import AccessError
from registration.exploitation.desk import Exploitation
from registration.exploitation.trail import PAGE
from registration.exploitation.views import AlarmLine, TrailCriteria, TrailLine
from registration.notices.listing import Clue
from registration.values import Caller, Identite
from registration.vocabulary import Offre, Usage
from storage import tables
from storage.trail import note
from tests.integration.operateur.conftest import Desk
from tests.support.acteurs import HOPITAL, PHARMACIENNE
from tests.support.clock import day_of_paris

IDENTITE = Identite(emetteur="00" * 32, serie="1")


def room(desk: Desk, looks: list[int] | None = None) -> Exploitation:
    seen = [] if looks is None else looks

    def alarms() -> list[AlarmLine]:
        seen.append(1)
        return [AlarmLine(True, "CRL de X", "absent")]

    world = desk.world
    return Exploitation(world.db, world.clock, world.plateforme, world.hierarchy.authorities, alarms)


def caller(desk: Desk, name: str = "ph-arnaud", administrateur: str | None = None) -> Caller:
    other = None if administrateur is None else desk.world.acteurs[administrateur]
    return Caller(acteur=desk.world.acteurs[name], identite=IDENTITE, administrateur=other)


def listed(desk: Desk) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(desk.good("operateur", "list", "--format", "csv")), delimiter=";"))


def test_named_listed_and_ended_at_once(desk: Desk) -> None:
    grant = ("operateur", "grant", PHARMACIENNE, "--reason", "astreinte", "--operateur", "Alix Bertin")
    place = room(desk)
    assert not place.may_operate(caller(desk))
    desk.good(*grant)
    assert place.may_operate(caller(desk))
    assert "est déjà opérateur" in desk.refused(*grant)
    (line,) = listed(desk)
    assert (line["id_national"], line["motif"], line["fin_le"]) == (PHARMACIENNE, "astreinte", "")
    assert "Alix Bertin" in line["nomme_par"]
    # It is that right and no other.
    assert not desk.world.ra.acteurs.may_act_for_others(desk.world.acteurs["ph-arnaud"])
    desk.good("operateur", "end", PHARMACIENNE, "--reason", "départ")
    assert not place.may_operate(caller(desk))
    assert "n'est pas opérateur" in desk.refused("operateur", "end", PHARMACIENNE, "--reason", "départ")
    told = select(tables.PisteAudit.acte).where(tables.PisteAudit.acte.contains("OPERATEUR"))
    assert desk.world.values(told.order_by(tables.PisteAudit.numero)) == ["OPERATEUR", "FIN_OPERATEUR"]


def test_one_to_come_is_none_yet_and_one_whose_term_is_over_none_any_more(desk: Desk) -> None:
    desk.good(
        "operateur", "grant", PHARMACIENNE, "--reason", "x", "--from", day_of_paris(3), "--until", day_of_paris(9)
    )
    assert not room(desk).may_operate(caller(desk))
    assert "ne laissent aucun jour" in desk.refused(
        "operateur", "grant", "899700990037", "--reason", "x", "--until", day_of_paris(-2)
    )


def test_no_application_is_named_and_none_would_be_let_in(desk: Desk) -> None:
    application = desk.world.acteurs["dpi-acacias"]
    assert "est une application" in desk.refused("operateur", "grant", application.id_national, "--reason", "x")
    with desk.world.db.write() as session:  # even if somebody wrote the row by hand
        row = tables.Operateur(id_acteur=application.id, debut_le=datetime.now(UTC) - timedelta(days=1), motif="x")
        session.add(row)
        note(
            session,
            "OPERATEUR",
            desk.world.clock(),
            {"acteur": row.id_acteur, "debut": row.debut_le, "fin": None, "motif": "x"},
        )
    assert not room(desk).may_operate(caller(desk, "dpi-acacias"))
    with pytest.raises(AccessError):
        room(desk).tableau(caller(desk, "dpi-acacias"))


def test_every_use_case_of_the_room_asks_who_it_is(desk: Desk) -> None:
    place, now = room(desk), desk.world.clock()
    desk.good("operateur", "grant", PHARMACIENNE, "--reason", "astreinte")
    criteria = TrailCriteria(now - timedelta(days=1), now)
    wanted = Wanted(step=Step.GRANT, acteur="x", offre="ORG", structure=HOPITAL, terms=Terms(motif="x"))
    calls = {
        "tableau": (), "applications": (), "register_application": ("A", "a", b""), "renew_application": ("A", b"", None),
        "end_application": ("A", "x", None), "acteurs": ("a", 5), "acteur": ("a",), "habilitations": (None, 5),
        "settle": (wanted,), "administrateurs": (), "appoint": (PHARMACIENNE, Terms(motif="x")),
        "dismiss": (PHARMACIENNE, "x"), "produits": (), "fermetures": (), "close": (Offre.ORG, Usage.SIGN, "x", None),
        "reopen": (Offre.ORG, Usage.SIGN, "x"), "queue": (), "alarms": (), "avis": (Clue(), 5), "retry_avis": ([1],),
        "search_trail": (criteria, None), "steps": (1,), "imports": (5,),
    }  # fmt: skip
    assert calls.keys() == {name for name in dir(place) if not name.startswith("_")} - {"may_operate"}
    before = desk.world.values(select(tables.PisteAudit.numero))
    for who in (caller(desk, "dr-leroux"), caller(desk, "dpi-acacias"), caller(desk, "ph-arnaud", "dr-leroux")):
        for name, words in calls.items():
            with pytest.raises(AccessError):
                getattr(place, name)(who, *words)
    assert desk.world.values(select(tables.PisteAudit.numero)) == before


def test_alarms_are_looked_for_twice_a_minute_at_most(desk: Desk) -> None:
    looks: list[int] = []
    place = room(desk, looks)
    desk.good("operateur", "grant", PHARMACIENNE, "--reason", "astreinte")
    for _ in range(5):
        assert [line.subject for line in place.alarms(caller(desk)).lines] == ["CRL de X"]
    assert len(looks) == 1
    desk.world.clock.now = desk.world.clock() + timedelta(seconds=31)
    place.tableau(caller(desk))
    assert len(looks) == 2


def test_the_trail_is_read_in_bounded_pieces(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registration.exploitation.trail.WINDOW", 60)
    place, now = room(desk), desk.world.clock()
    desk.good("operateur", "grant", PHARMACIENNE, "--reason", "astreinte")
    desk.world.clock.now = now = datetime.now(UTC)
    mine = TrailCriteria(now - timedelta(hours=1), now + timedelta(hours=1), acteur=PHARMACIENNE)
    assert place.search_trail(caller(desk), mine, None).lines[0].acte == "OPERATEUR"
    assert place.search_trail(caller(desk), mine._replace(acteur="personne"), None).lines == []
    with desk.world.db.write() as session:
        for number in range(1, 201):
            note(session, "DEMARRAGE", now, {"demandes": [number, 1000 + number]})
    around = TrailCriteria(now - timedelta(hours=1), now + timedelta(hours=1))
    me = caller(desk)
    page = place.search_trail(me, around, None)
    assert (len(page.lines), page.read <= 60) == (PAGE, True)
    assert [line.numero for line in page.lines] == sorted((line.numero for line in page.lines), reverse=True)
    # Of a number that hardly any line names, pages without a line lead on to where it is.
    found: list[TrailLine] = []
    before, pages = None, 0
    while pages == 0 or before is not None:
        page = place.search_trail(me, around._replace(numero=7), before)
        found += page.lines
        before, pages = page.before, pages + 1
        assert page.read <= 60
        assert pages < 20
    assert [line.contenu for line in found] == ['{"demandes":[7]}']
    assert pages > 2
    for outside in (
        TrailCriteria(now - timedelta(days=3), now - timedelta(days=2)),
        TrailCriteria(now + timedelta(days=2), now + timedelta(days=3)),
    ):
        assert place.search_trail(me, outside, None).lines == []


def test_an_act_stands_under_the_name_of_the_operator_and_the_auditor_asks_whether_he_was_one(desk: Desk) -> None:
    desk.good("operateur", "grant", PHARMACIENNE, "--reason", "astreinte")
    desk.world.clock.now = datetime.now(UTC)
    place, me = room(desk), caller(desk)
    place.close(me, Offre.ORG, Usage.SIGN, "incident", None)
    row = tables.PisteAudit
    told = desk.world.values(select(row.auteur).where(row.acte == "PRODUIT_FERME"))
    assert told == [f"operateur {PHARMACIENNE} (portail)"]
    assert place.fermetures(me)[0].fermee_par == told[0]
    assert desk.faults() == []
    nobody = desk.world.acteurs["dr-leroux"]
    with desk.world.db.signed(f"operateur {nobody.id_national} (portail)").write() as session:
        note(session, "DEMARRAGE", desk.world.clock(), {"processus": "x", "autorites": []})
    (fault,) = desk.faults()
    assert f"{nobody.id_national} n'était pas opérateur alors" in fault
    since = desk.world.clock() - timedelta(days=1)
    told_of = {"acteur": nobody.id, "debut": since.isoformat(), "fin": None, "motif": "x"}
    with desk.world.db.write() as session:
        session.add(tables.Operateur(id_acteur=nobody.id, debut_le=since, motif="x"))
        note(session, "OPERATEUR", desk.world.clock(), told_of)
    assert desk.faults() == []
