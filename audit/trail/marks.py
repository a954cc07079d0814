"""What the worker of this machine has written down outside of the database, and whether the plateforme has stopped."""

from __future__ import annotations

import msgspec
from sqlalchemy import select

from audit.context import Anchor, Audit
from audit.findings import Topic
from audit.reading.rows import snapshot
from storage import tables

_SUBJECT = "repères"
_checkpoint, _crl, _compteur = tables.Scellement, tables.Crl, tables.Compteur


class _Line(msgspec.Struct):
    numero: int
    empreinte: str


class Marks(msgspec.Struct):
    """The file, as docs/piste-audit.md describes it."""

    piste: _Line | None = None
    plafonds: dict[str, int] = {}
    listes: dict[str, int] = {}


def read_marks(audit: Audit) -> Marks | None:
    """What the file says, nothing when it is not here for this account; None when it is there and cannot be read."""
    if audit.marks_file is None:
        return Marks()
    try:
        marks = msgspec.json.decode(audit.marks_file.read_bytes(), type=Marks)
    except (FileNotFoundError, PermissionError):
        return Marks()
    except (OSError, msgspec.MsgspecError):
        return None
    audit.report.checked["fichiers de repères"] = 1
    return marks


def anchor_of(marks: Marks | None) -> Anchor | None:
    """Where the trail was when it was sealed last."""
    if marks is None or marks.piste is None:
        return None
    try:
        return Anchor(marks.piste.numero, bytes.fromhex(marks.piste.empreinte))
    except ValueError:
        return None


def check_marks(audit: Audit) -> None:
    """Compare numbers and checkpoints with the file; the lines themselves are compared where they are read."""
    marks = read_marks(audit)
    if marks is None:
        audit.report.add(Topic.TRAIL, _SUBJECT, "le fichier ne se lit pas")
        marks = Marks()
    with snapshot(audit.db) as session:
        reason = session.scalar(select(tables.Arret.raison))
        lists = {
            row.autorite: row.dernier_numero for row in session.execute(select(_crl.autorite, _crl.dernier_numero))
        }
        ceilings = {row.nom: row.plafond for row in session.execute(select(_compteur.nom, _compteur.plafond))}
        sealed = marks.piste is None or session.get(_checkpoint, marks.piste.numero) is not None
    if reason is not None:
        audit.report.add(Topic.TRAIL, "arrêt", f"la plateforme s'est arrêtée : {reason}")
    if not sealed and marks.piste is not None:
        audit.report.add(Topic.TRAIL, _SUBJECT, f"le scellement de la ligne {marks.piste.numero} a disparu")
    for name, number in sorted(marks.listes.items()):
        if lists.get(name, 0) < number:
            text = f"CRL n° {number} de {name} déjà signée, la base s'arrête au n° {lists.get(name, 0)}"
            audit.report.add(Topic.TRAIL, _SUBJECT, text)
    for nom, most in sorted(marks.plafonds.items()):
        if (ceilings.get(nom) or 0) < most:
            text = f"numéros de {nom} donnés jusqu'à {most} au plus, la base dit {ceilings.get(nom)}"
            audit.report.add(Topic.TRAIL, _SUBJECT, text)
