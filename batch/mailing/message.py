"""A notice as a mail (RFC 5322): the same Message-ID whenever it is made, so that a double is recognised."""

from __future__ import annotations

import hashlib
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime

from batch.mailing.wording import Text, one_line
from registration.notices.contents import Notice
from registration.vocabulary import Plateforme

_DIGEST_SIGNS = 16


class _Policy(EmailPolicy):
    """As ``email.policy.SMTP``, but for long subjects with accents: that one doubles a blank where it folds them."""

    def fold(self, name: str, value: str) -> str:
        return self._folded(name, value) or super().fold(name, value)

    def fold_binary(self, name: str, value: str) -> bytes:
        folded = self._folded(name, value)
        return super().fold_binary(name, value) if folded is None else folded.encode("ascii")

    def _folded(self, name: str, value: str) -> str | None:
        if name != "Subject" or value.isascii():
            return None
        encoded = Header(str(value), "utf-8", header_name=name).encode(linesep=self.linesep)
        return f"{name}: {encoded}{self.linesep}"


_SMTP = _Policy(linesep="\r\n")


def name_of(notice: Notice) -> str:
    """What tells this notice from every other one: kind, what it is about, to whom. Safe as the name of a file."""
    if not notice.est_groupe:
        about = f"demande-{notice.items[0].numero}"
    else:
        place = (
            f"lot-{notice.index_lot}" if notice.index_lot is not None else f"structure-{notice.structure or 'aucune'}"
        )
        about = place if notice.depuis is None else f"{place}-{notice.depuis:%Y%m%d%H%M%S}"
    whom = hashlib.sha256(f"{notice.plateforme} {notice.destinataire.lower()}".encode()).hexdigest()[:_DIGEST_SIGNS]
    return f"{notice.avis.value.lower().replace('_', '-')}.{about}.{whom}"


def build_message(text: Text) -> EmailMessage:
    """The mail: text, HTML, and the list of a digest; ValueError for an address that cannot stand in a field."""
    notice, house = text.notice, text.house
    message = EmailMessage(policy=_SMTP)
    sign = " (TEST)" if house.plateforme is Plateforme.TEST else ""
    message["From"] = Address(display_name=f"{one_line(house.issuer)}{sign}", addr_spec=house.sender)
    message["To"] = Address(addr_spec=notice.destinataire)
    message["Subject"] = text.subject
    message["Date"] = format_datetime(text.now)
    message["Message-ID"] = f"<{name_of(notice)}@{house.sender.rpartition('@')[2]}>"
    # Nobody is to be answered by a machine (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = "fr"
    message.set_content(text.text)
    message.add_alternative(text.html, subtype="html")
    if text.csv is not None:
        message.add_attachment(text.csv, maintype="text", subtype="csv", filename=f"{name_of(notice)}.csv")
    return message
