"""What a card answers to each command; it holds the key, the PIN and what is left of its tries."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from tests.support.pairs import Pair
from tests.support.virtual_card import contents
from tests.support.virtual_card.contents import AID, APPLICATION, KEY_REFERENCE, MF, PIN_REFERENCE, RSA_PKCS1
from tests.support.virtual_card.der import tlv

ANSWER_TO_RESET = bytes.fromhex("3BAC00402A001225006480000310009000")
"""That of a CPx card by its contacts, T=0."""
OK, LOCKED, NOT_ALLOWED, WRONG_DATA = b"\x90\x00", b"\x69\x83", b"\x69\x82", b"\x6a\x80"
_NO_FILE, _BEYOND, _NO_SUCH, _NO_LENGTH = b"\x6a\x82", b"\x6b\x00", b"\x6d\x00", b"\x67\x00"
_PUK_REFERENCE = 2
_MOST = 0x100


@dataclass
class Secret:
    """A code and how often it may still be wrong."""

    value: bytes
    tries: int = 3
    most: int = 3
    proved: bool = False

    def check(self, tried: bytes) -> bytes:
        """The status of a try, which a blocked code no longer looks at."""
        if not self.tries:
            return LOCKED
        self.proved = tried == self.value
        self.tries = self.most if self.proved else self.tries - 1
        return OK if self.proved else self.status

    @property
    def status(self) -> bytes:
        if not self.tries:
            return LOCKED
        return OK if self.proved else bytes([0x63, 0xC0 | self.tries])


@dataclass
class Chip:
    """The card of one person: ``key`` and ``certificate`` (DER) are those of authentication."""

    key: rsa.RSAPrivateKey
    certificate: bytes
    serial: bytes = bytes.fromhex("8025000001000000990F")
    pin: Secret = field(default_factory=lambda: Secret(b"1234"))
    puk: Secret = field(default_factory=lambda: Secret(b"87654321"))
    signatures: int = 0

    @classmethod
    def of(cls, pair: Pair, *, tries: int = 3) -> Chip:
        """From the files of a client; ``tries`` is what is left of its code's."""
        key = load_pem_private_key(pair.key.read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return cls(key, pair.leaf().public_bytes(Encoding.DER), pin=Secret(b"1234", tries))

    def __post_init__(self) -> None:
        self.files = contents.make_files(self.certificate, self.serial, self.key.key_size)
        self.reset()

    def reset(self) -> None:
        """Power is gone: what was proved is forgotten, what is left of the tries is not."""
        self.pin.proved = self.puk.proved = False
        self._folder: tuple[int, ...] = (MF,)
        self._file = b""
        self._waiting = b""
        self._key: tuple[int, int] | None = None

    def answer(self, command: bytes) -> bytes:
        """Data and status for a command as T=0 carries it: what follows data is fetched by GET RESPONSE."""
        if len(command) < 4:
            return _NO_LENGTH
        ins, p1, p2 = command[1:4]
        data, expected = command[5:], command[4] if len(command) > 4 else 0
        if ins == 0xC0:
            return self._give(expected)
        handler = self._handlers.get(ins)
        if handler is None:
            return _NO_SUCH
        self._waiting, status = handler(self, p1, p2, data, expected)
        if not self._waiting:
            return status
        return self._give(expected) if not data else self._rest()

    def _give(self, expected: int) -> bytes:
        size = expected or _MOST
        given, self._waiting = self._waiting[:size], self._waiting[size:]
        return given + (self._rest() if self._waiting else OK)

    def _rest(self) -> bytes:
        return bytes([0x61, len(self._waiting) if len(self._waiting) < _MOST else 0])

    def _select(self, p1: int, p2: int, data: bytes, _expected: int) -> tuple[bytes, bytes]:
        found = self._find(p1, data)
        if found is None:
            return b"", _NO_FILE
        if found in self.files:
            self._folder, self._file = found[:-1], self.files[found]
            kind, size = b"\x01", len(self._file)
        else:
            self._folder, self._file = found, b""
            kind, size = b"\x38", 0
        name = tlv(0x84, AID) if found == (MF, APPLICATION) else b""
        rule = tlv(0x8C, b"\x01\x00" if kind == b"\x01" else b"\x02\xff")  # read by all, nothing is made
        fcp = tlv(
            0x62, tlv(0x80, size.to_bytes(2, "big")), tlv(0x82, kind), tlv(0x83, found[-1].to_bytes(2, "big")), name,
            tlv(0x8A, b"\x05"), tlv(0xA1, rule),
        )  # fmt: skip
        return b"" if p2 & 0x0C == 0x0C else fcp, OK

    def _find(self, p1: int, data: bytes) -> tuple[int, ...] | None:
        if p1 == 0x04:
            return (MF, APPLICATION) if data and AID.startswith(data) else None
        if p1 == 0x03:
            return self._folder[:-1] or (MF,)
        steps = tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
        target = steps if steps[:1] == (MF,) else (*self._folder, *steps)
        folders = {found[:size] for found in self.files for size in range(1, len(found))}
        return target if target in self.files or target in folders else None

    def _read(self, p1: int, p2: int, _data: bytes, expected: int) -> tuple[bytes, bytes]:
        content, offset = self._file, p1 << 8 | p2
        if p1 & 0x80:
            short = contents.SHORT_IDS.get(p1 & 0x1F)
            content, offset = self.files.get((MF, short or 0), b""), p2
        if not content:
            return b"", _NO_FILE
        if offset >= len(content):
            return b"", _BEYOND
        return content[offset : offset + (expected or _MOST)], OK

    def _verify(self, _p1: int, p2: int, data: bytes, _expected: int) -> tuple[bytes, bytes]:
        secret = {PIN_REFERENCE: self.pin, _PUK_REFERENCE: self.puk}.get(p2)
        if secret is None:
            return b"", WRONG_DATA
        return b"", secret.check(data) if data else secret.status

    def _change(self, _p1: int, _p2: int, data: bytes, _expected: int) -> tuple[bytes, bytes]:
        size = len(self.pin.value)
        status = self.pin.check(data[:size])
        if status == OK:
            self.pin.value = data[size:]
        return b"", status

    def _unblock(self, _p1: int, _p2: int, data: bytes, _expected: int) -> tuple[bytes, bytes]:
        size = len(self.puk.value)
        status = self.puk.check(data[:size])
        if status == OK:
            self.pin = Secret(data[size:])
        return b"", status

    def _environment(self, p1: int, p2: int, data: bytes, _expected: int) -> tuple[bytes, bytes]:
        fields = {data[at]: data[at + 2] for at in range(0, len(data) - 2, 3)}
        if (p1, p2) != (0x41, 0xA4):
            return b"", WRONG_DATA
        self._key = (fields.get(0x84, 0) & 0x7F, fields.get(0x80, 0))
        return b"", OK

    def _authenticate(self, _p1: int, _p2: int, data: bytes, _expected: int) -> tuple[bytes, bytes]:
        if not self.pin.proved:
            return b"", NOT_ALLOWED
        size = self.key.key_size // 8
        if self._key != (KEY_REFERENCE, RSA_PKCS1) or not data or len(data) > size * 2 // 5:
            return b"", WRONG_DATA
        block = b"\x00\x01".ljust(size - len(data) - 1, b"\xff") + b"\x00" + data  # RFC 8017 §9.2
        numbers = self.key.private_numbers()
        signed = pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n)
        self.signatures += 1
        return signed.to_bytes(size, "big"), OK

    def _get_data(self, _p1: int, _p2: int, data: bytes, _expected: int) -> tuple[bytes, bytes]:
        at = data.find(b"\xbf")
        if at < 0 or len(data) < at + 5:
            return b"", WRONG_DATA
        kind, reference, wanted = data[at + 1], data[at + 2], data[at + 4 :]
        found = self._object(kind & 0x7F, wanted)
        if found is None:
            return b"", WRONG_DATA
        header = bytes([0xBF, kind, reference])
        body = tlv(0x00, found)[1:]
        return tlv(0x70, header + body), OK

    def _object(self, kind: int, wanted: bytes) -> bytes | None:
        """A security object of the card: PIN, keys, and what has to be proved before they are used."""
        rules = {0x01: b"\x70\x00\x00\xff", 0x10: b"\x21\x11\x00", 0x20: b"\x01\x00"}
        if kind == 0x7B:
            return tlv(0x7B, tlv(0xA4, b"\x95\x01\x08", b"\x83\x01\x01"))
        if kind not in rules:
            return None
        if wanted[:1] == b"\xa0":
            own = tlv(0x80, (self.key.key_size // 8).to_bytes(2, "big"))
            if kind == 0x01:
                own = tlv(0x9A, bytes([self.pin.most])) + tlv(0x9B, bytes([self.pin.tries]))
            return tlv(0xA0, own, tlv(0xA1, tlv(0x8C, rules[kind])))
        if kind == 0x01:
            return tlv(0x7F41, tlv(0x80, b"\x04"), tlv(0x81, b"\x04"))
        return None

    def _challenge(self, _p1: int, _p2: int, _data: bytes, expected: int) -> tuple[bytes, bytes]:
        return os.urandom(expected or 8), OK

    _handlers: dict[int, Callable[..., tuple[bytes, bytes]]] = field(
        init=False, repr=False,
        default_factory=lambda: {
            0xA4: Chip._select, 0xB0: Chip._read, 0x20: Chip._verify, 0x24: Chip._change, 0x2C: Chip._unblock,
            0x22: Chip._environment, 0x88: Chip._authenticate, 0xCB: Chip._get_data, 0x84: Chip._challenge,
        },
    )  # fmt: skip
