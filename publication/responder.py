"""OCSP answers (RFC 6960, 5019): from the cache when the row still says the same, else signed at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from pki.authority import Authority
from pki.errors import OcspRequestError, PkiError
from pki.ocsp_request import CertId, OcspRequest, read_request
from pki.ocsp_response import OcspError, SingleAnswer, Unknown, build_response, issuer_hashes
from publication.keys import ResponderKeys
from publication.statuses import StatusReader, StatusRow
from runtime.clock import Clock, system_clock

log = structlog.get_logger()

_CACHE_ENTRIES = 20_000


@dataclass(frozen=True, slots=True)
class Answer:
    """An OCSPResponse, DER. `next_update` is None for what nobody may keep: errors, unknown, answers to a nonce."""

    body: bytes
    this_update: datetime | None = None
    next_update: datetime | None = None
    etag: str = ""


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer with what it was made from; it is not served beyond `until` nor against another row."""

    answer: Answer
    autorite: str
    serial: int
    row: StatusRow | None
    until: datetime


class OcspResponder:
    """Answers for the authorities that have a delegated key; for one thread."""

    def __init__(
        self,
        authorities: Mapping[str, Authority],
        keys: ResponderKeys,
        statuses: StatusReader,
        *,
        validity: timedelta,
        clock: Clock = system_clock,
        cache_entries: int = _CACHE_ENTRIES,
    ) -> None:
        """``validity`` lies between thisUpdate and nextUpdate; a kept answer is replaced at half of it."""
        self._issuers = {
            key: name
            for name, authority in authorities.items()
            if authority.products
            for key in issuer_hashes(authority.name_der, authority.key_bits)
        }
        self._keys = keys
        self._statuses = statuses
        self._validity = validity
        self._clock = clock
        self._kept: dict[bytes, _Kept] = {}
        self._cache_entries = cache_entries

    def answer(self, data: bytes) -> Answer:
        """The answer to a request's bytes, whatever they are.

        malformedRequest for what is no request, unauthorized when no CertID is of an authority served here (RFC 5019
        §2.2.3), tryLater when the row or the key cannot be had: never an old status.
        """
        try:
            return self._still_true(data) or self._fresh(data, read_request(data))
        except OcspRequestError:
            return Answer(OcspError.MALFORMED_REQUEST.value)
        except SQLAlchemyError as error:
            log.error("no status: the database is away", error=type(error).__name__)  # noqa: TRY400 -- its text may quote the address and the account
            return Answer(OcspError.TRY_LATER.value)
        except PkiError:
            log.exception("no answer could be signed")
            return Answer(OcspError.TRY_LATER.value)

    def _still_true(self, data: bytes) -> Answer | None:
        kept = self._kept.get(data)
        if kept is None:
            return None
        if self._clock() < kept.until and self._statuses.row(kept.autorite, kept.serial) == kept.row:
            return kept.answer
        del self._kept[data]
        return None

    def _fresh(self, data: bytes, request: OcspRequest) -> Answer:
        autorite = next((name for name in map(self._issuer, request.cert_ids) if name is not None), None)
        if autorite is None:
            return Answer(OcspError.UNAUTHORIZED.value)
        # Read before the status: thisUpdate is a moment at which the status was known to be correct.
        now = self._clock().replace(microsecond=0)
        signer = self._keys.current(autorite, now)
        if signer is None:
            return Answer(OcspError.TRY_LATER.value)
        rows = [self._row(autorite, cert_id) for cert_id in request.cert_ids]
        answers = [
            SingleAnswer(cert_id, self._statuses.status(row))
            for cert_id, row in zip(request.cert_ids, rows, strict=True)
        ]
        next_update = min(now + self._validity, signer.not_after)
        body = build_response(signer, answers, now, next_update, request.nonce)
        if request.nonce is not None or len(answers) > 1 or isinstance(answers[0].status, Unknown):
            return Answer(body)
        # The hash only names the answer for caches (RFC 5019 §6.2).
        answer = Answer(body, now, next_update, f'"{hashlib.sha256(body).hexdigest()[:40]}"')
        self._keep(data, _Kept(answer, autorite, request.cert_ids[0].serial, rows[0], now + (next_update - now) / 2))
        return answer

    def _issuer(self, cert_id: CertId) -> str | None:
        return self._issuers.get((cert_id.algorithm, cert_id.name_hash, cert_id.key_hash))

    def _row(self, autorite: str, cert_id: CertId) -> StatusRow | None:
        """One responder signs one answer: it knows nothing of another authority's certificates."""
        return self._statuses.row(autorite, cert_id.serial) if self._issuer(cert_id) == autorite else None

    def _keep(self, data: bytes, kept: _Kept) -> None:
        if len(self._kept) >= self._cache_entries:
            del self._kept[next(iter(self._kept))]  # the oldest
        self._kept[data] = kept
