"""CRLs that come from elsewhere: which are believed, and that nothing else is raised on any."""

import pytest

from pki import der
from pki.crl_reading import has_issuing_point, read_crl
from pki.errors import CeremonyError, CrlError
from pki.offline import check_carried_crl
from tests.vectors.crl_cases import CASES, DAY, crl
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL

# Those that are lists at all.
WHOLE = CASES.keys() - {"trailing-octet", "truncated", "empty", "one-field", "frame-without-fields"}


@pytest.mark.parametrize("name", CASES)
def test_verdict_of(name, issuing):
    case = CASES[name]
    data = case.make(issuing, key("issuing"), NOW)
    if case.wrong:
        with pytest.raises(CrlError, match=case.wrong):
            read_crl(issuing, data)
        return
    assert (SERIAL in {entry.serial_number for entry in read_crl(issuing, data)}) is case.lists


@pytest.mark.parametrize("name", CASES)
def test_carried_from_the_machine_of_the_root(name, root):
    case = CASES[name]
    data = case.make(root, key("root"), NOW)
    if case.wrong:
        with pytest.raises(CeremonyError):
            check_carried_crl(root, data, None, NOW)
    else:
        assert check_carried_crl(root, data, data, NOW) == 7


def test_carried_list_is_in_force_and_replaces_nothing_newer_or_as_new(root):
    now = crl(root, key("root"), NOW)
    for moment in (NOW - 2 * DAY, NOW + DAY):
        with pytest.raises(CeremonyError, match="in force"):
            check_carried_crl(root, now, None, moment)
    same_number = CASES["revoked"].make(root, key("root"), NOW)
    with pytest.raises(CeremonyError, match="another of its number"):
        check_carried_crl(root, same_number, now, NOW)
    for damaged in (b"words", CASES["another-key"].make(root, key("root"), NOW)):
        assert check_carried_crl(root, now, damaged, NOW) == 7


def test_point_is_found_without_the_entries(issuing):
    found = {name: has_issuing_point(CASES[name].make(issuing, key("issuing"), NOW)) for name in CASES if name in WHOLE}
    assert {name for name, point in found.items() if point} == {
        "good-with-its-own-point", "only-certificates-of-users", "only-some-reasons", "indirect",
        "point-of-another-address",
    }  # fmt: skip
    for damaged in (b"", b"words", der.sequence(b"\x30\x80"), der.sequence(der.sequence())):
        with pytest.raises(CrlError):
            has_issuing_point(damaged)


def test_no_flipped_octet_is_believed_or_raises_anything_else(issuing):
    good = CASES["revoked"].make(issuing, key("issuing"), NOW)
    for place in range(len(good)):
        with pytest.raises(CrlError):
            read_crl(issuing, good[:place] + bytes((good[place] ^ 0x15,)) + good[place + 1 :])
