"""The stored form of a lot: what goes in comes out, and the digest never moves."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registration.policy import DEFAULT_POLICY, LotPolicy
from registration.values import DemandeForm, content_digest, decode_forms, encode_forms
from registration.views import RetraitConditions
from registration.vocabulary import Offre, Usage
from storage.bulk import slices

_TEXT = st.none() | st.text()
FORMS = st.builds(
    DemandeForm,
    offre=st.sampled_from([offre.value for offre in Offre]) | _TEXT,
    usage=st.sampled_from([usage.value for usage in Usage]) | _TEXT,
    csr=st.none() | st.binary(),
    email_acteur=st.none() | st.text(),
    reference=_TEXT,
    structure=_TEXT,
    beneficiaire=_TEXT,
    service_applicatif=_TEXT,
    adresse_email=_TEXT,
    fqdns=st.lists(st.text()).map(tuple),
    upn=_TEXT,
    email_informe=_TEXT,
)
LOTS = st.lists(FORMS, max_size=4).map(tuple)

FORM = DemandeForm(
    offre=Offre.SERV,
    usage=Usage.SMIME,
    csr=b"\x30\x82",
    email_acteur="a@hopital.example",
    reference="item-1",
    structure="10B0990011",
    service_applicatif="Hôpital",
    adresse_email="b@hopital.example",
)
OTHER = DemandeForm(offre=Offre.PS, usage=Usage.AUTH, csr=b"", email_acteur="", fqdns=("a.example", "b.example"))


@given(LOTS)
def test_what_is_stored_comes_back(forms: tuple[DemandeForm, ...]) -> None:
    assert decode_forms(encode_forms(forms)) == forms


@given(LOTS, LOTS)
def test_equal_digests_mean_equal_content(one: tuple[DemandeForm, ...], two: tuple[DemandeForm, ...]) -> None:
    assert (content_digest(one) == content_digest(two)) == (one == two)


def test_the_digest_does_not_move_between_releases() -> None:
    # Lots deposited yesterday are compared with what is sent again today: this value may never change.
    assert content_digest((FORM, OTHER)).hex() == "37618691b356805fb27066c832bcc2ad74d8bf617413824c6b7b531194076e33"


def test_the_digest_sees_every_field_and_the_order() -> None:
    changes: dict[str, object] = {
        "offre": Offre.ORG,
        "usage": Usage.SIGN,
        "csr": b"\x30\x83",
        "email_acteur": "x@hopital.example",
        "reference": None,
        "structure": None,
        "beneficiaire": "1",
        "service_applicatif": "hôpital",
        "adresse_email": None,
        "fqdns": ("a.example",),
        "upn": "a@b",
        "email_informe": "c@hopital.example",
        "renouvelle": "12",
        "renouvelle_autorite": "AC",
        "renouvelle_serie": "0a",
        "csr_text": "MII",
        "csr_assistee": True,
        "sans_informe": True,
    }
    assert set(changes) == set(DemandeForm.__struct_fields__)
    digests = {content_digest((msgspec.structs.replace(FORM, **{name: value}),)) for name, value in changes.items()}
    digests |= {content_digest((FORM,)), content_digest((FORM, OTHER)), content_digest((OTHER, FORM))}
    digests |= {content_digest((FORM, FORM)), content_digest(())}
    assert len(digests) == len(changes) + 5


def test_a_stored_page_of_another_shape_is_refused() -> None:
    for damaged in (b"", b"\xc1", encode_forms((FORM,))[:-1], msgspec.msgpack.encode([{"offre": 1}])):
        with pytest.raises(msgspec.MsgspecError):
            decode_forms(damaged)


def test_forms_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        FORM.structure = "autre"  # type: ignore[misc]  # that it is frozen is the point


def test_the_sizes_of_the_plateforme() -> None:
    assert LotPolicy(max_items=10_000, page_size=500, first_page=60, chunk_size=250, at_once=20) == DEFAULT_POLICY
    # A small lot is at most one chunk.
    assert DEFAULT_POLICY.at_once <= DEFAULT_POLICY.chunk_size <= DEFAULT_POLICY.page_size <= DEFAULT_POLICY.max_items


@pytest.mark.parametrize(
    "sizes", [{"max_items": 0}, {"page_size": 0}, {"first_page": 0}, {"chunk_size": -1}, {"at_once": -1}]
)
def test_sizes_that_would_lose_items_are_refused(sizes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(sizes))):
        LotPolicy(**sizes)


@given(st.lists(st.integers()), st.integers(min_value=1, max_value=7))
def test_slices_lose_nothing(values: list[int], size: int) -> None:
    parts = list(slices(values, size))
    assert [value for part in parts for value in part] == values
    assert all(1 <= len(part) <= size for part in parts)


def test_a_revocation_code_never_stands_in_a_text() -> None:
    shown = RetraitConditions(code="Sesame-ouvre1", confirmation="Sesame-ouvre1", cgu_accepted=True)
    assert "Sesame" not in f"{shown!r} {shown} {[shown]}"
