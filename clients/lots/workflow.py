"""The three steps of a lot's life as a hospital lives it, each safe to run again: deposit, follow, withdraw.

No output here: callers pass a callback where they want to show progress.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from clients.contract.values import ConditionsRetrait, Lot, SuiviLot
from clients.errors import Introuvable, UnexpectedAnswerError
from clients.lots import state
from clients.lots.manifest import ManifestLine, RetraitFolder
from clients.service.lots import ServiceLots


class Deposit(
    msgspec.Struct, frozen=True, kw_only=True, rename={"index_lot": "indexLot", "already_known": "dejaDepose"}
):
    """Where the lot is; ``already_known`` when this run did not have to create it."""

    index_lot: int
    reference: str
    nombre: int
    already_known: bool


class WithdrawReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the folder holds after a withdrawal; ``pending`` demandes were not signed yet."""

    folder: Path
    lines: list[ManifestLine]
    withdrawn: int
    refused: int
    pending: int

    @property
    def complete(self) -> bool:
        """Every demande of the lot is a certificate in the folder."""
        return self.withdrawn == len(self.lines)


def deposit_file(service: ServiceLots, lot_path: Path, lot: Lot) -> Deposit:
    """Deposits a lot kept as a file; a run after a lost connection gives the same index.

    When an earlier run received the index, the lot is not sent again.
    """
    known = state.begin(lot_path, lot, service.url, service.pour)
    if known.index_lot is not None and _still_there(service, known.index_lot, lot):
        return Deposit(index_lot=known.index_lot, reference=lot.reference, nombre=len(lot.demande), already_known=True)
    accuse = service.deposer_lot(lot)
    if accuse.nombre != len(lot.demande) or accuse.reference != lot.reference:
        raise UnexpectedAnswerError(f"L'accusé du lot {accuse.index_lot} ne correspond pas au lot envoyé.")
    state.record(lot_path, known, accuse)
    return Deposit(
        index_lot=accuse.index_lot,
        reference=accuse.reference,
        nombre=accuse.nombre,
        already_known=accuse.deja_depose,
    )


def follow_to_end(
    service: ServiceLots, index_lot: int, *, on_change: Callable[[SuiviLot], None], attente: int = 20
) -> SuiviLot:
    """The final progress of the lot; ``on_change`` is told each new state, the last one included."""
    last: SuiviLot | None = None
    for suivi in service.follow(index_lot=index_lot, attente=attente):
        last = suivi
        on_change(suivi)
    if last is None:
        raise UnexpectedAnswerError(f"Le service n'a rendu aucun suivi du lot {index_lot}.")
    return last


def withdraw_lot(
    service: ServiceLots,
    index_lot: int,
    folder: Path,
    conditions: ConditionsRetrait,
    *,
    keys: Mapping[bytes, Path] | None = None,
    lot: Lot | None = None,
    taille: int = 200,
    progress: Callable[[int, int], None] | None = None,
) -> WithdrawReport:
    """Every certificate of the lot that can be withdrawn stands in ``folder``, with its manifest.

    Goes on where an earlier run stopped. ``progress`` gets (certificates here, certificates that can be withdrawn).
    """
    target = RetraitFolder(folder, index_lot, keys=keys, lot=lot)
    target.expect(service.iter_demandes(index_lot))
    expected = sum(line.expected for line in target.lines)

    def tell() -> None:
        if progress:
            progress(expected - len(target.missing), expected)

    tell()
    # A second pass, from the start, finds what was signed, or lost from the folder, behind the page where an earlier
    # run stopped.
    for start in dict.fromkeys((target.next_page, None)):
        if not target.missing:
            break
        for page in service.iter_retraits(index_lot, conditions, a_partir_de=start, taille=taille):
            target.store(page)
            tell()
    return _report(target)


def _still_there(service: ServiceLots, index_lot: int, lot: Lot) -> bool:
    # A plateforme for tests may have been emptied since: then the lot is simply sent again.
    try:
        suivi = service.suivre_lot(index_lot=index_lot)
    except Introuvable:
        return False
    return suivi.reference == lot.reference and suivi.nombre == len(lot.demande)


def _report(target: RetraitFolder) -> WithdrawReport:
    lines = target.lines
    return WithdrawReport(
        folder=target.folder,
        lines=lines,
        withdrawn=sum(line.expected for line in lines) - len(target.missing),
        refused=sum(line.etat in ("REJETEE", "NON_TRAITEE", "ANNULEE") for line in lines),
        pending=sum(line.etat in ("ENREGISTREE", "VALIDEE", "TRANSMISE") for line in lines),
    )
