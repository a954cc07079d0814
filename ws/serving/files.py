"""A lot that somebody has in a file, through the gates of the canal: the message that deposits it, or the lot alone."""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree

from registration.errors import Code, IgcError
from registration.lot_files import FileRefusedError, LotFile
from ws.contract.names import Operation, SoapVersion, contract_tag
from ws.gates.findings import Finding, MessageRefusedError
from ws.gates.places import line_of, shown_name
from ws.gates.xml import VersionMismatchError, find_request, read_document
from ws.lots import reader as lot_reader
from ws.revocations import reader as revocation_reader

_ENVELOPES = {version.tag("Envelope"): version for version in SoapVersion}
_BY_TAG = {operation.tag: operation for operation in Operation if operation.carries_lot}
_ALONE = {
    contract_tag("lot"): Operation.DEPOSER_LOT,
    contract_tag("lotRevocations"): Operation.DEPOSER_LOT_REVOCATIONS,
}


def read_lot_file(chunks: Iterable[bytes], *, max_items: int) -> LotFile:
    """The lot in an envelope of SOAP 1.1 or 1.2, in the request that deposits or checks it, or alone.

    FileRefusedError with what the web service would answer: of the parser, of the envelope, of the schema, of the
    number of items. A lot that stands alone is judged as the content of the message that would deposit it.
    """
    try:
        operation, request, tiers = _find(read_document(chunks))
        if operation.carries_revocations:
            return LotFile(revocation_reader.read_lot(request, max_items=max_items), tiers)
        return LotFile(lot_reader.read_lot(request, max_items=max_items), tiers)
    except MessageRefusedError as error:
        raise FileRefusedError(error, tuple(_told(one) for one in error.findings), error.more) from None
    except IgcError as error:
        ligne = error.data.get("ligne")
        raise FileRefusedError(error, () if ligne is None else (f"ligne {ligne}",)) from None


def _find(root: etree._Element) -> tuple[Operation, etree._Element, str | None]:
    version = _ENVELOPES.get(root.tag)
    if version is None and etree.QName(root).localname == "Envelope":
        raise VersionMismatchError(SoapVersion.V11)
    request, tiers = (root, None) if version is None else find_request(root, version)
    alone = _ALONE.get(request.tag) if version is None else None
    if alone is not None:
        request = etree.Element(alone.tag)
        request.append(root)
        return alone, request, None
    operation = _BY_TAG.get(request.tag)
    if operation is None:
        raison = (
            f"« {shown_name(request)} » n'est pas un lot. Attendu : lot, deposerLot, verifierLot, lotRevocations, "
            "deposerLotRevocations ou verifierLotRevocations, seul ou dans une enveloppe SOAP."
        )
        raise IgcError(Code.ENVELOPE, raison=raison, ligne=line_of(request))
    return operation, request, tiers


def _told(finding: Finding) -> str:
    ligne = "" if finding.ligne is None else f"ligne {finding.ligne}, "
    valeur = "" if finding.valeur is None else f" Reçu : « {finding.valeur} »."
    return f"{ligne}{finding.reason}{valeur}"
