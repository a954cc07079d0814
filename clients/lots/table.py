"""The table of demandes: CSV, one demande a line, columns named as in the contract."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from clients.contract.values import DemandeCertificat
from clients.lots.spreadsheet import Row, Sheet, read_sheet

COLUMNS = {
    "reference": "reference",
    "renouvelle": "renouvelle",
    "renouvelleAutorite": "renouvelle_autorite",
    "renouvelleSerie": "renouvelle_serie",
    "offre": "offre",
    "usage": "usage",
    "structure": "structure",
    "beneficiaire": "beneficiaire",
    "serviceApplicatif": "service_applicatif",
    "adresseEmail": "adresse_email",
    "fqdn": "fqdn",
    "upn": "upn",
    "emailActeur": "email_acteur",
    "emailInforme": "email_informe",
    "csr": "csr",
}
"""Columns of a table, named as in the contract, and the field each one fills."""

_REQUIRED_COLUMNS = ("offre", "usage", "emailActeur")
_RENEWAL_COLUMNS = frozenset({"renouvelle", "renouvelleAutorite", "renouvelleSerie"})
"""A line with one of them renews a certificate, and names nothing of the product."""


def _missing(columns: Collection[str | None]) -> list[str]:
    renews = not _RENEWAL_COLUMNS.isdisjoint(columns)
    return [] if renews else [column for column in _REQUIRED_COLUMNS if column not in columns]


# The name of a file is whatever the file system says.
_SHEET = Sheet(
    columns=COLUMNS, item="demande", missing=_missing, verbatim=frozenset({"csr"}), listing=frozenset({"fqdn"})
)


def read_rows(path: Path) -> list[Row]:
    """The demandes of a table, blanks trimmed, texts in NFC. Raises InvalidMessageError with every problem found."""
    return read_sheet(path, _SHEET)


def demande_of(cells: dict[str, str], csr: bytes) -> DemandeCertificat:
    """The demande of one line; ``fqdn`` holds one or more names separated by blanks or commas."""
    members: dict[str, Any] = {COLUMNS[column]: value for column, value in cells.items() if column != "csr"}
    members["fqdn"] = tuple(name for name in re.split(r"[\s,]+", cells.get("fqdn", "")) if name)
    required = {} if _RENEWAL_COLUMNS & cells.keys() else {COLUMNS[column]: "" for column in _REQUIRED_COLUMNS}
    return DemandeCertificat(**{**required, **members, "csr": csr})
