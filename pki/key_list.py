"""Lists of predictable RSA keys, such as those of Debian's flawed OpenSSL (CVE-2008-0166), in memory and compact.

The files are those of the `openssl-blacklist` packages: text, one key a line, 20 hexadecimal digits, which are the
last 80 bits of SHA-1 over the line that `openssl rsa -noout -modulus` prints (`Modulus=`, the modulus in upper case,
a line feed). Blank lines and lines that begin with `#` say nothing. SHA-1 serves to look up here, not to protect.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path

from pki.errors import KeyListError

_DIGITS = 20
_OCTETS = _DIGITS // 2


def fingerprint(modulus: int) -> bytes:
    """Return the ten octets that stand for a modulus in a list."""
    text = f"Modulus={modulus:X}\n".encode()
    return hashlib.sha1(text, usedforsecurity=False).digest()[-_OCTETS:]


class KeyList:
    """Fingerprints, sorted, in one block of ten octets each; a look-up is a binary search."""

    def __init__(self, fingerprints: Iterable[bytes]) -> None:
        """Double entries count once."""
        self._block = b"".join(sorted(set(fingerprints)))

    def __len__(self) -> int:
        return len(self._block) // _OCTETS

    def __getitem__(self, rank: int) -> bytes:
        return self._block[rank * _OCTETS : (rank + 1) * _OCTETS]

    def holds(self, modulus: int) -> bool:
        """Tell whether the key of this modulus is on the list."""
        wanted = fingerprint(modulus)
        rank = bisect_left(self, wanted)
        return rank < len(self) and self[rank] == wanted


def load_key_list(paths: Iterable[Path]) -> KeyList:
    """Return the list of all files together; KeyListError when one cannot be read or a line is not a fingerprint."""
    found: list[bytes] = []
    for path in paths:
        try:
            lines = path.read_text("ascii").splitlines()
        except (OSError, UnicodeDecodeError):
            raise KeyListError(path.name, 0, "the list cannot be read as ASCII text") from None
        for number, line in enumerate(lines, 1):
            entry = line.strip()
            if entry and not entry.startswith("#"):
                found.append(_decode(entry, path.name, number))
    return KeyList(found)


def _decode(entry: str, name: str, number: int) -> bytes:
    try:
        octets = bytes.fromhex(entry)
    except ValueError:
        octets = b""
    if len(octets) != _OCTETS or len(entry) != _DIGITS:
        raise KeyListError(name, number, f"{_DIGITS} hexadecimal digits expected")
    return octets
