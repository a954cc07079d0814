"""A lot's element straight into the values that registration takes; spyne would need ten times as long.

Read in blocks: a block passes the schema, becomes values, and is freed. So a lot with ten thousand bad items costs no
more than its first bad block, and memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

from lxml import etree

from registration.errors import Code, IgcError
from registration.values import DemandeForm, LotForm
from ws.contract.model import Value
from ws.contract.names import contract_tag
from ws.gates import schema
from ws.gates.places import local_name, refuse_at
from ws.gates.values import canonical_text, decode_base64, drop_types

_BLOCK = 500
_LOT = contract_tag("lot")
_REFERENCE = contract_tag("reference")
_DEMANDE = contract_tag("demande")
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
    lot, items = _split(request, max_items)
    forms: list[DemandeForm] = []
    for block in _checked_blocks(request, lot, items):
        forms.extend(_read_item(item, position) for position, item in enumerate(block, len(forms) + 1))
    reference = canonical_text(lot[0], Value.TEXT)
    drop_types(request)
    return LotForm(reference=reference, demandes=tuple(forms))


def _split(request: etree._Element, max_items: int) -> tuple[etree._Element, list[etree._Element]]:
    """The lot, freed of comments, and its items; any other shape is refused, in the schema's words if it has any."""
    children = list(request.iterchildren("*"))
    if len(children) != 1 or children[0].tag != _LOT:
        _refuse_shape(request, request)
    lot = children[0]
    for comment in list(lot.iterchildren(etree.Comment)):
        tail = comment.tail
        lot.remove(comment)
        if tail and not tail.isspace():
            refuse_at(Code.SCHEMA, "lot", None, "texte inattendu entre les éléments.")
    items = list(lot)
    if len(items) > max_items + 1:
        raise IgcError(Code.TOO_MANY_ITEMS, champ="demande", limite=max_items)
    wanted = [_REFERENCE, *[_DEMANDE] * max(1, len(items) - 1)]
    if [item.tag for item in items] != wanted:
        _refuse_shape(request, lot)
    return lot, items[1:]


def _refuse_shape(request: etree._Element, element: etree._Element) -> NoReturn:
    schema.refuse_shape(request, element)
    refuse_at(Code.SCHEMA, local_name(element), None, "élément inattendu, manquant ou mal placé.")


def _checked_blocks(
    request: etree._Element, lot: etree._Element, items: list[etree._Element]
) -> Iterator[list[etree._Element]]:
    """The items by blocks, each checked as the content of a lot; the first one together with what is around it."""
    block, rest = items[:_BLOCK], items[_BLOCK:]
    items.clear()
    del lot[1 + _BLOCK :]
    schema.check(request)
    yield block
    del lot[1:]
    position = 1 + _BLOCK
    while rest:
        block, rest = rest[:_BLOCK], rest[_BLOCK:]
        lot.extend(block)
        schema.check(lot, first_position=position)
        yield block
        del lot[1:]
        position += _BLOCK


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
