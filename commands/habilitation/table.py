"""The CSV file of habilitations: read whole before anything is done, as spreadsheets write it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from commands.operateur.support import begin_of, end_of
from registration.acteurs.granting import Step, Wanted
from registration.acteurs.habilitations import Terms
from registration.acteurs.refusals import ActeurRefusedError
from runtime.errors import OperatorError
from runtime.text_file import TextFileError, read_text_file

_SEPARATORS = ";,\t"
_SHOWN = 20  # a screenful
_NEEDED = ("acteur", "offre", "structure", "motif")
_COLUMNS = (*_NEEDED, "domaine", "debut", "fin", "action")


def read_table(path: Path) -> list[tuple[int, Wanted]]:
    """Each habilitation of the file with the number of its line.

    ActeurRefusedError, with every fault of a screenful, when it is no CSV in UTF-8, names no or unknown columns, or has
    a line that cannot be read.
    """
    header, rows = _rows(path)
    found: list[tuple[int, Wanted]] = []
    faults: list[str] = []
    for line, cells in rows:
        try:
            if len(cells) != len(header):
                raise ActeurRefusedError(f"{len(cells)} colonnes, {len(header)} attendues")
            found.append((line, _wanted(dict(zip(header, cells, strict=True)))))
        except OperatorError as error:
            faults.append(f"ligne {line} : {error}")
    if not found and not faults:
        faults = ["aucune ligne"]
    if faults:
        more = [f"... et {len(faults) - _SHOWN} autres lignes fautives"] if len(faults) > _SHOWN else []
        raise ActeurRefusedError("\n".join([f"{path} : rien n'a été fait.", *faults[:_SHOWN], *more]))
    return found


def _rows(path: Path) -> tuple[list[str], list[tuple[int, Sequence[str]]]]:
    try:
        text = read_text_file(path)
    except TextFileError as error:
        raise ActeurRefusedError(str(error)) from None
    first = text.partition("\n")[0]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=max(_SEPARATORS, key=first.count), strict=True, skipinitialspace=True
    )
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise ActeurRefusedError(f"{path}, ligne {reader.line_num} : guillemets mal placés ({error})") from None
    header = [name.lower() for name in rows[0][1]] if rows else []
    missing = [name for name in _NEEDED if name not in header]
    unknown = [name for name in header if name not in _COLUMNS]
    if missing or unknown or len(set(header)) < len(header):
        raise ActeurRefusedError(
            f"{path} : en-tête attendu, colonnes {', '.join(_NEEDED)} et au besoin "
            f"{', '.join(_COLUMNS[len(_NEEDED) :])}, chacune une fois"
            + (f" ; inconnues : {', '.join(unknown)}" if unknown else "")
        )
    return header, [(line, cells) for line, cells in rows[1:] if any(cells)]


def _wanted(row: Mapping[str, str]) -> Wanted:
    action = row.get("action") or Step.GRANT.value
    if action not in set(Step):
        raise ActeurRefusedError(f"action « {action} » : {' ou '.join(Step)} attendu")
    return Wanted(
        step=Step(action),
        acteur=row["acteur"],
        offre=row["offre"],
        structure=row["structure"],
        domaine=row.get("domaine") or None,
        terms=Terms(begins=begin_of(row.get("debut")), ends=end_of(row.get("fin")), motif=row["motif"]),
    )
