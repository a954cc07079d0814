"""Follow-up of produits (guide §10.2): what is found by whom, what is told of it, what may be downloaded."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from pki.containers.pkcs7 import read_certs_only
from registration.acteurs.sight import Sight
from registration.acteurs.visibility import may_follow
from registration.errors import Code, ConflictError, IgcError, NotFoundError
from registration.revocation.revoking import revoke_of_demandes
from registration.views import PersonneCriteria, ProduitCriteria, SearchCriteria
from registration.vocabulary import Canal, EtatProduit, Offre, Usage
from storage import tables
from tests.support.acteurs import AGENT, CLINIQUE, HOPITAL, MEDECIN
from tests.support.assertions import assert_refused
from tests.support.clock import NOON
from tests.support.produits import conditions
from tests.support.world import World

DAY = timedelta(days=1)
YEARS = timedelta(days=3 * 366)


def find(world: World, acteur: str = "dr-leroux", **criteria: Any) -> list[str | None]:
    """The references found, newest first; the count agrees."""
    asked = ProduitCriteria(**{"all_offres": True, **criteria})
    views = world.ra.produits.search(world.acteurs[acteur], asked, limit=100).produits
    assert world.ra.produits.count(world.acteurs[acteur], asked) == len(views)
    return [view.reference for view in views]


@pytest.fixture
def filled(world: World) -> World:
    """Seven certificates of two days: one À retirer, one revoked after its withdrawal, one that was cancelled."""
    index = world.issued(
        world.form("ORG_AUTH_CLI", 0, reference="org"),
        world.form("SERV_SSL_SERV", 1, reference="ssl", fqdns=("a.acacias.example", "b.acacias.example")),
        world.form("SERV_SMIME", 2, reference="smime"),
        world.form("ORG_CONF", 3, reference="bad", email_acteur="none"),
        reference="lot-1",
    )
    world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    world.clock.advance(days=1)
    second = world.issued(
        world.form("PRO_SIGN", 4, reference="pro", beneficiaire=AGENT),
        world.form("PS_AUTH", 5, reference="ps"),
        world.form("PRO_AUTH", 6, reference="waiting", beneficiaire=MEDECIN),
        world.form("ORG_SIGN", 7, reference="cancelled"),
        reference="lot-2",
    )
    pro, personal, _, cancelled = world.numeros(second)
    for numero in (pro, personal):
        world.ra.retraits.withdraw(world.origin(), numero, conditions())
    world.cancel(cancelled)
    with world.db.write() as session:
        revoke_of_demandes(session, [pro], "superseded", world.clock(), "test")
    world.deposit(world.form(key=8, reference="not signed"), reference="lot-3")
    return world


GONE = {"pro", "cancelled"}
EVERY = ["cancelled", "ps", "pro", "smime", "ssl", "org"]
CRITERIA: list[tuple[dict[str, Any], list[str]]] = [
    ({}, EVERY),
    ({"etat": EtatProduit.A_RETIRER}, ["waiting"]),
    ({"etat": EtatProduit.ACTIF}, ["ps", "smime", "ssl", "org"]),
    ({"etat": EtatProduit.REVOQUE}, ["cancelled", "pro"]),
    ({"etat": EtatProduit.EXPIRE}, []),
    ({"all_offres": False, "offre": Offre.ORG}, ["cancelled", "org"]),
    ({"all_offres": False, "offre": Offre.SERV, "usage": Usage.SMIME}, ["smime"]),
    ({"structure": HOPITAL}, [one for one in EVERY if one != "ps"]),
    ({"structure": CLINIQUE}, []),
    ({"raison_sociale": "centre hospitalier des acacias"}, [one for one in EVERY if one != "ps"]),
    ({"raison_sociale": "CENTRE HOSP*"}, [one for one in EVERY if one != "ps"]),
    ({"raison_sociale": "hospitalier*"}, []),
    ({"beneficiaire": PersonneCriteria(id_national=AGENT)}, ["pro"]),
    ({"beneficiaire": PersonneCriteria(nom="bert*")}, ["pro"]),
    ({"beneficiaire": PersonneCriteria(nom="Bertin", prenom="HUGO")}, ["pro"]),
    ({"beneficiaire": PersonneCriteria(nom="Bertin", prenom="Camille")}, []),
    ({"beneficiaire": PersonneCriteria(id_national=MEDECIN, nom="bertin")}, []),
    ({"demandeur": PersonneCriteria(id_national=MEDECIN)}, EVERY),
    ({"demandeur": PersonneCriteria(nom="léroux")}, EVERY),
    ({"demandeur": PersonneCriteria(id_national=AGENT)}, []),
    ({"adresse_email": "DOSSIER@acacias.example"}, ["smime"]),
    ({"fqdn": "B.acacias.example"}, ["ssl"]),
    ({"service_applicatif": "Dossier*"}, ["cancelled", "smime", "org"]),
    ({"issued_since": NOON + DAY}, ["cancelled", "ps", "pro"]),
    ({"issued_until": NOON + DAY}, ["smime", "ssl", "org"]),
    ({"ends_since": NOON + YEARS}, []),
    ({"ends_since": NOON + DAY, "ends_until": NOON + YEARS}, EVERY),
    ({"numero": 0}, []),
]


def test_each_criterion(filled: World) -> None:
    wrong = [(criteria, found) for criteria, expected in CRITERIA if (found := find(filled, **criteria)) != expected]
    assert wrong == []
    ends = {view.not_after for view in filled.ra.produits.search(filled.acteurs["dr-leroux"], ALL).produits}
    filled.clock.now = max(ends)
    assert find(filled, etat=EtatProduit.ACTIF) == []
    assert find(filled, etat=EtatProduit.EXPIRE) == ["ps", "smime", "ssl", "org"]
    assert find(filled) == EVERY


ALL = ProduitCriteria(all_offres=True)
REFUSED: list[tuple[dict[str, Any], Code, str | None]] = [
    ({"all_offres": False}, Code.SEARCH_TOO_WIDE, None),
    ({"all_offres": False, "etat": EtatProduit.ACTIF, "structure": HOPITAL}, Code.SEARCH_TOO_WIDE, None),
    ({"raison_sociale": "*"}, Code.CRITERIA_INVALID, "raisonSociale"),
    ({"beneficiaire": PersonneCriteria(nom="l*")}, Code.CRITERIA_INVALID, "nomBeneficiaire"),
    ({"demandeur": PersonneCriteria(prenom="a*b")}, Code.CRITERIA_INVALID, "prenomDemandeur"),
    ({"issued_since": datetime(2026, 3, 2)}, Code.DATETIME_ZONE, "emisDepuis"),  # noqa: DTZ001 -- the point
    ({"ends_until": datetime(2026, 3, 2)}, Code.DATETIME_ZONE, "finJusqua"),  # noqa: DTZ001 -- the point
]


@pytest.mark.parametrize(("criteria", "code", "champ"), REFUSED)
def test_what_cannot_be_looked_for(world: World, criteria: dict[str, Any], code: Code, champ: str | None) -> None:
    asked = ProduitCriteria(**{"all_offres": True, **criteria})
    for act in (world.ra.produits.search, world.ra.produits.count):
        with assert_refused(IgcError, code, champ):
            act(world.acteurs["dr-leroux"], asked)


def test_pages_give_everything_once(filled: World) -> None:
    walked: list[int] = []
    after, pages = None, 0
    while after is not None or not pages:
        page = filled.ra.produits.search(filled.acteurs["dr-leroux"], ALL, after=after, limit=4)
        walked += [view.numero for view in page.produits]
        after, pages = page.next_after, pages + 1
    assert (len(walked), pages) == (6, 2)
    assert walked == sorted(set(walked), reverse=True)


def test_what_is_told_of_one(filled: World) -> None:
    acteur = filled.acteurs["dr-leroux"]
    pro = next(view for view in filled.ra.produits.search(acteur, ALL).produits if view.reference == "pro")
    assert (pro.offre, pro.usage, pro.etat, pro.canal) == (Offre.PRO, Usage.SIGN, EtatProduit.REVOQUE, Canal.WS)
    assert (pro.raison_sociale, pro.beneficiaire_libelle) == ("CENTRE HOSPITALIER DES ACACIAS", "BERTIN HUGO")
    assert pro.autorite.startswith("TEST AC ")  # the name that a certificate viewer shows, not ours
    assert pro.not_before < pro.emis_le < pro.not_after
    assert pro.revoque_le == NOON + DAY
    detail = filled.ra.produits.read(acteur, pro.numero)
    assert detail.produit == pro
    assert ("CN", AGENT) in [(name.upper(), value) for name, value in detail.subject]
    assert [line.code_action for line in detail.historique][:2] == ["ACT_DCL_001", "ACT_DCL_005"]


def test_an_active_certificate_is_downloaded_by_who_may_follow_it(filled: World) -> None:
    """Guide §10.2.2: also by its bearer, who may not withdraw it."""
    leroux = filled.acteurs["dr-leroux"]
    by_reference = {view.reference: view for view in filled.ra.produits.search(leroux, ALL).produits}
    for name in ("dr-leroux", "administrateur"):
        found = filled.ra.produits.download(filled.acteurs[name], by_reference["ssl"].numero)
        assert read_certs_only(found.pkcs7)[0] == found.der
        with filled.db.read() as session:
            stored = session.scalar(
                select(tables.Certificat.der).where(tables.Certificat.id_demande == found.produit.numero)
            )
        assert found.der == stored
    waiting = filled.ra.produits.search(leroux, ProduitCriteria(all_offres=True, etat=EtatProduit.A_RETIRER)).produits
    for view, why in ((by_reference["pro"], "révoqué"), (waiting[0], "à retirer")):
        with pytest.raises(ConflictError, match=why) as refused:
            filled.ra.produits.download(leroux, view.numero)
        assert refused.value.code is Code.NOT_ACTIVE
    filled.clock.now = by_reference["ssl"].not_after
    with pytest.raises(ConflictError, match="a expiré"):
        filled.ra.produits.download(leroux, by_reference["ssl"].numero)


def test_each_sees_by_his_rights_as_they_are_now(filled: World) -> None:
    assert find(filled, "administrateur") == [one for one in EVERY if one != "ps"]
    assert find(filled, "inconnu") == []
    (ps,) = [
        view.numero for view in filled.ra.produits.search(filled.acteurs["dr-leroux"], ALL).produits
        if view.reference == "ps"
    ]  # fmt: skip
    not_signed = filled.ra.demandes.search(filled.acteurs["dr-leroux"], SearchCriteria(all_offres=True)).demandes[0]
    for name, numero in (("administrateur", ps), ("inconnu", ps), ("dr-leroux", not_signed.numero), ("dr-leroux", 0)):
        for act in (filled.ra.produits.read, filled.ra.produits.download):
            with assert_refused(NotFoundError, Code.DEMANDE_UNKNOWN):
                act(filled.acteurs[name], numero)
    filled.withdraw_rights("dr-leroux")
    assert find(filled) == ["ps"]
    filled.withdraw_rights("administrateur")
    assert find(filled, "administrateur") == ["pro"]  # what he bears himself


def test_both_ways_to_say_who_may_follow_say_the_same(filled: World) -> None:
    """``sight`` asks with the rights as values, ``visibility`` row by row: the same rows, for everybody."""
    filled.issued(
        filled.form(key=20, offre=None, reference="no offre"),
        filled.form(key=21, structure=None, reference="no structure"),
        filled.form(key=22, structure=CLINIQUE, reference="foreign"),
        filled.form("PS_SIGN", 23, email_acteur="none", reference="own refused"),
        reference="lot-4",
    )

    def compare() -> None:
        for name, acteur in filled.acteurs.items():
            with filled.db.read() as session:
                rows = select(tables.Demande.id).order_by(tables.Demande.id)
                by_rows = session.scalars(rows.where(may_follow(acteur))).all()
                parts = Sight(session, acteur).demandes()
                # Each demande in one part: they are counted and listed part by part.
                assert sorted(one for part in parts for one in session.scalars(rows.where(part))) == by_rows, name

    compare()
    filled.grant("administrateur", Offre.ORG, CLINIQUE)
    compare()
    for name in filled.acteurs:
        filled.withdraw_rights(name)
    compare()
