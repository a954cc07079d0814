"""A lot kept as a file: XML valid under the published XSD (element ``lot``), or CSV with one demande a line.

Everything wrong in a file is found before anything is sent, with line, demande and field, in French.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
from lxml import etree

from clients.contract.files import MAX_DEMANDES, hardened_parser, local_name, qualified
from clients.contract.schema_check import InvalidMessageError, Problem, find_problems, line_of, position_of
from clients.contract.translation import decode_base64, lot_element, read_lot_element
from clients.contract.values import Lot
from clients.files import existing_path, reason_of, write_atomically
from clients.keys.csr import CsrError, read_csr
from clients.lots.spreadsheet import Row, refused
from clients.lots.table import demande_of, read_rows

PLACEHOLDER_CSR = b"\0"
"""Stands for a CSR that is not there yet, or cannot be read, while the rest of a lot is checked."""
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


def default_reference(path: Path) -> str:
    """The lot reference taken from the file's name. Raises InvalidMessageError when the name cannot be one."""
    if not _REFERENCE.fullmatch(path.stem):
        texte = "le nom du fichier ne peut pas servir de référence de lot ; donnez-en une (--reference)."
        raise refused(path, Problem(texte=texte, champ="reference"))
    return path.stem


def lot_of_rows(
    path: Path, reference: str, rows: Sequence[Row], csrs: Sequence[bytes], problems: Sequence[Problem] = ()
) -> Lot:
    """The lot of a table whose CSRs are given in its order.

    Raises InvalidMessageError with ``problems`` and whatever else the XSD has against it, by line of the table.
    """
    demandes = tuple(demande_of(row.cells, csr) for row, csr in zip(rows, csrs, strict=True))
    lot = Lot(reference=reference, demande=demandes)
    found = [*problems, *_size_problems(len(demandes))]
    for problem in find_problems(lot_element(lot)):
        line = rows[problem.position - 1].line if problem.position else None
        found.append(msgspec.structs.replace(problem, ligne=line))
    if found:
        raise refused(path, *sorted(found, key=lambda problem: problem.ligne or 0))
    return lot


def _read_csv_lot(path: Path, reference: str | None) -> Lot:
    rows = read_rows(path)
    if not any("csr" in row.cells for row in rows):
        texte = (
            "aucune ligne ne nomme sa CSR. « igc-client cles » fabrique clés et CSR, et écrit le lot .xml à déposer "
            "à la place de ce tableau."
        )
        raise refused(path, Problem(texte=texte, champ="csr"))
    csrs, problems = _read_csrs(path.parent, rows)
    return lot_of_rows(path, reference or default_reference(path), rows, csrs, problems)


def _read_csrs(folder: Path, rows: Sequence[Row]) -> tuple[list[bytes], list[Problem]]:
    """The CSR of each line, a placeholder where there is none, and what is wrong with them."""
    csrs: list[bytes] = []
    problems: list[Problem] = []
    first: dict[Path, int] = {}
    for position, row in enumerate(rows, start=1):
        der, texte = _csr_of(folder, row, first)
        if texte is not None:
            problems.append(Problem(texte=texte, ligne=row.line, position=position, champ="csr"))
        csrs.append(der)
    return csrs, problems


def _csr_of(folder: Path, row: Row, first: dict[Path, int]) -> tuple[bytes, str | None]:
    """The CSR named by a line, or a placeholder and why; ``first`` keeps the line that named each file first."""
    name = row.cells.get("csr")
    if name is None:
        return PLACEHOLDER_CSR, "la colonne csr est vide."
    path = existing_path(folder / name)
    try:
        der = read_csr(path.read_bytes())
    except OSError as error:
        return PLACEHOLDER_CSR, f"fichier de CSR illisible : {name} ({reason_of(error)})."
    except CsrError as error:
        return PLACEHOLDER_CSR, f"{name} {error}"
    earlier = first.setdefault(path.resolve(), row.line)
    if earlier != row.line:
        return der, f"{name} est déjà la CSR de la ligne {earlier} ; une CSR sert une seule demande."
    return der, None


def _read_xml_lot(path: Path, reference: str | None) -> Lot:
    content = _read_bytes(path)
    try:
        root = etree.fromstring(content, hardened_parser())
    except etree.XMLSyntaxError as error:
        texte = "le fichier n'est pas du XML bien formé."
        if path.suffix.lower() != ".xml":
            texte += " Un lot est un fichier .xml, ou .csv s'il est un tableau."
        raise refused(path, Problem(texte=texte, ligne=error.lineno)) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise refused(path, Problem(texte="une déclaration DOCTYPE n'est pas permise.", ligne=1))
    if root.tag != qualified("lot"):
        texte = f"l'élément racine doit être lot, dans l'espace de noms {qualified('lot')[1:].partition('}')[0]}."
        raise refused(path, Problem(texte=texte, ligne=line_of(root)))
    problems = list(find_problems(root)) or [*_split_values(root), *_base64_problems(root)]
    problems += _size_problems(sum(1 for _ in root.iterchildren(qualified("demande"))))
    if problems:
        raise refused(path, *problems)
    lot = read_lot_element(root)
    if reference is not None and reference != lot.reference:
        texte = f"le fichier porte la référence {lot.reference}, pas {reference}."
        raise refused(path, Problem(texte=texte, champ="reference"))
    return lot


def _split_values(root: etree._Element) -> list[Problem]:
    """A comment or an instruction inside a value: two readers may see two values there, and the service refuses it."""
    problems = []
    for inside in root.iter(etree.Comment, etree.ProcessingInstruction):
        value = inside.getparent()
        if value is None or value is root or value.tag == qualified("demande"):
            continue
        position = position_of(value)
        texte = "un commentaire ou une instruction se trouve dans une valeur."
        problems.append(Problem(texte=texte, ligne=line_of(value), position=position, champ=local_name(value)))
    return problems


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


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise refused(path, Problem(texte=f"le fichier ne peut pas être lu : {reason_of(error)}.")) from error
