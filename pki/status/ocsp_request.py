"""OCSP requests (RFC 6960 §4.1, nonce by RFC 9654) read from hostile bytes: strict DER, or malformedRequest.

What a requester signs or calls himself is passed over: nobody needs a right to ask. Not here: who answers, and what.
"""

from dataclasses import dataclass

from pki.certificates import der
from pki.errors import OcspRequestError

MAX_REQUEST_BYTES = 16 * 1024
MAX_NONCE_BYTES = 128  # RFC 9654 §2.1

NONCE = "1.3.6.1.5.5.7.48.1.2"
_NONCE_OID = der.object_identifier(NONCE)
_NULL = b"\x05\x00"
_VERSION_1 = b"\x02\x01\x00"
_TRUE = b"\xff"
_CONTEXT_1 = 0xA1
_CONTEXT_2 = 0xA2

_Element = tuple[int, int, int, int]  # tag, offset, start of the content, end


@dataclass(frozen=True, slots=True)
class CertId:
    """Whose status is asked: `der` is the CertID as it came, `algorithm` the content of the hash's OID.

    `serial` may be anything that an INTEGER can say, negative numbers included.
    """

    der: bytes
    algorithm: bytes
    name_hash: bytes
    key_hash: bytes
    serial: int


@dataclass(frozen=True, slots=True)
class OcspRequest:
    """What is asked, in the order of the request; `nonce` is None when there is none, else 1 to 128 octets."""

    cert_ids: tuple[CertId, ...]
    nonce: bytes | None


def read_request(data: bytes) -> OcspRequest:
    """Return the request; OcspRequestError (malformedRequest) for anything that is not one DER OCSPRequest.

    Refused too: an unknown version, an empty list, a critical extension that is not understood, a nonce that stands
    twice or has 0 or more than 128 octets (RFC 9654 §2.1).
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise OcspRequestError
    try:
        return _read(data)
    except (ValueError, IndexError):
        raise OcspRequestError from None


def make_cert_id(algorithm: bytes, name_hash: bytes, key_hash: bytes, serial: int) -> CertId:
    """Return the CertID that clients make for a positive serial: the hash's parameters are NULL, as most write them.

    `algorithm`, `name_hash` and `key_hash` are those of ocsp_response.issuer_hashes.
    """
    identifier = der.sequence(
        der.sequence(der.tlv(der.OBJECT_IDENTIFIER, algorithm), _NULL),
        der.octet_string(name_hash),
        der.octet_string(key_hash),
        der.integer(serial),
    )
    return CertId(identifier, algorithm, name_hash, key_hash, serial)


def plain_request(cert_id: CertId) -> bytes:
    """Return the OCSPRequest, DER, that asks for this CertID and says nothing else (RFC 5019 §2.1.1)."""
    return der.sequence(der.sequence(der.sequence(der.sequence(cert_id.der))))


def _read(data: bytes) -> OcspRequest:
    tbs, *signature = der.children(data, *der.sole(data, der.SEQUENCE))
    if tbs[0] != der.SEQUENCE or [element[0] for element in signature] not in ([], [der.CONTEXT_0]):
        raise der.DerError
    fields = der.children(data, tbs[2], tbs[3])
    if fields[0][0] == der.CONTEXT_0:  # DEFAULT v1 should be absent in DER; some clients write it
        _, _, start, end = fields.pop(0)
        if data[start:end] != _VERSION_1:
            raise der.DerError
    if fields[0][0] == _CONTEXT_1:  # requestorName
        fields.pop(0)
    listed, *extensions = fields
    if listed[0] != der.SEQUENCE or [element[0] for element in extensions] not in ([], [_CONTEXT_2]):
        raise der.DerError
    requests = der.children(data, listed[2], listed[3])
    if not requests:
        raise der.DerError
    nonce = None
    if extensions:
        nonce = _read_extensions(data, extensions[0])
    return OcspRequest(cert_ids=tuple(_read_single(data, request) for request in requests), nonce=nonce)


def _read_single(data: bytes, request: _Element) -> CertId:
    if request[0] != der.SEQUENCE:
        raise der.DerError
    cert_id, *extensions = der.children(data, request[2], request[3])
    if cert_id[0] != der.SEQUENCE or [element[0] for element in extensions] not in ([], [der.CONTEXT_0]):
        raise der.DerError
    if extensions:
        _read_extensions(data, extensions[0])
    algorithm, name, key, serial = der.children(data, cert_id[2], cert_id[3])
    if (algorithm[0], name[0], key[0], serial[0]) != (
        der.SEQUENCE,
        der.OCTET_STRING,
        der.OCTET_STRING,
        der.INTEGER,
    ):
        raise der.DerError
    oid, *parameters = der.children(data, algorithm[2], algorithm[3])
    if oid[0] != der.OBJECT_IDENTIFIER or data[oid[3] : algorithm[3]] not in (b"", _NULL) or len(parameters) > 1:
        raise der.DerError
    return CertId(
        der=data[cert_id[1] : cert_id[3]],
        algorithm=data[oid[2] : oid[3]],
        name_hash=data[name[2] : name[3]],
        key_hash=data[key[2] : key[3]],
        serial=_integer(data[serial[2] : serial[3]]),
    )


def _integer(content: bytes) -> int:
    value = int.from_bytes(content, "big", signed=True)
    if not content or (len(content) > 1 and content[0] in (0x00, 0xFF) and (content[0] ^ content[1]) < 0x80):  # noqa: PLR2004 -- X.690 §8.3.2: no needless octet
        raise der.DerError
    return value


def _read_extensions(data: bytes, explicit: _Element) -> bytes | None:
    """Return the nonce among the extensions, which are passed over otherwise."""
    (sequence,) = der.children(data, explicit[2], explicit[3])
    if sequence[0] != der.SEQUENCE:
        raise der.DerError
    nonce = None
    for element in der.children(data, sequence[2], sequence[3]):
        parts = der.children(data, element[2], element[3])
        critical = len(parts) == 3 and data[parts[1][2] : parts[1][3]] == _TRUE  # noqa: PLR2004 -- id, critical, value
        expected = [der.OBJECT_IDENTIFIER, der.OCTET_STRING]
        if len(parts) == 3:  # noqa: PLR2004 -- algorithm, signature, certificates
            expected.insert(1, der.BOOLEAN)
        if element[0] != der.SEQUENCE or [part[0] for part in parts] != expected:
            raise der.DerError
        if data[parts[0][1] : parts[0][3]] == _NONCE_OID:
            if nonce is not None:
                raise der.DerError
            nonce = _read_nonce(data[parts[-1][2] : parts[-1][3]])
        elif critical:
            raise der.DerError
    return nonce


def _read_nonce(value: bytes) -> bytes:
    start, end = der.sole(value, der.OCTET_STRING)
    if not 1 <= end - start <= MAX_NONCE_BYTES:
        raise der.DerError
    return value[start:end]
