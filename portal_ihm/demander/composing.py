"""From what was typed at the steps to a demande: names composed, fields that the product does not have left out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from portal_ihm.demander.forms import told
from registration.errors import Code, IgcError
from registration.rules.domains import compose
from registration.rules.fields import Produit, has_field
from registration.values import DemandeForm
from registration.vocabulary import USAGES_BY_OFFRE, Offre, Saisie

if TYPE_CHECKING:
    from portal_ihm.demander.parcours import Parcours
    from registration.views import DomaineOffert, OffreOuverte

CHARGEE, ASSISTEE = "CHARGEE", "ASSISTEE"
"""Where the CSR of step 4 is from."""
_BEFORE_A_DOMAIN = "Saisissez {quoi} devant ce domaine : votre habilitation ne couvre que ce qui est en dessous de lui."
_NOTHING = "Ce domaine n'admet rien devant lui : videz ce champ."
_PLAIN = "Écrivez ici un nom sans « @ », sans point au début ni à la fin."


@dataclass(frozen=True, slots=True)
class Misfit:
    """What cannot be composed: the id of the field where it is to be corrected, and why."""

    at: str
    text: str


def produit_of(parcours: Parcours) -> Produit | None:
    """The product that was chosen; None while its usage is none of the offre."""
    offre, usage = parcours.offre, parcours.usage
    return None if offre is None or usage is None or usage not in USAGES_BY_OFFRE[offre] else Produit(offre, usage)


def address_of(values: Mapping[str, Any], ouverture: OffreOuverte) -> str | Misfit | None:
    """The protected address; None when nothing was typed before the « @ »."""
    if ouverture.offre is Offre.PS:
        return values.get("adresse_email") or None
    local, texte = values.get("adresse_locale") or "", values.get("adresse_texte") or ""
    if not local:
        return (
            Misfit("adresse_locale", _coded("Saisissez le nom qui précède « @ ».", Code.EMAIL_SYNTAX))
            if texte
            else None
        )
    name = _name(texte, values.get("adresse_domaine") or "", ouverture.domaines, "adresseEmail")
    if isinstance(name, str):
        return f"{local}@{name}"
    at, text = name
    return Misfit("adresse_domaine" if at else "adresse_texte", _coded(text, Code.EMAIL_SYNTAX))


def fqdns_of(values: Mapping[str, Any], ouverture: OffreOuverte) -> list[str | Misfit]:
    """The names in their order; a row in which nothing was typed is none."""
    found: list[str | Misfit] = []
    for rank, row in enumerate(values.get("fqdns") or ()):
        texte, domaine = row.get("texte") or "", row.get("domaine") or ""
        if not texte and (not domaine or (rank > 0 and len(ouverture.domaines_serveur) == 1)):
            continue
        name = _name(texte, domaine, ouverture.domaines_serveur, "fqdn")
        if isinstance(name, str):
            found.append(name)
        else:
            at, text = name
            found.append(Misfit(f"fqdns-{rank}-{'domaine' if at else 'texte'}", _coded(text, Code.FQDN_MISSING)))
    return found


def _name(texte: str, domaine: str, offered: Iterable[DomaineOffert], champ: str) -> str | tuple[bool, str]:
    """The name, or why there is none and whether that is to be corrected at the domain."""
    if not domaine:
        return True, "Choisissez un domaine."
    saisie = next((one.saisie for one in offered if one.domaine == domaine), None)
    if saisie is None:
        return True, told(IgcError(Code.DOMAIN_NOT_ENTITLED, champ=champ, valeur=domaine))
    name = compose(texte, domaine, saisie)
    if name is not None:
        return name
    if not texte:
        return False, _BEFORE_A_DOMAIN.format(quoi="un nom de serveur" if champ == "fqdn" else "un sous-domaine")
    return False, _NOTHING if saisie is Saisie.NON_MODIFIABLE else _PLAIN


def _coded(text: str, code: Code) -> str:
    return text if "(ERR_" in text else f"{text} ({code.value})"


def split_address(address: str, ouverture: OffreOuverte) -> dict[str, str]:
    """The fields that compose an address, as far as a domain of the habilitation is its end."""
    if ouverture.offre is Offre.PS:
        return {"adresse_email": address}
    local, _, domain = address.rpartition("@")
    texte, domaine = split_name(domain, ouverture.domaines)
    return {"adresse_locale": local, "adresse_texte": texte, "adresse_domaine": domaine}


def split_name(name: str, offered: Iterable[DomaineOffert]) -> tuple[str, str]:
    """(text, domain) that compose a name: the longest domain that fits; the whole name as text where none does."""
    for one in sorted(offered, key=lambda one: -len(one.domaine)):
        texte = "" if name == one.domaine else name.removesuffix(f".{one.domaine}")
        if texte != name and compose(texte, one.domaine, one.saisie) == name:
            return texte, one.domaine
    return name, ""


def demande_of(parcours: Parcours, ouverture: OffreOuverte | None, *, csr: bytes | None = None) -> DemandeForm:
    """The demande as it would be sent, with this ``csr`` or the one that is kept.

    ``ouverture`` is needed for a product that is no renewal. What cannot be composed is left out: the rules miss it.
    """
    values, offre, produit = parcours.etape(3), parcours.offre, produit_of(parcours)
    informe = values.get("email_informe") or None
    form: dict[str, Any] = {
        "csr": csr or csr_of(parcours),
        "csr_assistee": csr is None and parcours.etape(4).get("mode") == ASSISTEE,
        "email_acteur": values.get("email_acteur") or None,
        "email_informe": informe,
    }
    if parcours.renouvelle is not None:
        return DemandeForm(renouvelle=str(parcours.renouvelle), sans_informe=informe is None, **form)
    form["offre"] = None if offre is None else offre.value
    if parcours.structure is not None:
        form["structure"] = parcours.structure
    if offre is Offre.PRO:
        form["beneficiaire"] = parcours.beneficiaire
    if produit is None or ouverture is None:
        return DemandeForm(**form)
    form["usage"] = produit.usage.value
    address = address_of(values, ouverture)
    wanted = {
        "serviceApplicatif": ("service_applicatif", values.get("service_applicatif") or None),
        "adresseEmail": ("adresse_email", address if isinstance(address, str) else None),
        "fqdn": ("fqdns", tuple(one for one in fqdns_of(values, ouverture) if isinstance(one, str))),
        "upn": ("upn", values.get("upn") or None),
    }
    form |= {name: value for champ, (name, value) in wanted.items() if value and has_field(produit, champ)}
    return DemandeForm(**form)


def typed_of(parcours: Parcours) -> dict[str, str]:
    """The fields of the product as they were typed, by field of the contract: what is shown, whatever its fate."""
    produit, values = produit_of(parcours), parcours.etape(3)
    if produit is None:
        return {}
    names = (_joined(row) for row in values.get("fqdns") or ())
    local = values.get("adresse_locale") or ""
    domain = _joined({"texte": values.get("adresse_texte"), "domaine": values.get("adresse_domaine")})
    composed = f"{local}@{domain}" if local else ""
    typed = {
        "serviceApplicatif": values.get("service_applicatif") or "",
        "adresseEmail": (values.get("adresse_email") or "") if produit.offre is Offre.PS else composed,
        "fqdn": ", ".join(name for name in names if name),
        "upn": values.get("upn") or "",
    }
    return {champ: text for champ, text in typed.items() if text and has_field(produit, champ)}


def _joined(parts: Mapping[str, Any]) -> str:
    return ".".join(part for part in (parts.get("texte"), parts.get("domaine")) if part)


def csr_of(parcours: Parcours) -> bytes | None:
    """The CSR of step 4, DER."""
    try:
        return base64.b64decode(parcours.etape(4).get("csr") or "", validate=True) or None
    except (binascii.Error, ValueError):
        return None
