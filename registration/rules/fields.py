"""Which fields each product has (guide §8.1.3, §8.2.3, §8.3.3, §8.4.3), and the syntax of their values.

Every function returns normalised values or raises ``IgcError`` with the code and the field of the contract.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import idna
from email_validator import EmailNotValidError, validate_email

from registration.errors import Code, IgcError
from registration.rules.limits import FQDN_LENGTH, MAX_FQDNS, is_reference, is_structure
from registration.values import DemandeForm
from registration.vocabulary import USAGES_BY_OFFRE, Offre, Usage, offre_of, usage_of
from runtime.unseen import unseen_in

_HOST_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
_A_LABEL = "xn--"
_REFERENCE_REASON = "64 caractères au plus, qui sont des lettres sans accent, des chiffres ou . _ : / -"
_UPN = re.compile(r"(?P<local>[A-Za-z0-9._'+/-]{1,64})@(?P<domain>[A-Za-z0-9.-]{1,189})", re.ASCII)


class Produit(NamedTuple):
    """One of the thirteen (guide §7, table 8)."""

    offre: Offre
    usage: Usage


def read_produit(form: DemandeForm) -> Produit | IgcError:
    """The product that the form names; else ERR_IHM_004 for its offre, or 060 for an usage that this offre has not.

    Which fields there are follows from it, so that nothing else can be said of a form without it.
    """
    offre, usage = offre_of(form.offre), usage_of(form.usage)
    if offre is None:
        return IgcError(Code.OFFRE_MISSING, champ="offre")
    if usage is None or usage not in USAGES_BY_OFFRE[offre]:
        return IgcError(Code.USAGE_MISSING, champ="usage")
    return Produit(offre, usage)


def check_presence(produit: Produit, form: DemandeForm) -> list[IgcError]:
    """Every missing or superfluous field of the product; a blank one, or what is no identifier, is missing."""
    return [*_missing(produit, form), *_superfluous(produit, form)]


def _missing(produit: Produit, form: DemandeForm) -> Iterator[IgcError]:
    offre, usage = produit
    if offre is not Offre.PS and not is_structure(form.structure or ""):
        yield IgcError(Code.STRUCTURE_UNKNOWN, champ="structure")
    if offre is Offre.PRO and not form.beneficiaire:
        yield IgcError(Code.BENEFICIAIRE_MISSING, champ="beneficiaire")
    if _has_service(produit) and _is_blank(form.service_applicatif):
        yield IgcError(Code.SERVICE_APPLICATIF_MISSING, champ="serviceApplicatif")
    if requires_address(produit) and not form.adresse_email:
        yield IgcError(Code.EMAIL_SYNTAX, champ="adresseEmail")
    if usage is Usage.SSL_SERV and not (len(form.fqdns) <= MAX_FQDNS and any(form.fqdns)):
        yield IgcError(Code.FQDN_MISSING, champ="fqdn")


def _is_blank(value: str | None) -> bool:
    return not (value or "").strip()


def _has_service(produit: Produit) -> bool:
    return produit.offre is Offre.ORG or (produit.offre is Offre.SERV and produit.usage is not Usage.SSL_SERV)


def has_field(produit: Produit, champ: str) -> bool:
    """Whether a product has this field of the contract, one of those that not every product has; else KeyError."""
    offre, usage = produit
    person = offre in {Offre.PRO, Offre.PS}
    has_mail = (person and usage is not Usage.AUTH) or (offre is Offre.SERV and usage is not Usage.SSL_SERV)
    return {
        "structure": offre is not Offre.PS,
        "beneficiaire": person,
        "serviceApplicatif": _has_service(produit),
        "adresseEmail": has_mail,
        "fqdn": usage is Usage.SSL_SERV,
        "upn": person and usage is Usage.AUTH,
    }[champ]


def requires_address(produit: Produit) -> bool:
    """Whether the certificate must have an address: that of a server that has one at all (guide §8.2.3)."""
    return produit.offre is Offre.SERV and has_field(produit, "adresseEmail")


def _superfluous(produit: Produit, form: DemandeForm) -> Iterator[IgcError]:
    given = {
        "structure": form.structure,
        "beneficiaire": form.beneficiaire,
        "serviceApplicatif": form.service_applicatif,
        "adresseEmail": form.adresse_email,
        "fqdn": form.fqdns or None,
        "upn": form.upn,
    }
    for champ, value in given.items():
        if value is not None and not has_field(produit, champ):
            yield IgcError(Code.FIELD_FORBIDDEN, champ=champ)


def judge_reference(value: str | None) -> IgcError | None:
    """ERR_WS_037 for a sender's own name of an item that is none; such a name is never stored."""
    if value is None or is_reference(value):
        return None
    return IgcError(Code.FIELD_INVALID, champ="reference", raison=_REFERENCE_REASON)


def normalize_email(value: str, code: Code, champ: str) -> str:
    """The address as a certificate carries it: its ASCII local part as typed, its domain as lower-case A-labels.

    Refused with ``code``. Two addresses are the same when ``email_key`` of them is.
    """
    normalized = _written_email(value)
    if normalized is None:
        raise IgcError(code, champ=champ)
    return normalized


def email_key(value: str | None) -> str | None:
    """The one form in which addresses are compared: no case in either part; None when it is no address.

    A mailbox may tell ``Dupont`` from ``dupont`` (RFC 5321 §2.4), so what was typed is certified; nobody should be
    able to hold the one beside the holder of the other, so both are one address here.
    """
    written = None if value is None else _written_email(value)
    return None if written is None else written.lower()


@lru_cache(maxsize=4096)
def _written_email(value: str) -> str | None:
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
    # ASCII on both sides, or the library would have refused it.
    return f"{parsed.local_part}@{parsed.ascii_domain.lower()}" if parsed.ascii_email else None


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
    if len(labels) < 2 or len(ascii_form) > FQDN_LENGTH or labels[-1].isdigit():  # noqa: PLR2004 -- RFC 1035 §2.3.1
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


def normalize_upn(value: str) -> str:
    """A user principal name ``name@domain``, ASCII: the name as typed, the domain as lower-case A-labels."""
    match = _UPN.fullmatch(value)
    domain = None if match is None else normalize_domain(match["domain"])
    if match is None or domain is None:
        raise IgcError(
            Code.FIELD_INVALID,
            champ="upn",
            raison="écrivez un nom de la forme nom@domaine, sans accent, le domaine complet : 64 caractères au plus "
            "avant @, 189 après.",
        )
    return f"{match['local']}@{domain}"


def check_service_applicatif(value: str) -> str:
    """The text that becomes the CN: NFC, no surrounding blank, no control or direction character."""
    normalized = unicodedata.normalize("NFC", value).strip()
    if not normalized or unseen_in(normalized):
        raise IgcError(
            Code.FIELD_INVALID, champ="serviceApplicatif", raison="il contient des caractères qui ne se lisent pas."
        )
    return normalized


def readable(value: str, length: int = 80) -> str:
    """A value of the sender, fit to stand in an error text or in a column: printable and short."""
    return "".join(c if c.isprintable() else "?" for c in value[:length])
