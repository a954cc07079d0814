"""The texts in force (CGU, PC): published once a version, and what is published never changes (guide §9.2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from registration.values import Origin, Texte, Textes
from registration.vocabulary import Plateforme
from runtime.errors import OperatorError
from storage import tables
from storage.bulk import insert_rows
from storage.database import Database

log = structlog.get_logger()


class FichierTexte(NamedTuple):
    """A text with its content, as the instance has it in a file."""

    texte: Texte
    contenu: bytes
    type_media: str


class TexteChangedError(OperatorError):
    """A version that was published has another content now: who accepted it accepted something else."""

    def __init__(self, texte: Texte) -> None:
        super().__init__(
            f"{texte.nature}, version {texte.version} : le fichier n'est plus celui qui a paru sous cette version ; "
            "le remettre, ou donner une nouvelle version"
        )


def publish_textes(db: Database, plateforme: Plateforme, files: Sequence[FichierTexte], now: datetime) -> None:
    """Publish what is new, before a canal listens.

    TexteChangedError, and nothing is published, when a version has another content now. A database that is away stops
    no canal: the log says it, and the next start publishes.
    """
    try:
        _publish(db, plateforme, files, now)
    except SQLAlchemyError as error:
        log.warning("texts in force are not published yet", why=type(error).__name__)


def _publish(db: Database, plateforme: Plateforme, files: Sequence[FichierTexte], now: datetime) -> None:
    rows = [
        {
            "plateforme": plateforme.value,
            "nature": texte.nature.value,
            "version": texte.version,
            "empreinte": texte.empreinte,
            "type_media": type_media,
            "contenu": contenu,
            "paru_le": now,
        }
        for texte, contenu, type_media in files
    ]
    with db.write() as session:
        insert_rows(session, tables.Texte, rows, ignore_conflicts=True)
        for texte, _, _ in files:
            require_unchanged(session, plateforme, texte)


def require_unchanged(session: Session, plateforme: Plateforme, texte: Texte) -> None:
    """TexteChangedError when its version was published with another content."""
    row = tables.Texte
    published = session.scalar(
        select(row.empreinte).where(
            row.plateforme == plateforme.value, row.nature == texte.nature.value, row.version == texte.version
        )
    )
    if published not in {None, texte.empreinte}:
        raise TexteChangedError(texte)


def record_acceptance(session: Session, origin: Origin, textes: Textes, now: datetime) -> int:
    """One row for one act, whatever the number of certificates that it is for; gives its id."""
    administrateur = origin.administrateur
    row = tables.Acceptation(
        id_acteur=origin.acteur.id,
        id_administrateur=None if administrateur is None else administrateur.id,
        canal=origin.canal.value,
        acceptee_le=now,
        cgu_version=textes.cgu.version,
        cgu_empreinte=textes.cgu.empreinte,
        pc_version=textes.pc.version,
        pc_empreinte=textes.pc.empreinte,
    )
    session.add(row)
    session.flush()  # the certificates refer to it
    return row.id
