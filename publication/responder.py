"""OCSP answers (RFC 6960, 5019): a kept one when the row still says the same, else signed at once."""

from __future__ import annotations

import structlog
from sqlalchemy.exc import SQLAlchemyError

from pki.errors import OcspRequestError, PkiError
from pki.status.ocsp_request import plain_request, read_request
from pki.status.ocsp_response import OcspError
from publication.answers import KeptAnswers, OcspAnswer
from publication.maker import AnswerMaker, NoResponderError
from publication.statuses import StatusReader, StoppedError

log = structlog.get_logger()


class OcspResponder:
    """Answers for the authorities that have a delegated key; for one thread."""

    def __init__(self, maker: AnswerMaker, statuses: StatusReader, kept: KeptAnswers) -> None:
        """Looks among the kept answers first, whoever put them there."""
        self._maker = maker
        self._statuses = statuses
        self._kept = kept

    def answer(self, data: bytes) -> OcspAnswer:
        """The answer to a request's bytes, whatever they are.

        malformedRequest for what is no request, unauthorized when no CertID is of an authority served here (RFC 5019
        §2.2.3), tryLater when the row or the key cannot be had, or the rows cannot be believed: never an old
        status.
        """
        try:
            return self._still_true(data) or self._read(data)
        except OcspRequestError:
            return OcspAnswer(OcspError.MALFORMED_REQUEST.value)
        except SQLAlchemyError as error:
            log.error("no status: the database is away", error=type(error).__name__)  # noqa: TRY400 -- its text may quote the address and the account
            return OcspAnswer(OcspError.TRY_LATER.value)
        except (NoResponderError, StoppedError):
            return OcspAnswer(OcspError.TRY_LATER.value)
        except PkiError:
            log.exception("no answer could be signed")
            return OcspAnswer(OcspError.TRY_LATER.value)

    def _still_true(self, request: bytes) -> OcspAnswer | None:
        """The kept answer to this plain request, in force and not older than what is committed now."""
        kept = self._kept.ask(request)
        if kept is None:
            return None
        if self._maker.may_serve(kept) and self._statuses.row(kept.autorite, kept.serial) == kept.row:
            return kept.answer
        self._kept.replace(request, kept, None)
        return None

    def _read(self, data: bytes) -> OcspAnswer:
        request = read_request(data)
        autorite = next((name for name in map(self._maker.issuer, request.cert_ids) if name is not None), None)
        if autorite is None:
            return OcspAnswer(OcspError.UNAUTHORIZED.value)
        if request.nonce is not None or len(request.cert_ids) > 1:
            return self._maker.joint(self._statuses, autorite, request.cert_ids, request.nonce)
        plain = plain_request(request.cert_ids[0])
        known = self._still_true(plain) if plain != data else None
        if known is not None:
            return known
        answer, kept = self._maker.single(self._statuses, autorite, request.cert_ids[0])
        if kept is not None:
            self._kept.put_asked(plain, kept)
        return answer
