"""Judge forms: fields, habilitations, directory, CSR. Pure: values in, a verdict out.

Uniqueness of keys and addresses needs the database's word and lives in ``demandes/claims``.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

import msgspec

from pki.certificates.content import CertificateContent, check_content
from pki.certificates.profiles import P256_SPKI_HEAD, PRODUCTS
from pki.errors import CsrError, CsrProblem, KeyWeakness, ProfileError
from pki.keys.csr import MAX_CSR_BYTES, AcceptedCsr, accept_csr
from pki.keys.csr_diagnosis import diagnose
from pki.keys.key_policy import DEFAULT_POLICY, KeyPolicy
from registration.errors import Code, DirectoryAwayError, IgcError
from registration.rules.domains import covers_mail_domain, covers_mail_of_any, covers_server_name
from registration.rules.fields import (
    Produit,
    check_presence,
    check_service_applicatif,
    judge_reference,
    normalize_email,
    normalize_fqdns,
    normalize_upn,
    read_produit,
)
from registration.rules.rights import may_request_for_self
from registration.rules.view import DirectoryView, Personne
from registration.values import Acteur, DemandeForm
from registration.vocabulary import Canal, Offre, offre_of, product_code

_NO_VERDICTS: Mapping[bytes, AcceptedCsr | IgcError] = MappingProxyType({})

_CSR_REASONS = {
    CsrProblem.TOO_LARGE: f"elle dépasse {MAX_CSR_BYTES} octets.",
    CsrProblem.TRUNCATED: "elle est coupée avant sa fin.",
    CsrProblem.TRAILING: "des octets suivent la requête.",
    CsrProblem.BER: "elle est en BER (longueurs indéfinies), et non en DER.",
    CsrProblem.SEVERAL: "il y a plusieurs requêtes, ou autre chose à côté d'elle ; donnez-en une seule.",
    CsrProblem.UTF16: "c'est un texte en UTF-16 : enregistrez-le en ASCII ou en UTF-8.",
    CsrProblem.PEM_IN_BASE64: (
        "PEM reçu, envoyez du DER (base64 sans en-tête) ; au portail, donnez le fichier PEM tel quel."
    ),
    CsrProblem.ENCODED_TWICE: "elle est encodée deux fois en base64.",
    CsrProblem.CERTIFICATE: "c'est un certificat, et non une requête PKCS#10.",
    CsrProblem.PRIVATE_KEY: "le fichier contient une clé privée, qui ne se donne à personne : faites une autre clé.",
    CsrProblem.WRONG_VERSION: "sa version n'est pas 0, la seule que PKCS#10 connaisse (RFC 2986).",
    CsrProblem.NO_ATTRIBUTES: "le champ des attributs manque ; même vide, il doit être là (RFC 2986).",
    CsrProblem.ATTRIBUTES_ORDER: "ses attributs ne sont pas dans l'ordre de DER.",
    CsrProblem.SUBJECT_ORDER: "un nom à plusieurs attributs de son sujet n'est pas dans l'ordre de DER.",
    CsrProblem.SUBJECT_STRING: (
        "une chaîne de son sujet contient ce que son type n'admet pas, comme @, & ou _ dans PrintableString : "
        "encodez le sujet en UTF8String."
    ),
    CsrProblem.SIGNATURE_BITS: "sa signature n'est pas faite d'octets entiers.",
    CsrProblem.WRONG_KEY_TYPE: "la clé n'est pas d'un type admis.",
    CsrProblem.WRONG_ALGORITHM: "elle n'est pas signée en sha256WithRSAEncryption.",
    CsrProblem.WRONG_KEY_SIZE: "la clé RSA n'a pas 2048 bits.",
    CsrProblem.WRONG_EXPONENT: "l'exposant public de la clé n'est pas 65537.",
    CsrProblem.WEAK_KEY: "la clé est faible et pourrait être cassée.",
    CsrProblem.BLOCKED_KEY: "la clé est interdite.",
    CsrProblem.BAD_SIGNATURE: "sa signature est incorrecte.",
    CsrProblem.MALFORMED: "ce n'est pas une requête PKCS#10.",
}
_PRIME = "le module de la clé est un nombre premier : n'importe qui en déduit la clé privée."

_STRUCTURE_FIELDS = {"state", "organization", "organizational_unit"}
_CONTENT_FIELDS = {"email": "adresseEmail", "dns_names": "fqdn", "upn": "upn"}
_DIRECTORY_VALUES = {
    "surname": "le nom",
    "given_name": "le prénom",
    "title": "le titre",
    "organization": "la raison sociale",
    "state": "le département",
}
_PERSON_OFFRES = frozenset({Offre.PRO, Offre.PS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What a demande says, as it is stored and compared: normalised where it could be, else as it was written.

    ``adresse_cle`` is the address as it is compared (``fields.email_key``), None when there is none or it is none.
    """

    beneficiaire: str | None
    service_applicatif: str | None
    adresse_email: str | None
    adresse_cle: str | None
    fqdns: tuple[str, ...]
    upn: str | None
    email_acteur: str | None
    email_informe: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A form that no rule refuses; whether its key and its address are free is still to be claimed.

    ``porteur`` is who would hold its protected address; ``contenu`` what its certificate will say, as it is stored.
    """

    form: DemandeForm
    values: Values
    csr: AcceptedCsr
    porteur: str
    contenu: dict[str, Any]

    def refused(self, refusal: IgcError) -> Refused:
        """The verdict once something that only the database knows stands against it."""
        return Refused(form=self.form, values=self.values, csr=self.csr, refusals=(refusal,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A form with its refusals, never none; the first is the one that a rejected demande carries.

    ``csr`` is there when possession of the key was proved all the same.
    """

    form: DemandeForm
    values: Values
    csr: AcceptedCsr | None
    refusals: tuple[IgcError, ...]

    def refused(self, refusal: IgcError) -> Self:
        """The same, with one more refusal."""
        return type(self)(form=self.form, values=self.values, csr=self.csr, refusals=(*self.refusals, refusal))


Judged = Accepted | Refused


CsrVerdicts = Mapping[bytes, AcceptedCsr | IgcError]
"""What became of requests that were looked at beforehand, by their DER."""


def judge_csrs(forms: Iterable[DemandeForm], keys: KeyPolicy = DEFAULT_POLICY) -> CsrVerdicts:
    """Judge the CSR of each form by itself: signature and key take the most time and need no word of the database.

    To be done before a transaction begins, so that nobody waits for it. What brings a fault of ours to light is left
    out, and judged again in its place.
    """
    verdicts: dict[bytes, AcceptedCsr | IgcError] = {}
    for der in {form.csr for form in forms if form.csr}:
        with contextlib.suppress(Exception):
            verdicts[der] = _judge_der(der, keys)
    return verdicts


def examine(
    view: DirectoryView,
    form: DemandeForm,
    keys: KeyPolicy = DEFAULT_POLICY,
    ps_upn_domains: Collection[str] = (),
    csrs: CsrVerdicts = _NO_VERDICTS,
) -> Judged:
    """Judge one form by every rule; the caller then claims its key and its protected address.

    ``csrs`` are those of ``judge_csrs``; one that is not among them is judged here. ``ps_upn_domains`` are the patterns
    of the domains in which the operator lets offre PS have a UPN.
    """
    produit = read_produit(form)
    missing = [produit] if isinstance(produit, IgcError) else check_presence(produit, form)
    if missing or isinstance(produit, IgcError):
        return Refused(form=form, values=_written(view.acteur, form), csr=None, refusals=tuple(missing))
    values, normalised, wrong_value = _normalize(view, form)
    csr = _judge_csr(produit, form, keys, csrs)
    refusals = [
        refusal
        for refusal in (
            _judge_opening(view, produit),
            wrong_value,
            judge_rights(view, produit.offre, form),
            _judge_domains(view, produit.offre, form, normalised, ps_upn_domains),
            csr if isinstance(csr, IgcError) else None,
            judge_reference(form.reference),
        )
        if refusal is not None
    ]
    if refusals or isinstance(csr, IgcError):
        possessed = None if isinstance(csr, IgcError) else csr
        return Refused(form=form, values=values, csr=possessed, refusals=tuple(refusals))
    contenu = _compose(view, produit, form, values)
    if isinstance(contenu, IgcError):
        return Refused(form=form, values=values, csr=csr, refusals=(contenu,))
    porteur = porteur_of(produit.offre, values.beneficiaire, form.structure, values.service_applicatif)
    return Accepted(form=form, values=values, csr=csr, porteur=porteur, contenu=contenu)


def refuse_unread(acteur: Acteur, form: DemandeForm, refusals: tuple[IgcError, ...]) -> Refused:
    """The verdict on a form that names nothing to be examined, for these reasons."""
    return Refused(form=form, values=_written(acteur, form), csr=None, refusals=refusals)


def leave_unexamined(acteur: Acteur, form: DemandeForm) -> Refused:
    """The verdict on a form that nothing could examine: ERR_WS_040, it may be presented again."""
    return Refused(form=form, values=_written(acteur, form), csr=None, refusals=(IgcError(Code.NOT_PROCESSED),))


def _written(acteur: Acteur, form: DemandeForm, **normalised: Any) -> Values:  # noqa: ANN401 -- fields of Values
    """The values as the sender wrote them, but for those already ``normalised``."""
    written = {
        # On offre PS the beneficiaire is the acteur, whatever a form says.
        "beneficiaire": acteur.id_national if offre_of(form.offre) is Offre.PS else form.beneficiaire,
        "service_applicatif": form.service_applicatif,
        "adresse_email": form.adresse_email,
        "adresse_cle": None,
        "fqdns": form.fqdns,
        "upn": form.upn,
        "email_acteur": form.email_acteur,
        "email_informe": form.email_informe,
    }
    return Values(**written | normalised)


def _normalize(view: DirectoryView, form: DemandeForm) -> tuple[Values, dict[str, Any], IgcError | None]:
    """The values, those of them that are normalised by name, and the refusal of the first that cannot be."""
    done: dict[str, Any] = {}
    refusal: IgcError | None = None
    try:
        done["email_acteur"] = normalize_email(form.email_acteur or "", Code.EMAIL_ACTEUR_SYNTAX, "emailActeur")
        if form.email_informe is not None:
            done["email_informe"] = normalize_email(form.email_informe, Code.EMAIL_INFORME_SYNTAX, "emailInforme")
        if form.adresse_email is not None:
            done["adresse_email"] = normalize_email(form.adresse_email, Code.EMAIL_SYNTAX, "adresseEmail")
            done["adresse_cle"] = done["adresse_email"].lower()
        if form.service_applicatif is not None:
            done["service_applicatif"] = check_service_applicatif(form.service_applicatif)
        if form.upn is not None:
            done["upn"] = normalize_upn(form.upn)
        done["fqdns"] = normalize_fqdns(form.fqdns)
    except IgcError as error:
        refusal = error
    return _written(view.acteur, form, **done), done, refusal


def _judge_opening(view: DirectoryView, produit: Produit) -> IgcError | None:
    """Guide §13, ERR_IHM_019: an operator takes no demande for this product now."""
    return IgcError(Code.PRODUCT_CLOSED, champ="usage") if produit in view.closed else None


def judge_rights(view: DirectoryView, offre: Offre, form: DemandeForm) -> IgcError | None:
    """Guide §7, tables 6 and 7: for oneself on offre PS, elsewhere as administrateur technique."""
    return _judge_own_right(view, form) if offre is Offre.PS else _judge_perimeter(view, offre, form)


def _judge_own_right(view: DirectoryView, form: DemandeForm) -> IgcError | None:
    acteur = view.acteur
    if not may_request_for_self(acteur):
        return IgcError(Code.HABILITATION_MISSING, champ="offre")
    if form.beneficiaire is not None and form.beneficiaire != acteur.id_national:
        return IgcError(Code.BENEFICIAIRE_NOT_ENTITLED, champ="beneficiaire")
    if acteur.id_national not in view.personnes:
        return _unknown(view, Code.BENEFICIAIRE_MISSING, "beneficiaire")
    return None


def _unknown(view: DirectoryView, code: Code, champ: str) -> IgcError:
    """Who is not in the directory; while it does not answer nobody can say that of him."""
    return IgcError(code, champ=champ) if view.is_whole else DirectoryAwayError(Code.DIRECTORY_AWAY, champ=champ)


def _judge_perimeter(view: DirectoryView, offre: Offre, form: DemandeForm) -> IgcError | None:
    """A structure that nobody knows is told as such to everybody: that is no secret, and most often a slip."""
    structure = form.structure or ""
    if not view.rights.administers(offre, structure):
        if view.is_whole and structure not in view.structures:
            return IgcError(Code.STRUCTURE_UNKNOWN, champ="structure")
        return IgcError(_missing_right(view, structure), champ="structure", valeur=structure)
    if structure not in view.structures:
        return _unknown(view, Code.STRUCTURE_UNKNOWN, "structure")
    if offre is Offre.PRO and (
        form.beneficiaire not in view.personnes or (structure, form.beneficiaire) not in view.rattachements
    ):
        return _unknown(view, Code.BENEFICIAIRE_MISSING, "beneficiaire")
    return None


def _missing_right(view: DirectoryView, structure: str) -> Code:
    """Guide §13: ERR_IHM_020 tells a person to choose another product, ERR_IHM_026 that nothing is open to him there.

    A message is written by a program, to which no form ever offered anything: for it, always ERR_IHM_026.
    """
    if view.origin.canal is not Canal.IHM:
        return Code.HABILITATION_MISSING
    known_here = structure in view.origin.offered or view.rights.holds_any(structure)
    return Code.HABILITATION_LOST if known_here else Code.HABILITATION_MISSING


def _judge_domains(
    view: DirectoryView, offre: Offre, form: DemandeForm, normalised: dict[str, Any], ps_upn_domains: Collection[str]
) -> IgcError | None:
    """Whether the acteur may have names in the domains that the form names, as far as these could be normalised."""
    if offre is Offre.PS:
        return _judge_ps_domains(view, normalised, ps_upn_domains)
    patterns = view.rights.domains(offre, form.structure or "")
    # A UPN logs into computers (smartcardLogon), so it asks for the same right as an address.
    for champ, name in (("adresseEmail", "adresse_email"), ("upn", "upn")):
        domain = _domain_of(normalised.get(name))
        if domain and not covers_mail_domain(patterns, domain, bare_is_exact=offre is Offre.SERV):
            return IgcError(Code.DOMAIN_NOT_ENTITLED, champ=champ, valeur=domain)
    for fqdn in normalised.get("fqdns", ()):
        if not covers_server_name(patterns, fqdn):
            return IgcError(Code.DOMAIN_NOT_ENTITLED, champ="fqdn", valeur=fqdn)
    return None


def _judge_ps_domains(
    view: DirectoryView, normalised: dict[str, Any], ps_upn_domains: Collection[str]
) -> IgcError | None:
    """A PS has no domain: his address may lie anywhere but where a structure has its own, his UPN where allowed.

    Who administers the domain himself may have the address on offre PRO as well, so it is not refused here.
    """
    domain = _domain_of(normalised.get("adresse_email"))
    if domain and covers_mail_of_any(view.patterns_of_others, domain):
        own = ((offre, one) for (offre, _), patterns in view.rights.patterns.items() for one in patterns)
        if not covers_mail_of_any(own, domain):
            return IgcError(Code.DOMAIN_RESERVED, champ="adresseEmail", valeur=domain)
    domain = _domain_of(normalised.get("upn"))
    if domain and not covers_mail_domain(ps_upn_domains, domain, bare_is_exact=True):
        return IgcError(Code.UPN_DOMAIN_REFUSED, champ="upn", valeur=domain)
    return None


def _domain_of(name: str | None) -> str:
    return (name or "").rpartition("@")[2]


def csr_refusal(error: CsrError) -> IgcError:
    """ERR_IHM_007 with what is wrong with the request, in French."""
    raison = _PRIME if error.weakness is KeyWeakness.PRIME else _CSR_REASONS[error.kind]
    return IgcError(Code.CSR_REFUSED, champ="csr", raison=raison)


def _judge_der(der: bytes, keys: KeyPolicy) -> AcceptedCsr | IgcError:
    try:
        return accept_csr(der, keys)
    except CsrError as error:
        return csr_refusal(error)


def _judge_no_base64(text: str) -> IgcError:
    """ERR_IHM_007 for PEM, which says itself what it is, else ERR_WS_009."""
    if "-----BEGIN " in text:
        return csr_refusal(CsrError(diagnose(text.encode())))
    return IgcError(Code.BASE64, champ="csr")


def _judge_csr(produit: Produit, form: DemandeForm, keys: KeyPolicy, beforehand: CsrVerdicts) -> AcceptedCsr | IgcError:
    if form.csr_text is not None:
        return _judge_no_base64(form.csr_text)
    if not form.csr:
        return IgcError(Code.CSR_REFUSED, champ="csr", raison="elle est absente ou vide ; un PKCS#10 est attendu.")
    csr = beforehand.get(form.csr) or _judge_der(form.csr, keys)
    if isinstance(csr, IgcError):
        return csr
    if csr.spki.startswith(P256_SPKI_HEAD) and not PRODUCTS[product_code(*produit)].admits_p256:
        return IgcError(
            Code.CSR_REFUSED, champ="csr", raison="une clé EC ne convient pas à ce produit : clé RSA attendue."
        )
    return csr


def _compose(view: DirectoryView, produit: Produit, form: DemandeForm, values: Values) -> dict[str, Any] | IgcError:
    """What the certificate will say, frozen at validation; the CA core's bounds are checked now, not at issuance."""
    content: dict[str, Any] = {"product": product_code(*produit)}
    if form.structure is not None:
        structure = view.structures[form.structure]
        content.update(
            state=structure.departement,
            organization=structure.raison_sociale,
            organizational_unit=structure.id_national,
        )
    if produit.offre in _PERSON_OFFRES:
        content.update(_person_content(view.personnes[values.beneficiaire or ""]))
    else:
        content["common_name"] = values.fqdns[0] if values.fqdns else values.service_applicatif
    content.update(
        (key, value)
        for key, value in (
            ("dns_names", list(values.fqdns)),
            ("email", values.adresse_email),
            ("upn", values.upn),
        )
        if value
    )
    try:
        check_content(content_of(content))
    except ProfileError as error:
        champ = _content_champ(produit.offre, form, error.field)
        return IgcError(Code.FIELD_INVALID, champ=champ, raison=_content_raison(champ, error))
    return content


def _content_champ(offre: Offre, form: DemandeForm, field_name: str) -> str:
    """The field of the contract behind a value of the certificate; what is of the directory is named by its key."""
    if field_name in _CONTENT_FIELDS:
        return _CONTENT_FIELDS[field_name]
    if offre in _PERSON_OFFRES:
        return "structure" if field_name in _STRUCTURE_FIELDS else "beneficiaire"
    if field_name != "common_name":
        return "structure"
    return "fqdn" if form.fqdns else "serviceApplicatif"


def _content_raison(champ: str, error: ProfileError) -> str:
    if error.limit is None:
        return "il ne peut pas figurer tel quel dans un certificat."
    if champ == "fqdn":
        return (
            f"le premier nom devient le CN du certificat, où {error.limit} caractères tiennent au plus ; "
            "donnez d'abord un nom plus court, celui-ci peut venir en deuxième."
        )
    if error.field in _DIRECTORY_VALUES:
        what = _DIRECTORY_VALUES[error.field]
        return f"dans l'annuaire, {what} dépasse les {error.limit} caractères qui tiennent dans un certificat."
    return f"il dépasse les {error.limit} caractères qui tiennent dans un certificat."


def porteur_of(offre: Offre, beneficiaire: str | None, structure: str | None, service_applicatif: str | None) -> str:
    """Who bears a certificate, as ``adresse_protegee`` names him: a person, or a service of a structure by any case."""
    if offre in _PERSON_OFFRES:
        return f"P:{beneficiaire}"
    # A hash, because some letters become three when their case is folded.
    service = hashlib.sha256((service_applicatif or "").casefold().encode()).hexdigest()
    return f"S:{structure}:{service}"


def _person_content(personne: Personne) -> dict[str, Any]:
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
