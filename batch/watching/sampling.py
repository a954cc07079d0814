"""The full lint over some of the certificates that were really issued, drawn by lot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import func, select

from storage import tables
from storage.database import Database

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Faulty:
    """A certificate that the linter refuses, and why."""

    autorite: str
    serial: str
    produit: str
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """How many were read, and which of them are faulty."""

    read: int
    faulty: tuple[Faulty, ...]


def lint_sample(db: Database, count: int, since: datetime) -> Sample:
    """Lint at most ``count`` of the certificates issued since then; each faulty one is an error in the log too."""
    from pki.lint.full import find_all_breaches  # noqa: PLC0415 -- the linter loads slowly

    certificat = tables.Certificat
    with db.read() as session:
        rows = session.execute(
            select(certificat.autorite, certificat.serial, certificat.produit, certificat.der)
            .where(certificat.emis_le >= since, certificat.der.is_not(None))
            .order_by(func.random())
            .limit(count)
        ).all()
    faulty = []
    for autorite, serial, produit, der in rows:
        if findings := find_all_breaches(der or b""):
            faulty.append(Faulty(autorite, serial, produit, tuple(findings)))
            log.error("lint refused an issued certificate", autorite=autorite, serial=serial, findings=findings)
    return Sample(len(rows), tuple(faulty))
