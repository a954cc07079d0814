"""The sixteen mails as they arrive: subjects of the specification (A6), both bodies, what must never be in them."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from sqlalchemy import update

from registration.retraits.overdue import end_overdue
from registration.revocation.by_demande import revoke_demandes
from storage import tables
from tests.integration.notices.world import ACTEUR, INFORME, NoticeWorld, part_of, text_of
from tests.support.produits import conditions

pytestmark = pytest.mark.long

HEAD = "Émetteur - Produits de Certification >>> "
FOR_INFORMATION = "[POUR INFORMATION] "


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._title = tag == "title"

    def handle_data(self, data: str) -> None:
        if not self._title:
            self.words += data.split()


def words_of(html: str) -> list[str]:
    parser = _Words()
    parser.feed(html)
    return parser.words


def signs(words: list[str]) -> list[str]:
    """The words that carry sense: bullets and colons are the layout's."""
    return [word.strip("-:,.;") for word in words if word.strip("-:,.;")]


@pytest.fixture
def life(world: NoticeWorld) -> tuple[NoticeWorld, int, str]:
    """A demande of a person, through all its steps; with its numero and « AC / série »."""
    numero = world.place(world.form("PS_SIGN", email_informe=INFORME))
    world.send_mails()
    world.run_batch()
    world.send_mails()
    world.ra.retraits.withdraw(world.origin(), numero, conditions())
    world.send_mails()
    der = world.certificat(numero).der
    assert der is not None
    certificate = x509.load_der_x509_certificate(der)
    (name,) = certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return world, numero, f"{name.value!s} / {certificate.serial_number:032x}"


def test_the_subjects_of_a_whole_life(life: tuple[NoticeWorld, int, str]) -> None:
    world, numero, certificat = life
    world.clock.now = world.certificat(numero).not_after - timedelta(days=30)
    world.send_mails()
    world.clock.advance(days=16)
    world.send_mails()
    revoke_demandes(world.db, [numero], "cessationOfOperation", world.clock, "essai")
    world.send_mails()
    own = [
        f"{HEAD}Confirmation de la demande {numero}",
        f"{HEAD}Mise à disposition du certificat de la demande N°{numero}",
        f"{HEAD}Confirmation du retrait du certificat {certificat}",
        f"[IMPORTANT J-30 JOURS] {HEAD}Expiration du certificat {certificat}",
        f"[IMPORTANT J-14 JOURS] {HEAD}Expiration du certificat {certificat}",
        f"{HEAD}Confirmation de la révocation du certificat {certificat}",
    ]
    assert world.box.subjects(ACTEUR) == own
    assert world.box.subjects(INFORME) == [
        FOR_INFORMATION + one.partition("] ")[2] if "] " in one else FOR_INFORMATION + one for one in own
    ]


def test_a_cancellation_says_who_and_a_delay_says_so(world: NoticeWorld) -> None:
    first, second = world.place(world.form(email_informe=INFORME)), world.place(world.form(key=1))
    world.clear()
    world.cancel(first)
    (own, informed) = world.send_mails()
    assert own["Subject"] == f"{HEAD}Annulation de la demande de certificat N°{first}"
    assert informed["Subject"] == FOR_INFORMATION + own["Subject"]
    libelle = world.origin().acteur.libelle
    assert f"annulée par {libelle.partition(' ')[0]}" in text_of(own).replace("\n", " ")
    assert "899" not in text_of(own).partition("Motif")[2]
    world.run_batch()
    world.clear()
    world.clock.advance(days=10)
    assert end_overdue(world.db, world.clock) == 1
    (late,) = world.send_mails()
    assert late["Subject"] == f"{HEAD}Annulation de la demande de certificat N°{second}"
    assert "datant du 02/03/2026" in text_of(late)
    assert "délai de retrait" in text_of(late).replace("\n", " ")


def test_both_bodies_say_the_same_and_ask_nothing_of_the_network(life: tuple[NoticeWorld, int, str]) -> None:
    world, numero, _ = life
    for mail in world.box.mails:
        html = part_of(mail, "html")
        assert signs(words_of(html)) == signs(text_of(mail).split())
        assert "TEST" in text_of(mail)
        assert not re.search(r"<(img|link|script|iframe|style)|url\(|src=", html)
        links = re.findall(r'href="([^"]+)"', html)
        pages = (f"/suivi/demandes/{numero}", f"/retirer/{numero}", "")
        expected = {f"https://portail.igc.example{page}" for page in pages}
        assert set(links) <= expected if str(mail["To"]) == ACTEUR else links == []
        assert "http" in text_of(mail) if links else "http" not in text_of(mail)
        assert max(len(line) for line in text_of(mail).splitlines() if "http" not in line) <= 78


def test_the_withdrawal_is_shown_to_its_requester_alone(world: NoticeWorld) -> None:
    numero = world.place(world.form(email_informe=INFORME))
    world.run_batch()
    world.send_mails()
    own, informed = (mail for mail in world.box.mails if "Mise à disposition" in mail["Subject"])
    assert f"https://portail.igc.example/retirer/{numero}" in text_of(own)
    assert "12/03/2026 13:00" in text_of(own)  # ten days of 24 hours, in Paris
    assert "http" not in text_of(informed)


def test_what_strangers_write_stays_text(world: NoticeWorld) -> None:
    """A name with a line end would begin a field of its own; one with a tag would be part of the page."""
    numero = world.place()
    with world.db.write() as session:
        session.execute(
            update(tables.Personne).values(nom="Évil\r\nBcc: all@hopital.example", prenom="<script>alert(1)</script>")
        )
        session.execute(update(tables.Acteur).values(libelle="Évil\r\nBcc: all@hopital.example"))
    world.issuer = "IGC\r\nBcc: all@hopital.example"
    world.cancel(numero)
    for mail in world.send_mails():
        assert mail["Bcc"] is None
        assert [name for name, _ in mail.items() if name.lower() == "bcc"] == []
        assert "<script>" not in part_of(mail, "html")


def test_an_address_that_cannot_stand_in_a_mail_is_refused_and_stops_nobody(world: NoticeWorld) -> None:
    bad, good = world.place(), world.place(world.form(key=1))
    with world.db.write() as session:
        session.execute(
            update(tables.Avis)
            .where(tables.Avis.id_demande == bad)
            .values(destinataire="a@b.example\r\nBcc: c@d.example")
        )
    (mail,) = world.send_mails()
    assert mail["Subject"].endswith(str(good))
    assert {(row.id_demande, row.etat) for row in world.avis() if row.id_demande} == {(bad, "REFUSE"), (good, "ENVOYE")}


def test_the_message_id_names_the_notice(life: tuple[NoticeWorld, int, str]) -> None:
    world, numero, _ = life
    ids = [mail["Message-ID"] for mail in world.box.mails]
    assert len(set(ids)) == len(ids) == 6
    assert all(re.fullmatch(rf"<[a-z-]+\.demande-{numero}\.[0-9a-f]{{16}}@igc\.example>", one) for one in ids)
    with world.db.write() as session:
        session.execute(update(tables.Avis).values(etat="A_ENVOYER", du_le=world.clock()))
    assert sorted(mail["Message-ID"] for mail in world.send_mails() if "retir" not in mail["Subject"])  # sent again
    assert {mail["Message-ID"] for mail in world.box.mails} == set(ids)
