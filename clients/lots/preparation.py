"""From a table of demandes without CSRs to a lot ready to send: one key, one CSR and one item for each line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from clients.contract.schema_check import Problem
from clients.contract.values import Lot
from clients.files import unique_stems
from clients.keys.many import KeyTarget, make_keys
from clients.lots.file import PLACEHOLDER_CSR, default_reference, lot_of_rows
from clients.lots.spreadsheet import Row, refused
from clients.lots.table import read_rows


def prepare_lot(
    table: Path,
    key_folder: Path,
    *,
    reference: str | None = None,
    passphrase: bytes | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Lot:
    """The lot of a CSV table whose ``csr`` column is empty or absent; keys and CSRs stand in ``key_folder``.

    Everything else in the table is checked before the first key is made. ``progress`` gets (done, total). Raises
    InvalidMessageError for the table, KeyFileError for a key that is already there and cannot be used.
    """
    rows = read_rows(table)
    _refuse_given_csrs(table, rows)
    lot_reference = reference or default_reference(table)
    lot_of_rows(table, lot_reference, rows, [PLACEHOLDER_CSR] * len(rows))
    references = [row.cells.get("reference") for row in rows]
    stems = unique_stems(enumerate(references, start=1))
    targets = [KeyTarget(folder=key_folder, stem=stem, common_name=stem) for stem in stems]
    done = 0

    def count(made: int) -> None:
        nonlocal done
        done += made
        if progress:
            progress(done, len(targets))

    csrs = make_keys(targets, passphrase=passphrase, workers=workers, progress=count)
    return lot_of_rows(table, lot_reference, rows, csrs)


def _refuse_given_csrs(table: Path, rows: Sequence[Row]) -> None:
    # A key made for a line whose CSR comes from elsewhere would never match its certificate.
    texte = "une CSR est déjà donnée ; ce tableau se dépose tel quel, ou sans ces lignes."
    given = [
        Problem(texte=texte, ligne=row.line, position=position, champ="csr")
        for position, row in enumerate(rows, start=1)
        if "csr" in row.cells
    ]
    if given:
        raise refused(table, *given)
