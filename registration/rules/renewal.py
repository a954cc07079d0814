"""Renewal of a certificate (guide §8.6): what names it, what is taken over, and whether it may be renewed now. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from msgspec.structs import replace

from registration.errors import Code, IgcError
from registration.rules.issuers import issuer_key, read_serial
from registration.rules.validation import Judged, Refused
from registration.values import DemandeForm
from registration.vocabulary import LABELS, Canal, EtatDemande, EtatProduit
from registration.wording import day, moment

GRACE = timedelta(days=10)
"""So long after its end a certificate may still be renewed (guide §8.6: ten days), to the instant."""
_NUMERO = re.compile(r"[0-9]{1,18}", re.ASCII)
_CONTACTS = ("email_acteur", "email_informe")
_PRODUCT_FIELDS = {
    "offre": "offre",
    "usage": "usage",
    "structure": "structure",
    "beneficiaire": "beneficiaire",
    "serviceApplicatif": "service_applicatif",
    "adresseEmail": "adresse_email",
    "fqdn": "fqdns",
    "upn": "upn",
}


class BySerial(NamedTuple):
    """A certificate named by one of the authorities that may have issued it, and its serial as it is stored."""

    autorites: tuple[str, ...]
    serial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """A demande that somebody wants to renew, and what became of its certificate; ``fields`` are those of its form.

    ``may_act``: who asks has the right to such a product now. ``not_after`` is None as long as nothing is signed,
    ``revocation_le`` when no revocation waits for its day. ``contenu`` is what the certificate says, as it is stored.
    """

    numero: int
    fields: Mapping[str, Any]
    etat: EtatDemande
    etat_produit: EtatProduit | None
    not_after: datetime | None
    revoque_le: datetime | None
    revocation_le: datetime | None = None
    may_act: bool
    contenu: dict[str, Any] | None = None


def read_designation(form: DemandeForm, issuers: Mapping[str, tuple[str, ...]]) -> int | BySerial | list[IgcError]:
    """Which certificate a form wants to renew, or every fault of the form.

    ERR_WS_036 for a field of the product, which is taken over and never given; ERR_WS_037 for what names no
    certificate. An authority that nobody knows has issued none: it names none of ``BySerial.autorites``.
    """
    faults = [
        IgcError(Code.FIELD_FORBIDDEN, champ=champ)
        for champ, name in _PRODUCT_FIELDS.items()
        if getattr(form, name) not in (None, ())
    ]
    named = _read_name(form, issuers)
    if isinstance(named, IgcError):
        return [*faults, named]
    return faults or named


def _read_name(form: DemandeForm, issuers: Mapping[str, tuple[str, ...]]) -> int | BySerial | IgcError:
    autorite, serie = form.renouvelle_autorite, form.renouvelle_serie
    if form.renouvelle is None:
        if not autorite or not serie:
            return _invalid("renouvelle", "indiquez soit renouvelle, soit renouvelleAutorite avec renouvelleSerie.")
        serial = read_serial(serie)
        if serial is None:
            return _invalid("renouvelleSerie", "un numéro de série s'écrit en hexadécimal, 40 chiffres au plus.")
        return BySerial(issuers.get(issuer_key(autorite), ()), serial)
    if autorite is not None or serie is not None:
        return _invalid("renouvelle", "indiquez soit renouvelle, soit renouvelleAutorite avec renouvelleSerie.")
    numero = form.renouvelle.strip()
    if not _NUMERO.fullmatch(numero) or int(numero) < 1:
        return _invalid("renouvelle", "un numéro de produit est un nombre entier positif.")
    return int(numero)


def _invalid(champ: str, raison: str) -> IgcError:
    return IgcError(Code.FIELD_INVALID, champ=champ, raison=raison)


def champ_of(form: DemandeForm) -> str:
    """The field of the contract by which a form names what it renews."""
    return "renouvelle" if form.renouvelle is not None else "renouvelleSerie"


def take_over(form: DemandeForm, certified: Certified) -> DemandeForm:
    """The form as the rules judge it: the product as it was certified, and the contacts where none are given."""
    given = {name: value for name in _CONTACTS if (value := getattr(form, name)) is not None}
    if form.sans_informe:
        given["email_informe"] = None
    return replace(form, **{**certified.fields, **given})


def judge_state(certified: Certified, now: datetime, window: timedelta, champ: str) -> IgcError | None:
    """Whether such a certificate may be renewed now: Actif or Expiré, and inside the window, both edges included.

    ERR_WS_044 for another state, ERR_WS_043 with both ends of the window outside of it.
    """
    raison = _state_raison(certified)
    if raison is not None:
        return IgcError(Code.NOT_RENEWABLE, champ=champ, raison=raison)
    if certified.not_after is None:
        return None
    first, last = certified.not_after - window, certified.not_after + GRACE
    if first <= now <= last:
        return None
    return IgcError(Code.RENEWAL_OUTSIDE_WINDOW, champ=champ, debut=moment(first), fin=moment(last))


def _state_raison(certified: Certified) -> str | None:
    if certified.revocation_le is not None:
        return f"sa révocation est prévue le {day(certified.revocation_le)} ; renoncez-y d'abord."
    if certified.etat_produit in {EtatProduit.ACTIF, EtatProduit.EXPIRE}:
        return None
    if certified.etat_produit is EtatProduit.A_RETIRER:
        return "il est à retirer ; retirez-le d'abord."
    if certified.etat_produit is EtatProduit.REVOQUE:
        since = "" if certified.revoque_le is None else f" depuis le {moment(certified.revoque_le)}"
        return f"il est révoqué{since} ; demandez un nouveau produit."
    return f"aucun certificat n'en a été émis (état {LABELS[certified.etat]})."


def settle(verdict: Judged, certified: Certified, state: IgcError | None, canal: Canal) -> Judged:
    """The verdict of the rules on a form that was filled, with what is particular to renewals.

    Who has no right to such a product now learns nothing of its state; ``state`` stands first for the others, and for
    the sender of a demande that is Rejetée, which nobody else knows of: what it lacks is no fault of the renewal. A
    domain that his habilitation has lost is that habilitation: ERR_IHM_020 on the portal, ERR_IHM_026 in messages.
    """
    if isinstance(verdict, Refused):
        refusals = tuple(_as_lost_right(refusal, verdict.form, canal) for refusal in verdict.refusals)
        is_told = certified.may_act or certified.etat is EtatDemande.REJETEE
        first = (state,) if state is not None and is_told else ()
        return Refused(form=verdict.form, values=verdict.values, csr=verdict.csr, refusals=(*first, *refusals))
    if not certified.may_act:
        return verdict.refused(IgcError(Code.HABILITATION_MISSING))
    return verdict if state is None else verdict.refused(state)


def _as_lost_right(refusal: IgcError, form: DemandeForm, canal: Canal) -> IgcError:
    if refusal.code is not Code.DOMAIN_NOT_ENTITLED:
        return refusal
    code = Code.HABILITATION_LOST if canal is Canal.IHM else Code.HABILITATION_MISSING
    return IgcError(code, champ=refusal.champ, valeur=form.structure or "")


def needs_new_key(refusal: IgcError) -> IgcError:
    """ERR_IHM_007 of a key that was presented before, for who tries to renew with it."""
    raison = f"{refusal.data['raison']} Un renouvellement demande une nouvelle clé."
    return IgcError(Code.CSR_REFUSED, champ="csr", raison=raison)


class Rival(NamedTuple):
    """The renewal that a product has already; ``position`` when it is an item of the same lot."""

    numero: int | None
    etat: EtatDemande
    position: int | None

    def refusal(self, champ: str) -> IgcError:
        """ERR_WS_045, naming it."""
        if self.position is not None:
            raison = f"le même produit est nommé à la position {self.position} de ce lot."
        elif self.etat is EtatDemande.CLOSE:
            raison = f"la demande n° {self.numero}, dont le certificat est retiré et actif."
        else:
            raison = f"la demande n° {self.numero} (état {LABELS[self.etat]}), qui peut être annulée jusqu'au retrait."
        return IgcError(Code.RENEWAL_TAKEN, champ=champ, raison=raison)
