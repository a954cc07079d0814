"""What the OCSP responder really answers for every certificate, against what its row says."""

from __future__ import annotations

import http.client
from contextlib import closing
from typing import Any

from sqlalchemy import select

from audit.context import Audit
from audit.findings import Topic
from audit.reading.authorities import Authority
from audit.reading.responder import Responder, ResponderError, Status
from audit.reading.rows import count, issued_since, name_of, number_of, pages, snapshot
from storage import tables

_certificat = tables.Certificat
_COLUMNS = (
    _certificat.id, _certificat.autorite, _certificat.serial, _certificat.id_demande, _certificat.emis_le,
    _certificat.revoque_le, _certificat.raison_crl,
)  # fmt: skip
# The issuer of one certificate in so many is named by SHA-256, as newer clients do; of the others by SHA-1.
_BY_SHA256 = 10
_TRIES = 3


def check_statuses(audit: Audit) -> None:
    """Ask for every certificate of the scope; nothing when OCSP is left out. Nobody there is one finding."""
    if audit.scope.ocsp_url is None:
        return
    conditions = issued_since(audit.scope.since)
    audit.meter.start("OCSP", count(audit.db, *conditions))
    with closing(Responder(audit.scope.ocsp_url)) as responder:
        try:
            _ask_all(audit, responder)
        except (OSError, http.client.HTTPException) as error:
            audit.report.add(Topic.OCSP, f"répondeur {audit.scope.ocsp_url}", f"ne répond pas ({type(error).__name__})")


def _ask_all(audit: Audit, responder: Responder) -> None:
    told: set[tuple[str, str]] = set()
    query = select(*_COLUMNS).where(*issued_since(audit.scope.since))
    for rows, _ in pages(audit.db, query, _certificat.id, lambda _session, _rows: None):
        for row in rows:
            authority = audit.authorities.get(row.autorite)
            # Who has no product answers for nobody: the certificates of authorities are on the root's CRL.
            if authority is None or not authority.products or not authority.settings.ocsp_url:
                continue
            if number_of(row.serial) < 0:
                continue  # the check of certificates names it
            try:
                fault = _fault(audit, responder, authority, row)
                audit.report.checked["réponses OCSP"] += 1
            except ResponderError as error:
                # Of the responder and not of one certificate: said once.
                if (authority.short_name, str(error)) not in told:
                    told.add((authority.short_name, str(error)))
                    audit.report.add(Topic.OCSP, f"répondeur de {authority.short_name}", str(error))
                continue
            if fault is not None:
                audit.report.add(Topic.OCSP, name_of(row), fault)
        audit.meter.advance(len(rows))


def _fault(audit: Audit, responder: Responder, authority: Authority, row: Any) -> str | None:  # noqa: ANN401 -- a row
    """What is wrong with the answer for a certificate. A row may change while it is asked for: then again."""
    url = authority.url(authority.settings.ocsp_url)
    by_sha1 = row.id % _BY_SHA256 != 0
    for _ in range(_TRIES):
        answered = responder.ask(authority, url, number_of(row.serial), audit.clock(), by_sha1=by_sha1)
        if answered == wanted_status(row):
            return None
        with snapshot(audit.db) as session:
            again = session.execute(select(*_COLUMNS).where(_certificat.id == row.id)).one_or_none()
        if again is None or again == row:
            break
        row = again
    wanted = wanted_status(row)
    if answered.name != wanted.name:
        return f"le répondeur dit {answered.name}, la base {wanted.name}"
    return "le répondeur dit une autre date ou une autre raison de révocation que la base"


def wanted_status(row: Any) -> Status:  # noqa: ANN401 -- a Row
    """What a row says: a recorded revocation counts at once, and what was never signed is unknown."""
    if row.revoque_le is not None:
        reason = None if row.raison_crl == "unspecified" else row.raison_crl
        return Status("REVOKED", row.revoque_le.replace(microsecond=0), reason)
    return Status("UNKNOWN" if row.emis_le is None else "GOOD")
