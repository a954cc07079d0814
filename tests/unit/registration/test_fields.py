"""Which fields each of the thirteen products has, and the syntax of their values."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from registration.errors import Code, IgcError
from registration.rules.fields import (
    check_presence,
    check_service_applicatif,
    email_key,
    judge_reference,
    normalize_domain,
    normalize_email,
    normalize_fqdns,
    normalize_upn,
    read_produit,
)
from registration.values import DemandeForm
from registration.vocabulary import USAGES_BY_OFFRE, Offre, Usage, product_code
from tests.support.assertions import assert_refused

FULL: dict[str, Any] = {
    "structure": "10B0990011",
    "beneficiaire": "899700990011",
    "service_applicatif": "Proxy DMP",
    "adresse_email": "a@hopital.example",
    "fqdns": ("www.hopital.example",),
    "upn": "a@hopital.example",
}
CHAMPS = {
    "structure": "structure",
    "beneficiaire": "beneficiaire",
    "service_applicatif": "serviceApplicatif",
    "adresse_email": "adresseEmail",
    "fqdns": "fqdn",
    "upn": "upn",
}

# Guide §8.1.3, §8.2.3, §8.3.3, §8.4.3: the fields of each product, (mandatory, optional).
_ORG = ({"structure", "service_applicatif"}, set[str]())
_SERV = ({"structure", "service_applicatif", "adresse_email"}, set[str]())
_PRO = {"structure", "beneficiaire"}
TABLE: dict[str, tuple[set[str], set[str]]] = {
    "ORG_AUTH_CLI": _ORG,
    "ORG_SIGN": _ORG,
    "ORG_CONF": _ORG,
    "SERV_SSL_SERV": ({"structure", "fqdns"}, set()),
    "SERV_SIGN": _SERV,
    "SERV_SMIME": _SERV,
    "SERV_CONF": _SERV,
    "PRO_AUTH": (_PRO, {"upn"}),
    "PRO_SIGN": (_PRO, {"adresse_email"}),
    "PRO_CONF": (_PRO, {"adresse_email"}),
    "PS_AUTH": (set(), {"beneficiaire", "upn"}),
    "PS_SIGN": (set(), {"beneficiaire", "adresse_email"}),
    "PS_CONF": (set(), {"beneficiaire", "adresse_email"}),
}
MISSING = {
    "structure": Code.STRUCTURE_UNKNOWN,
    "beneficiaire": Code.BENEFICIAIRE_MISSING,
    "service_applicatif": Code.SERVICE_APPLICATIF_MISSING,
    "adresse_email": Code.EMAIL_SYNTAX,
    "fqdns": Code.FQDN_MISSING,
}
PRODUCTS = {product_code(offre, usage): (offre, usage) for offre, usages in USAGES_BY_OFFRE.items() for usage in usages}


def form(product: str, fields: set[str]) -> DemandeForm:
    offre, usage = PRODUCTS[product]
    values = {name: FULL[name] for name in fields}
    return DemandeForm(offre=offre, usage=usage, csr=b"0", email_acteur="a@hopital.example", **values)


def found_in(form: DemandeForm) -> list[IgcError]:
    produit = read_produit(form)
    return [produit] if isinstance(produit, IgcError) else check_presence(produit, form)


def refusals(form: DemandeForm) -> list[tuple[Code, str | None]]:
    return [(error.code, error.champ) for error in found_in(form)]


def test_the_table_names_the_thirteen_products() -> None:
    assert set(TABLE) == set(PRODUCTS)
    assert len(TABLE) == 13


@pytest.mark.parametrize("product", TABLE)
def test_mandatory_fields_alone_are_enough_and_the_optional_ones_are_welcome(product: str) -> None:
    mandatory, optional = TABLE[product]
    assert refusals(form(product, mandatory)) == []
    assert refusals(form(product, mandatory | optional)) == []


@pytest.mark.parametrize("product", TABLE)
@pytest.mark.parametrize("missing", MISSING)
def test_each_missing_field_is_named_with_its_code(product: str, missing: str) -> None:
    mandatory, _ = TABLE[product]
    expected = [(MISSING[missing], CHAMPS[missing])] if missing in mandatory else []
    assert refusals(form(product, mandatory - {missing})) == expected


@pytest.mark.parametrize("product", TABLE)
@pytest.mark.parametrize("extra", CHAMPS)
def test_each_superfluous_field_is_refused(product: str, extra: str) -> None:
    mandatory, optional = TABLE[product]
    found = found_in(form(product, mandatory | {extra}))
    if extra in mandatory | optional:
        assert found == []
        return
    # FQDN is counted for SSL_SERV only; elsewhere it is a field too many like the others.
    assert [(error.code, error.champ) for error in found] == [(Code.FIELD_FORBIDDEN, CHAMPS[extra])]
    assert CHAMPS[extra] in found[0].text


@pytest.mark.parametrize("product", TABLE)
def test_everything_missing_is_said_at_once(product: str) -> None:
    mandatory, _ = TABLE[product]
    assert {champ for _, champ in refusals(form(product, set()))} == {CHAMPS[name] for name in mandatory}


@pytest.mark.parametrize("offre", Offre)
@pytest.mark.parametrize("usage", Usage)
def test_an_usage_outside_its_offre_ends_the_check(offre: Offre, usage: Usage) -> None:
    found = refusals(DemandeForm(offre=offre, usage=usage, csr=b"0", email_acteur="a@hopital.example", **FULL))
    assert (found == [(Code.USAGE_MISSING, "usage")]) == (usage not in USAGES_BY_OFFRE[offre])


@pytest.mark.parametrize("written", [None, "", "org", " ORG", "TOUTES", "ORG" * 300])
def test_without_an_offre_nothing_else_can_be_said(written: str | None) -> None:
    assert refusals(DemandeForm(offre=written, usage="SIGN")) == [(Code.OFFRE_MISSING, "offre")]


@pytest.mark.parametrize("written", [None, "", "sign", "SMIME", "AUTH CLI", "x" * 1024])
def test_an_usage_that_is_none_is_refused_like_one_of_another_offre(written: str | None) -> None:
    changed = msgspec.structs.replace(form("ORG_SIGN", TABLE["ORG_SIGN"][0]), usage=written)
    assert refusals(changed) == [(Code.USAGE_MISSING, "usage")]


@pytest.mark.parametrize("value", ["", "a b", "é", "x" * 65, "a\n", "a;b"])
def test_a_reference_that_is_none_is_refused_with_what_one_is_made_of(value: str) -> None:
    refusal = judge_reference(value)
    assert refusal is not None
    assert (refusal.code, refusal.champ) == (Code.FIELD_INVALID, "reference")
    assert "64 caractères au plus" in refusal.text


@pytest.mark.parametrize("value", [None, "a", "x" * 64, "A-1.b_2:c/3"])
def test_a_reference_may_be_absent(value: str | None) -> None:
    assert judge_reference(value) is None


@pytest.mark.parametrize("value", ["", " ", "10b0990011", "10B09", "10B0990011" * 3, "' OR 1=1 --", "10B0990011\n"])
def test_a_structure_that_is_no_identifier_is_not_known(value: str) -> None:
    changed = msgspec.structs.replace(form("ORG_SIGN", TABLE["ORG_SIGN"][0]), structure=value)
    assert refusals(changed) == [(Code.STRUCTURE_UNKNOWN, "structure")]


@pytest.mark.parametrize("product", TABLE)
@pytest.mark.parametrize("given", CHAMPS)
def test_a_field_given_empty_is_neither_there_nor_absent(product: str, given: str) -> None:
    mandatory, optional = TABLE[product]
    empty: Any = ("",) if given == "fqdns" else ""
    found = refusals(msgspec.structs.replace(form(product, mandatory), **{given: empty}))
    if given in optional:
        assert found == [], "the syntax of its value is judged later"
    else:
        assert found == [(MISSING[given] if given in mandatory else Code.FIELD_FORBIDDEN, CHAMPS[given])]


@pytest.mark.parametrize(("count", "accepted"), [(0, False), (1, True), (5, True), (6, False), (100, False)])
def test_one_to_five_fqdns(count: int, *, accepted: bool) -> None:
    names = tuple(f"h{rank}.hopital.example" for rank in range(count))
    changed = msgspec.structs.replace(form("SERV_SSL_SERV", {"structure"}), fqdns=names)
    assert refusals(changed) == ([] if accepted else [(Code.FQDN_MISSING, "fqdn")])


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("a@hopital.example", "a@hopital.example"),
        ("Prenom.Nom@Hopital.EXAMPLE", "Prenom.Nom@hopital.example"),
        ("a+tri@hopital.example", "a+tri@hopital.example"),
        ("a@hôpital.example", "a@xn--hpital-ixa.example"),
        ("a@HÔPITAL.example", "a@xn--hpital-ixa.example"),
    ],
)
def test_a_mail_address_is_kept_as_typed_and_compared_without_case(written: str, kept: str) -> None:
    assert normalize_email(written, Code.EMAIL_SYNTAX, "adresseEmail") == kept
    assert email_key(written) == email_key(written.upper()) == kept.lower()


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "a", "a@", "@b.example", "a@b", "a@@b.example", "a b@c.example", "a@b..example", "a@-b.example",
        ".a@b.example", "a.@b.example", "a..b@c.example", "a@b.example\n", "a@b.example, c@d.example",
        "Nom <a@b.example>", '"a b"@c.example', "a@[192.0.2.1]", "é@b.example", "a@b.example\x00", "a@b.example>",
        "a@b.example\r\nBcc: x@y.example", f"{'a' * 65}@b.example", f"a@{'b' * 64}.example", f"a@{'b.' * 126}example",
        "a@\u202eexample.moc", "a@b_c.example",
    ],
)  # fmt: skip
def test_what_is_no_mail_address_is_refused_with_the_code_of_its_field(value: str) -> None:
    for code, champ in (
        (Code.EMAIL_SYNTAX, "adresseEmail"),
        (Code.EMAIL_ACTEUR_SYNTAX, "emailActeur"),
        (Code.EMAIL_INFORME_SYNTAX, "emailInforme"),
    ):
        with pytest.raises(IgcError) as caught:
            normalize_email(value, code, champ)
        assert (caught.value.code, caught.value.champ) == (code, champ)
        assert "64" in caught.value.text
        assert "254" in caught.value.text
    assert email_key(value) is None


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("www.hopital.example", "www.hopital.example"),
        ("WWW.Hopital.Example", "www.hopital.example"),
        ("hôpital.example", "xn--hpital-ixa.example"),
        ("HÔPITAL.example", "xn--hpital-ixa.example"),
        ("ho\u0302pital.example", "xn--hpital-ixa.example"),
        ("xn--hpital-ixa.example", "xn--hpital-ixa.example"),
        ("a-b.c--d.example", "a-b.c--d.example"),
        ("9.hopital.example", "9.hopital.example"),
        (f"{'a' * 63}.example", f"{'a' * 63}.example"),
    ],
)
def test_host_names_are_kept_as_a_labels(written: str, kept: str) -> None:
    assert normalize_domain(written) == kept


@pytest.mark.parametrize(
    "value",
    [
        "", ".", "localhost", "hopital.example.", ".hopital.example", "a..example", "-a.example", "a-.example",
        "a_b.example", "*.hopital.example", "a b.example", "a.example\n", "a.example\x00", "192.0.2.1", "a.b.1",
        "https://a.example", "a.example:443", "a@b.example", f"{'a' * 64}.example", f"{'a.' * 124}example",
        "\u202ea.example", "a\u200b.example\u0000", "☃\ufe0f.\u0001", "xn--0.example", "xn--a\u00e9.example",
        "xn--HPITAL--6wa.example", "a/b.example", "a.éxample_", "[::1]",
    ],
)  # fmt: skip
def test_what_is_no_host_name_is_refused(value: str) -> None:
    assert normalize_domain(value) is None
    with pytest.raises(IgcError) as caught:
        normalize_fqdns(("www.hopital.example", value))
    assert (caught.value.code, caught.value.champ) == (Code.FQDN_SYNTAX, "fqdn")
    assert caught.value.text.isprintable()


@pytest.mark.parametrize("second", ["www.hopital.example", "WWW.hopital.EXAMPLE"])
def test_one_fqdn_twice_is_refused(second: str) -> None:
    with assert_refused(IgcError, Code.FIELD_INVALID):
        normalize_fqdns(("www.hopital.example", second))


def test_fqdns_keep_their_order() -> None:
    assert normalize_fqdns(("b.example", "A.example")) == ("b.example", "a.example")


@pytest.mark.parametrize("value", ["hugo@acacias.example", "H.Bertin@AD.acacias.local", "a'b@c.d", "x_1-2@D.e"])
def test_an_upn_is_taken_as_typed_its_domain_in_lower_case(value: str) -> None:
    local, _, domain = value.partition("@")
    assert normalize_upn(value) == f"{local}@{domain.lower()}"


@pytest.mark.parametrize(
    "value",
    [
        "", "hugo", "@b.c", "a@", "a b@c.d", "a@b c", "é@b.c", "a@b.c\n", "a@b@c.d", "a" * 65 + "@b.c", "a@b", "a@.b",
        "a@b..c", "a@b.c.", "a@-b.c", "a@1.2.3.4", "a@xn--a.b", "a@\u212a.example", f"a@{'b' * 64}.c",
    ],
)  # fmt: skip
def test_what_is_no_upn_is_refused(value: str) -> None:
    with pytest.raises(IgcError) as caught:
        normalize_upn(value)
    assert (caught.value.code, caught.value.champ) == (Code.FIELD_INVALID, "upn")
    assert "64 caractères" in caught.value.text


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("SAMU 75", "SAMU 75"),
        ("  Proxy DMP  ", "Proxy DMP"),
        ("Ho\u0302pital", "Hôpital"),
        ("CHU d'Étampes & Cie <dev>", "CHU d'Étampes & Cie <dev>"),
    ],
)
def test_a_service_applicatif_is_kept_composed_and_without_blanks_around(written: str, kept: str) -> None:
    assert check_service_applicatif(written) == kept


@pytest.mark.parametrize(
    "value", ["", "   ", "a\nb", "a\x00b", "a\tb", "a\u202eb", "a\u200bb", "a\ud800b", "a\ue000b", "\u3164", "a\ufe0f"]
)
def test_a_service_applicatif_nobody_can_read_is_refused(value: str) -> None:
    with assert_refused(IgcError, Code.FIELD_INVALID, "serviceApplicatif"):
        check_service_applicatif(value)
