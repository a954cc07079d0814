"""How values read in French: labels of the vocabulary, dates of Europe/Paris. The filters of every template."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_decimal

from registration.errors import TEXTS, Code, IgcError
from registration.views import Count, DomaineOffert, Echeance, LotFollowUp
from registration.vocabulary import (
    LABELS,
    Canal,
    CodeAction,
    EtatDemande,
    EtatProduit,
    NatureLot,
    NatureNom,
    Offre,
    ResultatRevocation,
    Role,
    Saisie,
    TypeActeur,
    Usage,
)

PARIS = ZoneInfo("Europe/Paris")
_LOCALE = "fr_FR"
# Digits only, so nothing of a locale is needed; a CSV of a large lot has tens of thousands of dates.
_DAY, _MINUTE = "%d/%m/%Y", "%d/%m/%Y %H:%M"

OFFRE_TEXTS = {
    Offre.PS: "PS – personne",
    Offre.PRO: "PRO – personne dans une structure",
    Offre.ORG: "ORG – application d'une structure",
    Offre.SERV: "SERV – serveur d'une structure",
}
USAGE_TEXTS = {
    Usage.AUTH: "AUTH – authentification",
    Usage.AUTH_CLI: "AUTH_CLI – authentification d'un client",
    Usage.SIGN: "SIGN – signature ou cachet",
    Usage.CONF: "CONF – chiffrement",
    Usage.SMIME: "S/MIME – messagerie sécurisée",
    Usage.SSL_SERV: "SSL_SERV – authentification d'un serveur",
}
_CANAL_TEXTS = {
    Canal.IHM: "Portail (IHM)",
    Canal.WS: "Service web, par lot (WS)",
    Canal.SYSTEM: "Traitement automatique (SYSTEM)",
}
_ACTION_TEXTS = {
    CodeAction.RECORDED: "Demande enregistrée",
    CodeAction.REJECTED: "Demande rejetée par la validation",
    CodeAction.VALIDATED: "Demande validée",
    CodeAction.CANCELLED: "Demande annulée",
    CodeAction.WITHDRAWN: "Certificat retiré",
    CodeAction.RENEWAL_RECORDED: "Renouvellement demandé",
    CodeAction.HANDED_TO_CA: "Demande transmise à l'autorité de certification",
    CodeAction.ISSUED: "Certificat signé",
    CodeAction.NOT_PROCESSED: "Échec technique définitif",
    CodeAction.CERTIFICATE_REVOKED: "Certificat révoqué",
    CodeAction.NOT_WITHDRAWN: "Demande annulée : délai de retrait dépassé",
    CodeAction.REVOCATION_RECORDED: "Révocation enregistrée et validée",
    CodeAction.REVOCATION_GIVEN_UP: "Révocation abandonnée avant son jour",
    CodeAction.REVOCATION_CLOSED: "Révocation close",
    CodeAction.REVOCATION_NOT_PROCESSED: "Révocation non traitée",
}
RESULTAT_TEXTS = {
    ResultatRevocation.REVOQUE: "Certificat révoqué",
    ResultatRevocation.RAISON_CHANGEE: "Motif d'une révocation antérieure aggravé",
    ResultatRevocation.DEJA_REVOQUE: "Le certificat était déjà révoqué",
    ResultatRevocation.PROGRAMMEE: "Attend son jour",
    ResultatRevocation.REMPLACEE: "Remplacée par une révocation immédiate",
    ResultatRevocation.ABANDONNEE: "Abandonnée avant son jour",
    ResultatRevocation.EXPIRE: "Le certificat a expiré avant",
    ResultatRevocation.REFUSEE: "Refusée",
}
ROLE_TEXTS = {
    Role.PORTEUR_CL: "Porteur du certificat",
    Role.ADMINISTRATEUR_TECHNIQUE: "Administrateur technique de la structure",
    Role.DEMANDEUR: "Demandeur à titre personnel",
}
_NATURE_TEXTS = {
    NatureNom.DNS: "Nom de serveur (DNS)",
    NatureNom.EMAIL: "Adresse email",
    NatureNom.UPN: "UPN",
}
_TYPE_ACTEUR_TEXTS = {TypeActeur.SYSTEME.value: "Traitement automatique de la plateforme"}
_IN_FRONT = {Saisie.NON_MODIFIABLE: "", Saisie.FACULTATIVE: "[nom.]", Saisie.OBLIGATOIRE: "nom."}
_NATURES = {NatureLot.CERTIFICATS: "Demandes de certificats", NatureLot.REVOCATIONS: "Révocations"}
CHAMP_TEXTS = {
    "offre": "Offre",
    "usage": "Usage",
    "structure": "Structure",
    "beneficiaire": "Bénéficiaire",
    "serviceApplicatif": "Service applicatif",
    "adresseEmail": "Adresse email protégée",
    "fqdn": "FQDN",
    "upn": "UPN",
    "emailActeur": "Email de l'acteur",
    "emailInforme": "Email d'une personne à informer",
    "csr": "CSR",
    "renouvelle": "Produit à renouveler",
}
"""The portal's name of each field of the contract."""

_REASONS_OF_VALIDATION = frozenset(
    {
        Code.FIELD_FORBIDDEN,
        Code.FIELD_INVALID,
        Code.DOMAIN_NOT_ENTITLED,
        Code.NOT_PROCESSED,
        Code.DOMAIN_RESERVED,
        Code.UPN_DOMAIN_REFUSED,
        Code.RENEWAL_OUTSIDE_WINDOW,
        Code.NOT_RENEWABLE,
        Code.RENEWAL_TAKEN,
    }
)
"""Why the guide would only say that a demande is not validated (§13, ERR_IHM_063)."""

_TABLEAUX = {
    "A": "Pharmacien titulaire d'officine",
    "B": "Pharmacien de l'industrie",
    "C": "Pharmacien de la distribution",
    "D": "Pharmacien adjoint, remplaçant ou gérant",
    "E": "Pharmacien d'Outre-Mer",
    "G": "Pharmacien biologiste",
    "H": "Pharmacien d'établissement de santé",
    "M": "Pharmacien militaire",
}
"""Sections of the order of pharmacists (TRE_R06); a sub-section (TRE_G05) begins with the letter of its section."""

_ETAT_TONES = {
    EtatDemande.ENREGISTREE: "attente",
    EtatDemande.VALIDEE: "attente",
    EtatDemande.TRANSMISE: "encours",
    EtatDemande.CLOSE: "bien",
    EtatDemande.REJETEE: "refus",
    EtatDemande.NON_TRAITEE: "refus",
    EtatDemande.ANNULEE: "fin",
    EtatProduit.A_RETIRER: "encours",
    EtatProduit.ACTIF: "bien",
    EtatProduit.EXPIRE: "fin",
    EtatProduit.REVOQUE: "refus",
}
# The etats of a revocation are some of those of a demande.
_TONES_BY_NAME = {etat.value: tone for etat, tone in _ETAT_TONES.items()}


def label(value: StrEnum | None) -> str:
    """The official label of an etat; the value itself for the words that the guide shows as codes."""
    return "" if value is None else LABELS.get(value, value.value)


def tone(value: StrEnum) -> str:
    """The suffix of the CSS class of an etat; colour only repeats what the label says."""
    return _TONES_BY_NAME[value.value]


def offre_text(value: Offre | None) -> str:
    """An offre with its meaning; empty for a refused demande that names none."""
    return "" if value is None else OFFRE_TEXTS[value]


def usage_text(value: Usage | None) -> str:
    """An usage with its meaning; empty for a refused demande that names none."""
    return "" if value is None else USAGE_TEXTS[value]


def canal_text(value: Canal) -> str:
    """A canal with its meaning."""
    return _CANAL_TEXTS[value]


def action_text(code: str) -> str:
    """What a step of the history did; empty for a code that this version does not know."""
    return _ACTION_TEXTS[CodeAction(code)] if code in set(CodeAction) else ""


def resultat_text(value: ResultatRevocation) -> str:
    """What a demande de révocation has led to."""
    return RESULTAT_TEXTS[value]


def role_text(value: Role | None) -> str:
    """A role with its meaning; empty where nobody had logged in."""
    return "" if value is None else ROLE_TEXTS[value]


def nature_text(value: NatureNom) -> str:
    """What a name beside the subject is."""
    return _NATURE_TEXTS[value]


def type_acteur_text(value: str) -> str:
    """Who took a step: the words of the guide, but for its name of the plateforme itself."""
    return _TYPE_ACTEUR_TEXTS.get(value, value)


def champ_text(champ: str) -> str:
    """The portal's name of a field of the contract."""
    return CHAMP_TEXTS.get(champ, champ)


def in_words_of_the_guide(error: IgcError) -> IgcError:
    """The refusal of a demande as a person reads it: where its code is one of messages, ERR_IHM_063 with the reason."""
    if error.code not in _REASONS_OF_VALIDATION:
        return error
    return IgcError(Code.VALIDATION_FAILED, champ=error.champ, raison=refusal_text(error))


def refusal_text(error: IgcError) -> str:
    """The text of a refusal, with the portal's name of the field where the catalogue would print the contract's."""
    if error.code in {Code.FIELD_INVALID, Code.FIELD_FORBIDDEN} and error.champ is not None:
        return TEXTS[error.code].format(**{**error.data, "champ": champ_text(error.champ)})
    return error.text


def tableau_text(code: str | None) -> str:
    """A pharmacist's section with its meaning; of a part of a section the section's."""
    return "" if not code else f"{code} - {_TABLEAUX[code[0]]}" if code[0] in _TABLEAUX else code


def date_fr(value: datetime | None) -> str:
    """An instant as a day in Paris: 14/10/2026."""
    return "" if value is None else value.astimezone(PARIS).strftime(_DAY)


def datetime_fr(value: datetime | None) -> str:
    """An instant as day and minute in Paris: 14/10/2026 16:51."""
    return "" if value is None else value.astimezone(PARIS).strftime(_MINUTE)


def time_fr(value: datetime) -> str:
    """An instant as the time of day in Paris: 16:51:07."""
    return value.astimezone(PARIS).strftime("%H:%M:%S")


def nature_lot(value: NatureLot) -> str:
    """What the items of a lot are."""
    return _NATURES[value]


def refuses(suivi: LotFollowUp) -> int:
    """How many items of a lot came to nothing by a refusal."""
    return suivi.counts[EtatDemande.REJETEE] + suivi.counts[EtatDemande.NON_TRAITEE]


def count_fr(value: Count) -> str:
    """A count that may have been given up: plus de 10 000."""
    return f"plus de {number_fr(value.nombre)}" if value.more else number_fr(value.nombre)


def domaine_fr(value: DomaineOffert) -> str:
    """A domain with what may be written in front of it: [nom.]acacias.example."""
    return f"{_IN_FRONT[value.saisie]}{value.domaine}"


def month_fr(value: Echeance) -> str:
    """A month: décembre 2026."""
    return format_date(date(value.annee, value.mois, 1), "MMMM yyyy", locale=_LOCALE)


def number_fr(value: int) -> str:
    """A count with French grouping: 10 000."""
    return format_decimal(value, locale=_LOCALE)


FILTERS: dict[str, Callable[..., str | int]] = {
    "label": label,
    "tone": tone,
    "offre_text": offre_text,
    "usage_text": usage_text,
    "canal_text": canal_text,
    "action_text": action_text,
    "champ_text": champ_text,
    "tableau_text": tableau_text,
    "resultat_text": resultat_text,
    "role_text": role_text,
    "nature_text": nature_text,
    "type_acteur_text": type_acteur_text,
    "date_fr": date_fr,
    "datetime_fr": datetime_fr,
    "number_fr": number_fr,
    "time_fr": time_fr,
    "nature_lot": nature_lot,
    "refuses": refuses,
    "count_fr": count_fr,
    "month_fr": month_fr,
    "domaine_fr": domaine_fr,
}
"""Names under which templates call these functions."""
