"""The few encodings that the files and the answers of a card are made of."""

from __future__ import annotations


def tlv(tag: int, *parts: bytes) -> bytes:
    """Tag (of one byte or two), length and value in DER."""
    value = b"".join(parts)
    return tag.to_bytes(2 if tag > 0xFF else 1, "big") + _length(len(value)) + value


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes([size])
    content = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(content)]) + content


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def integer(value: int, tag: int = 0x02) -> bytes:
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(value: bytes) -> bytes:
    return tlv(0x04, value)


def text(value: str, tag: int = 0x0C) -> bytes:
    return tlv(tag, value.encode())


def bits(*numbers: int) -> bytes:
    """A BIT STRING of named bits, which ends with the last one that is set (X.690 §11.2.2)."""
    last = max(numbers)
    size = last // 8 + 1
    value = sum(1 << (size * 8 - 1 - number) for number in numbers)
    return tlv(0x03, bytes([size * 8 - 1 - last]), value.to_bytes(size, "big"))
