"""Every product and shape, issued and read by two others: the library, pkilint."""

import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku
from cryptography.x509.oid import ExtensionOID as Oid

from pki.authority import Authority
from pki.ceremony.configuration import default_settings
from pki.certificates.extension_order import EXTENSION_ORDER
from pki.certificates.profiles import SMARTCARD_LOGON
from pki.issuing.issuance import issue, lint, prepare
from tests.support.assertions import the
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL, SHAPES, KeySigner, make_issuing, spki

DS, NR, KE = "digital_signature", "content_commitment", "key_encipherment"
ANY = Eku.ANY_EXTENDED_KEY_USAGE.dotted_string
CLIENT, SERVER, EMAIL = (oid.dotted_string for oid in (Eku.CLIENT_AUTH, Eku.SERVER_AUTH, Eku.EMAIL_PROTECTION))

# What an application relies on, written a second time, apart from the table under test.
EXPECTED = {
    "org-auth-cli": ({DS}, [CLIENT], None, False),
    "org-sign": ({DS, NR}, [EMAIL], None, True),
    "org-conf": ({KE}, [EMAIL, ANY], None, False),
    "serv-ssl-serv": ({DS, KE}, [SERVER, CLIENT], ["www.hopital.example"], False),
    "serv-ssl-serv.five-names": (
        {DS, KE},
        [SERVER, CLIENT],
        [*(f"{letter}.hopital.example" for letter in "abcd"), "xn--bb-eka.hopital.example"],
        False,
    ),
    "serv-sign": ({DS, NR}, [EMAIL], ["secretariat@hopital.example"], True),
    "serv-smime": ({DS, KE}, [EMAIL], ["secretariat@hopital.example"], False),
    "serv-conf": ({KE}, [EMAIL, ANY], ["secretariat@hopital.example"], False),
    "ps-auth": ({DS}, [CLIENT], None, False),
    "ps-auth.upn": ({DS}, [CLIENT, SMARTCARD_LOGON], [b"\x0c\x17camille@hopital.example"], False),
    "ps-sign": ({NR}, [EMAIL], None, True),
    "ps-sign.email": ({NR}, [EMAIL], ["secretariat@hopital.example"], True),
    "ps-conf": ({KE}, [EMAIL, ANY], ["secretariat@hopital.example"], False),
    "pro-auth": ({DS}, [CLIENT, SMARTCARD_LOGON], [b"\x0c\x17camille@hopital.example"], False),
    "pro-sign": ({NR}, [EMAIL], ["secretariat@hopital.example"], True),
    "pro-conf": ({KE}, [EMAIL, ANY], None, False),
    "cps-auth": ({DS}, [CLIENT, SMARTCARD_LOGON], [b"\x0c\x1b8.99700027131@carte.example"], False),
    "cpe-auth": ({DS}, [CLIENT, SMARTCARD_LOGON], [b"\x0c\x2210B0039137/CPET00002@carte.example"], False),
    "tls-server": ({DS, KE}, [SERVER], ["ws.igc.example", "portail.igc.example", "127.0.0.1", "::1"], False),
}


@pytest.fixture(scope="module", params=[1, 2], ids=["gen1", "gen2"])
def authority(request: pytest.FixtureRequest) -> Authority:
    return make_issuing(msgspec.structs.replace(default_settings("TEST"), generation=request.param))


@pytest.fixture
def issued(authority: Authority) -> Callable[[str], x509.Certificate]:
    def make(shape: str) -> x509.Certificate:
        prepared = prepare(authority, SHAPES[shape], spki(), SERIAL, NOW)
        return x509.load_der_x509_certificate(
            issue(lint(prepared, authority), KeySigner(authority.short_name, key("issuing"))).der,
        )

    return make


@pytest.mark.parametrize("shape", EXPECTED)
def test_usages_and_names(issued: Callable[[str], x509.Certificate], shape: str) -> None:
    usage, extended, names, period = EXPECTED[shape]
    extensions = issued(shape).extensions
    key_usage = extensions.get_extension_for_class(x509.KeyUsage)
    bits = (DS, NR, KE, "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
    assert key_usage.critical
    assert {bit for bit in bits if getattr(key_usage.value, bit)} == usage
    assert [oid.dotted_string for oid in extensions.get_extension_for_class(x509.ExtendedKeyUsage).value] == extended
    found: list[Any] = [each.value for each in extensions if each.oid == Oid.SUBJECT_ALTERNATIVE_NAME]
    assert [[str(n.value) if not isinstance(n.value, bytes) else n.value for n in san] for san in found] == (
        [names] if names else []
    )
    assert any(extension.oid == Oid.PRIVATE_KEY_USAGE_PERIOD for extension in extensions) == period


@pytest.mark.parametrize("shape", SHAPES)
def test_frame_and_common_extensions(
    issued: Callable[[str], x509.Certificate], authority: Authority, shape: str
) -> None:
    certificate = issued(shape)
    settings = authority.settings
    extensions = certificate.extensions
    assert certificate.version is x509.Version.v3
    assert certificate.serial_number == SERIAL
    certificate.verify_directly_issued_by(authority.certificate)
    assert certificate.public_key() == key("leaf").public_key()
    assert certificate.not_valid_before_utc == NOW
    values = {extension.oid: extension.value for extension in extensions}
    assert values[Oid.BASIC_CONSTRAINTS] == x509.BasicConstraints(ca=False, path_length=None)
    assert values[Oid.AUTHORITY_KEY_IDENTIFIER].key_identifier == authority.key_id
    policy = values[Oid.CERTIFICATE_POLICIES][0]
    assert (policy.policy_identifier.dotted_string, policy.policy_qualifiers) == (
        settings.policy_oid,
        [settings.cps_uri],
    )
    points = [point.full_name[0].value for point in values[Oid.CRL_DISTRIBUTION_POINTS]]
    entry = (
        "ldap://annuaire.igc.example/cn=TEST%20AC%20IGC%20EXEMPLE%20ELEMENTAIRE,"
        "ou=TEST%20AC%20RACINE%20IGC%20EXEMPLE%20ELEMENTAIRE,ou=IGC-EXEMPLE%20TEST,ou=0002%20000000000,"
        "o=IGC%20EXEMPLE,c=FR"
    )
    assert points == [
        "http://igc.example/CRL/ACI-EL-TEST.crl",
        f"{entry}?certificaterevocationlist;binary?base?objectClass=pkiCA",
    ]
    assert [point.full_name[0].value for point in values[Oid.FRESHEST_CRL]] == [
        "http://igc.example/CRL/ACI-EL-TEST-delta.crl",
        f"{entry}?deltarevocationlist;binary?base?objectClass=pkiCA",
    ]
    assert [access.access_location.value for access in values[Oid.AUTHORITY_INFORMATION_ACCESS]] == [
        "http://ocsp.igc.example",
        "http://igc.example/AC%20TEST/ACI-EL-TEST.cer",
    ]
    assert [extension.oid for extension in extensions if extension.critical] == [Oid.KEY_USAGE]


def test_key_identifier_by_generation(issued: Callable[[str], x509.Certificate], authority: Authority) -> None:
    public = key("leaf").public_key()
    found = issued("org-sign").extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    whole = x509.SubjectKeyIdentifier.from_public_key(public)
    if authority.settings.generation == 1:
        assert found == whole
    else:
        import hashlib

        encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert found.digest == hashlib.sha1(encoded).digest()


def test_order_of_extensions_by_generation(issued: Callable[[str], x509.Certificate], authority: Authority) -> None:
    last = [extension.oid for extension in issued("ps-sign.email").extensions]
    if authority.settings.generation == 1:
        assert [last[0], last[-1].dotted_string] == [
            Oid.BASIC_CONSTRAINTS,
            authority.settings.private_oids.profession,
        ]
        assert last.index(Oid.PRIVATE_KEY_USAGE_PERIOD) + 1 == last.index(Oid.SUBJECT_ALTERNATIVE_NAME)
    else:
        assert [last[0], last[-1]] == [Oid.EXTENDED_KEY_USAGE, Oid.BASIC_CONSTRAINTS]
    assert set(EXTENSION_ORDER[1]) == set(EXTENSION_ORDER[2])


def test_validity_is_three_years_to_the_second(issued: Callable[[str], x509.Certificate], authority: Authority) -> None:
    end = datetime(2029, 11, 23, 17, 33, 19, tzinfo=UTC)
    assert issued("org-auth-cli").not_valid_after_utc == end
    signature = issued("org-sign")
    month_later = datetime(2029, 12, 23, 17, 33, 19, tzinfo=UTC)
    assert signature.not_valid_after_utc == (month_later if authority.settings.generation == 1 else end)
    period = signature.extensions.get_extension_for_class(x509.PrivateKeyUsagePeriod).value
    assert (the(period.not_before).replace(tzinfo=UTC), the(period.not_after).replace(tzinfo=UTC)) == (NOW, end)


def private(certificate: x509.Certificate, oid: str) -> bytes | None:
    for extension in certificate.extensions:
        if extension.oid.dotted_string == oid:
            assert isinstance(extension.value, x509.UnrecognizedExtension)
            return extension.value.value
    return None


def test_private_extensions(issued: Callable[[str], x509.Certificate], authority: Authority) -> None:
    oids = authority.settings.private_oids
    assert private(issued("org-sign"), oids.category) == b"\x04\x01\x83"
    assert private(issued("org-sign"), oids.profession) is None
    assert private(issued("pro-sign"), oids.profession) == b"\x02\x01\x0a"
    assert private(issued("pro-sign"), oids.specialities) == b"\x30\x06\x0c\x04SM42"
    assert private(issued("ps-auth.training"), oids.training) == b"\x02\x01\x0a"
    assert private(issued("ps-auth.training"), oids.profession) is None
    assert private(issued("ps-auth.pharmacist"), oids.pharmacist_table) == b"\x0c\x01A"
    assert private(issued("cps-auth"), oids.category) == b"\x04\x01\x80"
    assert private(issued("cps-auth"), oids.card_type) == b"\x02\x01\x00"
    assert private(issued("cpe-auth"), oids.card_type) == b"\x02\x01\x02"
    assert private(issued("cps-auth"), oids.card_number) == b"\x13\x150000000001/0000000042"
    assert private(issued("cpe-auth"), oids.card_number) is None


@pytest.mark.parametrize("shape", SHAPES)
def test_pkilint_finds_no_error(
    issued: Callable[[str], x509.Certificate],
    findings_of_certificate: Callable[[bytes], set[tuple[str, str]]],
    shape: str,
) -> None:
    # What is noted: a policy with a CPS qualifier and LDAP addresses, as on the real platform; and in generation 2 a
    # key identifier made of the whole SubjectPublicKeyInfo, which RFC 5280 §4.2.1.2 allows.
    assert {severity for severity, _ in findings_of_certificate(issued(shape).public_bytes(Encoding.DER))} <= {
        "NOTICE",
        "INFO",
    }


def test_pkilint_would_find_an_error(
    issued: Callable[[str], x509.Certificate], findings_of_certificate: Callable[[bytes], set[tuple[str, str]]]
) -> None:
    good = issued("org-sign").public_bytes(Encoding.DER)
    without_key_identifier = good.replace(b"\x06\x03\x55\x1d\x23", b"\x06\x03\x55\x1d\x24")
    assert "ERROR" in {severity for severity, _ in findings_of_certificate(without_key_identifier)}


def test_name_of_64_characters_is_read_back(issued: Callable[[str], x509.Certificate]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library counts octets where RFC 5280 counts characters
        subject = issued("org-auth-cli.common-name-64").subject
    assert subject.rdns[-1].rfc4514_string() == f"CN={'é' * 64}"
