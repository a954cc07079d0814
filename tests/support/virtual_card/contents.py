"""The files of a card: where its applications are listed, what it can do, and the certificate of its bearer."""

from __future__ import annotations

from tests.support.virtual_card.der import bits, integer, octets, sequence, text, tlv

MF, APPLICATION = 0x3F00, 0x0001
AID = bytes.fromhex("E828BD080F8025000001FF0010")
LABEL = "CPS3v3 TEST"
DIR, ATR, SERIAL = 0x2F00, 0x2F01, 0xD003
SHORT_IDS = {0x1C: SERIAL}
KEY_REFERENCE, PIN_REFERENCE = 1, 1
RSA_PKCS1 = 0x02
"""Signature of a DigestInfo that is made outside (PKCS#1 v1.5): all that the authentication key can do."""

_ODF, _TOKEN_INFO, _AODF, _PRKDF, _CDF, _CERTIFICATE = 0x5031, 0x5032, 0x7001, 0x7002, 0x7005, 0x7101
_KEY_ID, _PIN_ID = b"\x01", b"\x01"
_HASH, _SIGN = 6, 1
# Reference on the card, its number in PKCS#11, what it is for, and its name in the commands of the card.
_ALGORITHMS = ((1, 0x220, _HASH, 0x10), (2, 0x250, _HASH, 0x40), (3, 0x06, _SIGN, 0x12), (4, 0x40, _SIGN, 0x42),
               (5, 0x01, _SIGN, RSA_PKCS1))  # fmt: skip


def path(*files: int) -> bytes:
    return b"".join(file.to_bytes(2, "big") for file in files)


def make_files(certificate: bytes, serial: bytes, key_bits: int) -> dict[tuple[int, ...], bytes]:
    """Content of each file by its path, for a bearer's certificate in DER."""
    root, below = (MF,), (MF, APPLICATION)
    return {
        (*root, DIR): tlv(0x61, tlv(0x4F, AID), text(LABEL, 0x50)),
        (*root, ATR): _atr(),
        (*root, SERIAL): tlv(0x5A, serial),
        (*below, _ODF): b"".join(
            tlv(tag, sequence(octets(path(*below, file))))
            for tag, file in ((0xA0, _PRKDF), (0xA4, _CDF), (0xA8, _AODF))
        ),
        (*below, _TOKEN_INFO): _token_info(serial),
        (*below, _AODF): _pin(),
        (*below, _PRKDF): _private_key(key_bits),
        (*below, _CDF): sequence(
            sequence(text("Certificat d'authentification CPS"), bits(1)),
            sequence(octets(_KEY_ID)),
            tlv(0xA1, sequence(sequence(octets(path(*below, _CERTIFICATE))))),
        ),
        (*below, _CERTIFICATE): certificate,
    }


def _atr() -> bytes:
    """How long commands and answers may be, plain and protected."""
    sizes = b"".join(tlv(0x02, size.to_bytes(2, "big")) for size in (0x104, 0x100, 0x100, 0x100))
    return b"\x80" + b"".join(
        (
            tlv(0x43, b"\xb8"),
            tlv(0x46, bytes(4)),
            tlv(0x47, bytes.fromhex("94 01 80")),
            tlv(0xE0, sizes),
            tlv(0x82, b"\x90\x00"),
        )
    )


def _token_info(serial: bytes) -> bytes:
    algorithms = [
        sequence(integer(reference), integer(mechanism), tlv(0x05), bits(use), integer(name))
        for reference, mechanism, use, name in _ALGORITHMS
    ]
    return sequence(integer(0), octets(serial), text("Essai"), text(LABEL, 0x80), bits(1, 2), tlv(0xA2, *algorithms))


def _pin() -> bytes:
    attributes = sequence(
        bits(0, 4), tlv(0x0A, b"\x01"), integer(4), integer(4), integer(4), integer(PIN_REFERENCE, 0x80), octets(b"\x00"),
        sequence(octets(path(MF))),
    )  # fmt: skip
    return sequence(sequence(text("Code porteur"), bits(0)), sequence(octets(_PIN_ID)), tlv(0xA1, attributes))


def _private_key(key_bits: int) -> bytes:
    return sequence(
        sequence(text("Clé d'authentification CPS"), bits(0), octets(_PIN_ID)),
        sequence(octets(_KEY_ID), bits(2), bits(0, 2, 3, 4), integer(0x80 | KEY_REFERENCE)),
        tlv(0xA1, sequence(sequence(octets(path(MF, APPLICATION))), integer(key_bits))),
    )
