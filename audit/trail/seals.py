"""The checkpoints of the audit trail: whether each was signed by a seal, for the line that is there now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import select

from audit.context import Audit
from audit.expected import SEAL
from audit.findings import Topic
from audit.reading.certificate import UNREADABLE
from audit.reading.rows import snapshot
from storage import tables

_PAGE = 500
_certificat, _checkpoint, _line = tables.Certificat, tables.Scellement, tables.PisteAudit


@dataclass(frozen=True, slots=True)
class _Seal:
    key: rsa.RSAPublicKey
    not_before: datetime
    not_after: datetime
    revoked_at: datetime | None


def check_seals(audit: Audit) -> None:
    """Verify every checkpoint. What the certificates of the seals must look like is checked with all certificates."""
    audit.meter.start("Scellements", None)
    seal_of = lru_cache(maxsize=64)(lambda autorite, serial: _read_seal(audit, autorite, serial))
    last = -1
    while True:
        with snapshot(audit.db) as session:
            rows = session.execute(
                select(*_checkpoint.__table__.columns, _line.empreinte.label("ligne"))
                .outerjoin(_line, _line.numero == _checkpoint.numero)
                .where(_checkpoint.numero > last)
                .order_by(_checkpoint.numero)
                .limit(_PAGE)
            ).all()
        for row in rows:
            if reason := _fault(row, seal_of(row.autorite, row.serial)):
                audit.report.add(Topic.TRAIL, f"scellement {row.numero}", reason)
        audit.meter.advance(len(rows))
        audit.report.checked["scellements"] += len(rows)
        if len(rows) < _PAGE:
            return
        last = rows[-1].numero


def _fault(row: Any, seal: _Seal | str) -> str | None:  # noqa: ANN401 -- a row of the query above
    if isinstance(seal, str):
        return seal
    if row.ligne is None:
        return f"la ligne {row.numero} qu'il scelle a disparu"
    if bytes(row.ligne) != bytes(row.empreinte):
        return f"la ligne {row.numero} n'est plus celle qu'il scelle"
    end = min(seal.not_after, seal.revoked_at or seal.not_after)
    if not seal.not_before <= row.date <= end:
        return "signé hors de la validité de son certificat, ou après sa révocation"
    date = row.date.astimezone(UTC).isoformat(timespec="microseconds")
    said = f"igc-scellement-1\n{row.numero}\n{bytes(row.empreinte).hex()}\n{date}\n".encode()
    try:
        seal.key.verify(bytes(row.signature), said, PKCS1v15(), SHA256())
    except InvalidSignature:
        return "la signature n'est pas celle de son certificat"
    return None


def _read_seal(audit: Audit, autorite: str, serial: str) -> _Seal | str:
    """The seal that a checkpoint names; a text in French when it is none."""
    with snapshot(audit.db) as session:
        row = session.execute(
            select(_certificat.produit, _certificat.der, _certificat.revoque_le).where(
                _certificat.autorite == autorite, _certificat.serial == serial
            )
        ).one_or_none()
    authority = audit.authorities.get(autorite)
    if row is None or row.der is None or authority is None:
        return f"signé par un certificat inconnu ({autorite} {serial})"
    try:
        certificate = x509.load_der_x509_certificate(bytes(row.der))
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        key = certificate.public_key()
    except UNREADABLE:
        return "le certificat de son sceau ne se lit pas"
    if not authority.has_signed(certificate.tbs_certificate_bytes, certificate.signature):
        return f"le certificat de son sceau n'est pas signé par {autorite}"
    wanted = [authority.settings.seal_key_usage_oid]
    if (
        row.produit != SEAL
        or [usage.dotted_string for usage in usages] != wanted
        or not isinstance(key, rsa.RSAPublicKey)
    ):
        return f"signé par un certificat qui n'est pas un sceau ({row.produit})"
    return _Seal(key, certificate.not_valid_before_utc, certificate.not_valid_after_utc, row.revoque_le)
