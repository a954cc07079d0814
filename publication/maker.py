"""From CertIDs to signed answers, the row read at that moment: one road for what is asked and for what is prepared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pki.authority import Authority
from pki.delegates.delegated import DelegatedSigner
from pki.status.ocsp_request import CertId, make_cert_id
from pki.status.ocsp_response import Revoked, SingleAnswer, Unknown, build_response, issuer_hashes
from publication.answers import FORMS, Kept, OcspAnswer
from publication.keys import ResponderKeys
from publication.statuses import StatusReader, StatusRow
from runtime.clock import Clock, backdated, system_clock


class NoResponderError(Exception):
    """No delegated key of this authority is valid now."""


class AnswerMaker:
    """Makes answers for the authorities that issue; for several threads, each with a StatusReader of its own."""

    def __init__(
        self,
        authorities: Mapping[str, Authority],
        keys: ResponderKeys,
        *,
        validity: timedelta,
        backdate: timedelta = timedelta(0),
        clock: Clock = system_clock,
    ) -> None:
        """``validity`` lies between now and nextUpdate: renewed from a third of it on, used until its half.

        thisUpdate is ``backdate`` before now, for clients whose clocks are behind; producedAt is now.
        """
        self._issuers: dict[tuple[bytes, bytes, bytes], str] = {}
        self._hashes: dict[str, list[tuple[bytes, bytes, bytes]]] = {}
        for name, authority in authorities.items():
            if not authority.products:
                continue
            hashes = issuer_hashes(authority.name_der, authority.key_bits)
            self._issuers |= dict.fromkeys(hashes, name)
            self._hashes[name] = hashes[:FORMS]
        self._keys = keys
        self.validity = validity
        self._backdate = backdate
        self.clock = clock

    def issuer(self, cert_id: CertId) -> str | None:
        """The authority that a CertID names; None when it is not served here."""
        return self._issuers.get((cert_id.algorithm, cert_id.name_hash, cert_id.key_hash))

    def cert_ids(self, autorite: str, serial: int) -> list[CertId]:
        """The CertIDs by which clients ask for a certificate; none for an authority that is not served here."""
        return [make_cert_id(*hashes, serial) for hashes in self._hashes.get(autorite, ())]

    def signer(self, autorite: str) -> DelegatedSigner | None:
        """Who would sign now."""
        return self._keys.current(autorite, self.clock())

    def may_serve(self, kept: Kept) -> bool:
        """Whether a kept answer is of this time (the clock may have gone back), and of a signer that is not revoked."""
        now = self.clock()
        return kept.since <= now < kept.until and self._keys.vouches(kept.autorite, kept.signer, now)

    def single(self, statuses: StatusReader, autorite: str, cert_id: CertId) -> tuple[OcspAnswer, Kept | None]:
        """The answer to a plain request, and what to keep of it: nothing of a serial that is unknown.

        NoResponderError; OperationalError as in StatusReader.row; PkiError when it cannot be signed.
        """
        now, signer = self._begin(autorite)
        row = self._row(statuses, autorite, cert_id)
        status = statuses.status(row)
        this_update, next_update = self._term(now, signer)
        body = build_response(signer, [SingleAnswer(cert_id, status)], now, this_update, next_update)
        if isinstance(status, Unknown):
            return OcspAnswer(body), None
        # The hash only names the answer for caches (RFC 5019 §6.2).
        etag = f'"{hashlib.sha256(body).hexdigest()[:40]}"'
        modified = None if isinstance(status, Revoked) else this_update
        answer = OcspAnswer(body, this_update, next_update, etag, modified)
        life = next_update - now
        return answer, Kept(answer, autorite, cert_id.serial, row, signer, now, now + life / 3, now + life / 2)

    def joint(
        self, statuses: StatusReader, autorite: str, cert_ids: Sequence[CertId], nonce: bytes | None
    ) -> OcspAnswer:
        """The answer to several CertIDs, or to a nonce, for nobody to keep; errors as above."""
        now, signer = self._begin(autorite)
        answers = [SingleAnswer(one, statuses.status(self._row(statuses, autorite, one))) for one in cert_ids]
        return OcspAnswer(build_response(signer, answers, now, *self._term(now, signer), nonce))

    def _begin(self, autorite: str) -> tuple[datetime, DelegatedSigner]:
        """Before the status is read: now is a moment at which it was known to be correct."""
        now = self.clock().replace(microsecond=0)
        signer = self._keys.current(autorite, now)
        if signer is None:
            raise NoResponderError(autorite)
        return now, signer

    def _term(self, now: datetime, signer: DelegatedSigner) -> tuple[datetime, datetime]:
        return backdated(now, self._backdate, signer.not_before), min(now + self.validity, signer.not_after)

    def _row(self, statuses: StatusReader, autorite: str, cert_id: CertId) -> StatusRow | None:
        """One responder signs one answer: it knows nothing of another authority's certificates."""
        return statuses.row(autorite, cert_id.serial) if self.issuer(cert_id) == autorite else None
