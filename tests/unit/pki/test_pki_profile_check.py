"""A profile that breaks RFC 5280 is found before it is deployed, by a lint that shares nothing with the encoder."""

import dataclasses
from dataclasses import replace

import msgspec
import pytest

from pki.authority import Authority
from pki.ceremony.configuration import CeremonyConfig, default_settings
from pki.certificates.profiles import PRODUCTS
from pki.errors import LintError
from pki.issuing import profile_samples
from pki.issuing.issuance import issue, lint, prepare
from pki.issuing.profile_check import check_profiles, check_profiles_of
from pki.issuing.profile_samples import fingerprint, samples
from pki.lint.full import find_all_breaches
from tests.vectors.samples import CA_FROM, NOW, SERIAL, SHAPES, KeySigner, make_issuing, spki


@pytest.mark.parametrize("generation", [1, 2])
def test_profiles_of_the_tree_are_clean(generation: int) -> None:
    settings = msgspec.structs.replace(default_settings("TEST"), generation=generation, p256=True)
    check_profiles(make_issuing(settings), NOW)


def test_every_product_has_its_least_and_its_most(issuing: Authority) -> None:
    contents = [content for profile in PRODUCTS.values() for content in samples(profile)]
    assert {content.product for content in contents} == PRODUCTS.keys()
    assert sum(bool(content.email) for content in contents) >= 7
    assert sum(bool(content.upn) for content in contents) >= 4
    for content in contents:
        prepare(issuing, content, spki(), SERIAL, NOW)


def test_full_lint_sees_what_the_inline_lint_was_not_made_for(issuing: Authority, signer: KeySigner) -> None:
    good = issue(lint(prepare(issuing, SHAPES["serv-smime"], spki(), SERIAL, NOW), issuing), signer).der
    assert find_all_breaches(good) == ()
    # An underscore is no character of a host name (RFC 5280 §4.2.1.6).
    broken = good.replace(b"secretariat@hopital.example", b"secretariat@hopital_example")
    assert broken != good
    assert find_all_breaches(broken)
    assert find_all_breaches(good[:-300])
    assert find_all_breaches(b"")


def test_the_name_of_this_machine_is_no_breach_and_another_of_one_label_is(
    issuing: Authority, signer: KeySigner
) -> None:
    content = replace(SHAPES["serv-ssl-serv"], common_name="x.example", dns_names=("x.example",))
    good = issue(lint(prepare(issuing, content, spki(), SERIAL, NOW), issuing), signer).der
    assert good.count(b"\x82\x09x.example") == 1
    breaches = [
        find_all_breaches(good.replace(b"\x82\x09x.example", b"\x82\x09" + name))
        for name in (b"localhost", b"otherhost")
    ]
    assert breaches == [(), ("error: pkix.invalid_domain_name_syntax",)]


def test_address_that_is_no_uri_cannot_be_deployed() -> None:
    # The inline lint compares with the settings and finds nothing: the settings themselves are wrong.
    settings = msgspec.structs.replace(default_settings("TEST"), ocsp_url="ocsp.igc.example/no/scheme")
    with pytest.raises(LintError) as caught:
        check_profiles(make_issuing(settings), NOW)
    assert any("uri" in finding.lower() for finding in caught.value.findings)
    config = CeremonyConfig(plateforme="TEST", key_bits=2048, settings={"ocsp_url": "ocsp.igc.example/no/scheme"})
    with pytest.raises(LintError):
        check_profiles_of(config, NOW)


def test_default_ceremony_of_production_can_be_deployed() -> None:
    check_profiles_of(CeremonyConfig(plateforme="PRODUCTION"), NOW)


def test_fingerprint_follows_every_change_that_matters(issuing: Authority) -> None:
    assert fingerprint(issuing) == fingerprint(make_issuing())
    other = msgspec.structs.replace(default_settings("TEST"), cps_uri="http://igc.example/autre")
    changed = dataclasses.replace(issuing, settings=other)
    assert fingerprint(changed) != fingerprint(issuing)
    assert profile_samples._FIXED_SPKI[:4] == spki()[:4]
    assert len(profile_samples._FIXED_SPKI) == len(spki())
    assert issuing.not_before == CA_FROM
