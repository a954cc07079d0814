"""Judge forms: fields, habilitations, directory, CSR. Pure once the directory view is loaded; no row is written.

Uniqueness of keys and addresses needs the database's word and lives in ``uniqueness``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pki.content import CertificateContent, check_content
from pki.csr import AcceptedCsr, accept_csr
from pki.errors import CsrError, CsrProblem, ProfileError
from pki.key_policy import DEFAULT_POLICY, KeyPolicy
from pki.profiles import P256_SPKI_HEAD, PRODUCTS
from registration.directory import DirectoryView, may_request_for_self
from registration.errors import Code, IgcError
from registration.rules.domains import covers_mail_domain, covers_server_name
from registration.rules.fields import (
    check_presence,
    check_service_applicatif,
    check_upn,
    normalize_email,
    normalize_fqdns,
)
from registration.values import DemandeForm
from registration.vocabulary import Offre, product_code
from storage import tables

_CSR_REASONS = {
    CsrProblem.WRONG_KEY_TYPE: "la clé n'est pas d'un type admis.",
    CsrProblem.WRONG_ALGORITHM: "elle n'est pas signée en sha256WithRSAEncryption.",
    CsrProblem.WRONG_KEY_SIZE: "la clé RSA n'a pas 2048 bits.",
    CsrProblem.WRONG_EXPONENT: "l'exposant public de la clé n'est pas 65537.",
    CsrProblem.WEAK_KEY: "la clé est faible et pourrait être cassée.",
    CsrProblem.BLOCKED_KEY: "la clé est interdite.",
    CsrProblem.BAD_SIGNATURE: "sa signature est incorrecte.",
    CsrProblem.TOO_LARGE: "le fichier est trop grand.",
}
_MALFORMED = "ce n'est pas une requête PKCS#10 en DER."

_STRUCTURE_FIELDS = {"state", "organization", "organizational_unit"}
_CONTENT_FIELDS = {"email": "adresseEmail", "dns_names": "fqdn", "upn": "upn"}


@dataclass(slots=True)
class Examined:
    """A form with its normalised values; ``refusals`` is empty when every rule that needs no claim accepts it."""

    form: DemandeForm
    refusals: list[IgcError] = field(default_factory=list)
    csr: AcceptedCsr | None = None
    beneficiaire: str | None = None
    service_applicatif: str | None = None
    adresse_email: str | None = None
    fqdns: tuple[str, ...] = ()
    upn: str | None = None
    email_acteur: str = ""
    email_informe: str | None = None
    porteur: str | None = None
    contenu: dict[str, Any] | None = None

    @property
    def refusal(self) -> IgcError | None:
        """The first refusal, the one that a rejected demande carries."""
        return self.refusals[0] if self.refusals else None


def examine(view: DirectoryView, form: DemandeForm, keys: KeyPolicy = DEFAULT_POLICY) -> Examined:
    """Judge one form by every rule; the caller then claims its key and its protected address."""
    result = Examined(form=form, email_acteur=form.email_acteur[:254])
    result.refusals.extend(check_presence(form))
    if result.refusals:
        return result
    for step in (_check_values, _check_rights, _check_domains, lambda _view, examined: _check_csr(keys, examined)):
        try:
            step(view, result)
        except IgcError as refusal:
            result.refusals.append(refusal)
    if not result.refusals:
        _fill_content(view, result)
    return result


def _check_values(view: DirectoryView, result: Examined) -> None:
    form = result.form
    result.email_acteur = normalize_email(form.email_acteur, Code.EMAIL_ACTEUR_SYNTAX, "emailActeur")
    if form.email_informe is not None:
        result.email_informe = normalize_email(form.email_informe, Code.EMAIL_INFORME_SYNTAX, "emailInforme")
    if form.adresse_email is not None:
        result.adresse_email = normalize_email(form.adresse_email, Code.EMAIL_SYNTAX, "adresseEmail")
    if form.service_applicatif is not None:
        result.service_applicatif = check_service_applicatif(form.service_applicatif)
    if form.upn is not None:
        result.upn = check_upn(form.upn)
    result.fqdns = normalize_fqdns(form.fqdns)
    result.beneficiaire = view.acteur.id_national if form.offre is Offre.PS else form.beneficiaire


def _check_rights(view: DirectoryView, result: Examined) -> None:
    """Guide §7, tables 6 and 7; an unknown structure outside the perimeter answers like a forbidden one."""
    form, acteur = result.form, view.acteur
    if form.offre is Offre.PS:
        if not may_request_for_self(acteur):
            raise IgcError(Code.HABILITATION_MISSING, champ="offre")
        if form.beneficiaire is not None and form.beneficiaire != acteur.id_national:
            raise IgcError(Code.BENEFICIAIRE_NOT_ENTITLED, champ="beneficiaire")
        if acteur.id_national not in view.personnes:
            raise IgcError(Code.BENEFICIAIRE_MISSING, champ="beneficiaire")
        return
    structure = form.structure or ""
    if not view.rights.administers(form.offre, structure):
        raise IgcError(Code.HABILITATION_MISSING, champ="structure")
    if structure not in view.structures:
        raise IgcError(Code.STRUCTURE_UNKNOWN, champ="structure")
    if form.offre is Offre.PRO and (
        form.beneficiaire not in view.personnes or (structure, form.beneficiaire) not in view.rattachements
    ):
        raise IgcError(Code.BENEFICIAIRE_MISSING, champ="beneficiaire")


def _check_domains(view: DirectoryView, result: Examined) -> None:
    form = result.form
    if form.offre is Offre.PS or form.structure is None:
        return
    patterns = view.rights.domains(form.offre, form.structure)
    if result.adresse_email is not None:
        domain = result.adresse_email.rpartition("@")[2]
        if not covers_mail_domain(patterns, domain, bare_is_exact=form.offre is Offre.SERV):
            raise IgcError(Code.DOMAIN_NOT_ENTITLED, champ="adresseEmail", valeur=domain)
    for fqdn in result.fqdns:
        if not covers_server_name(patterns, fqdn):
            raise IgcError(Code.DOMAIN_NOT_ENTITLED, champ="fqdn", valeur=fqdn)


def _check_csr(keys: KeyPolicy, result: Examined) -> None:
    form = result.form
    try:
        csr = accept_csr(form.csr, keys)
    except CsrError as error:
        raise IgcError(Code.CSR_REFUSED, champ="csr", raison=_CSR_REASONS.get(error.kind, _MALFORMED)) from error
    if csr.spki.startswith(P256_SPKI_HEAD) and not PRODUCTS[product_code(form.offre, form.usage)].admits_p256:
        raise IgcError(
            Code.CSR_REFUSED, champ="csr", raison="une clé EC ne convient pas à ce produit : clé RSA attendue."
        )
    result.csr = csr


def _fill_content(view: DirectoryView, result: Examined) -> None:
    """What the certificate will say, frozen at validation; the CA core's bounds are checked now, not at issuance."""
    form = result.form
    content: dict[str, Any] = {"product": product_code(form.offre, form.usage)}
    if form.structure is not None:
        structure = view.structures[form.structure]
        content.update(
            state=structure.departement,
            organization=structure.raison_sociale,
            organizational_unit=structure.id_national,
        )
    if form.offre in {Offre.PRO, Offre.PS}:
        content.update(_person_content(view.personnes[result.beneficiaire or ""]))
    else:
        content["common_name"] = result.fqdns[0] if result.fqdns else result.service_applicatif
    content.update(
        (key, value)
        for key, value in (
            ("dns_names", list(result.fqdns)),
            ("email", result.adresse_email),
            ("upn", result.upn),
        )
        if value
    )
    try:
        check_content(content_of(content))
    except ProfileError as error:
        champ = _content_champ(form, error.field)
        result.refusals.append(
            IgcError(Code.FIELD_INVALID, champ=champ, raison="il ne peut pas figurer tel quel dans un certificat.")
        )
        return
    result.contenu = content
    result.porteur = porteur_of(form.offre, result.beneficiaire, form.structure, result.service_applicatif)


def _content_champ(form: DemandeForm, field_name: str) -> str:
    """The field of the contract behind a value of the certificate; what is of the directory is named by its key."""
    if field_name in _CONTENT_FIELDS:
        return _CONTENT_FIELDS[field_name]
    if form.offre in {Offre.PRO, Offre.PS}:
        return "structure" if field_name in _STRUCTURE_FIELDS else "beneficiaire"
    if field_name != "common_name":
        return "structure"
    return "fqdn" if form.fqdns else "serviceApplicatif"


def porteur_of(offre: Offre, beneficiaire: str | None, structure: str | None, service_applicatif: str | None) -> str:
    """Who bears a certificate, as ``adresse_protegee`` names him: a person, or a service of a structure by any case."""
    if offre in {Offre.PRO, Offre.PS}:
        return f"P:{beneficiaire}"
    # A hash, because some letters become three when their case is folded.
    service = hashlib.sha256((service_applicatif or "").casefold().encode()).hexdigest()
    return f"S:{structure}:{service}"


def _person_content(personne: tables.Personne) -> dict[str, Any]:
    values = {
        "common_name": personne.id_national,
        "surname": personne.nom,
        "given_name": personne.prenom,
        "title": personne.titre,
        "profession": personne.code_profession,
        "training": personne.code_formation,
        "specialities": [personne.savoir_faire] if personne.savoir_faire else None,
        "pharmacist_table": personne.tableau_pharmacien,
    }
    return {key: value for key, value in values.items() if value is not None}


def content_of(stored: dict[str, Any]) -> CertificateContent:
    """The CA core's value from the stored one (JSON has lists where the core has tuples)."""
    return msgspec.convert(stored, CertificateContent)
