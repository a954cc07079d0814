"""Contents: what fits a profile, the subject it gives, and the one rule for overlong values."""

import dataclasses
import warnings
from typing import Any

import pytest
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from pki.certificates.content import (
    CertificateContent,
    check_content,
    cut_organization,
    encode_subject,
    subject_fields,
    subject_of,
    subject_text,
)
from pki.certificates.profiles import PRODUCTS
from pki.errors import ProfileError
from tests.vectors.samples import SHAPES


def changed(shape: str, **values: Any) -> CertificateContent:
    return dataclasses.replace(SHAPES[shape], **values)


REFUSED = {
    "unknown product": (changed("org-sign", product="ORG_AUTH"), "product"),
    "no common name": (changed("org-sign", common_name=""), "common_name"),
    "common name of 65 characters": (changed("org-sign", common_name="é" * 65), "common_name"),
    "common name of blanks around": (changed("org-sign", common_name=" appli"), "common_name"),
    "common name with NUL": (changed("org-sign", common_name="a\x00b"), "common_name"),
    "common name with line end": (changed("org-sign", common_name="a\nb"), "common_name"),
    "right-to-left override": (changed("org-sign", common_name="a\u202ecod.exe"), "common_name"),
    "emoji of several signs joined": (changed("org-sign", common_name="\U0001f468\u200d\u2695\ufe0f"), "common_name"),
    "right-to-left override in the organization": (changed("org-sign", organization="a\u202eb"), "organization"),
    "organization that is empty": (changed("org-sign", organization=""), "organization"),
    "zero-width blank": (changed("org-sign", common_name="a\u200bb"), "common_name"),
    "surrogate": (changed("org-sign", common_name="a\ud800"), "common_name"),
    "private character": (changed("org-sign", common_name="a\ue000"), "common_name"),
    "not NFC": (changed("org-sign", common_name="e\u0301t\u0301"), "common_name"),
    "no state": (changed("org-sign", state=None), "state"),
    "no organization": (changed("org-sign", organization=None), "organization"),
    "organization beyond reason": (changed("org-sign", organization="x" * 513), "organization"),
    "no unit": (changed("org-sign", organizational_unit=None), "organizational_unit"),
    "country in small letters": (changed("org-sign", country="fr"), "country"),
    "country of three letters": (changed("org-sign", country="FRA"), "country"),
    "person's name on an application": (changed("org-sign", surname="NOM"), "surname"),
    "structure on a personal certificate": (changed("ps-auth", organization="HOPITAL"), "organization"),
    "no surname": (changed("ps-auth", surname=None), "surname"),
    "no given name": (changed("ps-auth", given_name=None), "given_name"),
    "no title": (changed("ps-auth", title=None), "title"),
    "mail on an application": (changed("org-sign", email="a@b.example"), "email"),
    "mail missing": (changed("serv-sign", email=None), "email"),
    "mail without domain": (changed("serv-sign", email="a@"), "email"),
    "mail of a bare host": (changed("serv-sign", email="a@b"), "email"),
    "mail with accents": (changed("serv-sign", email="é@b.example"), "email"),
    "mail with a line end": (changed("serv-sign", email="a@b.example\n"), "email"),
    "mail on authentication": (changed("ps-auth", email="a@b.example"), "email"),
    "user principal name on signature": (changed("ps-sign", upn="a@b"), "upn"),
    "user principal name missing": (changed("cps-auth", upn=None), "upn"),
    "user principal name without at": (changed("ps-auth", upn="abc"), "upn"),
    "user principal name with NUL": (changed("ps-auth", upn="a\x00@b"), "upn"),
    "no host name": (changed("serv-ssl-serv", dns_names=()), "dns_names"),
    "six host names": (
        changed("serv-ssl-serv", dns_names=("www.hopital.example", *(f"{n}.b.example" for n in range(5)))),
        "dns_names",
    ),
    "first host name not the common name": (changed("serv-ssl-serv", common_name="x.example"), "dns_names"),
    "host name twice": (
        changed("serv-ssl-serv", dns_names=("www.hopital.example", "WWW.hopital.example")),
        "dns_names",
    ),
    "host name on an application": (changed("org-sign", dns_names=("a.example",)), "dns_names"),
    "address on a server of others": (changed("serv-ssl-serv", ip_addresses=("127.0.0.1",)), "ip_addresses"),
    "address that is none": (changed("tls-server", ip_addresses=("127.0.0.256",)), "ip_addresses"),
    "profession on an application": (changed("org-sign", profession=10), "profession"),
    "profession zero on an application": (changed("org-sign", profession=0), "profession"),
    "profession below zero": (changed("ps-auth", profession=-1), "profession"),
    "training out of range": (changed("ps-auth", training=10_000), "training"),
    "speciality with a blank": (changed("ps-auth", specialities=("SM 42",)), "specialities"),
    "table in small letters": (changed("ps-auth", pharmacist_table="a"), "pharmacist_table"),
    "card number on software": (changed("ps-auth", card_number="0000000001/0000000042"), "card_number"),
    "card number in another form": (changed("cps-auth", card_number="42"), "card_number"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    content, field = REFUSED[name]
    with pytest.raises(ProfileError) as caught:
        check_content(content)
    assert caught.value.field == field
    assert str(caught.value) == f"{field}: {caught.value.reason}"


@pytest.mark.parametrize(
    "text", ["Données de santé d'été", "Î. Ÿ. Œ.", "Hôpital \U0001f3e5", "\u05d1\u05d9\u05ea", "\u75c5\u9662", "é" * 64]
)
def test_accepted_as_it_is_and_read_back(text: str) -> None:
    """What a person can read is theirs to choose: letters of any script, one emoji, to 64 characters whatever octets."""
    content = changed("org-sign", common_name=text)
    check_content(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 64 characters of two octets each: the library counts octets
        (common_name,) = subject_of(content).get_attributes_for_oid(NameOID.COMMON_NAME)
    assert common_name.value == text


@pytest.mark.parametrize(
    "name",
    ["*.hopital.example", "hopital", "-a.example", "a-.example", "a..example", ".a.example", "a.example.", "a b.example",
     "a_b.example", "é.example", "127.0.0.1", "a.example\n", "x" * 64 + ".example", "a." * 130 + "example"],
)  # fmt: skip
def test_refused_as_host_name(name: str) -> None:
    with pytest.raises(ProfileError) as caught:
        check_content(changed("serv-ssl-serv", common_name=name[:64], dns_names=(name[:64],)))
    assert caught.value.field in {"dns_names", "common_name"}


def test_our_own_listener_may_be_called_localhost_and_no_other() -> None:
    check_content(changed("tls-server", common_name="localhost", dns_names=("localhost",)))
    with pytest.raises(ProfileError):
        check_content(changed("serv-ssl-serv", common_name="localhost", dns_names=("localhost",)))


@pytest.mark.parametrize("shape", SHAPES)
def test_two_encoders_agree_on_the_subject(shape: str) -> None:
    content = SHAPES[shape]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 64 characters of two octets each: the library counts octets
        by_library = subject_of(content).public_bytes()
    assert encode_subject(content, check_content(content), 40) == by_library


def test_every_product_has_a_shape() -> None:
    assert {content.product for content in SHAPES.values()} == set(PRODUCTS)


def test_person_s_names_form_one_rdn_in_der_set_order() -> None:
    name = subject_of(SHAPES["pro-auth.other-set-order"])
    assert [len(list(rdn)) for rdn in name.rdns] == [1, 1, 1, 1, 1, 3]
    encoded = name.public_bytes()
    # By encoded bytes, the length octets decide first: the short surname, then CN, then the long given name.
    places = [encoded.index(text) for text in (b"NOM", b"899700027131", b"ANNE-SOPHIE")]
    assert places == sorted(places)


def test_country_alone_is_a_printable_string() -> None:
    encoded = subject_of(SHAPES["pro-auth"]).public_bytes()
    assert encoded.count(b"\x13\x02FR") == 1
    assert encoded.count(b"\x0c") >= 7


def test_organization_is_cut_at_the_length_of_the_setting_and_no_blank_is_left() -> None:
    long = "AGENCE DE L'EXEMPLE POUR LES SYSTEMES DE SANTE PARTAGES"
    assert cut_organization(long) == "AGENCE DE L'EXEMPLE POUR LES SYSTEMES DE"
    assert cut_organization(long, 9) == "AGENCE DE"
    assert cut_organization(long, 10) == "AGENCE DE"
    assert dict(subject_fields(changed("org-sign", organization=long), 6))["O"] == "AGENCE"


def test_fields_are_displayed_with_the_common_name_first() -> None:
    assert [label for label, _ in subject_fields(SHAPES["org-sign"])] == ["CN", "OU", "O", "ST", "C"]
    assert [label for label, _ in subject_fields(SHAPES["pro-auth"])] == [
        "CN", "SN", "GN", "TITLE", "OU", "O", "ST", "C",
    ]  # fmt: skip
    assert [label for label, _ in subject_fields(SHAPES["ps-auth"])] == ["CN", "SN", "GN", "TITLE", "C"]


def test_text_of_notices() -> None:
    assert subject_text(SHAPES["ps-auth"]) == ("CN=899700027131+SN=EXEMPLE0082713+GN=CAMILLE, TITLE=Médecin, C=FR")
    assert subject_text(SHAPES["org-sign"]) == "CN=cachet, OU=10B0039137, O=HOPITAL DE L'EXEMPLE, ST=Paris (75), C=FR"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=70))
def test_no_text_crashes_it_and_what_passes_can_be_encoded(text: str) -> None:
    content = changed("org-sign", common_name=text)
    field = None
    try:
        profile = check_content(content)
    except ProfileError as error:
        field = error.field
    else:
        assert text.encode() in encode_subject(content, profile, 40)
    assert field in {None, "common_name"}
