"""The texts of the notices: subjects as the specification has them (A6), bodies from one template for text and HTML.

Whatever comes from people (names, raisons sociales, services) is a stranger's text: one line, no control characters,
escaped in HTML.
"""

from __future__ import annotations

import csv
import io
import re
import textwrap
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from registration.notices.contents import Item, Notice
from registration.vocabulary import Avis, Plateforme, RoleAvis
from registration.wording import moment
from runtime.cells import cell

PARIS = ZoneInfo("Europe/Paris")
_TEMPLATES = Path(__file__).parent / "templates"
_WIDTH = 76
_PARTED = re.compile(r"\n{3,}")
_BLANKS = re.compile(r"[ \t\r\n]+")
_BEFORE_SIGNS = re.compile(r" (?=[:;?!»])|(?<=n°) |(?<=«) ")
_SHOWN = 20
_HEAD = (
    "numero", "lot", "reference", "offre", "usage", "certificat", "adresse", "fqdn", "demandeur", "ac", "serie",
    "fin_validite", "a_retirer_avant",
)  # fmt: skip
_NAMES = {
    Avis.VALIDATED: "validation",
    Avis.RENEWAL: "fin",
    Avis.EXPIRY: "fin",
    Avis.CANCELLED: "annulation",
    Avis.DEADLINE_OVER: "annulation",
    Avis.AVAILABLE: "disponible",
    Avis.WITHDRAWN: "retrait",
    Avis.REVOKED: "revocation",
}


@dataclass(frozen=True)
class House:
    """Who writes: ``issuer`` is the name at the head of each subject, ``portal`` the address of the portal."""

    issuer: str
    sender: str
    portal: str
    plateforme: Plateforme


@dataclass(frozen=True)
class Text:
    """A notice in words, at the moment ``now`` at which it is sent."""

    house: House
    notice: Notice
    now: datetime

    @cached_property
    def subject(self) -> str:
        """The subject, on one line."""
        heads = [self._prefix, f"{self.house.issuer} - Produits de Certification >>> {self._what}"]
        return one_line(" ".join(head for head in heads if head))

    @cached_property
    def days(self) -> int:
        """Days of Paris from today to the first end, at least 0."""
        ends = [item.not_after for item in self.notice.items if item.not_after is not None]
        return max(0, (_day(min(ends)) - _day(self.now)).days) if ends else 0

    @property
    def is_for_information(self) -> bool:
        """Whether the destinataire is not the acteur, and so has nothing to do."""
        return self.notice.role is RoleAvis.INFORME

    @property
    def _prefix(self) -> str:
        if self.is_for_information:
            return "[POUR INFORMATION]"
        return f"[IMPORTANT J-{self.days} JOURS]" if _NAMES[self.notice.avis] == "fin" else ""

    @property
    def _what(self) -> str:
        if self.notice.est_groupe:
            return self._what_of_many
        item = self.notice.items[0]
        certificat = f"{item.autorite} / {item.serie}"
        return {
            "validation": f"Confirmation de la demande {item.numero}",
            "fin": f"Expiration du certificat {certificat}",
            "annulation": f"Annulation de la demande de certificat N°{item.numero}",
            "disponible": f"Mise à disposition du certificat de la demande N°{item.numero}",
            "retrait": f"Confirmation du retrait du certificat {certificat}",
            "revocation": f"Confirmation de la révocation du certificat {certificat}",
        }[_NAMES[self.notice.avis]]

    @property
    def _what_of_many(self) -> str:
        count, lot = thousands(len(self.notice.items)), f"du lot N°{self.notice.index_lot}"
        where = f" ({self.notice.structure})" if self.notice.structure else ""
        return {
            "validation": f"Confirmation de {count} demandes {lot}",
            "fin": f"Expiration de {count} certificats{where}",
            "annulation": f"Annulation de {count} demandes de certificat {lot}",
            "disponible": f"Mise à disposition de {count} certificats {lot}",
            "retrait": f"Confirmation du retrait de {count} certificats {lot}",
            "revocation": f"Confirmation de la révocation de {count} certificats {lot}",
        }[_NAMES[self.notice.avis]]

    @cached_property
    def text(self) -> str:
        """The body as text."""
        return _PARTED.sub("\n\n", "\n".join(line.rstrip() for line in self._render(_TEXT).strip().splitlines())) + "\n"

    @cached_property
    def html(self) -> str:
        """The body as HTML, which says the same and asks nothing of the network."""
        return self._render(_HTML)

    @property
    def lot(self) -> str:
        """The lot by its index and by the reference that its sender gave it."""
        return one_line(f"lot n° {self.notice.index_lot} (référence {self.notice.reference_lot})")

    @property
    def lignes(self) -> list[str]:
        """A line for each of the first items of a digest."""
        return [
            f"n° {item.numero}{f' ({item.reference})' if item.reference else ''} : {item.offre} {item.usage}, "
            f"{item.sujet}{f', n° de série {item.serie}' if item.serie else ''}"
            for item in self.notice.items[:_SHOWN]
        ]

    @property
    def fins(self) -> list[str]:
        """As ``lignes``, of what ends: the day, then what the certificate is found by."""
        return [
            f"{day(item.not_after)} : {item.autorite} / {item.serie}, {item.offre} {item.usage}, {item.sujet}"
            f"{f', lot n° {item.index_lot}' if item.index_lot else ''}"
            for item in self.notice.items[:_SHOWN]
            if item.not_after is not None
        ]

    @property
    def champs(self) -> list[tuple[str, str | None]]:
        """What identifies a single demande and its certificate; what is empty is left out."""
        item = self.notice.items[0]
        return [
            ("N° de demande", str(item.numero)),
            ("Lot", None if item.index_lot is None else f"n° {item.index_lot}"),
            ("Votre référence", item.reference),
            ("Offre", item.offre),
            ("Usage", item.usage),
            ("Identification du certificat", item.sujet),
            ("Noms de serveur", ", ".join(item.fqdns)),
            ("Adresse de messagerie renseignée", item.adresse),
            ("Nom / Prénom du demandeur", item.demandeur),
            ("AC émettrice", item.autorite),
            ("N° de série", item.serie),
            ("Fin de validité", None if item.not_after is None else day(item.not_after)),
        ]

    @property
    def withdrawn(self) -> int:
        """How many of the items are withdrawn by now."""
        return sum(not item.est_a_retirer for item in self.notice.items)

    @property
    def limit(self) -> datetime | None:
        """Before when the first of those that wait for it has to be withdrawn."""
        return min((item.limite for item in self.notice.items if item.est_a_retirer and item.limite), default=None)

    @property
    def delay(self) -> str:
        """How far the first end is, in days of Paris."""
        return {0: "aujourd'hui", 1: "demain"}.get(self.days, f"dans {self.days} jours")

    @property
    def motif(self) -> str:
        """Why it was cancelled: who did it, or the delay that is over, or its certificate that was revoked."""
        items, many = self.notice.items, self.notice.est_groupe
        if self.notice.avis is Avis.DEADLINE_OVER:
            what = "les demandes datant" if many else "la demande datant"
            been = "ont été annulées" if many else "a été annulée"
            return f"{what} du {day(items[0].cree_le)} {been} parce que le délai de retrait est dépassé."
        by = sorted({item.annulee_par for item in items if item.annulee_par})
        been = "elles ont été annulées" if many else "elle a été annulée"
        if by:
            return one_line(f"{been} par {', '.join(by)}.")
        return (
            "les certificats ont été révoqués avant leur retrait."
            if many
            else ("le certificat a été révoqué avant son retrait.")
        )

    def _render(self, environment: Environment) -> str:
        notice, items = self.notice, self.notice.items
        return environment.get_template(f"mails/{_NAMES[notice.avis]}").render(
            texte=self,
            avis=notice,
            item=items[0],
            autres=max(0, len(items) - _SHOWN),
            lien=self._link,
            portail=self.house.portal,
            emetteur=self.house.issuer,
            est_test=self.house.plateforme is Plateforme.TEST,
        )

    @property
    def _link(self) -> str | None:
        """Where a single demande is found after login, for its acteur alone; its number opens nothing by itself."""
        if self.is_for_information or self.notice.est_groupe:
            return None
        item = self.notice.items[0]
        waits = self.notice.avis is Avis.AVAILABLE and item.est_a_retirer
        return f"{self.house.portal}/{'retirer' if waits else 'suivi/demandes'}/{item.numero}"

    @cached_property
    def csv(self) -> bytes | None:
        """All items of a digest, UTF-8 with a mark for spreadsheets; None for a single demande."""
        if not self.notice.est_groupe:
            return None
        written = io.StringIO()
        writer = csv.writer(written, delimiter=";", lineterminator="\r\n")
        writer.writerow(_HEAD)
        writer.writerows([cell(value) for value in _line(item)] for item in self.notice.items)
        return written.getvalue().encode("utf-8-sig")


def _line(item: Item) -> tuple[str, ...]:
    return (
        str(item.numero), str(item.index_lot or ""), item.reference or "", item.offre, item.usage, item.sujet,
        item.adresse or "", " ".join(item.fqdns), item.demandeur, item.autorite or "", item.serie or "",
        "" if item.not_after is None else moment(item.not_after),
        moment(item.limite) if item.limite is not None and item.est_a_retirer else "",
    )  # fmt: skip


def one_line(text: str) -> str:
    """Without line ends and control characters: in a field of a mail they would begin another one."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def thousands(number: int) -> str:
    """1 998, as people in France write it; the blank does not break."""
    return f"{number:,}".replace(",", "\u202f")


def day(instant: datetime) -> str:
    """A day in Paris: 02/03/2026."""
    return f"{_day(instant):%d/%m/%Y}"


def _day(instant: datetime) -> datetime:
    return instant.astimezone(PARIS).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)


def _set(text: str) -> str:
    """One blank between words, and none at which a line may break before a sign that French sets apart."""
    return _BEFORE_SIGNS.sub("\u00a0", _BLANKS.sub(" ", text.strip()))


def _flow(text: str, indent: str = "", more: str = "") -> str:
    """A paragraph of plain text; what has no blank, like an address of the web, stays whole."""
    return textwrap.fill(
        _set(text), _WIDTH, initial_indent=indent, subsequent_indent=indent + more,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _environment(kind: str, *, escapes: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([_TEMPLATES / kind, _TEMPLATES]),
        autoescape=escapes,  # noqa: S701 -- a text has nothing to escape
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(jour=day, moment=moment, nombre=thousands, ligne=one_line, coule=_flow, pose=_set)
    return environment


_TEXT = _environment("text", escapes=False)
_HTML = _environment("html", escapes=True)
