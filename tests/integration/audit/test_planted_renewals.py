"""Faults planted in the renewals: each is found and named; honest ones are no fault, whatever became of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from registration.values import DemandeForm
from storage import tables
from tests.integration.audit.conftest import Place
from tests.support.csrs import csr
from tests.support.produits import conditions

pytestmark = pytest.mark.long

RENEWED = ("ORG_SIGN", "SERV_SSL_SERV", "PRO_SIGN", "PS_AUTH")


@pytest.fixture
def renewed(embedded: Place) -> Place:
    """Four products are being renewed; one of the renewals was cancelled and placed again, another is withdrawn."""
    world = embedded.world.with_policy(renewal_window=timedelta(days=4_000), page_size=5, at_once=2)
    world.run_batch()

    def forms(first_key: int, *names: str) -> list[DemandeForm]:
        return [
            DemandeForm(renouvelle=str(embedded.numeros[name]), csr=csr(first_key + rank))
            for rank, name in enumerate(names)
        ]

    index = world.issued(*forms(40, *RENEWED), reference="renouvellement")
    for name, numero in zip(RENEWED, world.numeros(index), strict=True):
        embedded.numeros[f"new {name}"] = numero
    world.ra.demandes.cancel(world.origin(), embedded.numeros["new ORG_SIGN"])
    again = world.issued(*forms(50, "ORG_SIGN", "ORG_SIGN"), reference="encore")
    embedded.numeros["again"], embedded.numeros["refused"] = world.numeros(again)
    world.ra.retraits.withdraw(world.origin(), embedded.numeros["new PS_AUTH"], conditions())
    return embedded


def test_honest_renewals_are_no_fault(renewed: Place) -> None:
    report = renewed.audit()
    assert report.findings == []
    assert report.checked["renouvellements"] == 6


Plant = Callable[[Place], object]


@pytest.mark.parametrize(
    ("plant", "name", "words"),
    [
        (
            lambda place: place.change(tables.Demande, "new ORG_SIGN", service_applicatif="Autre"),
            "new ORG_SIGN",
            "son produit n'est pas le même",
        ),
        (
            lambda place: place.change(tables.Demande, "again", renouvelle=None),
            "ORG_SIGN",
            "1 renouvellement(s), et 2 ligne(s) d'historique qui le disent",
        ),
        (
            lambda place: place.change(tables.Demande, "again", renouvelle=place.numeros["again"]),
            "again",
            "qui n'est pas d'avant",
        ),
        (
            lambda place: place.change(
                tables.Certificat, "PRO_SIGN", not_after=place.clock() - timedelta(days=10, hours=1)
            ),
            "new PRO_SIGN",
            "après la fin de sa fenêtre",
        ),
        (
            lambda place: place.change(tables.Certificat, "PRO_SIGN", retire_le=None),
            "new PRO_SIGN",
            "dont le certificat n'était pas retiré",
        ),
        (
            lambda place: place.change(tables.Certificat, "PRO_SIGN", revoque_le=place.clock() - timedelta(hours=1)),
            "new PRO_SIGN",
            "dont le certificat était révoqué",
        ),
    ],
)
def test_a_planted_fault_is_named(renewed: Place, plant: Plant, name: str, words: str) -> None:
    plant(renewed)
    subject = f"demande n° {renewed.numeros[name]}"
    assert any(words in one.text for one in renewed.audit().findings if one.subject == subject)


def test_two_at_a_time_are_found_where_the_index_is_gone(renewed: Place) -> None:
    renewed.sql("DROP INDEX ix_demande__renouvelle")
    renewed.change(tables.Demande, "again", renouvelle=renewed.numeros["PRO_SIGN"])
    texts = {one.text for one in renewed.audit().findings if one.subject.endswith(f" {renewed.numeros['PRO_SIGN']}")}
    assert "2 renouvellements à la fois" in texts
