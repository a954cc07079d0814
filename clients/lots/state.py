"""What a deposit remembers beside its lot file (``<lot>.etat.json``), so that the same command again goes on.

Losing this file loses nothing: the reference in the lot gives the same index again.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from clients.contract.values import AccuseLot, Lot
from clients.errors import StateError
from clients.files import reason_of, write_atomically
from clients.lots.file import fingerprint


class LotState(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One lot sent to one service; ``index_lot`` is None between the first send and its answer.

    ``pour`` is the national id of the person in whose place it was sent, if not in one's own name.
    """

    url: str
    reference: str
    empreinte: str
    index_lot: int | None = None
    depose_le: datetime | None = None
    pour: str | None = None


def state_path(lot_path: Path) -> Path:
    """Where the state of a lot file is kept."""
    return lot_path.with_name(f"{lot_path.name}.etat.json")


def load_state(lot_path: Path) -> LotState | None:
    """What earlier runs left, None when there were none. Raises StateError when the file is damaged."""
    path = state_path(lot_path)
    try:
        return msgspec.json.decode(path.read_bytes(), type=LotState)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        why = f" ({reason_of(error)})" if isinstance(error, OSError) else ""
        raise StateError(f"Le fichier d'état {path} est illisible{why} ; supprimez-le et relancez.") from error


def begin(lot_path: Path, lot: Lot, url: str, pour: str | None = None) -> LotState:
    """The state to go on from, on disk before anything is sent.

    Raises StateError when the file's content has changed since it was sent to this service under this reference, and
    when it is there already in another person's name.
    """
    empreinte = fingerprint(lot)
    known = load_state(lot_path)
    if known is not None and known.url == url and known.reference == lot.reference:
        if known.empreinte != empreinte:
            raise StateError(
                f"Le contenu de {lot_path} a changé depuis son dépôt sous la référence {lot.reference} : "
                "donnez une autre référence au nouveau contenu."
            )
        if known.pour == pour:
            return known
        if known.index_lot is not None:
            raise StateError(
                f"{lot_path} a été déposé {_name(known.pour)} (lot {known.index_lot}), pas {_name(pour)} : reprenez "
                "avec la même option --pour, ou faites un autre lot, avec d'autres clés."
            )
    state = LotState(url=url, reference=lot.reference, empreinte=empreinte, pour=pour)
    _save(lot_path, state)
    return state


def record(lot_path: Path, state: LotState, accuse: AccuseLot) -> LotState:
    """The state with the index that the service gave, on disk."""
    known = msgspec.structs.replace(state, index_lot=accuse.index_lot, depose_le=accuse.depose_le)
    _save(lot_path, known)
    return known


def _name(pour: str | None) -> str:
    return "en votre nom" if pour is None else f"pour le compte de {pour}"


def _save(lot_path: Path, state: LotState) -> None:
    write_atomically(state_path(lot_path), msgspec.json.format(msgspec.json.encode(state), indent=1))
