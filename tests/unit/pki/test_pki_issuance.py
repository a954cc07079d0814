"""Prepare, lint, issue: the steps only narrow, and a crash between them loses nothing."""

import dataclasses
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.authority import Authority
from pki.ceremony.configuration import default_settings
from pki.certificates import der
from pki.errors import LintError, ProfileError, SignerError
from pki.issuing.issuance import LintedCertificate, PreparedCertificate, issue, lint, prepare, restore
from tests.vectors.keys import key
from tests.vectors.samples import CA_FROM, NOW, SERIAL, SHAPES, KeySigner, make_issuing, make_root, spki

CONTENT = SHAPES["org-auth-cli"]


def prepared_by(authority: Authority, **changes: Any) -> PreparedCertificate:
    arguments: dict[str, Any] = {"content": CONTENT, "spki": spki(), "serial": SERIAL, "now": NOW} | changes
    return prepare(authority, **arguments)


def test_what_is_signed_is_what_was_prepared(issuing: Authority, signer: KeySigner) -> None:
    prepared = prepared_by(issuing)
    issued = issue(lint(prepared, issuing), signer)
    certificate = x509.load_der_x509_certificate(issued.der)
    assert certificate.tbs_certificate_bytes == prepared.tbs
    assert certificate.public_bytes(Encoding.DER) == issued.der
    assert (issued.serial, issued.issuer, issued.product) == (SERIAL, "ACI-EL-TEST", "ORG_AUTH_CLI")
    assert (issued.not_before, issued.not_after) == (
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )


def test_after_a_crash_the_stored_bytes_give_the_same_certificate(issuing: Authority, signer: KeySigner) -> None:
    prepared = prepared_by(issuing)
    before = issue(lint(prepared, issuing), signer)
    taken_up = restore(prepared.tbs, prepared.issuer, prepared.product)
    assert taken_up == prepared
    assert issue(lint(taken_up, issuing), signer) == before


def test_bytes_damaged_in_storage_are_not_taken_up() -> None:
    with pytest.raises(LintError):
        restore(b"\x30\x03\x02\x01\x00", "ACI-EL-TEST", "ORG_SIGN")


def test_linted_certificate_cannot_be_made_elsewhere(issuing: Authority) -> None:
    with pytest.raises(LintError):
        LintedCertificate(prepared_by(issuing), issuing, object())


def test_lint_refuses_another_authority(issuing: Authority) -> None:
    twin = make_issuing(label="issuing-2", short_name="ACI-EL-2-TEST")
    with pytest.raises(LintError):
        lint(prepared_by(issuing), twin)


def test_two_keys_under_one_name_issue_side_by_side(issuing: Authority, signer: KeySigner) -> None:
    twin = make_issuing(label="issuing-2", short_name="ACI-EL-2-TEST")
    assert twin.name_der == issuing.name_der
    new = x509.load_der_x509_certificate(
        issue(lint(prepared_by(twin), twin), KeySigner(twin.short_name, key("issuing-2"))).der,
    )
    old = x509.load_der_x509_certificate(issue(lint(prepared_by(issuing), issuing), signer).der)
    new.verify_directly_issued_by(twin.certificate)
    old.verify_directly_issued_by(issuing.certificate)
    # A certificate prepared for one key cannot be signed by the other, whose name is the same.
    with pytest.raises(LintError) as caught:
        lint(dataclasses.replace(prepared_by(issuing), issuer=twin.short_name), twin)
    assert "authority_key_identifier: not what the profile says" in caught.value.findings


def test_signer_of_another_authority_is_refused(issuing: Authority) -> None:
    with pytest.raises(SignerError):
        issue(lint(prepared_by(issuing), issuing), KeySigner("ACR-EL-TEST", key("issuing")))


def test_faulty_signature_never_leaves(issuing: Authority) -> None:
    class Faulty(KeySigner):
        def sign(self, tbs: bytes) -> bytes:
            signature = super().sign(tbs)
            return bytes((signature[0] ^ 1,)) + signature[1:]

    linted = lint(prepared_by(issuing), issuing)
    with pytest.raises(SignerError):
        issue(linted, Faulty("ACI-EL-TEST", key("issuing")))
    with pytest.raises(SignerError):
        issue(linted, KeySigner("ACI-EL-TEST", key("issuing-2")))


def test_authority_issues_only_its_products() -> None:
    with pytest.raises(ProfileError) as caught:
        prepared_by(make_root())
    assert caught.value.field == "product"


def test_nothing_outlives_the_authority() -> None:
    until = datetime(2027, 2, 3, 4, 5, 6, tzinfo=UTC)
    authority = make_issuing(until=until)
    for shape in ("org-auth-cli", "org-sign"):
        prepared = prepared_by(authority, content=SHAPES[shape])
        assert prepared.not_after == until
        lint(prepared, authority)
    with pytest.raises(ProfileError):
        prepared_by(authority, now=until)


def test_validity_begins_before_the_signature_but_not_before_the_authority(issuing: Authority) -> None:
    """For clocks that are behind; the term counts from where it begins."""
    plain = prepared_by(issuing, content=SHAPES["org-sign"])
    early = prepared_by(issuing, content=SHAPES["org-sign"], backdate=timedelta(minutes=5))
    assert (plain.not_before, early.not_before) == (NOW, NOW - timedelta(minutes=5))
    assert early.not_after == plain.not_after - timedelta(minutes=5)
    lint(early, issuing)
    moment = CA_FROM + timedelta(minutes=2)
    young = prepared_by(issuing, now=moment, backdate=timedelta(minutes=5))
    assert young.not_before == issuing.not_before == CA_FROM
    lint(young, issuing)
    before = prepared_by(issuing, now=CA_FROM - timedelta(seconds=1), backdate=timedelta(minutes=5))
    with pytest.raises(LintError):
        lint(before, issuing)


def test_term_may_be_shorter_but_not_longer(issuing: Authority) -> None:
    short = NOW + timedelta(minutes=5)
    prepared = prepared_by(issuing, content=SHAPES["org-sign"], not_after=short)
    assert prepared.not_after == short
    lint(prepared, issuing)
    assert prepared_by(issuing, not_after=NOW + timedelta(days=9999)).not_after == prepared_by(issuing).not_after
    with pytest.raises(ProfileError):
        prepared_by(issuing, not_after=NOW)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (datetime(2028, 2, 29, 12, tzinfo=UTC), datetime(2031, 2, 28, 12, tzinfo=UTC)),
        (datetime(2027, 2, 28, 23, 59, 59, tzinfo=UTC), datetime(2030, 2, 28, 23, 59, 59, tzinfo=UTC)),
        (datetime(2027, 1, 1, tzinfo=timezone(timedelta(hours=1))), datetime(2029, 12, 31, 23, tzinfo=UTC)),
        (datetime(2026, 11, 23, 1, 2, 3, 999999, tzinfo=UTC), datetime(2029, 11, 23, 1, 2, 3, tzinfo=UTC)),
    ],
)
def test_term_to_the_second(issuing: Authority, start: datetime, end: datetime) -> None:
    prepared = prepared_by(issuing, now=start)
    assert prepared.not_after == end
    lint(prepared, issuing)


def test_extra_month_of_generation_1_ends_in_the_right_month() -> None:
    authority = make_issuing(msgspec.structs.replace(default_settings("TEST"), generation=1))
    for day, end in (
        (datetime(2027, 1, 31, 8, tzinfo=UTC), datetime(2030, 2, 28, 8, tzinfo=UTC)),
        (datetime(2027, 12, 31, 8, tzinfo=UTC), datetime(2031, 1, 31, 8, tzinfo=UTC)),
    ):
        prepared = prepared_by(authority, content=SHAPES["org-sign"], now=day)
        assert prepared.not_after == end
        lint(prepared, authority)


def test_naive_dates_are_refused(issuing: Authority) -> None:
    for arguments in ({"now": NOW.replace(tzinfo=None)}, {"not_after": NOW.replace(tzinfo=None, year=2027)}):
        with pytest.raises(ProfileError):
            prepared_by(issuing, **arguments)


def test_date_before_the_authority_existed_is_caught_by_the_lint(issuing: Authority) -> None:
    with pytest.raises(LintError) as caught:
        lint(prepared_by(issuing, now=CA_FROM - timedelta(seconds=1)), issuing)
    assert caught.value.findings == ("validity: outside that of the authority",)


@pytest.mark.parametrize("serial", [1, 2**63 - 1, 2**160])
def test_serial_of_a_wrong_length_is_caught_by_the_lint(issuing: Authority, serial: int) -> None:
    with pytest.raises(LintError):
        lint(prepared_by(issuing, serial=serial), issuing)


def test_own_key_of_the_authority_is_caught_by_the_lint(issuing: Authority) -> None:
    with pytest.raises(LintError) as caught:
        lint(prepared_by(issuing, spki=issuing.spki), issuing)
    assert caught.value.findings == ("key: the authority's own",)


def test_settings_without_addresses_leave_the_extensions_out(signer: KeySigner) -> None:
    bare = msgspec.structs.replace(
        default_settings("TEST"),
        crl_url="",
        crl_ldap_url="",
        delta_crl_url="",
        delta_crl_ldap_url="",
        ocsp_url="",
        ca_issuers_url="",
    )
    authority = make_issuing(bare)
    certificate = x509.load_der_x509_certificate(issue(lint(prepared_by(authority), authority), signer).der)
    kept = {extension.oid.dotted_string for extension in certificate.extensions}
    assert kept == {
        "2.5.29.37", "2.5.29.35", "2.5.29.32", "2.5.29.14", "2.5.29.15", "2.5.29.19", bare.private_oids.category,
    }  # fmt: skip


def test_production_has_its_own_category_and_policy() -> None:
    authority = make_issuing(default_settings("PRODUCTION"))
    tbs = prepared_by(authority).tbs
    assert der.extension(authority.settings.private_oids.category, b"\x04\x01\x03") in tbs
    assert authority.settings.policy_oid != default_settings("TEST").policy_oid
