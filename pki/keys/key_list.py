"""Lists of predictable keys, such as those of Debian's flawed OpenSSL (CVE-2008-0166), compact, searched by halves.

Two formats, told apart by the name of the file:

- `*.dat`, the block list of badkeys: records of 16 octets in ascending order, the first 120 bits of SHA-256 over the
  RSA modulus (or the x coordinate of a point) as octets without leading zeros, then the number of its source. It is
  large and stays in its file, of which all processes share one copy in memory: replace it by another file of the
  same name, never write into it.
- any other name, the text of the `openssl-blacklist` packages: one RSA key a line, 20 hexadecimal digits, the last 80
  bits of SHA-1 over the line that `openssl rsa -noout -modulus` prints (`Modulus=`, the modulus in upper case, a line
  feed). Blank lines and lines that begin with `#` say nothing. SHA-1 serves to look up here, not to protect.
"""

import hashlib
import sys
from array import array
from bisect import bisect_left
from codecs import BOM_UTF8
from collections.abc import Iterable
from mmap import ACCESS_READ, mmap
from operator import gt
from pathlib import Path

from pki.errors import KeyListError

_DIGITS = 20
_OCTETS = _DIGITS // 2
_SHA256_OCTETS = 15
_RECORD_OCTETS = 16
_BADKEYS_SUFFIX = ".dat"
_CHECKED_AT_ONCE = 65_536 * _RECORD_OCTETS


def fingerprint(modulus: int) -> bytes:
    """Return the ten octets that stand for a modulus in a list of openssl-blacklist."""
    text = f"Modulus={modulus:X}\n".encode()
    return hashlib.sha1(text, usedforsecurity=False).digest()[-_OCTETS:]


def badkeys_hash(number: int) -> bytes:
    """Return the fifteen octets that stand for a modulus or an x coordinate in a list of badkeys."""
    octets = number.to_bytes(-(-number.bit_length() // 8), "big")
    return hashlib.sha256(octets).digest()[:_SHA256_OCTETS]


class _Sorted:
    """Records of one length in ascending order, in one block; a record is found by its first octets."""

    def __init__(self, block: bytes | mmap, record: int, searched: int) -> None:
        self._block, self._record, self._searched = block, record, searched

    def __len__(self) -> int:
        return len(self._block) // self._record

    def __getitem__(self, rank: int) -> bytes:
        start = rank * self._record
        return self._block[start : start + self._searched]

    def __contains__(self, wanted: bytes) -> bool:
        rank = bisect_left(self, wanted)
        return rank < len(self) and self[rank] == wanted


class KeyList:
    """Every key of some lists, as far as it can be asked for: by its number."""

    def __init__(self, fingerprints: Iterable[bytes], *hash_files: mmap) -> None:
        """Fingerprints as above, double ones count once; files of badkeys, in order and whole."""
        self._fingerprints = _Sorted(b"".join(sorted(set(fingerprints))), _OCTETS, _OCTETS)
        self._hashes = [_Sorted(block, _RECORD_OCTETS, _SHA256_OCTETS) for block in hash_files]

    def __len__(self) -> int:
        return len(self._fingerprints) + sum(len(hashes) for hashes in self._hashes)

    def holds(self, number: int) -> bool:
        """Tell whether the key of this RSA modulus, or of a point with this x, is on a list."""
        if fingerprint(number) in self._fingerprints:
            return True
        wanted = badkeys_hash(number)
        return any(wanted in hashes for hashes in self._hashes)


def load_key_list(paths: Iterable[Path]) -> KeyList:
    """Return the list of all files together.

    KeyListError when a file cannot be read or is empty, a line is no fingerprint, or the records are cut or out of
    order: a list that would silently miss keys is refused whole.
    """
    found: list[bytes] = []
    hash_files: list[mmap] = []
    for path in paths:
        if path.suffix == _BADKEYS_SUFFIX:
            hash_files.append(_map(path))
        else:
            found.extend(_read_text(path))
    return KeyList(found, *hash_files)


def _read_text(path: Path) -> list[bytes]:
    try:
        lines = path.read_bytes().removeprefix(BOM_UTF8).decode("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        raise KeyListError(path.name, 0, "la liste ne se lit pas comme du texte ASCII") from None
    entries = ((number, line.strip()) for number, line in enumerate(lines, 1))
    found = [_decode(entry, path.name, number) for number, entry in entries if entry and not entry.startswith("#")]
    if not found:
        raise KeyListError(path.name, 0, "la liste est vide")
    return found


def _decode(entry: str, name: str, number: int) -> bytes:
    try:
        octets = bytes.fromhex(entry)
    except ValueError:
        octets = b""
    if len(octets) != _OCTETS or len(entry) != _DIGITS:
        raise KeyListError(name, number, f"{_DIGITS} chiffres hexadécimaux attendus")
    return octets


def _map(path: Path) -> mmap:
    try:
        with path.open("rb") as file:
            block = mmap(file.fileno(), 0, access=ACCESS_READ)
    except (OSError, ValueError):
        raise KeyListError(path.name, 0, "la liste ne se lit pas, ou est vide") from None
    if len(block) % _RECORD_OCTETS:
        raise KeyListError(
            path.name, 0, f"la liste est coupée : sa taille n'est pas un multiple de {_RECORD_OCTETS} octets"
        )
    if not _is_ascending(block):
        raise KeyListError(path.name, 0, "les empreintes ne sont pas en ordre croissant")
    return block


def _is_ascending(block: mmap) -> bool:
    """Tell whether the records are sorted, by their first eight octets: millions of them, at every start."""
    previous = 0
    for start in range(0, len(block), _CHECKED_AT_ONCE):
        words = array("Q", block[start : start + _CHECKED_AT_ONCE])
        if sys.byteorder == "little":
            words.byteswap()
        heads = words[::2]
        if heads[0] < previous or any(map(gt, heads, heads[1:])):
            return False
        previous = heads[-1]
    return True
