"""A lot's element straight into the values that registration takes; spyne would need ten times as long."""

from __future__ import annotations

from typing import Any

from lxml import etree

from registration.errors import Code
from registration.values import DemandeForm, LotForm
from ws.contract.model import Value
from ws.contract.names import contract_tag
from ws.gates.items import read_items
from ws.gates.places import local_name, refuse_at
from ws.gates.values import canonical_text, decode_base64, drop_types

_REFERENCE = contract_tag("reference")
_FQDN = contract_tag("fqdn")
_CSR = contract_tag("csr")
_TEXTS = {
    _REFERENCE: "reference",
    contract_tag("renouvelle"): "renouvelle",
    contract_tag("renouvelleAutorite"): "renouvelle_autorite",
    contract_tag("renouvelleSerie"): "renouvelle_serie",
    contract_tag("offre"): "offre",
    contract_tag("usage"): "usage",
    contract_tag("structure"): "structure",
    contract_tag("beneficiaire"): "beneficiaire",
    contract_tag("serviceApplicatif"): "service_applicatif",
    contract_tag("adresseEmail"): "adresse_email",
    contract_tag("upn"): "upn",
    contract_tag("emailActeur"): "email_acteur",
    contract_tag("emailInforme"): "email_informe",
}


def read_lot(request: etree._Element, *, max_items: int) -> LotForm:
    """The lot inside a deposerLot or verifierLot element, checked against the schema; its items are consumed.

    IgcError: ERR_WS_011 for too many items, ERR_WS_008 and 009 with the place of the first fault.
    """
    lot, blocks = read_items(request, contract_tag("lot"), contract_tag("demande"), max_items)
    forms: list[DemandeForm] = []
    for block in blocks:
        forms.extend(_read_item(item, position) for position, item in enumerate(block, len(forms) + 1))
    reference = canonical_text(lot[0], Value.TEXT)
    drop_types(request)
    return LotForm(reference=reference, demandes=tuple(forms))


def _read_item(item: etree._Element, position: int) -> DemandeForm:
    values: dict[str, Any] = {}
    fqdns: list[str] = []
    for child in item:
        if len(child):
            refuse_at(Code.SCHEMA, local_name(child), position, "un commentaire se trouve dans une valeur.")
        tag, text = child.tag, child.text or ""
        name = _TEXTS.get(tag)
        if name is not None:
            values[name] = text
        elif tag == _CSR:
            values["csr"] = decode_base64(text, "csr", position)
        elif tag == _FQDN:
            fqdns.append(text)
    return DemandeForm(fqdns=tuple(fqdns), **values)
