"""Keys that stand on a list of predictable ones, the lists read once from beginning to end.

The other way round from what admits keys: here the keys are held in memory and the lists pass by, so that a list that
is not in order, where a binary search would miss entries, is read all the same.
"""

from __future__ import annotations

import hashlib
from binascii import unhexlify
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from audit.findings import Finding, Topic
from audit.keys.rules import NamedKey, read_key

# Ends of SHA-1 digests as lines of text (openssl-blacklist); beginnings of SHA-256 digests, each with the number of
# its source behind it (badkeys).
_SHA1_OCTETS, _SHA256_OCTETS, _RECORD_OCTETS = 10, 15, 16
_READ_OCTETS = _RECORD_OCTETS * 65_536


class _ListError(Exception):
    """What is wrong with a list, in French."""


def check_known(keys: Iterable[NamedKey], files: Iterable[Path]) -> Iterator[Finding]:
    """Every key that stands on one of these lists, and every list that cannot be read to its end.

    A file called ``*.dat`` is a block list of badkeys, any other one a text of openssl-blacklist. Some 300 octets of
    memory a key.
    """
    wanted: dict[bytes, str] = {}
    for subject, spki in keys:
        for digest in _digests(spki):
            wanted.setdefault(digest, subject)
    for path in files:
        try:
            for digest in _records(path) if path.suffix == ".dat" else _lines(path):
                if digest in wanted:
                    yield Finding(Topic.KEY, wanted[digest], f"clé prévisible, de la liste {path.name}")
        except OSError:
            yield Finding(Topic.KEY, path.name, "la liste de clés prévisibles ne peut pas être lue")
        except _ListError as error:
            yield Finding(Topic.KEY, path.name, str(error))


def _digests(spki: bytes) -> Iterator[bytes]:
    key = read_key(spki)
    if key is None:
        return
    if isinstance(key, rsa.RSAPublicKey):
        number = key.public_numbers().n
        line = b"Modulus=%X\n" % number
        yield hashlib.sha1(line, usedforsecurity=False).digest()[-_SHA1_OCTETS:]
    else:
        number = key.public_numbers().x
    octets = number.to_bytes(-(-number.bit_length() // 8), "big")
    yield hashlib.sha256(octets).digest()[:_SHA256_OCTETS]


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            # An editor may have put a byte order mark before the first line.
            entry = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip()
            if not entry or entry.startswith(b"#"):
                continue
            try:
                digest = unhexlify(entry)
            except ValueError:
                digest = b""
            if len(digest) != _SHA1_OCTETS:
                raise _ListError(f"ligne {number} de la liste de clés prévisibles : 20 chiffres hexadécimaux attendus")
            yield digest


def _records(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for block in iter(partial(file.read, _READ_OCTETS), b""):
            if len(block) % _RECORD_OCTETS:
                raise _ListError("la liste de clés prévisibles est coupée : sa taille n'est pas un multiple de 16")
            for start in range(0, len(block), _RECORD_OCTETS):
                yield block[start : start + _SHA256_OCTETS]
