"""A lot kept as a file: XML valid under the published XSD (element ``lot``), or CSV with one demande a line.

Everything wrong in a file is found before anything is sent, with line, demande and field, in French.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from clients.contract import MAX_DEMANDES, hardened_parser, qualified
from clients.files import write_atomically
from clients.schema_check import InvalidMessageError, Problem, find_problems, line_of
from clients.translation import decode_base64, lot_element, read_lot_element
from clients.values import DemandeCertificat, Lot

COLUMNS = {
    "reference": "reference",
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
"""Columns of a CSV lot, named as in the contract, and the field each one fills."""

_REQUIRED_COLUMNS = ("offre", "usage", "emailActeur")
_REFERENCE = re.compile(r"[A-Za-z0-9._:/\-]{1,64}")


def read_lot(path: Path, *, reference: str | None = None) -> Lot:
    """The lot kept in an ``.xml`` or ``.csv`` file, valid under the XSD.

    The reference of a CSV lot is ``reference``, or the name of the file without its suffix; an XML lot carries its
    own. Raises InvalidMessageError with every problem found.
    """
    if path.suffix.lower() == ".csv":
        return _read_csv_lot(path, reference)
    return _read_xml_lot(path, reference)


def write_lot(lot: Lot, path: Path) -> None:
    """Writes the lot as XML. Raises InvalidMessageError and writes nothing when the XSD has something against it."""
    check_lot(lot)
    root = lot_element(lot)
    content = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    write_atomically(path, content)


def check_lot(lot: Lot) -> None:
    """Raises InvalidMessageError when the lot breaks the XSD or the limit of 10 000 demandes."""
    problems = find_problems(lot_element(lot)) + _size_problems(len(lot.demande))
    if problems:
        raise InvalidMessageError(problems, subject="Le lot")


def fingerprint(lot: Lot) -> str:
    """SHA-256, hexadecimal, of the lot's content, whatever the file's form; equal only for the same content."""
    return hashlib.sha256(msgspec.json.encode(lot)).hexdigest()


def read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """The lines of a CSV lot as (line of the file, value by column), blanks trimmed, empty cells left out.

    Raises InvalidMessageError when the file is not UTF-8 or its columns are not those of ``COLUMNS``.
    """
    try:
        # Spreadsheets put a byte order mark in front; utf-8-sig drops it.
        text = _read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(path, Problem(texte="le fichier n'est pas en UTF-8.")) from error
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=";", strict=True)
    rows: list[tuple[int, dict[str, str]]] = []
    try:
        _check_columns(path, list(reader.fieldnames or []))
        for row in reader:
            if None in row:
                raise _refused(
                    path, Problem(texte="cette ligne a plus de colonnes que l'en-tête.", ligne=reader.line_num)
                )
            cells = {column: value.strip() for column, value in row.items() if value and value.strip()}
            if cells:
                rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise _refused(path, Problem(texte="CSV mal formé (guillemets).", ligne=reader.line_num)) from error
    return rows


def demande_of(cells: dict[str, str], csr: bytes) -> DemandeCertificat:
    """The demande of one CSV line; ``fqdn`` holds one or more names separated by blanks or commas."""
    members: dict[str, Any] = {COLUMNS[column]: value for column, value in cells.items() if column != "csr"}
    members["fqdn"] = tuple(name for name in re.split(r"[\s,]+", cells.get("fqdn", "")) if name)
    return DemandeCertificat(**{"offre": "", "usage": "", "email_acteur": "", **members, "csr": csr})


def load_csr(content: bytes) -> bytes:
    """The DER of a PKCS#10 given in PEM or DER. Raises ValueError when it is neither."""
    request = x509.load_pem_x509_csr(content) if b"-----BEGIN" in content else x509.load_der_x509_csr(content)
    return request.public_bytes(Encoding.DER)


def default_reference(path: Path) -> str:
    """The lot reference taken from the file's name. Raises InvalidMessageError when the name cannot be one."""
    if not _REFERENCE.fullmatch(path.stem):
        texte = "le nom du fichier ne peut pas servir de référence de lot ; donnez-en une."
        raise _refused(path, Problem(texte=texte, champ="reference"))
    return path.stem


def _read_csv_lot(path: Path, reference: str | None) -> Lot:
    lot_reference = reference or default_reference(path)
    problems: list[Problem] = []
    demandes: list[DemandeCertificat] = []
    rows = read_rows(path)
    for position, (line, cells) in enumerate(rows, start=1):
        csr = b"\0"
        try:
            csr = load_csr((path.parent / cells["csr"]).read_bytes())
        except KeyError:
            problems.append(Problem(texte="la colonne csr est vide.", ligne=line, position=position, champ="csr"))
        except OSError:
            texte = f"fichier de CSR illisible : {cells['csr']}"
            problems.append(Problem(texte=texte, ligne=line, position=position, champ="csr"))
        except ValueError:
            texte = f"{cells['csr']} n'est pas une CSR PKCS#10 (PEM ou DER)."
            problems.append(Problem(texte=texte, ligne=line, position=position, champ="csr"))
        demandes.append(demande_of(cells, csr))
    lot = Lot(reference=lot_reference, demande=tuple(demandes))
    lines = {position: line for position, (line, _) in enumerate(rows, start=1)}
    for problem in find_problems(lot_element(lot)):
        line_of_item = lines.get(problem.position or 0)
        problems.append(
            Problem(texte=problem.texte, ligne=line_of_item, position=problem.position, champ=problem.champ)
        )
    problems += _size_problems(len(demandes))
    if problems:
        problems.sort(key=lambda problem: problem.ligne or 0)
        raise _refused(path, *problems)
    return lot


def _read_xml_lot(path: Path, reference: str | None) -> Lot:
    content = _read_bytes(path)
    try:
        root = etree.fromstring(content, hardened_parser())
    except etree.XMLSyntaxError as error:
        raise _refused(path, Problem(texte="le fichier n'est pas du XML bien formé.", ligne=error.lineno)) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise _refused(path, Problem(texte="une déclaration DOCTYPE n'est pas permise.", ligne=1))
    if root.tag != qualified("lot"):
        texte = f"l'élément racine doit être lot, dans l'espace de noms {qualified('lot')[1:].partition('}')[0]}."
        raise _refused(path, Problem(texte=texte, ligne=line_of(root)))
    problems = list(find_problems(root)) or list(_base64_problems(root))
    problems += _size_problems(sum(1 for _ in root.iterchildren(qualified("demande"))))
    if problems:
        raise _refused(path, *problems)
    lot = read_lot_element(root)
    if reference is not None and reference != lot.reference:
        texte = f"le fichier porte la référence {lot.reference}, pas {reference}."
        raise _refused(path, Problem(texte=texte, champ="reference"))
    return lot


def _base64_problems(root: etree._Element) -> list[Problem]:
    problems: list[Problem] = []
    for position, node in enumerate(root.iterchildren(qualified("demande")), start=1):
        csr = node.find(qualified("csr"))
        texte = None
        try:
            # The schema lets stray characters pass, and a PEM text encoded once more is the usual mistake.
            if decode_base64((csr.text if csr is not None else "") or "").startswith(b"-----BEGIN"):
                texte = "la CSR est en PEM ; le contrat attend le DER encodé en base64."
        except ValueError:
            texte = "base64 mal formé."
        if texte:
            problems.append(Problem(texte=texte, ligne=line_of(csr), position=position, champ="csr"))
    return problems


def _size_problems(count: int) -> tuple[Problem, ...]:
    if count > MAX_DEMANDES:
        return (Problem(texte=f"{count} demandes ; un lot en contient {MAX_DEMANDES} au plus.", champ="demande"),)
    return ()


def _check_columns(path: Path, columns: list[str]) -> None:
    unknown = [column for column in columns if column not in COLUMNS]
    missing = [column for column in _REQUIRED_COLUMNS if column not in columns]
    problems = []
    if unknown:
        texte = f"colonnes inconnues : {', '.join(unknown)} ; colonnes permises : {', '.join(COLUMNS)}."
        problems.append(Problem(texte=texte, ligne=1))
    if missing:
        problems.append(Problem(texte=f"colonnes absentes : {', '.join(missing)}.", ligne=1))
    if len(set(columns)) != len(columns):
        problems.append(Problem(texte="une colonne est en double.", ligne=1))
    if problems:
        raise _refused(path, *problems)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _refused(path, Problem(texte="le fichier ne peut pas être lu.")) from error


def _refused(path: Path, *problems: Problem) -> InvalidMessageError:
    return InvalidMessageError(problems, subject=f"Le lot {path}")
