"""A lot of revocations straight into the values that registration takes, as ``ws.lots.reader`` does."""

from __future__ import annotations

from typing import Any

from lxml import etree

from registration.values import RevocationForm, RevocationLotForm
from ws.contract.forms import Value, built_in
from ws.contract.names import contract_tag
from ws.gates.findings import refuse_at
from ws.gates.items import bounded_text, read_items
from ws.gates.places import local_name
from ws.gates.values import canonical_text, drop_types

_TEXTS = {
    contract_tag(name): column
    for name, column in (
        ("reference", "reference"),
        ("autorite", "autorite"),
        ("numeroSerie", "serie"),
        ("motif", "motif"),
        ("autreMotif", "autre_motif"),
        ("dateEffet", "date_effet"),
        ("enTantQue", "en_tant_que"),
        ("emailActeur", "email"),
    )
}
_LONG = built_in("long")
_NUMERO, _CONFIRMATION = contract_tag("numeroProduit"), contract_tag("confirmation")


def read_lot(request: etree._Element, *, max_items: int) -> RevocationLotForm:
    """The lot inside a deposerLotRevocations or verifierLotRevocations element; its items are consumed.

    IgcError as ``read_items``. A number that is none is handed over as written, for the rules to refuse that item
    alone; what is not ``true`` confirms nothing.
    """
    lot, blocks = read_items(request, contract_tag("lotRevocations"), contract_tag("revocation"), max_items)
    forms: list[RevocationForm] = []
    for block in blocks:
        forms.extend(_read_item(item, position) for position, item in enumerate(block, len(forms) + 1))
    reference = canonical_text(lot[0], Value.TEXT)
    drop_types(request)
    return RevocationLotForm(reference=reference, revocations=tuple(forms))


def _read_item(item: etree._Element, position: int) -> RevocationForm:
    values: dict[str, Any] = {}
    for child in item:
        if len(child):
            refuse_at(local_name(child), position, "un commentaire se trouve dans une valeur.")
        if child.tag == _NUMERO:
            values["numero"] = _read_numero(child)
        elif child.tag == _CONFIRMATION:
            values["confirmation"] = canonical_text(child, Value.BOOLEAN) == "true"
        elif child.tag in _TEXTS:
            values[_TEXTS[child.tag]] = bounded_text(child.text or "")
    return RevocationForm(**values)


def _read_numero(child: etree._Element) -> int | str:
    text = child.text or ""
    return bounded_text(text) if _LONG.fault_of(text) else int(canonical_text(child, Value.INTEGER))
