"""CRLs that come from elsewhere: which are believed, and that nothing else is raised on any."""

import pytest

from pki.authority import Authority
from pki.ceremony.offline import check_carried_crl
from pki.certificates import der
from pki.errors import CeremonyError, CrlError, CrlForgedError
from pki.status.crl_reading import read_crl, read_delta, read_head
from tests.vectors.crl_cases import CASES, DAY, crl
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL


@pytest.mark.parametrize("name", CASES)
def test_verdict_of(name: str, issuing: Authority) -> None:
    case = CASES[name]
    data = case.make(issuing, key("issuing"), NOW)
    if case.wrong:
        with pytest.raises(CrlError, match=case.wrong):
            read_crl(issuing, data)
        return
    assert (SERIAL in {entry.serial_number for entry in read_crl(issuing, data)}) is case.lists


@pytest.mark.parametrize("name", CASES)
def test_carried_from_the_machine_of_the_root(name: str, root: Authority) -> None:
    case = CASES[name]
    data = case.make(root, key("root"), NOW)
    if case.wrong:
        with pytest.raises(CeremonyError):
            check_carried_crl(root, data, None, NOW)
    else:
        assert check_carried_crl(root, data, data, NOW) == 7


def test_carried_list_is_in_force_and_replaces_nothing_newer_or_as_new(root: Authority) -> None:
    now = crl(root, key("root"), NOW)
    for moment in (NOW - 2 * DAY, NOW + DAY):
        with pytest.raises(CeremonyError, match="en vigueur"):
            check_carried_crl(root, now, None, moment)
    same_number = CASES["revoked"].make(root, key("root"), NOW)
    with pytest.raises(CeremonyError, match="une autre de même numéro"):
        check_carried_crl(root, same_number, now, NOW)
    for damaged in (b"words", CASES["another-key"].make(root, key("root"), NOW)):
        assert check_carried_crl(root, now, damaged, NOW) == 7


def test_point_is_found(issuing: Authority) -> None:
    good = {name: case.make(issuing, key("issuing"), NOW) for name, case in CASES.items() if not case.wrong}
    found = {name for name, data in good.items() if read_head(issuing, data).has_point}
    assert found == {"good-with-its-own-point"}


def delta(authority: Authority, base: int | None, *, critical: bool = True, private: str = "issuing") -> bytes:
    indicator = der.extension("2.5.29.27", b"\x02\x01%c" % base, critical=critical) if base is not None else b""
    return crl(authority, key(private), NOW, more=(indicator,) if indicator else ())


def test_a_delta_is_believed_as_a_list_is(issuing: Authority) -> None:
    assert read_delta(issuing, delta(issuing, 6)).next_update_utc == NOW + DAY
    assert read_delta(issuing, delta(issuing, 7)) is not None
    with pytest.raises(CrlForgedError):
        read_delta(issuing, delta(issuing, 6, private="stranger"))
    wrong = (delta(issuing, None), delta(issuing, 8), delta(issuing, 6, critical=False), b"", b"words")
    for data in wrong:
        with pytest.raises(CrlError):
            read_delta(issuing, data)
    for name, case in CASES.items():
        if name != "delta":
            with pytest.raises(CrlError):
                read_delta(issuing, case.make(issuing, key("issuing"), NOW))


def test_no_flipped_octet_is_believed_or_raises_anything_else(issuing: Authority) -> None:
    good = CASES["revoked"].make(issuing, key("issuing"), NOW)
    for place in range(len(good)):
        with pytest.raises(CrlError):
            read_crl(issuing, good[:place] + bytes((good[place] ^ 0x15,)) + good[place + 1 :])
