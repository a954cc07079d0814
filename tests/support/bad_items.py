"""One item for each thing that a sender can get wrong in one field, with the verdict that it must have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from registration.errors import Code
from tests.support.csrs import csr


@dataclass(frozen=True, slots=True, kw_only=True)
class BadItem:
    """A good demande of ``product`` with ``changes``; ``told`` stands in the text of its verdict."""

    code: Code
    champ: str
    changes: dict[str, Any]
    product: str = "ORG_SIGN"
    told: str = ""


def _names(count: int) -> tuple[str, ...]:
    return tuple(f"h{rank}.acacias.example" for rank in range(count))


_DER = csr(79)
_IN_A_CSR = "16384"
_PEM = "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n"
BAD_ITEMS: dict[str, BadItem] = {
    "offre absent": BadItem(code=Code.OFFRE_MISSING, champ="offre", changes={"offre": None}, told="PRO"),
    "offre empty": BadItem(code=Code.OFFRE_MISSING, champ="offre", changes={"offre": ""}),
    "offre unknown": BadItem(code=Code.OFFRE_MISSING, champ="offre", changes={"offre": "ORGANISATION"}),
    "usage absent": BadItem(code=Code.USAGE_MISSING, champ="usage", changes={"usage": None}),
    "usage empty": BadItem(code=Code.USAGE_MISSING, champ="usage", changes={"usage": ""}),
    "usage unknown": BadItem(code=Code.USAGE_MISSING, champ="usage", changes={"usage": "CHIFFREMENT"}),
    "usage of another offre": BadItem(code=Code.USAGE_MISSING, champ="usage", changes={"usage": "SSL_SERV"}),
    "structure in lower case": BadItem(
        code=Code.STRUCTURE_UNKNOWN, champ="structure", changes={"structure": "10b0990011"}
    ),
    "structure empty": BadItem(code=Code.STRUCTURE_UNKNOWN, champ="structure", changes={"structure": ""}),
    "structure absent": BadItem(code=Code.STRUCTURE_UNKNOWN, champ="structure", changes={"structure": None}),
    "structure too long": BadItem(code=Code.STRUCTURE_UNKNOWN, champ="structure", changes={"structure": "1" * 1024}),
    "beneficiaire empty": BadItem(
        code=Code.BENEFICIAIRE_MISSING, champ="beneficiaire", changes={"beneficiaire": ""}, product="PRO_AUTH"
    ),
    "beneficiaire ill-formed": BadItem(
        code=Code.BENEFICIAIRE_MISSING, champ="beneficiaire", changes={"beneficiaire": "Hugo"}, product="PRO_AUTH"
    ),
    "beneficiaire too long": BadItem(
        code=Code.BENEFICIAIRE_MISSING, champ="beneficiaire", changes={"beneficiaire": "8" * 33}, product="PRO_AUTH"
    ),
    "service empty": BadItem(
        code=Code.SERVICE_APPLICATIF_MISSING, champ="serviceApplicatif", changes={"service_applicatif": ""}
    ),
    "service blank": BadItem(
        code=Code.SERVICE_APPLICATIF_MISSING, champ="serviceApplicatif", changes={"service_applicatif": " \t "}
    ),
    "service of 65": BadItem(
        code=Code.FIELD_INVALID, champ="serviceApplicatif", changes={"service_applicatif": "x" * 65}, told="64"
    ),
    "service of 1024": BadItem(
        code=Code.FIELD_INVALID, champ="serviceApplicatif", changes={"service_applicatif": "é" * 1024}, told="64"
    ),
    "service nobody reads": BadItem(
        code=Code.FIELD_INVALID, champ="serviceApplicatif", changes={"service_applicatif": "a\u202eb"}
    ),
    "adresse empty": BadItem(
        code=Code.EMAIL_SYNTAX, champ="adresseEmail", changes={"adresse_email": ""}, product="SERV_SMIME", told="254"
    ),
    "adresse of 255": BadItem(
        code=Code.EMAIL_SYNTAX,
        champ="adresseEmail",
        changes={"adresse_email": f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 58}.acacias.example"},
        product="SERV_SMIME",
        told="254",
    ),
    "adresse ill-formed": BadItem(
        code=Code.EMAIL_SYNTAX, champ="adresseEmail", changes={"adresse_email": "sans arobase"}, product="PRO_SIGN"
    ),
    "optional adresse empty": BadItem(
        code=Code.EMAIL_SYNTAX, champ="adresseEmail", changes={"adresse_email": ""}, product="PRO_SIGN"
    ),
    "fqdn absent": BadItem(code=Code.FQDN_MISSING, champ="fqdn", changes={"fqdns": ()}, product="SERV_SSL_SERV"),
    "fqdn empty": BadItem(code=Code.FQDN_MISSING, champ="fqdn", changes={"fqdns": ("",)}, product="SERV_SSL_SERV"),
    "one fqdn empty": BadItem(
        code=Code.FQDN_SYNTAX, champ="fqdn", changes={"fqdns": ("www.acacias.example", "")}, product="SERV_SSL_SERV"
    ),
    "six fqdn": BadItem(
        code=Code.FQDN_MISSING, champ="fqdn", changes={"fqdns": _names(6)}, product="SERV_SSL_SERV", told="cinq"
    ),
    "a hundred fqdn": BadItem(
        code=Code.FQDN_MISSING, champ="fqdn", changes={"fqdns": _names(100)}, product="SERV_SSL_SERV", told="cinq"
    ),
    "fqdn of 254": BadItem(
        code=Code.FQDN_SYNTAX,
        champ="fqdn",
        changes={"fqdns": ("www.acacias.example", f"{'a.' * 119}acacias.example1")},
        product="SERV_SSL_SERV",
        told="253",
    ),
    "upn empty": BadItem(code=Code.FIELD_INVALID, champ="upn", changes={"upn": ""}, product="PRO_AUTH", told="189"),
    "upn too long": BadItem(
        code=Code.FIELD_INVALID, champ="upn", changes={"upn": f"{'u' * 1000}@acacias.example"}, product="PRO_AUTH"
    ),
    "email of the acteur absent": BadItem(
        code=Code.EMAIL_ACTEUR_SYNTAX, champ="emailActeur", changes={"email_acteur": None}, told="254"
    ),
    "email of the acteur empty": BadItem(
        code=Code.EMAIL_ACTEUR_SYNTAX, champ="emailActeur", changes={"email_acteur": ""}, told="254"
    ),
    "email of the acteur too long": BadItem(
        code=Code.EMAIL_ACTEUR_SYNTAX, champ="emailActeur", changes={"email_acteur": f"a@{'b' * 1000}.example"}
    ),
    "email to inform empty": BadItem(
        code=Code.EMAIL_INFORME_SYNTAX, champ="emailInforme", changes={"email_informe": ""}, told="254"
    ),
    "email to inform too long": BadItem(
        code=Code.EMAIL_INFORME_SYNTAX, champ="emailInforme", changes={"email_informe": "a" * 1024}, told="254"
    ),
    "reference empty": BadItem(code=Code.FIELD_INVALID, champ="reference", changes={"reference": ""}, told="64"),
    "reference with a blank": BadItem(
        code=Code.FIELD_INVALID, champ="reference", changes={"reference": "poste 12"}, told="64"
    ),
    "reference of 65": BadItem(
        code=Code.FIELD_INVALID, champ="reference", changes={"reference": "r" * 65}, told="64"
    ),
    "csr absent": BadItem(code=Code.CSR_REFUSED, champ="csr", changes={"csr": None}, told="absente"),
    "csr no base64": BadItem(code=Code.BASE64, champ="csr", changes={"csr": None, "csr_text": "MIIé"}, told="base64"),
    "csr in PEM": BadItem(
        code=Code.CSR_REFUSED, champ="csr", changes={"csr": None, "csr_text": _PEM}, told="PEM reçu, envoyez du DER"
    ),
    "csr empty": BadItem(code=Code.CSR_REFUSED, champ="csr", changes={"csr": b""}, told="vide"),
    "csr too long": BadItem(
        code=Code.CSR_REFUSED, champ="csr", changes={"csr": _DER + bytes(16_385 - len(_DER))}, told=_IN_A_CSR
    ),
    "csr as long as may be sent": BadItem(
        code=Code.CSR_REFUSED, champ="csr", changes={"csr": bytes(65_536)}, told=_IN_A_CSR
    ),
    "a field of another product empty": BadItem(code=Code.FIELD_FORBIDDEN, champ="upn", changes={"upn": ""}),
}  # fmt: skip
"""What the contract lets through and a rule refuses."""
