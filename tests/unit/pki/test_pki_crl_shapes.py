"""Every shape of CRL against the rules that public CAs lint with, and pkilint."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import CRLEntryExtensionOID, ExtensionOID

from pki.authority import Authority
from pki.certificates import der
from pki.errors import CrlError
from pki.issuing.crl import CrlEntry, CrlForm, build_crl
from pki.status.reasons import RevocationReason
from tests.support.assertions import the
from tests.vectors.samples import NOW, SERIAL, KeySigner, make_issuing

WEEK = timedelta(days=7)
ENTRIES = [
    CrlEntry(SERIAL + n, NOW - timedelta(days=400 * n), reason)
    for n, reason in enumerate(set(RevocationReason) - {RevocationReason.REMOVE_FROM_CRL})
]
SHAPES = {
    "empty": ([], CrlForm()),
    "full": (ENTRIES, CrlForm()),
    "full with freshest": (ENTRIES, CrlForm(freshest=True)),
    "full with issuing point": (ENTRIES, CrlForm(issuing_point=True)),
    "full with both": (ENTRIES, CrlForm(freshest=True, issuing_point=True)),
    "delta empty": ([], CrlForm(base=41)),
    "delta": (ENTRIES, CrlForm(base=41)),
    "delta with issuing point": (ENTRIES, CrlForm(base=41, issuing_point=True)),
    "delta that removes": ([CrlEntry(SERIAL, NOW, RevocationReason.REMOVE_FROM_CRL)], CrlForm(base=41)),
    # freshestCRL has no place in a delta (RFC 5280 §5.2.6), whatever is asked.
    "delta asked for freshest": (ENTRIES, CrlForm(base=41, freshest=True)),
}


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def crl(shape: str, issuing: Authority, signer: KeySigner) -> bytes:
    entries, form = SHAPES[shape]
    return build_crl(issuing, signer, entries, 42, NOW, NOW + WEEK, form)


def values(crl: bytes) -> dict[x509.ObjectIdentifier, x509.Extension[Any]]:
    return {extension.oid: extension for extension in x509.load_der_x509_crl(crl).extensions}


def test_pkilint_finds_nothing(crl: bytes, findings_of_crl: Callable[[bytes], set[tuple[str, str]]]) -> None:
    assert findings_of_crl(crl) == set()


def test_rules_of_public_authorities(crl: bytes, shape: str, issuing: Authority) -> None:
    """The CRL lints that Boulder adds to zlint; ours are deltas on purpose."""
    read = x509.load_der_x509_crl(crl)
    found = values(crl)
    fields = der.children(read.tbs_certlist_bytes, *der.sole(read.tbs_certlist_bytes, der.SEQUENCE))
    assert fields[0][0] == der.INTEGER
    # The list is absent when empty (§5.1.2.6).
    assert (sum(field[0] == der.SEQUENCE for field in fields) == 3) is (len(read) > 0)
    number = found[ExtensionOID.CRL_NUMBER]
    assert (number.critical, number.value.crl_number) == (False, 42)
    key_id = found[ExtensionOID.AUTHORITY_KEY_IDENTIFIER].value
    assert (key_id.key_identifier, key_id.authority_cert_issuer) == (issuing.key_id, None)
    assert {field[0] for field in fields if field[0] in (der.UTC_TIME, der.GENERALIZED_TIME)} == {der.UTC_TIME}
    assert timedelta(0) < the(read.next_update_utc) - read.last_update_utc <= timedelta(days=10)
    assert ExtensionOID.AUTHORITY_INFORMATION_ACCESS not in found
    assert (ExtensionOID.DELTA_CRL_INDICATOR in found) is shape.startswith("delta")
    for entry in read:
        for extension in entry.extensions:
            assert extension.oid == CRLEntryExtensionOID.CRL_REASON
            assert not extension.critical
            assert extension.value.reason is not x509.ReasonFlags.unspecified
            if not shape.startswith("delta"):
                assert extension.value.reason is not x509.ReasonFlags.remove_from_crl
    if ExtensionOID.ISSUING_DISTRIBUTION_POINT in found:
        point = found[ExtensionOID.ISSUING_DISTRIBUTION_POINT]
        assert point.critical
        (uri,) = point.value.full_name
        assert uri.value.startswith("http://")


def test_a_delta_says_what_it_starts_from(crl: bytes, shape: str) -> None:
    if not shape.startswith("delta"):
        assert ExtensionOID.DELTA_CRL_INDICATOR not in values(crl)
        return
    indicator = values(crl)[ExtensionOID.DELTA_CRL_INDICATOR]
    assert indicator.critical
    assert indicator.value.crl_number == 41
    assert ExtensionOID.FRESHEST_CRL not in values(crl)


def test_full_list_names_its_deltas_as_the_certificates_do(issuing: Authority, signer: KeySigner) -> None:
    full = build_crl(issuing, signer, [], 1, NOW, NOW + WEEK, CrlForm(freshest=True))
    extension = values(full)[ExtensionOID.FRESHEST_CRL]
    assert not extension.critical
    assert [uri.value for point in extension.value for uri in point.full_name] == [
        "http://igc.example/CRL/ACI-EL-TEST-delta.crl",
        issuing.url(issuing.settings.delta_crl_ldap_url),
    ]


def test_full_and_delta_agree_on_their_scope(issuing: Authority, signer: KeySigner) -> None:
    lists = [
        build_crl(issuing, signer, [], 2, NOW, NOW + WEEK, CrlForm(base=base, issuing_point=True)) for base in (None, 1)
    ]
    scopes = [values(crl)[ExtensionOID.ISSUING_DISTRIBUTION_POINT].value for crl in lists]
    assert scopes[0] == scopes[1]
    assert [uri.value for uri in scopes[0].full_name] == [issuing.url(issuing.settings.crl_url)]


def test_refused(issuing: Authority, signer: KeySigner) -> None:
    removal = [CrlEntry(1, NOW, RevocationReason.REMOVE_FROM_CRL)]
    with pytest.raises(CrlError):
        build_crl(issuing, signer, removal, 2, NOW, NOW + WEEK)
    with pytest.raises(CrlError):
        build_crl(issuing, signer, [], 2, NOW, NOW + WEEK, CrlForm(base=3))
    from msgspec.structs import replace

    from pki.ceremony.configuration import default_settings

    without = make_issuing(replace(default_settings("TEST"), crl_url=""))
    with pytest.raises(CrlError):
        build_crl(without, signer, [], 2, NOW, NOW + WEEK, CrlForm(issuing_point=True))


def test_next_update_from_2050_is_generalized_time(issuing: Authority, signer: KeySigner) -> None:
    moment = datetime(2049, 12, 30, tzinfo=UTC)
    data = build_crl(issuing, signer, [], 1, moment, moment + WEEK)
    assert b"\x17\x0d491230000000Z" in data
    assert b"\x18\x0f20500106000000Z" in data
