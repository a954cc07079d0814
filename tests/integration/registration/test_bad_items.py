"""A lot in which everything that one field can have wrong stands once among good items, on both databases."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from registration.errors import Code, ConflictError, NotFoundError
from registration.exports import demandes_csv
from registration.rules import limits
from registration.values import DemandeForm
from registration.views import DemandePage, DemandeView, SearchCriteria, Verdict
from registration.vocabulary import EtatDemande
from tests.support.acteurs import AGENT, PHARMACIE
from tests.support.assertions import assert_refused
from tests.support.bad_items import BAD_ITEMS
from tests.support.produits import lot
from tests.support.world import World


def everything(world: World) -> tuple[DemandeForm, ...]:
    """A good item before and after each bad one would be as good; one in five keeps the lot small."""
    forms: list[DemandeForm] = []
    for rank, bad in enumerate(BAD_ITEMS.values()):
        if rank % 5 == 0:
            forms.append(world.form("ORG_SIGN", rank // 5, reference=f"good-{rank}"))
        forms.append(world.form(bad.product, 80, **{"reference": f"bad-{rank}", **bad.changes}))
    return (*forms, world.form("SERV_SMIME", 40, reference="last"))


EXPECTED: list[tuple[str, str, str] | None] = []
for _rank, (_name, _bad) in enumerate(BAD_ITEMS.items()):
    EXPECTED += [None] if _rank % 5 == 0 else []
    EXPECTED.append((_name, _bad.code.value, _bad.champ))
EXPECTED.append(None)


def found(refusal: Any, expected: tuple[str, str, str] | None) -> tuple[str, str, str] | None:
    return None if refusal is None else (expected[0] if expected else "", refusal.code, refusal.champ or "")


def first(verdict: Verdict) -> Any:
    return verdict.refusals[0] if verdict.refusals else None


def views(world: World, index: int) -> tuple[DemandeView, ...]:
    return world.ra.lots.list_demandes(world.acteurs["dr-leroux"], index, limit=500).demandes


@pytest.mark.parametrize("at_once", [0, 100])
def test_each_bad_item_has_its_code_and_every_good_one_its_certificate(world: World, at_once: int) -> None:
    world = world.with_policy(max_items=200, at_once=at_once, page_size=20, chunk_size=10)
    forms = everything(world)
    verdicts = world.ra.lots.verify(world.origin(), lot("v", *forms))
    assert [found(first(each), want) for each, want in zip(verdicts, EXPECTED, strict=True)] == EXPECTED
    index = world.issued(*forms)
    listed = views(world, index)
    assert [found(each.refusal, want) for each, want in zip(listed, EXPECTED, strict=True)] == EXPECTED
    etats = [EtatDemande.TRANSMISE if want is None else EtatDemande.REJETEE for want in EXPECTED]
    assert [each.etat for each in listed] == etats
    # What is told before a deposit is what is told after it.
    assert [each.refusal for each in listed] == [first(each) for each in verdicts]
    assert [each.reference for each in listed] == [each.reference for each in verdicts]


def test_the_text_of_a_verdict_tells_the_limit(world: World) -> None:
    forms = [world.form(bad.product, 80, **bad.changes) for bad in BAD_ITEMS.values()]
    verdicts = world.with_policy(max_items=200).ra.lots.verify(world.origin(), lot("v", *forms))
    texts = [first(each).texte for each in verdicts]
    silent = [name for (name, bad), text in zip(BAD_ITEMS.items(), texts, strict=True) if bad.told not in text]
    assert silent == []
    assert all(text.isprintable() for text in texts)


def test_what_has_not_the_form_of_a_value_is_neither_stored_nor_shown(world: World) -> None:
    world = world.with_policy(max_items=200, at_once=200)
    index = world.deposit(*everything(world)).index
    for view in views(world, index):
        assert view.reference is None or limits.is_reference(view.reference)
        assert view.structure is None or limits.is_structure(view.structure)
        assert view.beneficiaire is None or limits.is_personne(view.beneficiaire)
        assert 1 <= len(view.service_applicatif or "x") <= 64
        assert 1 <= len(view.adresse_email or "x") <= 254
        assert len(view.fqdns) <= 5
        assert all(1 <= len(name) <= 253 for name in view.fqdns)
    rows = world.demandes(index)
    by_name = {want[0]: row for row, want in zip(rows, EXPECTED, strict=True) if want}
    assert (by_name["offre unknown"].offre, by_name["offre unknown"].usage) == (None, "SIGN")
    assert (by_name["usage unknown"].offre, by_name["usage unknown"].usage) == ("ORG", None)
    assert by_name["usage of another offre"].usage == "SSL_SERV"
    assert by_name["email of the acteur absent"].email_acteur is None
    assert by_name["service of 65"].service_applicatif is None
    assert by_name["service of 65"].id_structure is not None, "what was right is shown"
    assert by_name["fqdn of 254"].fqdns == '["www.acacias.example"]'
    assert by_name["adresse ill-formed"].adresse_email == "sans arobase"


def test_a_lot_of_bad_items_is_repeatable_and_another_fault_is_another_content(world: World) -> None:
    world = world.with_policy(max_items=200, at_once=200)
    forms = everything(world)
    receipt = world.deposit(*forms)
    again = world.deposit(*forms)
    assert (again.index, again.already_known) == (receipt.index, True)
    for field, value in {"offre": "PSS", "usage": "", "csr": b"", "email_acteur": "", "reference": "a b"}.items():
        changed = (msgspec.structs.replace(forms[1], **{field: value}), *forms[2:])
        with assert_refused(ConflictError, Code.LOT_CONFLICT):
            world.deposit(forms[0], *changed)


def test_whoever_looks_for_a_demande_without_offre_finds_it(world: World) -> None:
    index = world.issued(world.form(key=0), world.form(key=1, offre=None, usage="?", email_acteur=None))
    sender = world.acteurs["dr-leroux"]
    _, bad = views(world, index)
    for criteria in (
        SearchCriteria(numero=bad.numero),
        SearchCriteria(index_lot=index),
        SearchCriteria(all_offres=True),
    ):
        page = world.ra.demandes.search(sender, criteria, after=None, limit=10)
        assert bad in page.demandes
        text = b"".join(demandes_csv(page, lambda _after: DemandePage(demandes=(), next_after=None))).decode()
        assert Code.OFFRE_MISSING.value in text
        assert "None" not in text
    detail = world.ra.demandes.read(sender, bad.numero)
    assert (detail.demande.offre, detail.demande.usage, detail.subject) == (None, None, ())
    assert [line.habilitations_acteur for line in detail.historique] == ["aucune", "aucune"]


def test_what_names_nobody_is_its_senders_while_he_has_a_right(world: World) -> None:
    """Decision 18: who has lost his rights keeps the verdict codes, and no detail of anything."""
    nameless = world.form(key=1, offre=None, structure=None, service_applicatif="Dossier")
    elsewhere = world.form(key=2, offre=None, structure=PHARMACIE, service_applicatif="Officine")
    somebody = world.form("PRO_AUTH", 3, structure="x", beneficiaire=AGENT)
    index = world.deposit(nameless, elsewhere, somebody, world.form(key=4, offre="?")).index
    assert [view.service_applicatif for view in views(world, index)] == ["Dossier", None, None, "Dossier patient"]
    assert [view.beneficiaire for view in views(world, index)] == [None] * 4
    sender = world.acteurs["dr-leroux"]
    found = world.ra.demandes.search(sender, SearchCriteria(index_lot=index), after=None, limit=10).demandes
    assert [view.position for view in found] == [4, 1]
    numeros = [view.numero for view in views(world, index)]
    for stranger in ("ide-marchand", "administrateur"):
        with assert_refused(NotFoundError, Code.DEMANDE_UNKNOWN):
            world.ra.demandes.read(world.acteurs[stranger], numeros[0])
    world.withdraw_rights("dr-leroux")
    after = views(world, index)
    # As a PS he still requests for himself, so that what names nobody stays his.
    assert [view.service_applicatif for view in after] == ["Dossier", None, None, None]
    assert [view.refusal.code for view in after if view.refusal] == [
        "ERR_IHM_004",
        "ERR_IHM_004",
        "ERR_IHM_005",
        "ERR_IHM_004",
    ]


def test_a_page_that_is_given_up_holds_such_items_too(world: World) -> None:
    """Nothing examined them: they are Non traitée with what could be stored, and the lot goes on."""
    from registration.demandes.registering import register_unprocessed

    world = world.with_policy(max_items=200, at_once=200)
    index = world.deposit(world.form(key=0)).index
    forms = [world.form(bad.product, 80, **bad.changes) for bad in BAD_ITEMS.values()]
    with world.db.write() as session:
        register_unprocessed(
            session, world.origin(), forms, first_numero=900_000, now=world.clock(), id_lot=index, first_position=2
        )
    assert {view.etat for view in views(world, index)[1:]} == {EtatDemande.NON_TRAITEE}


def test_a_bad_item_keeps_neither_key_nor_address(world: World) -> None:
    index = world.issued(world.form(key=0, usage="?"), world.form(key=0, offre=None), world.form(key=0))
    assert world.etats(index) == [EtatDemande.REJETEE, EtatDemande.REJETEE, EtatDemande.TRANSMISE]
