"""Certificates as they should not be: the true one taken apart, changed, and signed again by the authority."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.certificates import der
from pki.signer import Signer
from storage import tables
from tests.integration.audit.conftest import Place
from tests.support.stored import der_of
from tests.vectors.samples import KeySigner

Change = Callable[[list[bytes]], list[bytes]]

SERIAL, ISSUER, VALIDITY, SUBJECT, SPKI, EXTENSIONS = 1, 3, 4, 5, 6, 7


def forge(place: Place, name: str, signer: Signer | KeySigner | None = None, **columns: Any) -> Callable[..., None]:
    """Gives a function that replaces fields of a certificate by their number, and stores it under a valid signature."""
    row = place.certificat(name)

    def change(fields: dict[int, Callable[[bytes], bytes]]) -> None:
        outer = parts(der_of(row))
        tbs = parts(outer[0])
        for number, edit in fields.items():
            tbs[number] = edit(tbs[number])
        signed = der.sequence(*tbs)
        signature = (signer or place.hierarchy.signers[row.autorite]).sign(signed)
        columns["der"] = der.sequence(signed, outer[1], der.bit_string(signature))
        place.change(tables.Certificat, name, **columns)

    return change


def parts(element: bytes) -> list[bytes]:
    """The whole elements inside an element."""
    _, start, end = der.read(element, 0, len(element))
    return [element[one[1] : one[3]] for one in der.children(element, start, end)]


def rebuilt(element: bytes, edit: Change) -> bytes:
    """An element with the elements inside it edited."""
    return der.tlv(element[0], b"".join(edit(parts(element))))


def with_extension(place: Place, name: str, oid: str, edit: Callable[[bytes], bytes | None], **columns: Any) -> None:
    """Edit one extension, given and returned as a whole element; None takes it out."""

    def change(found: list[bytes]) -> list[bytes]:
        wanted = der.object_identifier(oid)
        assert any(parts(one)[0] == wanted for one in found), oid
        edited = [edit(one) if parts(one)[0] == wanted else one for one in found]
        return [one for one in edited if one is not None]

    with_extensions(place, name, change, **columns)


def with_extensions(place: Place, name: str, edit: Change, **columns: Any) -> None:
    """Edit the list of extensions."""
    forge(place, name, **columns)({EXTENSIONS: lambda field: rebuilt(field, lambda listed: [rebuilt(listed[0], edit)])})


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """An edit that exchanges octets of equal number; they must be there."""
    assert len(old) == len(new)

    def edit(element: bytes) -> bytes:
        assert old in element
        return element.replace(old, new)

    return edit


def value(oid: str, content: bytes, *, critical: bool = False) -> Callable[[bytes], bytes]:
    """An edit that gives an extension another value."""
    return lambda _: der.extension(oid, content, critical=critical)


def with_subject(place: Place, name: str, edit: Change) -> None:
    """Edit the list of RDNs."""
    forge(place, name)({SUBJECT: lambda field: rebuilt(field, edit)})


def attribute(oid: str, text: str, tag: int = der.UTF8_STRING) -> bytes:
    """One RDN of one attribute."""
    return der.set_of([der.sequence(der.object_identifier(oid), der.tlv(tag, text.encode()))])


def with_validity(place: Place, name: str, begin: datetime, end: datetime, **columns: Any) -> None:
    """Other dates."""
    forge(place, name, **columns)({VALIDITY: lambda _: der.sequence(der.time(begin), der.time(end))})


def with_key(place: Place, name: str, key: Any, **columns: Any) -> None:
    """Certify another key, with its identifier (generation 2: SHA-1 of the whole SPKI), and say so in the row."""
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = hashlib.sha1(spki).digest()
    identifier = der.extension("2.5.29.14", der.octet_string(digest))

    def edit(found: list[bytes]) -> list[bytes]:
        return [identifier if parts(one)[0] == der.object_identifier("2.5.29.14") else one for one in found]

    forge(place, name, spki_sha256=hashlib.sha256(spki).digest(), **columns)(
        {SPKI: lambda _: spki, EXTENSIONS: lambda field: rebuilt(field, lambda listed: [rebuilt(listed[0], edit)])}
    )
