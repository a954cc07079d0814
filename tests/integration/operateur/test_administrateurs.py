"""``igc administrateur``: who may act for others, by whom, why and until when; the trail tells it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

from sqlalchemy import select

from storage import tables
from tests.integration.operateur.conftest import Desk
from tests.support.acteurs import HOPITAL, PHARMACIENNE
from tests.support.clock import day_of_paris
from tests.support.databases import count_rows


def listed(desk: Desk) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(desk.good("administrateur", "list", "--format", "csv")), delimiter=";"))


def may(desk: Desk) -> bool:
    return desk.world.ra.acteurs.may_act_for_others(desk.world.acteurs["ph-arnaud"])


def test_named_listed_and_ended_at_once(desk: Desk) -> None:
    grant = ("administrateur", "grant", PHARMACIENNE, "--reason", "assistance", "--operateur", "Alix Bertin")
    assert not may(desk)
    desk.good(*grant)
    assert may(desk)
    assert "agit déjà" in desk.refused(*grant)
    (line,) = listed(desk)
    assert (line["id_national"], line["libelle"], line["motif"], line["fin_le"]) == (
        PHARMACIENNE, "ARNAUD INES", "assistance", "",
    )  # fmt: skip
    assert "Alix Bertin" in line["nomme_par"]
    desk.good("administrateur", "end", PHARMACIENNE, "--reason", "départ")
    assert not may(desk)
    assert "n'agit pour aucun tiers" in desk.refused("administrateur", "end", PHARMACIENNE, "--reason", "départ")
    desk.good(*grant)
    assert [(line["motif_fin"], bool(line["fin_le"])) for line in listed(desk)] == [("départ", True), ("", False)]
    told = select(tables.PisteAudit.acte).where(tables.PisteAudit.acte.contains("ADMINISTRATEUR"))
    assert desk.world.values(told.order_by(tables.PisteAudit.numero)) == [
        "ADMINISTRATEUR", "FIN_ADMINISTRATEUR", "ADMINISTRATEUR",
    ]  # fmt: skip


def test_one_whom_nobody_has_seen_and_a_term(desk: Desk) -> None:
    last = day_of_paris(9)
    desk.good("administrateur", "grant", "30B0990011/AIDE1", "--reason", "assistance", "--until", last)
    (line,) = listed(desk)
    assert (line["id_national"], line["libelle"]) == ("30B0990011/AIDE1", "30B0990011/AIDE1")
    desk.good("administrateur", "end", "30B0990011/AIDE1", "--reason", "avant terme")
    assert listed(desk)[0]["motif_fin"] == "avant terme"


def test_what_cannot_be_is_refused_and_writes_nothing(desk: Desk) -> None:
    before = count_rows(desk.world.db)
    day = day_of_paris(-2)
    for words, reason in (
        ((f"{HOPITAL}/DPI", "--reason", "x"), "est une application"),
        (("8997009900l9", "--reason", "x"), "ni application inscrite, ni personne"),
        ((PHARMACIENNE, "--reason", " "), "motif"),
        ((PHARMACIENNE, "--reason", "x", "--until", day), "aucun jour"),
    ):
        assert reason in desk.refused("administrateur", "grant", *words), words
    assert "n'agit pour aucun tiers" in desk.refused("administrateur", "end", "899700990999", "--reason", "x")
    assert count_rows(desk.world.db) == before


def test_the_auditor_finds_one_who_named_himself(desk: Desk) -> None:
    desk.good("administrateur", "grant", PHARMACIENNE, "--reason", "assistance")
    assert desk.faults() == []
    with desk.world.db.write() as session:
        planted = tables.Administrateur(
            id_acteur=desk.world.acteurs["ide-marchand"].id, debut_le=datetime.now(UTC), motif="x"
        )
        session.add(planted)
    assert any("agit pour des tiers" in fault for fault in desk.faults())
    with desk.world.db.write() as session:
        session.query(tables.Administrateur).filter_by(motif="x").delete()
    assert desk.faults() == []
