"""The entries of a CRL as they are encoded: what long lists have in common is compared and carried on unread.

Our own lists have them in the order of their octets, which is that of their lengths first: all entries of one length
stand side by side, so that any of them is found by halving, and a change costs no look at the others.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self

from pki.certificates import der
from pki.status.reasons import RevocationReason

_TIMES = frozenset({der.UTC_TIME, der.GENERALIZED_TIME})
_FEW = 0x80  # octets: the length of an element below is one octet
_HEAD = 2  # octets before the content of such an element
_REASON_CODE = der.object_identifier("2.5.29.21")


class Field(NamedTuple):
    """Where an element of a CRL stands: its first octet, that of its content, and the one behind it."""

    offset: int
    start: int
    end: int


def entries_field(data: bytes) -> Field | None:
    """Where revokedCertificates stands in a whole CRL in DER, None when there is none; DerError for what is no CRL."""
    tbs = der.children(data, *der.sole(data, der.SEQUENCE))[0]
    fields = der.children(data, tbs[2], tbs[3])
    # Behind thisUpdate and, if it is there, nextUpdate.
    last = max((place for place, field in enumerate(fields) if field[0] in _TIMES), default=len(fields))
    if last + 1 >= len(fields) or fields[last + 1][0] != der.SEQUENCE:
        return None
    return Field(*fields[last + 1][1:])


def entries_octets(data: bytes) -> bytes:
    """All entries of a whole CRL in DER, one behind the other as they stand in it; DerError for what is no CRL."""
    field = entries_field(data)
    return b"" if field is None else data[field.start : field.end]


def raw_entries(data: bytes) -> list[bytes]:
    """Each entry of revokedCertificates (RFC 5280 §5.1.2.6), DER, of a whole CRL in DER that was read before.

    DerError for what is no CRL.
    """
    field = entries_field(data)
    if field is None:
        return []
    position, end = field.start, field.end
    found = []
    while position < end:
        length = data[position + 1]
        stop = position + _HEAD + length if length < _FEW else der.read(data, position, end)[2]
        found.append(data[position:stop])
        position = stop
    return found


def serial_of(entry: bytes) -> int:
    """The serial number of one entry; DerError when there is none."""
    tag, start, end = der.read(entry, der.sole(entry, der.SEQUENCE)[0], len(entry))
    if tag != der.INTEGER:
        raise der.DerError
    return int.from_bytes(entry[start:end], "big", signed=True)


def reason_of_entry(entry: bytes) -> RevocationReason:
    """Why, as one entry says it; unspecified when it says nothing (RFC 5280 §5.3.1). DerError when it is no entry."""
    fields = der.children(entry, *der.sole(entry, der.SEQUENCE))
    for _, _, start, end in fields[2:]:
        for _, _, inner, stop in der.children(entry, start, end):
            parts = der.children(entry, inner, stop)
            if entry[parts[0][1] : parts[0][3]] == _REASON_CODE:
                return _reason(entry[parts[-1][2] : parts[-1][3]])
    return RevocationReason.UNSPECIFIED


def _reason(value: bytes) -> RevocationReason:
    start, end = der.sole(value, der.ENUMERATED)
    try:
        return RevocationReason(int.from_bytes(value[start:end], "big"))
    except ValueError:
        raise der.DerError from None


def entry_head(serial: int, length: int) -> bytes:
    """How an entry of this serial begins whose content has ``length`` octets: what tells it from every other one."""
    octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    return b"\x30%c\x02%c%b" % (length, len(octets), octets)


class _Run(NamedTuple):
    """Entries of one size, side by side: where they begin, the octets of each, and how many there are."""

    start: int
    size: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.size * self.length


class Revision(NamedTuple):
    """Entries that were made of others, and those of the others that are not among them any more."""

    entries: SortedEntries
    removed: list[bytes]


class SortedEntries:
    """Entries in DER in the order of their octets, each shorter than 128, no serial twice; ``octets`` are all of them.

    Immutable. That the order holds is for who makes one to know; DerError when the octets are no such entries at all.
    """

    __slots__ = ("_runs", "octets")

    def __init__(self, octets: bytes) -> None:
        """See the class; what stands in the entries is not read."""
        self.octets = octets
        self._runs = tuple(_find_runs(octets))

    @classmethod
    def of(cls, entries: Iterable[bytes]) -> Self:
        """Put entries in order."""
        return cls(b"".join(sorted(entries)))

    def __len__(self) -> int:
        return sum(run.length for run in self._runs)

    def __iter__(self) -> Iterator[bytes]:
        for run in self._runs:
            for start in range(run.start, run.end, run.size):
                yield self.octets[start : start + run.size]

    def find(self, serial: int) -> bytes | None:
        """The entry of a serial number; None when it has none."""
        place = self._place(serial)
        return None if place is None else self.octets[place.start : place.end]

    def without(self, others: SortedEntries) -> list[bytes]:
        """The entries that do not stand octet for octet among others."""
        if self.octets == others.octets:
            return []
        kept = set(others)
        return [entry for entry in self if entry not in kept]

    def revised(self, gone: Iterable[int], added: Iterable[bytes]) -> Revision:
        """The same without the entries of the serials ``gone``, which may have none, and with ``added``.

        A serial of ``added`` that has an entry already stands in ``gone`` too. What is in between is copied as it is.
        """
        cuts = [(self._place_of(entry), b"", entry) for entry in added]
        places = [place for place in map(self._place, set(gone)) if place is not None]
        removed = [self.octets[place.start : place.end] for place in places]
        # In the place of an entry that goes, what comes has its order from its octets.
        cuts += [(place.start, b"\xff", b"") for place in places]
        ends = {place.start: place.end for place in places}
        parts: list[bytes | memoryview] = []
        view, last = memoryview(self.octets), 0
        for start, goes, entry in sorted(cuts):
            parts += (view[last:start], entry)
            last = ends[start] if goes else start
        parts.append(view[last:])
        return Revision(SortedEntries(b"".join(parts)), removed)

    def _place(self, serial: int) -> Field | None:
        for run in self._runs:
            head = entry_head(serial, run.size - _HEAD)
            start = self._halve(run, head)
            if start < run.end and self.octets.startswith(head, start):
                return Field(start, start, start + run.size)
        return None

    def _place_of(self, entry: bytes) -> int:
        """Where an entry that is not there would stand."""
        for run in self._runs:
            if run.size == len(entry):
                return self._halve(run, entry)
            if run.size > len(entry):
                return run.start
        return len(self.octets)

    def _halve(self, run: _Run, head: bytes) -> int:
        octets, length = self.octets, len(head)
        return run.start + run.size * bisect_left(
            range(run.start, run.end, run.size), head, key=lambda start: octets[start : start + length]
        )


def _find_runs(octets: bytes) -> Iterator[_Run]:
    """Every run, without a step in Python for each entry: the first length that differs ends it."""
    start = 0
    while start < len(octets):
        if start + _HEAD > len(octets) or octets[start + 1] >= _FEW:
            raise der.DerError
        size = _HEAD + octets[start + 1]
        lengths = octets[start + 1 :: size]
        run = _Run(start, size, len(lengths) - len(lengths.lstrip(lengths[:1])))
        if run.end > len(octets) or octets[start : run.end : size].count(der.SEQUENCE) != run.length:
            raise der.DerError
        yield run
        start = run.end
