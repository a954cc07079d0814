"""What a demande de révocation asks for, judged field by field (guide §11.1)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from registration.errors import AccessError, Code, IgcError
from registration.rules.fields import judge_reference, normalize_email
from registration.rules.revocation import KEY_COMPROMISE
from registration.values import RevocationForm
from registration.vocabulary import Motif, Role
from registration.wording import day
from runtime.unseen import unseen_in

PARIS = ZoneInfo("Europe/Paris")
AUTRE_MOTIF_LENGTH = 255

RAISONS: Mapping[Motif, str] = {
    Motif.VOL: KEY_COMPROMISE,
    Motif.PERTE: KEY_COMPROMISE,
    Motif.FIN_ACTIVITE: "cessationOfOperation",
    Motif.AUTRE: "unspecified",
}
"""The reason of the CRL behind each motif (ours, domain.md): a name of pki.status.reasons.REASONS."""

ROLES: Mapping[str, Role] = {"PORTEUR": Role.PORTEUR_CL, "ADMINISTRATEUR": Role.ADMINISTRATEUR_TECHNIQUE}
"""« Agir en tant que » (guide §11.1.1)."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_HEXADECIMAL = re.compile(r"(0x)?[0-9a-f]{1,64}", re.ASCII)
_DIGITS = 32
_NOT_A_CERTIFICATE = "nommez le certificat par le numéro de sa demande, ou par son autorité et son numéro de série."


@dataclass(frozen=True, slots=True)
class Wish:
    """A form without a fault. ``effet_le`` is the instant of a deferred revocation, None for one at once.

    ``serie`` is as rows have it; ``role`` None leaves the choice to who has one only.
    """

    numero: int | None
    autorite: str | None
    serie: str | None
    motif: Motif
    autre_motif: str | None
    effet_le: datetime | None
    role: Role | None
    email: str

    @property
    def raison(self) -> str:
        """The reason of the CRL."""
        return RAISONS[self.motif]


def judge_form(form: RevocationForm, now: datetime) -> Wish | tuple[IgcError, ...]:
    """What the form asks for, or everything that is wrong with it.

    ERR_WS_037 for its certificate, motif, text, day and role, ERR_WS_036 for a text beside a motif that has none,
    ERR_IHM_057 for the address, ERR_WS_060 without the confirmation.
    """
    unnamed = judge_reference(form.reference)
    faults: list[IgcError] = [] if unnamed is None else [unnamed]
    numero, serie = _certificate(form, faults)
    motif = _motif(form, faults)
    effet_le = _effect(form, motif, now, faults)
    role = ROLES.get(form.en_tant_que or "")
    if form.en_tant_que is not None and role is None:
        faults.append(_invalid("enTantQue", f"écrivez {' ou '.join(ROLES)}."))
    email = _email(form, faults)
    if not form.confirmation:
        faults.append(IgcError(Code.REVOCATION_NOT_CONFIRMED, champ="confirmation"))
    if faults or motif is None:
        return tuple(faults)
    text = None if form.autre_motif is None else unicodedata.normalize("NFC", form.autre_motif).strip()
    return Wish(numero, form.autorite, serie, motif, text, effet_le, role, email)


def read_serial(text: str) -> str | None:
    """A serial as any viewer of certificates shows it, as rows have it; None when it is none.

    Upper case, blanks, colons, 0x and zeros in front make no difference.
    """
    compact = re.sub(r"[\s:]", "", text).lower()
    if not _HEXADECIMAL.fullmatch(compact):
        return None
    return f"{int(compact.removeprefix('0x'), 16):032x}"


def hint(serie: str | None) -> str:
    """What to add where nothing has this serial: forty digits are those of a key, which Windows shows beside it."""
    if serie is not None and len(serie) > _DIGITS:
        return " 40 chiffres sont plutôt l'identificateur d'une clé : prenez le champ « Numéro de série »."
    return ""


def first_instant(chosen: date) -> datetime:
    """00:00 in Paris on this day, winter or summer."""
    return datetime.combine(chosen, time(), PARIS).astimezone(UTC)


def check_validity(effet_le: datetime, not_after: datetime) -> None:
    """Refuse (ERR_WS_037) a day after the last one of the certificate."""
    if effet_le >= not_after:
        last = day(not_after - timedelta(microseconds=1))
        raise _invalid("dateEffet", f"le certificat finit avant : le {last} est son dernier jour.")


def choose_role(wanted: Role | None, held: Mapping[Role, object]) -> Role:
    """The role of who asks: the one he names, or the only one that he has.

    ERR_IHM_026 without one, ERR_WS_037 when he has two and names none.
    """
    if not held or (wanted is not None and wanted not in held):
        raise AccessError(Code.HABILITATION_MISSING)
    if wanted is None and len(held) > 1:
        raise _invalid("enTantQue", "vous êtes porteur de ce certificat et administrateur : dites à quel titre.")
    return next(iter(held)) if wanted is None else wanted


def _invalid(champ: str, raison: str) -> IgcError:
    return IgcError(Code.FIELD_INVALID, champ=champ, raison=raison)


def _certificate(form: RevocationForm, faults: list[IgcError]) -> tuple[int | None, str | None]:
    by_serial = form.autorite is not None or form.serie is not None
    if (form.numero is not None) == by_serial:
        faults.append(_invalid("numeroProduit", _NOT_A_CERTIFICATE))
        return None, None
    if isinstance(form.numero, str):
        faults.append(_invalid("numeroProduit", "un numéro de produit est un nombre entier positif."))
        return None, None
    if not by_serial:
        return form.numero, None
    if not form.autorite:
        faults.append(_invalid("autorite", "nommez l'autorité qui a signé le certificat."))
    serie = read_serial(form.serie or "")
    if serie is None:
        faults.append(_invalid("numeroSerie", "écrivez le numéro de série en hexadécimal."))
    return None, serie


def _motif(form: RevocationForm, faults: list[IgcError]) -> Motif | None:
    try:
        motif = Motif(form.motif or "")
    except ValueError:
        faults.append(_invalid("motif", f"écrivez {', '.join(Motif)}."))
        return None
    if motif is not Motif.AUTRE:
        if form.autre_motif is not None:
            faults.append(IgcError(Code.FIELD_FORBIDDEN, champ="autreMotif"))
        return motif
    text = unicodedata.normalize("NFC", form.autre_motif or "").strip()
    if not 1 <= len(text) <= AUTRE_MOTIF_LENGTH or unseen_in(text):
        faults.append(_invalid("autreMotif", f"de 1 à {AUTRE_MOTIF_LENGTH} caractères lisibles, sur une ligne."))
    return motif


def _effect(form: RevocationForm, motif: Motif | None, now: datetime, faults: list[IgcError]) -> datetime | None:
    if form.date_effet is None:
        return None
    if motif in {Motif.VOL, Motif.PERTE}:
        faults.append(_invalid("dateEffet", "un certificat volé ou perdu est révoqué immédiatement."))
        return None
    chosen = _read_day(form.date_effet)
    if chosen is None:
        faults.append(_invalid("dateEffet", "écrivez un jour de la forme AAAA-MM-JJ."))
        return None
    if chosen <= now.astimezone(PARIS).date():
        faults.append(_invalid("dateEffet", "au plus tôt demain ; sans date, la révocation est immédiate."))
        return None
    return first_instant(chosen)


def _read_day(text: str) -> date | None:
    # A day before year 1 or after 9999 has no instant in Paris or none in UTC.
    try:
        chosen = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None
    return chosen if chosen is not None and date.min < chosen < date.max else None


def _email(form: RevocationForm, faults: list[IgcError]) -> str:
    try:
        return normalize_email(form.email or "", Code.EMAIL_ACTEUR_SYNTAX, "emailActeur")
    except IgcError as fault:
        faults.append(fault)
        return ""
