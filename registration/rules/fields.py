"""Which fields each product has (guide §8.1.3, §8.2.3, §8.3.3, §8.4.3), and the syntax of their values.

Every function returns normalised values or raises ``IgcError`` with the code and the field of the contract.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import idna
from email_validator import EmailNotValidError, validate_email

from registration.errors import Code, IgcError
from registration.values import DemandeForm
from registration.vocabulary import USAGES_BY_OFFRE, Offre, Usage

MAX_FQDNS = 5
_HOST_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
_A_LABEL = "xn--"
_UPN = re.compile(r"[A-Za-z0-9._'+/-]{1,64}@[A-Za-z0-9.-]{1,189}", re.ASCII)


def check_presence(form: DemandeForm) -> list[IgcError]:
    """Every missing or superfluous field of the product; an usage outside its offre ends the check."""
    offre, usage = form.offre, form.usage
    if usage not in USAGES_BY_OFFRE[offre]:
        return [IgcError(Code.USAGE_MISSING, champ="usage")]
    found: list[IgcError] = []
    if offre is not Offre.PS and form.structure is None:
        found.append(IgcError(Code.STRUCTURE_UNKNOWN, champ="structure"))
    if offre is Offre.PRO and form.beneficiaire is None:
        found.append(IgcError(Code.BENEFICIAIRE_MISSING, champ="beneficiaire"))
    if _has_service(offre, usage) and form.service_applicatif is None:
        found.append(IgcError(Code.SERVICE_APPLICATIF_MISSING, champ="serviceApplicatif"))
    if offre is Offre.SERV and usage is not Usage.SSL_SERV and form.adresse_email is None:
        found.append(IgcError(Code.EMAIL_SYNTAX, champ="adresseEmail"))
    if usage is Usage.SSL_SERV and not 1 <= len(form.fqdns) <= MAX_FQDNS:
        found.append(IgcError(Code.FQDN_MISSING, champ="fqdn"))
    found.extend(IgcError(Code.FIELD_FORBIDDEN, champ=champ) for champ in _superfluous(form))
    return found


def _has_service(offre: Offre, usage: Usage) -> bool:
    return offre is Offre.ORG or (offre is Offre.SERV and usage is not Usage.SSL_SERV)


def _superfluous(form: DemandeForm) -> list[str]:
    offre, usage = form.offre, form.usage
    person = offre in {Offre.PRO, Offre.PS}
    has_mail = (person and usage is not Usage.AUTH) or (offre is Offre.SERV and usage is not Usage.SSL_SERV)
    allowed = {
        "structure": offre is not Offre.PS,
        "beneficiaire": person,
        "serviceApplicatif": _has_service(offre, usage),
        "adresseEmail": has_mail,
        "fqdn": usage is Usage.SSL_SERV,
        "upn": person and usage is Usage.AUTH,
    }
    given = {
        "structure": form.structure,
        "beneficiaire": form.beneficiaire,
        "serviceApplicatif": form.service_applicatif,
        "adresseEmail": form.adresse_email,
        "fqdn": form.fqdns,
        "upn": form.upn,
    }
    return [champ for champ, value in given.items() if value and not allowed[champ]]


def normalize_email(value: str, code: Code, champ: str) -> str:
    """The address with its domain as lower-case A-labels; local parts are ASCII. Refused with ``code``."""
    normalized = canonical_email(value)
    if normalized is None:
        raise IgcError(code, champ=champ)
    return normalized


@lru_cache(maxsize=4096)
def canonical_email(value: str) -> str | None:
    """The one form in which an address is kept and compared, None when it is no address."""
    try:
        parsed = validate_email(
            value,
            check_deliverability=False,
            allow_smtputf8=False,
            allow_quoted_local=False,
            test_environment=True,
            strict=True,  # a local part has at most 64 octets (RFC 5321 §4.5.3.1.1)
        )
    except EmailNotValidError:
        return None
    return parsed.ascii_email.lower() if parsed.ascii_email else None


@lru_cache(maxsize=4096)
def normalize_domain(value: str) -> str | None:
    """A host name as lower-case A-labels (RFC 5890); None when it is not one, has a final dot or a false A-label."""
    try:
        ascii_form = value.lower() if value.isascii() else idna.encode(value, uts46=True).decode("ascii")
        for label in ascii_form.split("."):
            if label.startswith(_A_LABEL):
                idna.ulabel(label)
    except idna.IDNAError:
        return None
    labels = ascii_form.split(".")
    if len(labels) < 2 or len(ascii_form) > 253 or labels[-1].isdigit():  # noqa: PLR2004 -- RFC 1035 §2.3.4
        return None
    return ascii_form if all(_HOST_LABEL.fullmatch(label) for label in labels) else None


def normalize_fqdns(values: tuple[str, ...]) -> tuple[str, ...]:
    """The FQDNs in the order given, as A-labels; refused with ERR_IHM_062_2, or 062 when one stands twice."""
    result: list[str] = []
    for value in values:
        name = normalize_domain(value)
        if name is None:
            raise IgcError(Code.FQDN_SYNTAX, champ="fqdn", valeur=readable(value))
        if name in result:
            raise IgcError(Code.FIELD_INVALID, champ="fqdn", raison="le même nom y figure deux fois.")
        result.append(name)
    return tuple(result)


def check_upn(value: str) -> str:
    """A user principal name ``name@domain``, ASCII."""
    if not _UPN.fullmatch(value):
        raise IgcError(Code.FIELD_INVALID, champ="upn", raison="écrivez un nom de la forme nom@domaine.")
    return value


def check_service_applicatif(value: str) -> str:
    """The text that becomes the CN: NFC, no surrounding blank, no control or direction character."""
    normalized = unicodedata.normalize("NFC", value).strip()
    if not normalized or any(unicodedata.category(character)[0] == "C" for character in normalized):
        raise IgcError(
            Code.FIELD_INVALID, champ="serviceApplicatif", raison="il contient des caractères qui ne se lisent pas."
        )
    return normalized


def readable(value: str, length: int = 80) -> str:
    """A value of the sender, fit to stand in an error text or in a column: printable and short."""
    return "".join(c if c.isprintable() else "?" for c in value[:length])
