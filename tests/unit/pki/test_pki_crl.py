"""CRLs, read by the library and pkilint."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography import x509

from pki.authority import Authority
from pki.certificates import der
from pki.certificates.serials import new_serial
from pki.errors import CrlError, SignerError
from pki.issuing.crl import CrlEntry, build_crl
from pki.status.reasons import RevocationReason
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL, KeySigner

WEEK = NOW + timedelta(days=7)


@pytest.fixture
def build(issuing: Authority, signer: KeySigner) -> Callable[..., bytes]:
    def run(
        entries: Sequence[CrlEntry] = (),
        number: int = 1,
        this_update: datetime = NOW,
        next_update: datetime = WEEK,
    ) -> bytes:
        return build_crl(issuing, signer, entries, number, this_update, next_update)

    return run


def test_entries_are_read_back(build: Callable[..., bytes], issuing: Authority) -> None:
    entries = [
        CrlEntry(SERIAL + n, NOW - timedelta(hours=n), reason)
        for n, reason in enumerate(set(RevocationReason) - {RevocationReason.REMOVE_FROM_CRL})
    ]
    crl = x509.load_der_x509_crl(build(entries, number=4711))
    assert crl.is_signature_valid(issuing.public_key)
    assert crl.issuer.public_bytes() == issuing.name_der
    assert (crl.last_update_utc, crl.next_update_utc) == (NOW, WEEK)
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 4711
    key_id = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert key_id.key_identifier == issuing.key_id
    assert not any(extension.critical for extension in crl.extensions)
    assert [revoked.serial_number for revoked in crl] == [entry.serial for entry in entries]
    assert [revoked.revocation_date_utc for revoked in crl] == [entry.revoked_at for entry in entries]
    for revoked, entry in zip(crl, entries, strict=True):
        if entry.reason is RevocationReason.UNSPECIFIED:
            assert len(revoked.extensions) == 0
        else:
            (extension,) = revoked.extensions
            assert not extension.critical
            assert der.tlv(0x0A, bytes((entry.reason,))) == extension.value.public_bytes()


def test_list_is_absent_when_nothing_is_revoked(build: Callable[..., bytes]) -> None:
    empty = build()
    assert len(x509.load_der_x509_crl(empty)) == 0
    tbs = x509.load_der_x509_crl(empty).tbs_certlist_bytes
    tags = [tag for tag, *_ in der.children(tbs, *der.sole(tbs, der.SEQUENCE))]
    # version, signature, issuer, thisUpdate, nextUpdate, extensions
    assert tags == [der.INTEGER, der.SEQUENCE, der.SEQUENCE, der.UTC_TIME, der.UTC_TIME, der.CONTEXT_0]


def test_serials_of_every_length_are_written_in_shortest_form(build: Callable[..., bytes]) -> None:
    serials = [1, 127, 128, 255, 256, 2**63, 2**64 - 1, 2**158]
    crl = x509.load_der_x509_crl(build([CrlEntry(serial, NOW) for serial in serials]))
    assert [revoked.serial_number for revoked in crl] == serials


def test_dates_are_written_in_utc_and_from_2050_as_generalized_time(build: Callable[..., bytes]) -> None:
    paris = timezone(timedelta(hours=1))
    moments = [datetime(2026, 1, 1, 0, 30, tzinfo=paris), datetime(2050, 1, 1, 1, 2, 3, tzinfo=UTC)]
    data = build([CrlEntry(n + 1, moment) for n, moment in enumerate(moments)])
    assert [revoked.revocation_date_utc for revoked in x509.load_der_x509_crl(data)] == moments
    assert b"\x17\x0d251231233000Z" in data
    assert b"\x18\x0f20500101010203Z" in data


REFUSED: dict[str, dict[str, Any]] = {
    "serial zero": {"entries": [CrlEntry(0, NOW)]},
    "serial negative": {"entries": [CrlEntry(-1, NOW)]},
    "serial of 21 octets": {"entries": [CrlEntry(2**160, NOW)]},
    "serial twice": {"entries": [CrlEntry(1, NOW), CrlEntry(2, NOW), CrlEntry(1, NOW)]},
    "date without zone": {"entries": [CrlEntry(1, NOW.replace(tzinfo=None))]},
    "reason of a delta": {"entries": [CrlEntry(1, NOW, RevocationReason.REMOVE_FROM_CRL)]},
    "number negative": {"number": -1},
    "number of 21 octets": {"number": 2**160},
    "dates in disorder": {"next_update": NOW},
    "this update without zone": {"this_update": NOW.replace(tzinfo=None)},
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(build: Callable[..., bytes], name: str) -> None:
    with pytest.raises(CrlError):
        build(**REFUSED[name])


def test_signer_must_be_the_authority_s(issuing: Authority) -> None:
    with pytest.raises(CrlError):
        build_crl(issuing, KeySigner("ACR-EL-TEST", key("root")), [], 1, NOW, WEEK)
    with pytest.raises(SignerError):
        build_crl(issuing, KeySigner(issuing.short_name, key("root")), [], 1, NOW, WEEK)


def test_pkilint_finds_nothing(
    build: Callable[..., bytes], findings_of_crl: Callable[[bytes], set[tuple[str, str]]]
) -> None:
    assert findings_of_crl(build()) == set()
    entries = [CrlEntry(new_serial(), NOW - timedelta(minutes=n), RevocationReason.KEY_COMPROMISE) for n in range(9)]
    assert findings_of_crl(build(entries)) == set()
