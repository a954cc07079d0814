"""All thirteen products through the wizard, and every refusal at its field (guide §8.1 to §8.4)."""

from __future__ import annotations

from typing import Any

import pytest

from registration.vocabulary import EtatDemande, Offre, Usage
from tests.integration.portal.wizard import MAIL, Wizard, codes_at, summary_of
from tests.integration.portal.world import PortalWorld
from tests.support.acteurs import HOPITAL, MEDECIN, PHARMACIENNE

_SERVICE = {"service_applicatif": "Proxy DMP"}
_MAILBOX = {"adresse_locale": "boite", "adresse_texte": "mss", "adresse_domaine": "acacias.example"}
PRODUCTS: list[tuple[Offre, Usage, dict[str, str], dict[str, Any]]] = [
    (Offre.PS, Usage.AUTH, {}, {}),
    (
        Offre.PS,
        Usage.SIGN,
        {"adresse_email": "camille@courriel.example"},
        {"adresse_email": "camille@courriel.example"},
    ),
    (Offre.PS, Usage.CONF, {}, {}),
    (Offre.PRO, Usage.AUTH, {"upn": "arnaud@acacias.example"}, {"upn": "arnaud@acacias.example"}),
    (
        Offre.PRO,
        Usage.SIGN,
        {"adresse_locale": "ines.arnaud", "adresse_domaine": "acacias.example"},
        {"adresse_email": "ines.arnaud@acacias.example"},
    ),
    (Offre.PRO, Usage.CONF, {}, {}),
    (Offre.ORG, Usage.AUTH_CLI, _SERVICE, {"service_applicatif": "Proxy DMP"}),
    (Offre.ORG, Usage.SIGN, _SERVICE, {"service_applicatif": "Proxy DMP"}),
    (Offre.ORG, Usage.CONF, _SERVICE, {"service_applicatif": "Proxy DMP"}),
    (
        Offre.SERV,
        Usage.SSL_SERV,
        {"fqdns__0__texte": "www", "fqdns__0__domaine": "acacias.example"},
        {"fqdns": '["www.acacias.example"]'},
    ),
    *(
        (Offre.SERV, usage, {**_SERVICE, **_MAILBOX}, {"adresse_email": "boite@mss.acacias.example"})
        for usage in (Usage.SIGN, Usage.SMIME, Usage.CONF)
    ),
]


def wizard(world: PortalWorld, name: str = "dr-leroux") -> Wizard:
    return Wizard(world, world.session(name))


@pytest.mark.parametrize(("offre", "usage", "fields", "stored"), PRODUCTS, ids=lambda value: str(value)[:12])
def test_each_product(
    world: PortalWorld, offre: Offre, usage: Usage, fields: dict[str, str], stored: dict[str, Any]
) -> None:
    one = wizard(world)
    structure = None if offre is Offre.PS else HOPITAL
    answer = one.choose(offre.value, structure, PHARMACIENNE if offre is Offre.PRO else None)
    assert answer.headers["location"] == one.url(3)
    answer = one.fill(usage.value, **fields)
    assert answer.status_code == 303, summary_of(answer.text)
    assert answer.headers["location"] == one.url(4)
    assert one.page("details").status_code == 200
    assert one.upload().headers["location"] == one.url("finalisation")
    page = one.page("finalisation")
    assert "DN du certificat" in page.text
    assert summary_of(page.text) == ""
    answer = one.send()
    assert answer.status_code == 303, summary_of(answer.text)
    row = world.demande(one.numero())
    assert (row.offre, row.usage, row.id_structure) == (offre.value, usage.value, structure)
    expected = {Offre.PS: MEDECIN, Offre.PRO: PHARMACIENNE}.get(offre)
    assert row.id_beneficiaire == expected
    assert row.email_acteur == MAIL
    assert {name: getattr(row, name) for name in stored} == stored
    assert row.etat in {EtatDemande.ENREGISTREE, EtatDemande.VALIDEE}
    # Reloaded, sent again, gone back: it has become that one demande.
    for step in (1, 2, 3, 4, "finalisation"):
        assert one.page(step).headers["location"] == one.url("confirmation")


def test_all_thirteen_are_there() -> None:
    assert len({(offre, usage) for offre, usage, _, _ in PRODUCTS}) == 13


def test_errors_all_at_once_at_their_fields(world: PortalWorld) -> None:
    one = wizard(world)
    one.choose("SERV", HOPITAL)
    answer = one.fill("S/MIME", email_acteur="sans arobase", email_informe="ni lui")
    assert answer.status_code == 422
    assert codes_at(answer.text) == {
        "service_applicatif": ["ERR_IHM_061"],
        "adresse_locale": ["ERR_IHM_056"],
        "email_acteur": ["ERR_IHM_057"],
        "email_informe": ["ERR_IHM_058"],
    }
