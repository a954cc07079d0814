"""The two tables agree: what the profiles issue is what the auditor expects, for every product, shape and generation."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from audit import expected
from audit.certificates.profiles import form_faults, helper_faults, validity_end
from audit.certificates.statements import Statement, read_statement
from audit.reading.authorities import AuditError, Authority, load_authorities
from audit.reading.certificate import read_certificate
from audit.reading.crl import read_list
from pki.authority import AuthorityEntry, AuthorityIndex
from pki.certificates.profiles import CATEGORY_PRODUCTION, PRODUCTS, ProfileSettings
from pki.issuing.issuance import issue, lint, prepare
from tests.unit.pki.ocsp_support import make_responder
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL, SHAPES, KeySigner, make_issuing, make_root, spki

VECTORS = Path(__file__).parents[2] / "vectors" / "pki"
WITHOUT_DEMANDE = {"CPS_AUTH", "CPF_AUTH", "CPE_AUTH", "CPA_AUTH", "TLS_SERVER"}


def folder_of(folder: Path, settings: ProfileSettings) -> Path:
    """The folder of authorities as a ceremony leaves it."""
    authorities = (make_root(settings), make_issuing(settings))
    for authority in authorities:
        (folder / f"{authority.short_name}.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    entries = tuple(
        AuthorityEntry(
            short_name=one.short_name, issuer="ACR-EL-TEST", products=tuple(one.products), settings=one.settings
        )
        for one in authorities
    )
    (folder / "authorities.json").write_bytes(msgspec.json.encode(AuthorityIndex(authorities=entries)))
    return folder


@pytest.fixture(scope="module", params=[1, 2])
def issuing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Authority:
    settings = msgspec.structs.replace(make_root().settings, generation=request.param)
    return load_authorities(folder_of(tmp_path_factory.mktemp("ac"), settings))["ACI-EL-TEST"]


def vector(name: str) -> bytes:
    return x509.load_pem_x509_certificate((VECTORS / f"{name}.pem").read_bytes()).public_bytes(Encoding.DER)


def statement_of(shape: str) -> Statement:
    return msgspec.convert(msgspec.to_builtins(SHAPES[shape]), Statement, strict=False)


def faults(issuing: Authority, shape: str, form: str, statement: Statement | None) -> list[str]:
    certificate = read_certificate(vector(f"{shape}.gen{issuing.settings.generation}"))
    return list(form_faults(expected.FORMS[form], certificate, issuing, statement))


@pytest.mark.parametrize("shape", SHAPES)
def test_golden_certificates_are_what_the_auditor_expects(issuing: Authority, shape: str) -> None:
    product = SHAPES[shape].product
    assert faults(issuing, shape, product, None) == []
    if product not in WITHOUT_DEMANDE:
        assert faults(issuing, shape, product, statement_of(shape)) == []


def test_both_tables_name_the_same_products() -> None:
    assert set(expected.FORMS) == set(PRODUCTS)


def test_no_golden_certificate_passes_for_another_product(issuing: Authority) -> None:
    """Each form is told from each other one, by what it says of the same bytes."""
    passing = {shape: {form for form in expected.FORMS if not faults(issuing, shape, form, None)} for shape in SHAPES}
    assert passing == {shape: {content.product} for shape, content in SHAPES.items()}


def test_a_statement_is_held_to_every_value(issuing: Authority) -> None:
    statement = statement_of("pro-auth")
    for field in Statement.__struct_fields__:
        value = getattr(statement, field)
        if field == "product" or value in (None, ()):
            continue
        other = {int: 77, str: "autre", tuple: ("autre",)}[type(value)]
        changed = msgspec.structs.replace(statement, **{field: other})
        assert len(faults(issuing, "pro-auth", "PRO_AUTH", changed)) == 1, field


def test_certificates_of_the_other_generation_are_told(issuing: Authority) -> None:
    other = read_certificate(vector(f"org-sign.gen{3 - issuing.settings.generation}"))
    texts = list(form_faults(expected.FORMS["ORG_SIGN"], other, issuing, statement_of("org-sign")))
    assert [text.split(" :")[0] for text in texts] == [
        "la durée de validité n'est pas celle des réglages de l'autorité",
        "extension subjectKeyIdentifier",
        "extensions dans un autre ordre que celui de la génération du profil",
    ]


@pytest.mark.parametrize(
    "start", ["2024-02-29T10:00:00", "2026-01-31T23:59:59", "2027-12-31T00:00:00", "2044-05-01T00:00:00"]
)
@pytest.mark.parametrize("shape", ["org-sign", "org-conf"])
def test_terms_are_counted_alike(issuing: Authority, shape: str, start: str) -> None:
    from datetime import datetime

    begin = datetime.fromisoformat(f"{start}+00:00")
    settings = msgspec.structs.replace(make_root().settings, generation=issuing.settings.generation)
    authority = make_issuing(settings)
    prepared = prepare(authority, SHAPES[shape], spki(), SERIAL, begin)
    assert validity_end(begin, expected.FORMS[SHAPES[shape].product], issuing)[1] == prepared.not_after


def test_elliptic_keys_only_where_settings_and_product_admit_them(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import PublicFormat

    point = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    elliptic = point.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    settings = msgspec.structs.replace(make_root().settings, p256=True)
    authority = make_issuing(settings)
    prepared = prepare(authority, SHAPES["org-sign"], elliptic, SERIAL, NOW)
    issued = issue(lint(prepared, authority), KeySigner(authority.short_name, key("issuing")))
    for admitted, texts in ((True, []), (False, ["clé d'un type que le produit n'admet pas"])):
        folder = tmp_path / str(admitted)
        folder.mkdir()
        folder_of(folder, msgspec.structs.replace(settings, p256=admitted))
        issuing = load_authorities(folder)["ACI-EL-TEST"]
        certificate = read_certificate(issued.der)
        assert list(form_faults(expected.FORMS["ORG_SIGN"], certificate, issuing, None)) == texts


def test_a_responder_is_what_the_auditor_expects(issuing: Authority) -> None:
    certificate = read_certificate(make_responder(make_issuing()).certificate_der)
    assert list(helper_faults(expected.OCSP_SIGNER, certificate, issuing)) == []


def test_golden_lists() -> None:
    found = read_list((VECTORS / "three-entries.crl").read_bytes())
    assert (found.number, found.base, found.faults) == (300, None, ())
    assert {serial: reason for serial, (_, reason) in found.entries.items()} == {
        SERIAL: 1,
        SERIAL - 7: 5,
        SERIAL - 8: 0,
    }
    assert read_list((VECTORS / "empty.crl").read_bytes()).entries == {}


@pytest.mark.parametrize(
    "text", [None, "null", "rien", "[]", "{}", '{"product": "ORG_SIGN"}', '{"product": 1, "common_name": "x"}']
)
def test_a_content_that_is_none(text: str | None) -> None:
    assert read_statement(SimpleNamespace(contenu=text)) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"issuer":"ACR-EL-TEST"', '"issuer":"ACR-AUTRE"'),
        ('"ACI-EL-TEST"', '"ACI-ABSENTE"'),
        ('"policy_oid"', '"policy"'),
        ('{"authorities":[', '{"authorities":[]}'),
        ('"validity_years":3', '"validity_years":"trois"'),
    ],
)
def test_an_index_that_cannot_be_judged_by(tmp_path: Path, old: str, new: str) -> None:
    index = folder_of(tmp_path, make_root().settings) / "authorities.json"
    assert len(load_authorities(tmp_path)) == 2
    index.write_text(index.read_text().replace(old, new))
    with pytest.raises(AuditError) as caught:
        load_authorities(tmp_path)
    assert not any(word in str(caught.value) for word in ("JSON", "Expected", "Object", "Invalid"))


def test_an_index_with_a_name_twice_is_refused(tmp_path: Path) -> None:
    index = folder_of(tmp_path, make_root().settings) / "authorities.json"
    content = json.loads(index.read_text())
    content["authorities"].append(content["authorities"][1] | {"products": []})
    index.write_text(json.dumps(content))
    with pytest.raises(AuditError, match="deux fois"):
        load_authorities(tmp_path)


def test_the_plateforme_of_an_authority_is_its_category(tmp_path: Path) -> None:
    index = folder_of(tmp_path, make_root().settings) / "authorities.json"
    assert load_authorities(tmp_path)["ACI-EL-TEST"].is_test
    content = json.loads(index.read_text())
    content["authorities"][1]["settings"]["category"] = CATEGORY_PRODUCTION
    index.write_text(json.dumps(content))
    assert not load_authorities(tmp_path)["ACI-EL-TEST"].is_test
