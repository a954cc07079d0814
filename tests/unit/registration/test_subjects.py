"""What Pro Santé Connect says of a person: his national id letter by letter, and no right by a word that is not known."""

from __future__ import annotations

import pytest

from registration.errors import AccessError, Code
from registration.rules.subjects import read_national_id, type_of_subject
from registration.values import Sujet
from registration.vocabulary import TypePersonne

ACCOUNT = "f:550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd"
DOCTOR, NURSE = "10^1.2.250.1.213.1.1.5.5", "60^1.2.250.1.213.1.1.5.5"
RPPS, ADELI, STAFF = "899700218896", "00B6087510", "30B0168811/CPET00001"


def sujet(ident: str, sub: str | None = None) -> Sujet:
    return Sujet(
        emetteur="https://psc.example", sub=f"{ACCOUNT}:{ident}" if sub is None else sub, subject_name_id=ident
    )


@pytest.mark.parametrize("ident", [RPPS, ADELI, STAFF, "5123456789/REG1"])
def test_the_national_id_is_that_of_the_card(ident: str) -> None:
    assert read_national_id(sujet(ident)) == ident


@pytest.mark.parametrize(
    ("ident", "sub"),
    [
        (f" {RPPS}", None),
        (f"{RPPS}\n", None),
        (RPPS[1:], None),
        (f"{RPPS}0", None),
        ("8997002188A6", None),
        ("\u0668\u0669\u0669\u0667\u0660\u0660\u0662\u0661\u0668\u0668\u0669\u0666", None),
        (f"{ADELI}1", None),
        ("2123456789", None),
        (STAFF.replace("/", ""), None),
        (f"{STAFF}/1", None),
        (STAFF.lower(), None),
        ("", None),
        ("8" * 40, None),
        (RPPS, ""),
        (RPPS, RPPS),
        (RPPS, ACCOUNT),
        (RPPS, f"{ACCOUNT}:{RPPS[:-1]}7"),
        (RPPS, f"{ACCOUNT}:{RPPS}:"),
        (RPPS, f"{ACCOUNT}:x:{RPPS}"),
        (RPPS, f"{ACCOUNT}:{RPPS}\n"),
        (RPPS, f"{ACCOUNT[:-1]}:{RPPS}"),
        (RPPS, f"g{ACCOUNT[1:]}:{RPPS}"),
    ],
)
def test_whatever_leaves_a_doubt_is_refused(ident: str, sub: str | None) -> None:
    with pytest.raises(AccessError) as caught:
        read_national_id(sujet(ident, sub))
    assert caught.value.code is Code.SUBJECT_REFUSED
    assert not ident.strip() or ident.strip() not in str(caught.value)


@pytest.mark.parametrize(
    ("ident", "roles", "categories", "kind"),
    [
        (RPPS, (DOCTOR,), ("C",), TypePersonne.PS),
        (RPPS, ("x", NURSE), ("M", "C"), TypePersonne.PS),
        (ADELI, (NURSE,), ("C",), TypePersonne.PS),
        (RPPS, (DOCTOR,), ("E",), TypePersonne.PF),
        (RPPS, (DOCTOR,), ("E", "C"), TypePersonne.PS),
        (RPPS, (DOCTOR,), (), TypePersonne.PE),
        (RPPS, (), ("C",), TypePersonne.PE),
        (RPPS, ("10",), ("C",), TypePersonne.PE),
        (RPPS, ("10^1.2.250.1.213.1.1.5.55",), ("C",), TypePersonne.PE),
        (RPPS, ("SECRETARIAT_MEDICAL^1.2.250.1.213.1.1.4.6",), ("C",), TypePersonne.PE),
        (STAFF, (DOCTOR,), ("C",), TypePersonne.PE),
    ],
)
def test_what_is_not_known_gives_no_right_by_type(
    ident: str, roles: tuple[str, ...], categories: tuple[str, ...], kind: TypePersonne
) -> None:
    assert type_of_subject(ident, roles, categories) is kind
