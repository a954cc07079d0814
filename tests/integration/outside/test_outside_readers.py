"""Everything that the plateforme hands out, as openssl, GnuTLS, NSS and Java read it and judge it.

Reading of the tables: what one reader cannot do stands in the table as what it does instead.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from cryptography.x509.oid import ExtensionOID

from pki.certificates.profiles import PRODUCTS
from tests.integration.outside.java import Java
from tests.integration.outside.material import BASE, BROKEN, CRLS, GOOD, NUMBER, REVOKED, UNHEARD, Material
from tests.integration.outside.readers import GOOD as IS_GOOD
from tests.integration.outside.readers import PURPOSES, REFUSED, UNKNOWN, Gnutls, Nss, Openssl
from tests.integration.outside.readers import REVOKED as IS_REVOKED
from tests.vectors.samples import SHAPES

pytestmark = pytest.mark.needs("openssl", "gnutls-bin", "libnss3-tools", "default-jre-headless")

CLIENT, SERVER, SIGN, ENCRYPT = PURPOSES
USES = {
    "AUTH": {CLIENT}, "AUTH_CLI": {CLIENT}, "SIGN": {SIGN}, "CONF": {ENCRYPT}, "SMIME": {SIGN, ENCRYPT},
    "SSL_SERV": {CLIENT, SERVER}, "SERVER": {SERVER},
}  # fmt: skip
SHOWN = {name: content.product for name, content in SHAPES.items() if "." not in name}

AnyReader = Openssl | Gnutls | Nss | Java


@pytest.fixture(scope="session")
def nss(material: Material) -> Nss:
    return Nss(material)


@pytest.fixture(scope="session")
def java(material: Material, publication: str) -> Java:
    return Java(material, publication)


@pytest.fixture(params=["openssl", "gnutls", "nss", "java"])
def reader(request: pytest.FixtureRequest, material: Material, nss: Nss, java: Java) -> AnyReader:
    readers: dict[str, AnyReader] = {"openssl": Openssl(material), "gnutls": Gnutls(material), "nss": nss, "java": java}
    return readers[request.param]


def squeeze(said: str) -> str:
    """Without what each tool adds to look at: colons, spaces, folds, backslashes, capitals."""
    return re.sub(r"[:\s\\]", "", said).lower()


def test_every_certificate_is_read(reader: AnyReader, material: Material) -> None:
    for name, leaf in material.leafs.items():
        said = squeeze(reader.certificate(name))
        content = SHAPES[name]
        expected = [f"{leaf.serial_number:x}", content.common_name, content.email, content.state]
        expected += [*content.dns_names, content.organizational_unit]
        missing = [value for value in expected if value and squeeze(value) not in said]
        assert not missing, (name, missing, said)
    for authority, name in ((material.issuing, "issuing"), (material.root, "root")):
        assert f"{authority.certificate.serial_number:x}" in squeeze(reader.certificate(name))


def test_every_chain_is_accepted_and_a_wrong_signature_is_not(reader: AnyReader, material: Material) -> None:
    # NSS asks for a use: one that signs.
    leafs = [name for name in material.leafs if not (isinstance(reader, Nss) and SHAPES[name].product.endswith("CONF"))]
    assert [name for name in leafs if not reader.chain(name)] == []
    assert not reader.chain(BROKEN)


@pytest.mark.parametrize("judge", [Openssl, Nss])
def test_every_product_is_good_for_its_use_and_no_other(judge: type, material: Material, nss: Nss) -> None:
    reader = nss if judge is Nss else Openssl(material)
    expected = {name: USES[product.partition("_")[2]] for name, product in SHOWN.items()}
    assert reader.purposes(list(expected)) == expected


def test_java_reads_every_field(java: Java, material: Material) -> None:
    for name, leaf in material.leafs.items():
        serial, start, end, usages, purposes, path, _names, critical, _subject = java.certificate(name).split("|")
        assert int(serial, 16) == leaf.serial_number
        assert [datetime.fromtimestamp(int(one), UTC) for one in (start, end)] == [
            leaf.not_valid_before_utc,
            leaf.not_valid_after_utc,
        ]
        found = {item.oid: item for item in leaf.extensions}
        usage = found[ExtensionOID.KEY_USAGE].value
        assert usages[:3] == "".join(
            "01"[flag] for flag in (usage.digital_signature, usage.content_commitment, usage.key_encipherment)
        )
        extended = found.get(ExtensionOID.EXTENDED_KEY_USAGE)
        assert purposes == ",".join(sorted(one.dotted_string for one in extended.value) if extended else [])
        assert path == "-1"
        assert critical == ",".join(sorted(oid.dotted_string for oid, item in found.items() if item.critical))


SERIALS = re.compile(r"serialnumber(?:\(hex\))?([0-9a-f]{32})")
NUMBERS = {
    Openssl: (r"x509v3crlnumber(\d+)(?:x509|revoked|norevoked|signature)", 10),
    Gnutls: (r"crlnumber\(notcritical\)([0-9a-f]{2})", 16),
    Nss: (r"namecrlnumberdata(\d+)\(", 10),
}


@pytest.mark.parametrize("kind", CRLS)
def test_every_list_is_read(reader: AnyReader, material: Material, kind: str) -> None:
    form, entries = CRLS[kind][1], material.entries(kind)
    number = BASE if form.base is None else NUMBER
    said = reader.crl(kind)
    if isinstance(reader, Java):
        found, base, _, _, critical, listed = said.split("|")
        assert (int(found), base) == (number, "" if form.base is None else str(form.base))
        revoked_at = int(material.revoked_at.timestamp())
        assert set(filter(None, listed.split(","))) == {
            f"{serial:x}={reason.name if reason else 'null'}@{revoked_at}" for serial, reason in entries.items()
        }
        expected = (["2.5.29.27"] if form.base is not None else []) + (["2.5.29.28"] if form.issuing_point else [])
        assert critical == ",".join(expected)
        return
    pattern, digits = NUMBERS[type(reader)]
    (found,) = re.findall(pattern, squeeze(said))
    assert int(found, digits) == number
    assert {int(serial, 16) for serial in SERIALS.findall(squeeze(said))} == set(entries)


# What is asked of tools that are not ours: what must never be, and what every version of them does. Where a list is not
# the whole truth, a version may refuse to decide (openssl believed a delta alone until 3.0.19), and none may be wrong.
IS_REVOKED_ONLY, IS_GOOD_ONLY = frozenset({IS_REVOKED}), frozenset({IS_GOOD})
REVOKED_OR_NOTHING, GOOD_OR_NOTHING = IS_REVOKED_ONLY | {REFUSED}, IS_GOOD_ONLY | {REFUSED}

# Lists that are asked together, and what each reader may say of the revoked leaf.
BY_CRL: dict[tuple[str, ...], dict[type[AnyReader], frozenset[str]]] = {
    ("full",): dict.fromkeys((Openssl, Gnutls, Nss, Java), IS_REVOKED_ONLY),
    # The leaf is on none of these.
    ("full-empty",): dict.fromkeys((Openssl, Gnutls, Nss, Java), IS_GOOD_ONLY),
    ("full-empty", "delta-empty"): {Openssl: IS_GOOD_ONLY},
    # NSS knows no partitions, which is why they are not the default.
    ("full-issuing-point",): {**dict.fromkeys((Openssl, Gnutls, Java), IS_REVOKED_ONLY), Nss: REVOKED_OR_NOTHING},
    ("delta",): dict.fromkeys((Openssl, Gnutls, Nss, Java), REVOKED_OR_NOTHING),
    ("full-empty", "delta"): {Openssl: IS_REVOKED_ONLY},
    # An authority's first delta starts from its first list and says nothing more: the list decides.
    ("full", "delta-from-itself"): {Openssl: IS_REVOKED_ONLY},
    ("full-empty", "delta-from-itself"): {Openssl: IS_GOOD_ONLY},
    # A delta of another scope is none of this list.
    ("full-empty", "delta-issuing-point"): {Openssl: GOOD_OR_NOTHING},
    ("full-issuing-point", "delta-empty"): {Openssl: REVOKED_OR_NOTHING},
}


@pytest.mark.parametrize("lists", BY_CRL, ids="+".join)
def test_the_lists_decide(material: Material, nss: Nss, java: Java, lists: tuple[str, ...]) -> None:
    readers: dict[type[AnyReader], AnyReader] = {
        Openssl: Openssl(material),
        Gnutls: Gnutls(material),
        Nss: nss,
        Java: java,
    }
    for kind, allowed in BY_CRL[lists].items():
        assert readers[kind].status_by_crl(REVOKED, *lists) in allowed, kind
        # Who decides at all decides rightly of the good one; who may refuse the one may refuse the other.
        of_good = GOOD_OR_NOTHING if REFUSED in allowed else IS_GOOD_ONLY
        assert readers[kind].status_by_crl(GOOD, *lists) in of_good, kind


def test_every_answer_is_read_and_its_signature_accepted(reader: AnyReader) -> None:
    assert reader.status_in_answer("good", GOOD) == IS_GOOD
    assert reader.status_in_answer("revoked", REVOKED) == IS_REVOKED
    # Who judges instead of reading may refuse in its own words, and never take it for good.
    assert reader.status_in_answer("unknown", GOOD) in {UNKNOWN, REFUSED}


def test_an_answer_for_another_certificate_is_none(java: Java) -> None:
    assert java.status_in_answer("good", REVOKED) == REFUSED


def test_the_publication_is_asked_and_believed(reader: AnyReader, publication: str) -> None:
    assert reader.status_live(GOOD, publication) == IS_GOOD
    assert reader.status_live(REVOKED, publication) == IS_REVOKED
    assert reader.status_live(UNHEARD, publication) in {UNKNOWN, REFUSED}


def test_pkcs7_holds_the_chain_from_the_holder_upwards(reader: AnyReader, material: Material) -> None:
    assert reader.pkcs7() == [one.serial_number for one in material.chain]


@pytest.mark.parametrize("form", ["modern", "legacy"])
def test_pkcs12_holds_key_and_chain(reader: AnyReader, form: str) -> None:
    assert reader.pkcs12(form) == 3


def test_keytool_takes_the_reply_into_the_key_store(java: Java, material: Material) -> None:
    imported, listed, printed, crl = java.keytool()
    assert imported == ""
    assert "Certificate chain length: 3" in listed
    leaf = material.leafs[GOOD]
    assert f"Serial number: {leaf.serial_number:x}" in listed
    assert printed.count("Serial number:") == 3
    assert f"Revoked Certificates: {len(material.entries('full'))}" in crl


def test_every_product_is_among_them() -> None:
    assert set(SHOWN.values()) == set(PRODUCTS)
