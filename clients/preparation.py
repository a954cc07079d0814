"""From a table of demandes without CSRs to a lot ready to send: one key, one CSR and one item for each line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clients.files import unique_stems
from clients.keys import KeyTarget, make_keys
from clients.lot_file import check_lot, default_reference, demande_of, read_rows
from clients.schema_check import InvalidMessageError, Problem
from clients.values import Lot

_PLACEHOLDER_CSR = b"\0"


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
    lines = read_rows(table)
    _refuse_given_csrs(table, lines)
    rows = [cells for _, cells in lines]
    lot_reference = reference or default_reference(table)
    check_lot(Lot(reference=lot_reference, demande=tuple(demande_of(cells, _PLACEHOLDER_CSR) for cells in rows)))
    references = [cells.get("reference") for cells in rows]
    stems = unique_stems(enumerate(references, start=1))
    targets = [KeyTarget(folder=key_folder, stem=stem, common_name=stem) for stem in stems]
    done = 0

    def count(made: int) -> None:
        nonlocal done
        done += made
        if progress:
            progress(done, len(targets))

    csrs = make_keys(targets, passphrase=passphrase, workers=workers, progress=count)
    demandes = tuple(demande_of(cells, csr) for cells, csr in zip(rows, csrs, strict=True))
    return Lot(reference=lot_reference, demande=demandes)


def _refuse_given_csrs(table: Path, lines: list[tuple[int, dict[str, str]]]) -> None:
    # A key made for a line whose CSR comes from elsewhere would never match its certificate.
    texte = "une CSR est déjà donnée ; ce tableau se dépose tel quel, ou sans ces lignes."
    given = tuple(
        Problem(texte=texte, ligne=line, position=position, champ="csr")
        for position, (line, cells) in enumerate(lines, start=1)
        if "csr" in cells
    )
    if given:
        raise InvalidMessageError(given, subject=f"Le tableau {table}")
