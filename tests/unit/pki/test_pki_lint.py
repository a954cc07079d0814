"""The inline lint finds every defect that is planted in the bytes, and names it."""

from collections.abc import Callable

import pytest

from pki.authority import Authority
from pki.certificates import der
from pki.certificates.profiles import PRODUCTS
from pki.errors import LintError
from pki.issuing.issuance import prepare
from pki.lint.inline import find_breaches
from tests.vectors.samples import NOW, SERIAL, SHAPES, spki

KU = der.object_identifier("2.5.29.15")
SKI = der.object_identifier("2.5.29.14")
EKU = der.object_identifier("2.5.29.37")
SAN = der.object_identifier("2.5.29.17")
PKUP = der.object_identifier("2.5.29.16")
BC = der.object_identifier("2.5.29.19")

Mutation = Callable[[bytes], bytes]


def tbs_of(issuing: Authority, shape: str) -> bytes:
    return prepare(issuing, SHAPES[shape], spki(), SERIAL, NOW).tbs


def fields_of(tbs: bytes) -> list[bytes]:
    return [tbs[start:end] for _, start, _, end in der.children(tbs, *der.sole(tbs, der.SEQUENCE))]


def with_field(tbs: bytes, place: int, element: bytes) -> bytes:
    fields = fields_of(tbs)
    fields[place] = element
    return der.sequence(*fields)


def extensions_of(tbs: bytes) -> list[bytes]:
    outer = fields_of(tbs)[7]
    start, end = der.sole(outer, der.CONTEXT_3)
    listed = outer[start:end]
    return [listed[s:e] for _, s, _, e in der.children(listed, *der.sole(listed, der.SEQUENCE))]


def with_extensions(tbs: bytes, extensions: list[bytes]) -> bytes:
    return with_field(tbs, 7, der.tlv(der.CONTEXT_3, der.sequence(*extensions)))


def replacing(oid: bytes, new: bytes | None) -> Mutation:
    """Return a mutation that replaces the extension of this OID; None removes it."""

    def mutate(tbs: bytes) -> bytes:
        return with_extensions(tbs, [e for old in extensions_of(tbs) if (e := new if oid in old else old) is not None])

    return mutate


def renaming(old: bytes, new: bytes) -> Mutation:
    """Return a mutation of the subject, or of any bytes, that keeps every length."""
    assert len(old) == len(new)

    def mutate(tbs: bytes) -> bytes:
        assert tbs.count(old) >= 1
        return tbs.replace(old, new)

    return mutate


def subject(*rdns: bytes) -> Mutation:
    return lambda tbs: with_field(tbs, 5, der.sequence(*rdns))


def rdn(*attributes: bytes) -> bytes:
    return der.tlv(der.SET, b"".join(attributes))


def text(oid: str, value: str, tag: int = der.UTF8_STRING) -> bytes:
    return der.sequence(der.object_identifier(oid), der.tlv(tag, value.encode()))


C, ST, ORG, OU, CN, GN, SN, TITLE = (
    "2.5.4.6", "2.5.4.8", "2.5.4.10", "2.5.4.11", "2.5.4.3", "2.5.4.42", "2.5.4.4", "2.5.4.12",
)  # fmt: skip
FR = rdn(text(C, "FR", der.PRINTABLE_STRING))
STRUCTURE = [FR, rdn(text(ST, "Paris (75)")), rdn(text(ORG, "H")), rdn(text(OU, "1")), rdn(text(CN, "a"))]


def uri_names(*names: tuple[int, bytes]) -> bytes:
    return der.sequence(*(der.tlv(tag, value) for tag, value in names))


def san(value: bytes) -> Mutation:
    return replacing(SAN, der.extension("2.5.29.17", value))


PLANTED: dict[str, tuple[str, Mutation, str]] = {
    # the frame
    "not DER": ("org-sign", lambda tbs: tbs[:-1], "not a DER TBSCertificate"),
    "a field more": ("org-sign", lambda tbs: der.sequence(*fields_of(tbs), b"\x05\x00"), "not a DER TBSCertificate"),
    "version 1": ("org-sign", lambda tbs: der.sequence(*fields_of(tbs)[1:]), "not a DER TBSCertificate"),
    "version 2": ("org-sign", lambda tbs: with_field(tbs, 0, b"\xa0\x03\x02\x01\x01"), "version"),
    "serial zero": ("org-sign", lambda tbs: with_field(tbs, 1, b"\x02\x01\x00"), "serial"),
    "serial negative": ("org-sign", lambda tbs: with_field(tbs, 1, b"\x02\x10" + b"\x80" * 16), "serial"),
    "serial of 21 octets": ("org-sign", lambda tbs: with_field(tbs, 1, b"\x02\x15" + b"\x01" * 21), "serial"),
    "serial padded": ("org-sign", lambda tbs: with_field(tbs, 1, b"\x02\x10\x00" + b"\x01" * 15), "not a DER"),
    "sha1": (
        "org-sign",
        lambda tbs: with_field(tbs, 2, der.sequence(der.object_identifier("1.2.840.113549.1.1.5"), b"\x05\x00")),
        "signature",
    ),
    "no parameters": (
        "org-sign",
        lambda tbs: with_field(tbs, 2, der.sequence(der.object_identifier("1.2.840.113549.1.1.11"))),
        "signature",
    ),
    "another issuer": ("org-sign", lambda tbs: with_field(tbs, 3, der.sequence(FR)), "issuer"),
    "time with zone": (
        "org-sign",
        lambda tbs: with_field(tbs, 4, der.sequence(*[der.tlv(der.UTC_TIME, b"2611231733+0100")] * 2)),
        "not a DER",
    ),
    "ends before it begins": (
        "org-sign",
        lambda tbs: with_field(tbs, 4, der.sequence(der.time(NOW.replace(year=2028)), der.time(NOW))),
        "validity: ends before it begins",
    ),
    "four years": (
        "org-auth-cli",
        lambda tbs: with_field(tbs, 4, der.sequence(der.time(NOW), der.time(NOW.replace(year=2030)))),
        "validity: longer than 3 years",
    ),
    "outlives the authority": (
        "org-auth-cli",
        lambda tbs: with_field(tbs, 4, der.sequence(der.time(NOW), der.time(NOW.replace(year=2047)))),
        "validity: outside",
    ),
    # the key
    "exponent 3": ("org-sign", lambda tbs: tbs.replace(b"\x02\x03\x01\x00\x01", b"\x02\x03\x00\x00\x03"), "key:"),
    "modulus even": (
        "org-sign",
        lambda tbs: with_field(tbs, 6, spki()[:-6] + b"\x00" + spki()[-5:]),
        "key:",
    ),
    "modulus of 2047 bits": (
        "org-sign",
        lambda tbs: with_field(tbs, 6, spki()[:33] + bytes((spki()[33] & 0x7F,)) + spki()[34:]),
        "key:",
    ),
    # the subject
    "no subject": ("org-sign", subject(), "subject: not the attributes"),
    "attributes out of order": ("org-sign", subject(*reversed(STRUCTURE)), "subject: not the attributes"),
    "unknown attribute": (
        "org-sign",
        subject(*STRUCTURE[:4], rdn(text("2.5.4.5", "a"))),
        "subject: not the attributes",
    ),
    "country as UTF8String": (
        "org-sign",
        subject(rdn(text(C, "FR")), *STRUCTURE[1:]),
        "subject: country has the wrong",
    ),
    "name as PrintableString": (
        "org-sign",
        subject(*STRUCTURE[:4], rdn(text(CN, "a", der.PRINTABLE_STRING))),
        "subject: common_name has the wrong",
    ),
    "name as TeletexString": ("org-sign", subject(*STRUCTURE[:4], rdn(text(CN, "a", 0x14))), "subject: not a Name"),
    "name of 65": ("org-sign", subject(*STRUCTURE[:4], rdn(text(CN, "a" * 65))), "subject: common_name is empty or"),
    "name empty": ("org-sign", subject(*STRUCTURE[:4], rdn(text(CN, ""))), "subject: common_name is empty or"),
    "organization of 65": (
        "org-sign",
        subject(*STRUCTURE[:2], rdn(text(ORG, "a" * 65)), *STRUCTURE[3:]),
        "subject: organization is empty or",
    ),
    "name with NUL": ("org-sign", renaming(b"cachet", b"cac\x00et"), "subject: common_name holds"),
    "name with override": (
        "org-sign",
        subject(*STRUCTURE[:4], rdn(text(CN, "a\u202eb"))),
        "subject: common_name holds",
    ),
    "name not UTF-8": ("org-sign", renaming(b"cachet", b"cac\xffet"), "subject: not a Name"),
    "person's RDN not sorted": (
        "ps-auth",
        subject(FR, rdn(text(TITLE, "M")), rdn(text(CN, "899"), text(SN, "N"), text(GN, "P"))),
        "subject: a multi-valued RDN",
    ),
    "person's RDN split": (
        "ps-auth",
        subject(FR, rdn(text(TITLE, "M")), rdn(text(GN, "P")), rdn(text(CN, "899")), rdn(text(SN, "N"))),
        "subject: not the attributes",
    ),
    "attribute twice in one RDN": (
        "ps-auth",
        subject(FR, rdn(text(TITLE, "M")), rdn(text(GN, "P"), text(SN, "N"), text(SN, "O"), text(CN, "8"))),
        "subject: not the attributes",
    ),
    # the extensions
    "no extension": ("org-sign", lambda tbs: with_extensions(tbs, []), "key_usage: missing"),
    "extension unknown": (
        "org-sign",
        lambda tbs: with_extensions(tbs, [*extensions_of(tbs), der.extension("1.2.3", b"\x05\x00")]),
        "extensions: one is unknown",
    ),
    "extension twice": (
        "org-sign",
        lambda tbs: with_extensions(tbs, [*extensions_of(tbs), extensions_of(tbs)[-1]]),
        "extensions: one stands twice",
    ),
    "extensions out of order": (
        "org-sign",
        lambda tbs: with_extensions(tbs, list(reversed(extensions_of(tbs)))),
        "extensions: one stands twice or out of order",
    ),
    "no key usage": ("org-sign", replacing(KU, None), "key_usage: missing"),
    "no constraints": ("org-sign", replacing(BC, None), "basic_constraints: missing"),
    "no usage period": ("org-sign", replacing(PKUP, None), "private_key_usage_period: missing"),
    "no host name": ("serv-ssl-serv", replacing(SAN, None), "subject_alternative_name: missing"),
    "no mail": ("serv-sign", replacing(SAN, None), "subject_alternative_name: missing"),
    "key usage not critical": (
        "org-auth-cli",
        replacing(KU, der.extension("2.5.29.15", b"\x03\x02\x07\x80")),
        "key_usage: wrong criticality",
    ),
    "key usage of another product": (
        "org-auth-cli",
        replacing(KU, der.extension("2.5.29.15", b"\x03\x02\x06\xc0", critical=True)),
        "key_usage: not what",
    ),
    "key usage signs certificates": (
        "org-auth-cli",
        replacing(KU, der.extension("2.5.29.15", b"\x03\x02\x02\x84", critical=True)),
        "key_usage: not what",
    ),
    "key usage with trailing zero bits": (
        "org-auth-cli",
        replacing(KU, der.extension("2.5.29.15", b"\x03\x02\x06\x80", critical=True)),
        "key_usage: not what",
    ),
    "is a CA": (
        "org-sign",
        replacing(BC, der.extension("2.5.29.19", b"\x30\x03\x01\x01\xff")),
        "basic_constraints: not what",
    ),
    "extended key usage of a server": (
        "org-auth-cli",
        replacing(EKU, der.extension("2.5.29.37", der.sequence(der.object_identifier("1.3.6.1.5.5.7.3.1")))),
        "extended_key_usage: not what",
    ),
    "logon without a user principal name": (
        "ps-auth",
        replacing(
            EKU,
            der.extension(
                "2.5.29.37",
                der.sequence(
                    der.object_identifier("1.3.6.1.5.5.7.3.2"),
                    der.object_identifier("1.3.6.1.4.1.311.20.2.2"),
                ),
            ),
        ),
        "extended_key_usage: not what",
    ),
    "key identifier of another key": (
        "org-sign",
        replacing(SKI, der.extension("2.5.29.14", b"\x04\x14" + bytes(20))),
        "subject_key_identifier: not that of the key",
    ),
    "key identifier critical": (
        "org-sign",
        lambda tbs: replacing(
            SKI,
            der.extension("2.5.29.14", next(e for e in extensions_of(tbs) if SKI in e)[-22:], critical=True),
        )(tbs),
        "subject_key_identifier: critical",
    ),
    "another policy": (
        "org-sign",
        renaming(b"\x81\x55\x01\x01", b"\x81\x55\x01\x02"),
        "certificate_policies: not what",
    ),
    "another CRL": ("org-sign", renaming(b"/CRL/ACI-EL", b"/CRL/ACI-XX"), "crl_distribution_points: not what"),
    "another delta": ("org-sign", renaming(b"?delta", b"?gamma"), "freshest_crl: not what"),
    "another delta over HTTP": ("org-sign", renaming(b"-delta.crl", b"-gamma.crl"), "freshest_crl: not what"),
    "another responder": ("org-sign", renaming(b"//ocsp.", b"//evil."), "authority_information_access: not what"),
    "production category": ("org-sign", renaming(b"\x04\x01\x83", b"\x04\x01\x03"), "category: not what"),
    "usage period before the validity": (
        "org-sign",
        renaming(b"\x80\x0f20261123173319Z", b"\x80\x0f20261123173318Z"),
        "private_key_usage_period: not within",
    ),
    "usage period after the validity": (
        "org-sign",
        renaming(b"\x81\x0f20291123173319Z", b"\x81\x0f20291123173320Z"),
        "private_key_usage_period: not within",
    ),
    "usage period without zone": (
        "org-sign",
        renaming(b"\x81\x0f20291123173319Z", b"\x81\x0f202911231733190"),
        "private_key_usage_period: malformed",
    ),
    "first host name not the common name": (
        "serv-ssl-serv",
        san(uri_names((0x82, b"evil.example"), (0x82, b"www.hopital.example"))),
        "subject_alternative_name: dNSName not",
    ),
    "host name twice": (
        "serv-ssl-serv",
        san(uri_names(*[(0x82, b"www.hopital.example")] * 2)),
        "subject_alternative_name: dNSName not",
    ),
    "six host names": (
        "serv-ssl-serv",
        san(uri_names((0x82, b"www.hopital.example"), *((0x82, b"%d.example" % n) for n in range(5)))),
        "subject_alternative_name: dNSName not",
    ),
    "wildcard": (
        "serv-ssl-serv",
        san(uri_names((0x82, b"www.hopital.example"), (0x82, b"*.hopital.example"))),
        "subject_alternative_name: a dNSName",
    ),
    "mail among host names": (
        "serv-ssl-serv",
        san(uri_names((0x82, b"www.hopital.example"), (0x81, b"a@b.example"))),
        "subject_alternative_name: a form",
    ),
    "address among host names": (
        "serv-ssl-serv",
        san(uri_names((0x82, b"www.hopital.example"), (0x87, bytes(4)))),
        "subject_alternative_name: a form",
    ),
    "no name at all": ("serv-ssl-serv", san(der.sequence()), "subject_alternative_name: a form"),
    "host name with accents": (
        "serv-ssl-serv",
        san(uri_names((0x82, b"www.hopital.example"), (0x82, b"\xc3\xa9.example"))),
        "subject_alternative_name: malformed",
    ),
    "two mails": (
        "serv-sign",
        san(uri_names((0x81, b"a@b.example"), (0x81, b"c@b.example"))),
        "subject_alternative_name: more than one",
    ),
    "mail without domain": ("serv-sign", san(uri_names((0x81, b"a@b"))), "subject_alternative_name: rfc822Name"),
    "other kind of otherName": (
        "cps-auth",
        san(uri_names((0xA0, der.object_identifier("1.2.3") + der.tlv(0xA0, b"\x0c\x01a")))),
        "subject_alternative_name: otherName",
    ),
    "names on an application": (
        "org-sign",
        lambda tbs: with_extensions(
            tbs,
            [
                e
                for old in extensions_of(tbs)
                for e in ((old, der.extension("2.5.29.17", uri_names((0x82, b"a.example")))) if PKUP in old else (old,))
            ],
        ),
        "subject_alternative_name: a form",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_defect_is_found(issuing: Authority, name: str) -> None:
    shape, mutate, expected = PLANTED[name]
    tbs = tbs_of(issuing, shape)
    mutated = mutate(tbs)
    assert mutated != tbs
    findings = find_breaches(mutated, issuing, SHAPES[shape].product)
    assert any(finding.startswith(expected) for finding in findings), findings


@pytest.mark.parametrize("shape", SHAPES)
def test_good_bytes_are_clean_for_their_product_and_no_other(issuing: Authority, shape: str) -> None:
    tbs = tbs_of(issuing, shape)
    own = SHAPES[shape].product
    assert find_breaches(tbs, issuing, own) == ()
    # A structure's server certificates for mail differ from each other in usages, so every other product is refused.
    accepted = {product for product in PRODUCTS if find_breaches(tbs, issuing, product) == ()}
    assert accepted == {own}


def test_person_s_extension_on_an_application_is_found(issuing: Authority) -> None:
    oids = issuing.settings.private_oids
    for oid, value in ((oids.profession, b"\x02\x01\x0a"), (oids.card_type, b"\x02\x01\x00")):
        tbs = tbs_of(issuing, "org-sign")
        extensions = extensions_of(tbs)
        mutated = with_extensions(tbs, [*extensions[:-1], der.extension(oid, value), extensions[-1]])
        (finding, *_) = find_breaches(mutated, issuing, "ORG_SIGN")
        assert finding.startswith("extensions: those of a")


def test_every_single_bit_counts(issuing: Authority) -> None:
    """Flip each bit of a prepared certificate: what is still clean differs in the values of its holder alone."""
    tbs = tbs_of(issuing, "org-auth-cli")
    free = set()
    fields = der.children(tbs, *der.sole(tbs, der.SEQUENCE))
    for place in (1, 4, 5, 6):  # serial, validity, subject, key: any good value will do
        free |= set(range(fields[place][2], fields[place][3]))
    for position in set(range(len(tbs))) - free:
        for bit in range(8):
            mutated = tbs[:position] + bytes((tbs[position] ^ 1 << bit,)) + tbs[position + 1 :]
            assert find_breaches(mutated, issuing, "ORG_AUTH_CLI"), (position, bit)


def test_unknown_product_is_a_finding(issuing: Authority) -> None:
    assert find_breaches(tbs_of(issuing, "org-sign"), issuing, "ORG") == ("unknown product",)


def test_error_carries_every_finding() -> None:
    error = LintError(("one", "two"))
    assert (error.findings, str(error)) == (("one", "two"), "one; two")
