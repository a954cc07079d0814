"""The world of this folder: who is told what, and by which mails."""

from __future__ import annotations

import email
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from typing import cast

from sqlalchemy import select

from batch.mailing.mailer import Mailer, MailPolicy
from batch.mailing.transport import Answer, Transport, TransportError, Verdict
from batch.mailing.wording import House
from registration.vocabulary import Plateforme
from storage import tables
from storage.database import Database
from tests.support.acteurs import fill, read_acteurs
from tests.support.clock import NOON
from tests.support.hierarchies import Hierarchy
from tests.support.world import World

ACTEUR, INFORME = "acteur@acacias.example", "informee@acacias.example"


@dataclass
class Box:
    """A way of mails that keeps them, and answers to an address what a test says."""

    mails: list[EmailMessage] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    answers: dict[str, Answer | TransportError] = field(default_factory=dict)

    def deliver(self, message: EmailMessage, name: str) -> Answer:
        # As they come out of the octets that go over the wire.
        read = email.message_from_bytes(message.as_bytes(), policy=policy.default)
        answer = self.answers.get(str(read["To"]), Answer(Verdict.SENT, "250 pris"))
        if isinstance(answer, TransportError):
            raise answer
        if answer.verdict is Verdict.SENT:
            self.mails.append(read)
            self.names.append(name)
        return answer

    def rest(self) -> None:
        pass

    def forget(self, before: float) -> None:
        pass

    def subjects(self, to: str | None = None) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails if to is None or str(mail["To"]) == to]


def text_of(mail: EmailMessage) -> str:
    return part_of(mail, "plain")


def part_of(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return cast("str", part.get_content())


@dataclass(kw_only=True)
class NoticeWorld(World):
    """A world whose notices can be looked at, and sent."""

    box: Box = field(default_factory=Box)
    issuer: str = "Émetteur"
    mail_policy: MailPolicy = field(default_factory=MailPolicy)

    def mailer(self, transport: Transport | None = None) -> Mailer:
        house = House(self.issuer, "avis@igc.example", "https://portail.igc.example", self.plateforme)
        return Mailer(self.db, transport or self.box, house, self.mail_policy, self.clock)

    def send_mails(self, mailer: Mailer | None = None) -> list[EmailMessage]:
        """All that is due now; gives the mails that went."""
        before = len(self.box.mails)
        mailer = mailer or self.mailer()
        while mailer.run_once():
            pass
        return self.box.mails[before:]

    def avis(self) -> list[tables.Avis]:
        return self.values(select(tables.Avis).order_by(tables.Avis.id))

    def owed(self) -> list[tuple[str, int | None, str | None]]:
        """(nature, numero or index of lot, destinataire) of what is owed, sorted."""
        return sorted((row.nature, row.id_demande or row.id_lot, row.destinataire) for row in self.avis())

    def clear(self) -> None:
        with self.db.write() as session:
            session.execute(tables.Avis.__table__.delete())  # type: ignore[attr-defined]  # a table, typed as more


def make_notice_world(db: Database, hierarchy: Hierarchy) -> NoticeWorld:
    fill(db, Plateforme.TEST, NOON)
    return NoticeWorld(db=db, hierarchy=hierarchy, acteurs=read_acteurs(db, Plateforme.TEST))
