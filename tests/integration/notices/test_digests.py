"""A lot, or what ends in a structure, is one mail a destinataire and step (domain decision 14, guide-coverage B9.5)."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest
from sqlalchemy import delete

from registration.notices.gathering import gather
from registration.notices.owing import owe_lot
from registration.revocation.by_demande import revoke_demandes
from registration.vocabulary import Avis
from storage import counts, tables
from storage.bulk import insert_rows
from tests.integration.notices.world import ACTEUR, INFORME, NoticeWorld, text_of
from tests.support.csrs import csr
from tests.support.databases import statements
from tests.support.produits import conditions, demande_form

pytestmark = pytest.mark.long

_BIG = 40


def big_lot(world: NoticeWorld, **changes: str) -> int:
    forms = [
        world.form(key=rank, reference=f"item-{rank}", email_informe=INFORME if rank % 2 else None, **changes)
        for rank in range(_BIG)
    ]
    return world.deposit(*forms).index


def table_of(mail: EmailMessage) -> list[dict[str, str]]:
    (attached,) = mail.iter_attachments()
    content = attached.get_payload(decode=True)
    assert isinstance(content, bytes)
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))


def withdraw_all(world: NoticeWorld, index: int) -> None:
    after: int | None = 0
    while after is not None:
        after = world.ra.retraits.withdraw_page(world.origin(), index, conditions(), after=after, limit=7).next_after


def test_three_mails_a_destinataire_for_a_whole_lot(world: NoticeWorld) -> None:
    index = big_lot(world)
    assert world.send_mails() == []  # not registered yet
    world.run_batch()
    world.clock.advance(seconds=1)
    world.send_mails()
    first = world.ra.retraits.withdraw_page(world.origin(), index, conditions(), limit=7)
    assert len(world.send_mails()) == 0  # more will be withdrawn
    world.clock.advance(minutes=4)
    assert first.next_after == 7
    withdraw_all(world, index)
    world.send_mails()  # nothing is left
    head = "Émetteur - Produits de Certification >>> "
    own, informed = world.box.subjects(ACTEUR), world.box.subjects(INFORME)
    assert own == [
        f"{head}Confirmation de 40 demandes du lot N°{index}",
        f"{head}Mise à disposition de 40 certificats du lot N°{index}",
        f"{head}Confirmation du retrait de 40 certificats du lot N°{index}",
    ]
    assert informed == [f"[POUR INFORMATION] {one.replace('40', '20')}" for one in own]
    for mail in world.box.mails:
        rows = table_of(mail)
        assert len(rows) == (40 if mail["To"] == ACTEUR else 20)
        assert rows[1]["reference"] == ("item-1" if mail["To"] == ACTEUR else "item-3")
        assert "lot n° 1 (référence lot-1)" in " ".join(text_of(mail).split())
    ids = [mail["Message-ID"] for mail in world.box.mails]
    assert len(set(ids)) == len(ids) == 6
    assert all(re.fullmatch(r"[0-9a-f]{32}", row["serie"]) for row in table_of(world.box.mails[-1]))


def test_nothing_of_a_lot_waits_for_its_failed_items_and_they_are_not_told(world: NoticeWorld) -> None:
    world.deposit(world.form(structure="10B0000000"), world.form(key=1), world.form(key=2))
    world.run_batch()
    world.clock.advance(seconds=1)
    mails = world.send_mails()
    assert [len(table_of(mail)) for mail in mails] == [2, 2]


def test_a_lot_of_which_nothing_is_good_sends_nothing(world: NoticeWorld) -> None:
    world.deposit(world.form(structure="10B0000000"))
    world.run_batch()
    world.clock.advance(days=1)
    assert world.send_mails() == []
    assert [row.nature for row in world.avis()] == ["RENOUVELLEMENT", "EXPIRATION"]


def test_of_a_lot_of_one_the_mail_is_that_of_its_demande(world: NoticeWorld) -> None:
    index = world.issued(world.form())
    (numero,) = world.numeros(index)
    world.clock.advance(seconds=1)
    mails = world.send_mails()
    assert [mail["Subject"].partition(">>> ")[2] for mail in mails] == [
        f"Confirmation de la demande {numero}",
        f"Mise à disposition du certificat de la demande N°{numero}",
    ]


def test_what_cannot_be_signed_for_hours_holds_nothing_back_and_is_told_later(world: NoticeWorld) -> None:
    index = world.deposit(*world.forms(4)).index
    world.run_batch(rounds=0)
    ready = world.send()
    from batch.queue.jobs import install, run_tasks

    install(world.context)
    run_tasks([[ready[0].id, ready[0].attempt]])
    signed = sum(row.etat_produit is not None for row in world.demandes(index))
    assert 0 < signed < 4
    assert [mail["Subject"].partition(">>> ")[2][:12] for mail in world.send_mails()] == ["Confirmation"]
    world.clock.advance(hours=7)
    assert [len(table_of(mail)) for mail in world.send_mails() if "disposition" in mail["Subject"]] == [signed]
    world.clock.advance(minutes=30)
    world.run_batch()
    world.clock.advance(hours=1)
    (rest,) = world.send_mails()
    assert "Mise à disposition" in rest["Subject"]
    told = 1 if rest["Subject"].endswith(str(max(world.numeros(index)))) else len(table_of(rest))
    assert told == 4 - signed


def test_a_cancelled_lot_is_one_mail_with_what_was_not_registered_yet(world: NoticeWorld) -> None:
    index = big_lot(world)
    world.ra.lots.cancel(world.origin(), index)
    world.run_batch()
    world.clock.advance(minutes=6)
    mails = world.send_mails()
    assert [(mail["To"], len(table_of(mail))) for mail in sorted(mails, key=lambda one: str(one["To"]))] == [
        (ACTEUR, 40),
        (INFORME, 20),
    ]
    assert all("Annulation de" in mail["Subject"] for mail in mails)


def test_revoked_certificates_of_a_lot_are_one_mail(world: NoticeWorld) -> None:
    index = world.issued(*world.forms(3))
    withdraw_all(world, index)
    world.clock.advance(minutes=10)
    world.send_mails()
    revoke_demandes(world.db, world.numeros(index)[:2], "cessationOfOperation", world.clock, "essai")
    world.clock.advance(minutes=6)
    (mail,) = world.send_mails()
    assert "Confirmation de la révocation de 2 certificats" in mail["Subject"]
    assert len(table_of(mail)) == 2


def active(world: NoticeWorld, *, count: int = 3) -> datetime:
    """Some certificates of one structure, withdrawn and told of; gives their end."""
    index = world.issued(*world.forms(count))
    withdraw_all(world, index)
    world.clock.advance(minutes=10)
    world.send_mails()
    world.box.mails.clear()
    return max(row.not_after for row in map(world.certificat, world.numeros(index)))


def test_the_ends_of_a_structure_are_one_mail_and_told_twice(world: NoticeWorld) -> None:
    end = active(world)
    for days in (31, 29, 28, 15, 13, 3, -1):
        world.clock.now = end - timedelta(days=days)
        world.send_mails()
    assert [mail["Subject"].partition(" Émetteur")[0] for mail in world.box.mails] == [
        "[IMPORTANT J-29 JOURS]",
        "[IMPORTANT J-13 JOURS]",
    ]
    assert [len(table_of(mail)) for mail in world.box.mails] == [3, 3]
    assert (
        "Expiration de 3 certificats (1750140014)" in world.box.mails[0]["Subject"]
        or "(10B" in world.box.mails[0]["Subject"]
    )


def test_of_the_revoked_no_end_is_told_even_when_it_was_owed(world: NoticeWorld) -> None:
    end = active(world, count=1)
    mailer = world.mailer()
    world.clock.now = end - timedelta(days=20)
    numero = max(row.id_demande for row in world.avis() if row.id_demande)
    revoke_demandes(world.db, [numero], "cessationOfOperation", world.clock, "essai")
    assert world.send_mails(mailer) == []
    world.clock.advance(minutes=6)
    assert ["révocation" in mail["Subject"] for mail in world.send_mails(mailer)] == [True]


def test_a_plateforme_that_begins_tells_the_last_two_weeks_once(world: NoticeWorld) -> None:
    index = world.issued(world.form())
    withdraw_all(world, index)
    (numero,) = world.numeros(index)
    world.clock.now = world.certificat(numero).not_after - timedelta(days=10)
    world.clear()
    assert [mail["Subject"][:22] for mail in world.send_mails()] == ["[IMPORTANT J-10 JOURS]"]
    assert {row.nature for row in world.avis() if row.destinataire} == {Avis.EXPIRY.value}


def test_who_is_acteur_of_one_and_informed_of_another_gets_one_mail_as_acteur(world: NoticeWorld) -> None:
    world.issued(
        demande_form(csr(0), email_acteur="a@acacias.example", email_informe="b@acacias.example"),
        demande_form(csr(1), email_acteur="b@acacias.example", email_informe="A@acacias.example"),
    )
    world.clock.advance(seconds=1)
    mails = world.send_mails()
    assert len(mails) == 4
    assert all("POUR INFORMATION" not in mail["Subject"] for mail in mails)
    assert all(len(table_of(mail)) == 2 for mail in mails)


def test_a_lot_of_thousands_is_gathered_in_a_few_statements_into_one_mail_each(world: NoticeWorld) -> None:
    index = world.issued(world.form(email_informe=INFORME))
    (model,) = world.demandes(index)
    world.clear()
    columns = {column.name: getattr(model, column.name) for column in tables.Demande.__table__.columns}
    copies = [
        {**columns, "id": model.id + rank, "position": 1 + rank, "reference": f"item-{rank}"} for rank in range(1, 2000)
    ]
    with world.db.write() as session:
        insert_rows(session, tables.Demande, copies)
        owe_lot(session, world.plateforme, index, world.clock())
        for copied in copies:  # what keeps the counts of lots
            counts.note(session, (index, copied["etat"], copied["etat_produit"]), 1, world.clock())
    with statements(world.db.engine) as sent:
        assert gather(world.db, world.plateforme, world.clock()) == 2
    assert len(sent) < 15
    first = world.send_mails()
    assert {(str(mail["To"]), len(table_of(mail))) for mail in first if "Confirmation" in mail["Subject"]} == {
        (ACTEUR, 2000),
        (INFORME, 2000),
    }
    assert "Confirmation de 2 000 demandes" in first[0]["Subject"]
    assert "et 1\u202f980 autres" in text_of(first[0])
    with world.db.write() as session:  # rows without history or key: not of a plateforme
        session.execute(delete(tables.Demande).where(tables.Demande.id > model.id))
        for copied in copies:
            counts.note(session, (index, copied["etat"], copied["etat_produit"]), -1, world.clock())
