"""A lot's element straight into the values that registration takes; spyne would need ten times as long."""

from __future__ import annotations

from typing import Any

from lxml import etree

from registration.values import DemandeForm, LotForm
from ws.contract.forms import Value, read_base64
from ws.contract.names import contract_tag
from ws.gates.findings import refuse_at
from ws.gates.items import bounded_text, read_items
from ws.gates.places import local_name
from ws.gates.values import canonical_text, drop_types

_MAX_CSR_BYTES = 65_536
"""Four times what a rule lets pass: it refuses what is cut here."""

_MAX_FQDNS = 100
"""The same of five."""

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

    IgcError: as ``read_items``. What a value of an item is worth is the rules' to say, for that item alone: one that is
    out of all measure is cut where they refuse it all the same, a csr that is no base64 is handed over as it stands.
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
            refuse_at(local_name(child), position, "un commentaire se trouve dans une valeur.")
        tag, text = child.tag, child.text or ""
        name = _TEXTS.get(tag)
        if name is not None:
            values[name] = bounded_text(text)
        elif tag == _CSR:
            der = read_base64(text)
            if der is None:
                values["csr_text"] = text[:_MAX_CSR_BYTES]
            else:
                values["csr"] = der[:_MAX_CSR_BYTES]
        elif tag == _FQDN and len(fqdns) < _MAX_FQDNS:
            fqdns.append(bounded_text(text))
    return DemandeForm(fqdns=tuple(fqdns), **values)
