"""Rights are asked at the time of reading too: what a sender still sees of what he sent when they are gone."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import pytest

from registration.errors import DETAIL_WITHHELD, TEXTS, AccessError, Code, NotFoundError
from registration.lots.pages import give_up_page
from registration.views import DemandeView, PersonneCriteria, SearchCriteria
from registration.vocabulary import Canal, EtatDemande, Offre
from tests.support.acteurs import AGENT, CLINIQUE, HOPITAL, MEDECIN, PHARMACIENNE
from tests.support.assertions import assert_refused, the
from tests.support.databases import assert_same_cost, statements
from tests.support.produits import conditions, lot
from tests.support.world import World

SENDER = "dr-leroux"
SHOWN = {
    "numero", "canal", "offre", "usage", "etat", "index_lot", "position", "reference", "etat_produit",
    "cree_le", "modifie_le", "refusal",
}  # fmt: skip
SECRETS = (
    HOPITAL, CLINIQUE, AGENT, "ACACIAS", "acacias", "BERTIN", "LEROUX", "Dossier patient", "evil", "hugo", "voleur",
)  # fmt: skip


def listed(world: World, index: int, name: str = SENDER) -> tuple[DemandeView, ...]:
    return world.ra.lots.list_demandes(world.acteurs[name], index).demandes


def is_reduced(view: DemandeView) -> bool:
    """Nothing but what every sender is told; what is not named here must be absent."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(DemandeView) if field.name not in SHOWN}
    return all(getattr(view, name) == default for name, default in defaults.items())


def as_told(view: DemandeView) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(view).items() if name in SHOWN - {"refusal"}}


@pytest.fixture
def sent(world: World) -> int:
    """A lot on which the batch has done its work: each offre, and refusals with and without data in their text."""
    wide = world.with_policy(at_once=20)
    return wide.issued(
        world.form(key=0, reference="org"),
        world.form("SERV_SSL_SERV", 1, reference="serv"),
        world.form("PRO_SIGN", 2, reference="pro"),
        world.form("SERV_SSL_SERV", 3, fqdns=("www.evil.example",), reference="domain"),
        world.form(key=4, email_acteur="voleur", reference="mail"),
        world.form(key=0, reference="key"),
        world.form("PS_AUTH", 6, reference="ps"),
        world.form("PS_SIGN", 7, email_acteur="none", reference="ps-bad"),
        sender=SENDER,
    )


def test_without_rights_a_sender_keeps_counts_and_verdicts_of_his_lot_and_no_detail(world: World, sent: int) -> None:
    acteur = world.acteurs[SENDER]
    progress, before = world.ra.lots.follow(acteur, index=sent), listed(world, sent)
    assert not any(is_reduced(view) for view in before)
    world.withdraw_rights(SENDER)
    assert world.ra.lots.follow(acteur, index=sent) == progress
    after = listed(world, sent)
    assert [as_told(view) for view in after] == [as_told(view) for view in before]
    # What he asked for himself stays his.
    assert after[6:] == before[6:]
    for view in after[:6]:
        assert is_reduced(view)
        assert not [secret for secret in SECRETS if secret in repr(view)]
    refusals = [the(view.refusal) for view in after[3:6]]
    assert [(refusal.code, refusal.champ) for refusal in refusals] == [
        ("ERR_WS_039", "fqdn"),
        ("ERR_IHM_057", "emailActeur"),
        ("ERR_IHM_007", "csr"),
    ]
    assert [refusal.texte for refusal in refusals] == [
        DETAIL_WITHHELD,
        TEXTS[Code.EMAIL_ACTEUR_SYNTAX],
        DETAIL_WITHHELD,
    ]
    # And it comes back with the right, each offre with its own.
    world.grant(SENDER, Offre.PRO, HOPITAL, "*@acacias.example")
    assert [is_reduced(view) for view in listed(world, sent)[:6]] == [True, True, False, True, True, True]
    world.grant(SENDER, Offre.SERV, HOPITAL, "*acacias.example")
    assert listed(world, sent) == before


def test_the_list_is_filtered_and_paged_alike_without_rights(world: World, sent: int) -> None:
    acteur = world.acteurs[SENDER]
    world.withdraw_rights(SENDER)
    rejected = world.ra.lots.list_demandes(acteur, sent, etat=EtatDemande.REJETEE).demandes
    assert [view.reference for view in rejected] == ["domain", "mail", "key", "ps-bad"]
    page = world.ra.lots.list_demandes(acteur, sent, after=2, limit=3)
    assert ([view.position for view in page.demandes], page.next_after) == ([3, 4, 5], 5)


def test_a_right_on_another_structure_shows_nothing_of_this_one(world: World, sent: int) -> None:
    world.withdraw_rights(SENDER)
    for offre in (Offre.ORG, Offre.SERV, Offre.PRO):
        world.grant(SENDER, offre, CLINIQUE, None if offre is Offre.ORG else "*valdorge.example")
    assert all(is_reduced(view) for view in listed(world, sent)[:6])


CRITERIA: list[dict[str, Any]] = [
    {"structure": HOPITAL},
    {"beneficiaire": PersonneCriteria(id_national=AGENT)},
    {"service_applicatif": "Dossier patient"},
    {"service_applicatif": "D*"},
    {"adresse_email": "hugo@acacias.example"},
    {"fqdn": "www.acacias.example"},
    {"fqdn": "www.evil.example"},
    {"offre": Offre.ORG},
    {"offre": Offre.PRO, "etat": EtatDemande.TRANSMISE},
]


def test_no_search_tells_of_the_fields_that_are_not_shown(world: World, sent: int) -> None:
    """The number of hits would answer any question about them."""
    acteur, (first, *_) = world.acteurs[SENDER], world.numeros(sent)

    def hits(**criteria: Any) -> tuple[int, int]:
        asked = SearchCriteria(**{"all_offres": True, **criteria})
        found = world.ra.demandes.search(acteur, asked).demandes
        assert not any(is_reduced(view) for view in found)
        return len(found), world.ra.demandes.count(acteur, asked)

    assert all(hits(**criteria) != (0, 0) for criteria in CRITERIA)
    world.withdraw_rights(SENDER)
    assert [criteria for criteria in CRITERIA if hits(**criteria) != (0, 0)] == []
    assert hits(numero=first) == (0, 0)
    assert hits(index_lot=sent) == hits() == (2, 2)


@pytest.mark.parametrize("canal", [Canal.WS, Canal.IHM])
def test_ones_own_without_right_is_refused_by_its_right_and_anothers_is_unknown(world: World, canal: Canal) -> None:
    numero = world.place(sender=SENDER) if canal is Canal.IHM else world.numeros(world.issued(world.form()))[0]
    world.run_batch()
    ra, origin, stranger = world.ra, world.origin(SENDER, canal), world.origin("ide-marchand", canal)
    assert ra.demandes.read(origin.acteur, numero).subject
    world.withdraw_rights(SENDER)
    with assert_refused(AccessError, Code.HABILITATION_MISSING):
        ra.demandes.read(origin.acteur, numero)
    with assert_refused(NotFoundError, Code.DEMANDE_UNKNOWN):
        ra.demandes.read(stranger.acteur, numero)
    for act in (partial(ra.demandes.cancel), partial(ra.retraits.withdraw, conditions=conditions())):
        with assert_refused(AccessError, Code.HABILITATION_MISSING):
            act(origin, numero)
        with assert_refused(NotFoundError, Code.DEMANDE_UNKNOWN):
            act(stranger, numero)
    # The structure's other administrator follows it as before.
    assert ra.demandes.read(world.acteurs["administrateur"], numero).demande.structure == HOPITAL


def test_what_was_refused_for_want_of_right_is_its_senders_verdict_alone(world: World) -> None:
    world.grant("inconnu", Offre.ORG, CLINIQUE)
    index = world.issued(
        world.form(key=0, structure=CLINIQUE),
        world.form(key=1),
        world.form("PRO_AUTH", 2),
        world.form(key=3, structure=None),
        sender="inconnu",
    )
    views = listed(world, index, "inconnu")
    # The last one names nobody: it hides nothing from a sender who has any right at all.
    assert [is_reduced(view) for view in views] == [False, True, True, False]
    assert [view.refusal.code if view.refusal else None for view in views] == [
        None,
        "ERR_IHM_026",
        "ERR_IHM_026",
        "ERR_IHM_005",
    ]
    assert the(views[1].refusal).texte == TEXTS[Code.HABILITATION_MISSING]
    with assert_refused(AccessError, Code.HABILITATION_MISSING):
        world.ra.demandes.read(world.acteurs["inconnu"], views[1].numero)


def test_what_nothing_could_examine_is_shown_by_the_same_rule(world: World) -> None:
    index = world.deposit(*world.forms(6)).index
    with world.db.write() as session:
        give_up_page(session, index, 0, world.clock(), world.policy.lots)
    assert not any(is_reduced(view) for view in listed(world, index))
    world.withdraw_rights(SENDER)
    views = listed(world, index)
    assert views
    assert all(is_reduced(view) for view in views)
    assert {the(view.refusal).texte for view in views} == {TEXTS[Code.NOT_PROCESSED]}


def test_the_bearer_follows_his_own_without_any_other_right(world: World) -> None:
    """As its sender he needs the right; as its bearer only the validation (guide §10.1.2)."""
    index = world.issued(
        world.form("PRO_AUTH", 0, beneficiaire=MEDECIN),
        world.form("PRO_AUTH", 1),
        world.form("PRO_AUTH", 2, beneficiaire=MEDECIN, email_acteur="none"),
    )
    world.withdraw_rights(SENDER)
    assert [is_reduced(view) for view in listed(world, index)] == [False, True, True]
    found = world.ra.demandes.search(world.acteurs[SENDER], SearchCriteria(all_offres=True)).demandes
    assert [view.position for view in found] == [1]


def test_a_ps_demande_refused_because_it_is_anothers_is_its_senders(world: World) -> None:
    index = world.issued(world.form("PS_AUTH", 0, beneficiaire=PHARMACIENNE))
    (view,) = listed(world, index)
    assert (the(view.refusal).code, view.beneficiaire, is_reduced(view)) == ("ERR_IHM_027", MEDECIN, False)
    with pytest.raises(NotFoundError):
        world.ra.demandes.read(world.acteurs["ph-arnaud"], view.numero)


def test_a_whole_lot_without_right_is_neither_cancelled_nor_withdrawn(world: World) -> None:
    index = world.issued(*world.forms(2))
    world.withdraw_rights(SENDER)
    for act in (
        partial(world.ra.lots.cancel, world.origin(SENDER), index),
        partial(world.ra.retraits.withdraw_page, world.origin(SENDER), index, conditions()),
    ):
        with assert_refused(AccessError, Code.HABILITATION_MISSING):
            act()
    assert world.etats(index) == [EtatDemande.TRANSMISE] * 2


def test_what_is_not_registered_yet_is_counted_by_what_is_there_not_by_what_may_be_followed(world: World) -> None:
    index = world.deposit(*[world.form(key=rank, email_acteur="none") for rank in range(12)]).index
    world.run_batch(1)
    registered = len(world.numeros(index))
    assert 0 < registered < 12
    world.withdraw_rights(SENDER)
    done = world.ra.lots.cancel(world.origin(SENDER), index)
    assert (done.cancelled, done.unchanged) == (12 - registered, registered)


def test_a_key_of_ones_own_demande_tells_of_it_only_with_the_right(world: World) -> None:
    (numero,) = world.numeros(world.issued(world.form(key=0)))
    world.withdraw_rights(SENDER)
    world.grant(SENDER, Offre.ORG, CLINIQUE)
    form = world.form(key=0, structure=CLINIQUE)
    (verdict,) = world.ra.lots.verify(world.origin(SENDER), lot("v", form))
    (refusal,) = verdict.refusals
    (row,) = world.demandes(world.deposit(form, reference="again").index)
    assert refusal.code == Code.CSR_REFUSED.value
    assert refusal.texte == row.texte_erreur
    for told in (f"n° {numero}", HOPITAL, "LEROUX"):
        assert told not in refusal.texte


def test_what_is_hidden_is_decided_in_the_statement_that_reads(world: World) -> None:
    """A right that ends between two statements would leave details in an answer; and a row must cost no query."""
    acteur = world.acteurs[SENDER]
    small, large = (
        world.with_policy(at_once=20).deposit(*world.forms(count, first_key), reference=f"lot-{count}").index
        for count, first_key in ((3, 0), (9, 3))
    )
    world.withdraw_rights(SENDER)

    def ask(index: int) -> None:
        assert all(is_reduced(view) for view in world.ra.lots.list_demandes(acteur, index).demandes)

    assert_same_cost(world.db, partial(ask, small), partial(ask, large))
    with statements(world.db.engine) as sent:
        ask(large)
    assert [("habilitation" in statement) for statement in sent if "FROM demande" in statement] == [True]
