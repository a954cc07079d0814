"""Of whom a certificate is: the four cards and two products of persons in their form, and nobody for anything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pki.authority import Authority
from pki.certificates import der
from pki.certificates.holders import Holder, certifies_cards, read_holder
from pki.certificates.profiles import CARD_PRODUCTS, ORGANISATION_PRODUCTS, PERSON_PRODUCTS, SMARTCARD_LOGON
from pki.issuing.issuance import issue, lint, prepare
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL, SHAPES, KeySigner, make_issuing, spki

IDENT = "899700027131"
CN, SN, GN = NameOID.COMMON_NAME, NameOID.SURNAME, NameOID.GIVEN_NAME
UTF8, PRINTABLE, T61, BMP, IA5 = 0x0C, 0x13, 0x14, 0x1E, 0x16


@pytest.fixture(scope="module")
def cards() -> Authority:
    return replace(make_issuing(), products=frozenset(CARD_PRODUCTS))


@pytest.fixture(scope="module")
def software() -> Authority:
    return replace(make_issuing(), products=frozenset(PERSON_PRODUCTS))


def issued(shape: str) -> x509.Certificate:
    """One of the golden contents, by an authority that may issue everything."""
    authority = make_issuing()
    prepared = prepare(authority, SHAPES[shape], spki(), SERIAL, NOW)
    signer = KeySigner(authority.short_name, key("issuing"))
    return x509.load_der_x509_certificate(issue(lint(prepared, authority), signer).der)


Rdn = Sequence[tuple[x509.ObjectIdentifier, int, bytes]]
BESIDE: tuple[Rdn, ...] = ([(NameOID.COUNTRY_NAME, PRINTABLE, b"FR")], [(NameOID.TITLE, UTF8, "Médecin".encode())])
NAMES: Rdn = ((CN, UTF8, IDENT.encode()), (SN, UTF8, b"EXEMPLE"), (GN, UTF8, b"CAMILLE"))


def name_of(rdns: Sequence[Rdn]) -> bytes:
    return der.sequence(
        *(
            der.set_of(
                der.sequence(der.object_identifier(oid.dotted_string), der.tlv(tag, value)) for oid, tag, value in rdn
            )
            for rdn in rdns
        )
    )


PLACEHOLDER = "PLACEHOLDER"


def forged(
    rdns: Sequence[Rdn] = (*BESIDE, NAMES),
    *,
    category: int = 0x80,
    card_type: bytes | None = der.integer(0),
    purposes: Sequence[str] = (ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string, SMARTCARD_LOGON),
    usage: Sequence[str] = ("digital_signature",),
) -> x509.Certificate:
    """A card as its authority could have made it, with this subject and these marks; its signature is not looked at."""
    authority = make_issuing()
    oids = authority.settings.private_oids
    bits = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(CN, PLACEHOLDER)]))
        .issuer_name(authority.certificate.subject)
        .public_key(key("leaf").public_key())
        .serial_number(SERIAL)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.KeyUsage(**{bit: bit in usage for bit in bits}), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.ObjectIdentifier(one) for one in purposes]), critical=False)
        .add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier(oids.category), der.octet_string(bytes((category,)))),
            critical=False,
        )
    )
    if card_type is not None:
        mark = x509.UnrecognizedExtension(x509.ObjectIdentifier(oids.card_type), card_type)
        builder = builder.add_extension(mark, critical=False)
    made = builder.sign(key("issuing"), SHA256())
    return x509.load_der_x509_certificate(_with_subject(made, name_of(rdns)))


def _with_subject(certificate: x509.Certificate, subject: bytes) -> bytes:
    """The same bytes with another subject: no library encodes the names that these tests are about."""
    data = certificate.public_bytes(Encoding.DER)
    tbs, *rest = der.children(data, *der.sole(data, der.SEQUENCE))
    fields = der.children(data, tbs[2], tbs[3])
    changed = der.sequence(*(subject if rank == 5 else data[one[1] : one[3]] for rank, one in enumerate(fields)))
    return der.sequence(changed, *(data[one[1] : one[3]] for one in rest))


def with_cn(tag: int, value: bytes) -> x509.Certificate:
    return forged((*BESIDE, ((CN, tag, value), *NAMES[1:])))


@pytest.mark.parametrize(
    ("shape", "holder"),
    [
        ("cps-auth", Holder("CPS_AUTH", IDENT, "EXEMPLE0082713", "CAMILLE")),
        ("cpf-auth", Holder("CPF_AUTH", "899700027149", "EXEMPLE0082713", "CAMILLE")),
        ("cpe-auth", Holder("CPE_AUTH", "310B0039137/CPET00002", "EXEMPLE", "DOMINIQUE")),
        ("cpa-auth", Holder("CPA_AUTH", "310B0039137/CPAT00003", "EXEMPLE", "CLAUDE")),
    ],
)
def test_a_card_is_of_whom_its_authority_names(cards: Authority, shape: str, holder: Holder) -> None:
    assert read_holder(cards, issued(shape)) == holder
    assert holder.is_card


@pytest.mark.parametrize("shape", ["ps-auth", "ps-auth.upn", "pro-auth", "pro-auth.other-set-order"])
def test_so_is_an_authentication_product_of_a_person(software: Authority, shape: str) -> None:
    found = read_holder(software, issued(shape))
    assert found is not None
    assert (found.product, found.common_name, found.is_card) == (SHAPES[shape].product, IDENT, False)


def test_no_other_product_is_of_anybody(cards: Authority, software: Authority) -> None:
    """Whatever its authority may issue: the form decides too, so that one for everything does not open this door."""
    everything = make_issuing()
    named = {shape for shape in SHAPES if read_holder(everything, issued(shape)) is not None}
    assert {SHAPES[shape].product for shape in named} == {"PS_AUTH", "PRO_AUTH"}
    for shape in SHAPES:
        is_card = SHAPES[shape].product in CARD_PRODUCTS
        assert (read_holder(cards, issued(shape)) is not None) is is_card
        assert (read_holder(software, issued(shape)) is not None) is (shape in named)


def test_an_authority_is_one_of_cards_only_when_it_issues_nothing_else() -> None:
    for products, verdict in (
        (CARD_PRODUCTS, True),
        (("CPS_AUTH",), True),
        ((*CARD_PRODUCTS, "ORG_AUTH_CLI"), False),
        (ORGANISATION_PRODUCTS, False),
        ((), False),
    ):
        assert certifies_cards(replace(make_issuing(), products=frozenset(products))) is verdict


@pytest.mark.parametrize("products", [(), ORGANISATION_PRODUCTS, ("CPE_AUTH",), (*CARD_PRODUCTS, "ORG_AUTH_CLI")])
def test_a_cps_of_an_authority_that_is_not_marked_for_it_is_of_nobody(products: tuple[str, ...]) -> None:
    assert read_holder(replace(make_issuing(), products=frozenset(products)), issued("cps-auth")) is None


def test_a_service_that_calls_itself_by_the_id_of_somebody(software: Authority, cards: Authority) -> None:
    authority = make_issuing()
    for shape in ("org-auth-cli", "serv-sign"):
        named = replace(SHAPES[shape], common_name=IDENT)
        prepared = prepare(authority, named, spki(), SERIAL, NOW)
        made = issue(lint(prepared, authority), KeySigner(authority.short_name, key("issuing")))
        certificate = x509.load_der_x509_certificate(made.der)
        assert [read_holder(one, certificate) for one in (authority, software, cards)] == [None, None, None]


@pytest.mark.parametrize("tag", [UTF8, PRINTABLE])
def test_both_encodings_of_a_name_are_read(cards: Authority, tag: int) -> None:
    found = read_holder(cards, with_cn(tag, IDENT.encode()))
    assert found == Holder("CPS_AUTH", IDENT, "EXEMPLE", "CAMILLE")


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (T61, IDENT.encode()),
        (IA5, IDENT.encode()),
        (BMP, IDENT.encode("utf-16-be")),
        (0x04, IDENT.encode()),
        (UTF8, b"\xff\xfe"),
    ],
)
def test_no_other_encoding_is(cards: Authority, tag: int, value: bytes) -> None:
    assert read_holder(cards, with_cn(tag, value)) is None


ODD_SUBJECTS: dict[str, Sequence[Rdn]] = {
    "two common names in the RDN": (*BESIDE, (*NAMES, (CN, UTF8, b"899700990037"))),
    "a second RDN of names": (*BESIDE, NAMES, NAMES),
    "a common name before it": (((CN, UTF8, b"899700990037"),), *BESIDE, NAMES),
    "a common name behind it": (*BESIDE, NAMES, ((CN, UTF8, b"899700990037"),)),
    "a common name beside the title": ((BESIDE[1][0], (CN, UTF8, b"899700990037")), NAMES),
    "apart from surname and given name": (*BESIDE, NAMES[:1], NAMES[1:2], NAMES[2:]),
    "no surname": (*BESIDE, (NAMES[0], NAMES[2])),
    "no given name": (*BESIDE, NAMES[:2]),
    "no common name": (*BESIDE, NAMES[1:]),
    "a common name alone": (NAMES[:1],),
    "two titles": (*BESIDE, BESIDE[1], NAMES),
    "an attribute of no card": (*BESIDE, ((NameOID.SERIAL_NUMBER, PRINTABLE, b"1"),), NAMES),
    "in a structure, as no CPS is": (*BESIDE, ((NameOID.ORGANIZATIONAL_UNIT_NAME, UTF8, b"10B0990011"),), NAMES),
    "nothing": (),
}


@pytest.mark.parametrize("case", ODD_SUBJECTS)
def test_a_subject_of_another_form_is_of_nobody(cards: Authority, case: str) -> None:
    assert read_holder(cards, forged(ODD_SUBJECTS[case])) is None


@pytest.mark.parametrize(
    "marks",
    [
        {"category": 0x83},  # a software certificate of TEST
        {"category": 0x00},  # a card of PRODUCTION
        {"card_type": None},
        {"card_type": der.integer(4)},
        {"card_type": der.integer(1) + b"\x00"},
        {"card_type": der.octet_string(b"\x00")},
        {"card_type": der.integer(2)},  # CPE without a structure
        {"purposes": (ExtendedKeyUsageOID.SERVER_AUTH.dotted_string, ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string)},
        {"purposes": (SMARTCARD_LOGON,)},
        {"usage": ("digital_signature", "content_commitment")},
        {"usage": ("content_commitment",)},
    ],
)
def test_a_card_with_other_marks_is_of_nobody(cards: Authority, marks: dict[str, object]) -> None:
    assert read_holder(cards, forged()) is not None
    assert read_holder(cards, forged(**marks)) is None  # type: ignore[arg-type]  # one mark a case
