"""Entries in their order: what is found, taken out and put in by halving is what a whole sort would give."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pki.certificates.der import DerError
from pki.issuing.crl import CrlEntry, encode_entries
from pki.status.crl_entries import SortedEntries, reason_of_entry, serial_of
from pki.status.reasons import REASONS, RevocationReason

# Small numbers meet often, large ones have all lengths; from 2050 on a date is two octets longer.
SERIALS = st.one_of(st.integers(1, 600), st.integers(1, 2**159 - 1))
DATES = st.sampled_from([datetime(year, 11, 30, 8, tzinfo=UTC) for year in (2026, 2049, 2050)])
LISTS = st.dictionaries(SERIALS, st.tuples(DATES, st.sampled_from(sorted(REASONS.values()))), max_size=40)


def encoded(entries: dict[int, tuple[datetime, RevocationReason]]) -> list[bytes]:
    return encode_entries(CrlEntry(serial, *rest) for serial, rest in entries.items())


@given(before=LISTS, changed=LISTS, ended=st.sets(SERIALS, max_size=10))
def test_a_revision_is_the_list_that_is_made_anew(
    before: dict[int, tuple[datetime, RevocationReason]],
    changed: dict[int, tuple[datetime, RevocationReason]],
    ended: set[int],
) -> None:
    entries = SortedEntries.of(encoded(before))
    gone = (ended | set(list(before)[::3])) - set(changed)
    revision = entries.revised(gone | set(changed), encoded(changed))
    left = {serial: rest for serial, rest in before.items() if serial not in gone} | changed
    assert revision.entries.octets == b"".join(sorted(encoded(left)))
    assert len(revision.entries) == len(left)
    assert sorted(revision.removed) == sorted(
        encoded({serial: rest for serial, rest in before.items() if serial in gone or serial in changed})
    )


@given(LISTS, SERIALS)
def test_every_entry_is_found_and_no_other(listed: dict[int, tuple[datetime, RevocationReason]], stranger: int) -> None:
    entries = SortedEntries.of(encoded(listed))
    for raw in encoded(listed):
        assert entries.find(serial_of(raw)) == raw
        assert reason_of_entry(raw) is listed[serial_of(raw)][1]
    assert stranger in listed or entries.find(stranger) is None
    assert list(entries) == sorted(encoded(listed))


@pytest.mark.parametrize(
    "octets",
    [
        b"\x30",
        b"\x30\x05\x02\x01\x05",
        b"\x30\x81\x80" + bytes(128),
        b"\x31\x03\x02\x01\x05",
        b"\x30\x01\x05\x31\x01\x05",
    ],
    ids=["no length", "ends early", "long", "no sequence", "the second is no sequence"],
)
def test_what_are_no_short_entries_is_refused(octets: bytes) -> None:
    with pytest.raises(DerError):
        SortedEntries(octets)
