"""The check of a lot: the verdicts that a deposit then gives, and nothing stored."""

from __future__ import annotations

from functools import partial

import pytest
from cryptography import x509
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registration.errors import AccessError, Code, IgcError
from registration.revocation_views import RevocationCriteria
from registration.values import DemandeForm
from registration.views import CommonCriteria, ProduitCriteria, RenewalCriteria, SearchCriteria, Verdict
from registration.vocabulary import Canal, NatureNom
from storage import tables
from tests.integration.registration.renewing import close_structure, renewable, renewal, set_columns
from tests.support.acteurs import AGENT, CLINIQUE, HOPITAL, MEDECIN, PHARMACIE
from tests.support.assertions import assert_refused
from tests.support.csrs import broken_csr
from tests.support.databases import assert_same_cost, count_rows
from tests.support.produits import PRODUITS, conditions, lot
from tests.support.world import World

Outcome = list[tuple[int, str | None, str | None, str | None]]


def verified(verdicts: tuple[Verdict, ...]) -> Outcome:
    """(position, reference, first code, its field) of each verdict."""
    return [
        (v.position, v.reference, v.refusals[0].code, v.refusals[0].champ)
        if v.refusals
        else (v.position, v.reference, None, None)
        for v in verdicts
    ]


def deposited(world: World, index: int) -> Outcome:
    return [(row.position or 0, row.reference, row.code_erreur, row.champ_erreur) for row in world.demandes(index)]


def a_lot_with_everything_in_it(world: World) -> tuple[DemandeForm, ...]:
    """All thirteen products, and one bad item for each thing that can be wrong."""
    good = [world.form(product, rank, reference=product) for rank, product in enumerate(PRODUITS)]
    shared = "partage@acacias.example"
    bad = [
        world.form(key=20, email_acteur="none"),
        world.form(key=20, email_informe="a@b"),
        world.form(key=20, structure=PHARMACIE),
        world.form(key=20, structure="10B0990045"),
        world.form("SERV_SSL_SERV", 20, fqdns=("evilacacias.example",)),
        world.form("SERV_SSL_SERV", 20, structure=CLINIQUE, fqdns=("www.portail.valdorge.example",)),
        world.form("SERV_SSL_SERV", 20, fqdns=("-x.acacias.example",)),
        world.form("SERV_SSL_SERV", 20, fqdns=()),
        world.form("SERV_SMIME", 20, adresse_email="a@evilacacias.example"),
        world.form("PRO_SIGN", 20, adresse_email="a@sous.acacias.example"),
        world.form("PRO_AUTH", 20, beneficiaire="899700990037"),
        world.form("PRO_AUTH", 20, upn="x"),
        world.form("PS_AUTH", 20, beneficiaire=AGENT),
        world.form("PS_AUTH", 20, structure=CLINIQUE),
        world.form("ORG_SIGN", 20, service_applicatif="a\u202eb"),
        world.form("ORG_SIGN", 20, service_applicatif=None),
        world.form(csr=broken_csr(20)),
        world.form(csr=b""),
        world.form(key=0),
        world.form(key=20, reference="good at last"),
        world.form(key=20, reference="too late"),
        world.form("PRO_SIGN", 21, adresse_email=shared, beneficiaire=AGENT),
        world.form("PRO_SIGN", 22, adresse_email=shared, beneficiaire=MEDECIN),
        world.form("PRO_SIGN", 0, adresse_email="y@acacias.example", beneficiaire=MEDECIN),
        world.form("PRO_SIGN", 23, adresse_email="y@acacias.example", beneficiaire=AGENT),
    ]
    return (*good, *bad)


@pytest.mark.parametrize("at_once", [0, 40])
def test_the_verdicts_are_those_of_the_deposit_and_nothing_is_stored(world: World, at_once: int) -> None:
    sized = world.with_policy(at_once=at_once)
    sized.issued(
        world.form("SERV_SIGN", 30, adresse_email="hugo@acacias.example"),
        world.form(key=5),
        reference="before",
    )
    forms = a_lot_with_everything_in_it(world)
    before = count_rows(world.db)
    verdicts = sized.ra.lots.verify(world.origin(), lot("lot-1", *forms))
    assert count_rows(world.db) == before
    index = sized.issued(*forms)
    assert verified(verdicts) == deposited(world, index)
    assert len({code for _, _, code, _ in verified(verdicts)}) >= 14
    # An item says all that is wrong with it, as the field rules do.
    assert all(refusal.texte for verdict in verdicts for refusal in verdict.refusals)


def test_it_says_everything_that_is_wrong_with_an_item(world: World) -> None:
    (verdict,) = world.ra.lots.verify(
        world.origin(),
        lot(
            "v", world.form("SERV_SSL_SERV", email_acteur="none", structure=PHARMACIE, fqdns=("x.y.example",), csr=b"")
        ),
    )
    assert [refusal.code for refusal in verdict.refusals] == [
        Code.EMAIL_ACTEUR_SYNTAX.value,
        Code.HABILITATION_MISSING.value,
        Code.CSR_REFUSED.value,
    ]


def test_a_key_twice_in_the_lot_is_told_by_its_position(world: World) -> None:
    verdicts = world.ra.lots.verify(world.origin(), lot("v", *world.forms(7), world.form(key=2)))
    assert [verdict.position for verdict in verdicts if verdict.refusals] == [8]
    assert "position 3" in verdicts[7].refusals[0].texte


def test_a_key_used_before_names_the_demande_even_when_it_stands_twice(world: World) -> None:
    numero = world.numeros(world.issued(world.form(key=0)))[0]
    verdicts = world.ra.lots.verify(world.origin(), lot("v", world.form(key=0), world.form(key=0)))
    assert all(f"demande n° {numero} " in verdict.refusals[0].texte for verdict in verdicts)


def test_the_same_refusals_as_the_deposit_for_the_whole_lot(world: World) -> None:
    for forms, error, code in (
        ((), IgcError, Code.TOO_MANY_ITEMS),
        ((world.form(),) * 41, IgcError, Code.TOO_MANY_ITEMS),
    ):
        with assert_refused(error, code):
            world.ra.lots.verify(world.origin(), lot("v", *forms))
    with pytest.raises(AccessError) as refused:
        world.ra.lots.verify(world.origin("inconnu"), lot("v", world.form()))
    assert refused.value.code is Code.NO_RIGHT


def test_a_check_uses_up_neither_reference_nor_key(world: World) -> None:
    forms = world.forms(6)
    for _ in range(2):
        assert not any(v.refusals for v in world.ra.lots.verify(world.origin(), lot("lot-1", *forms)))
    receipt = world.deposit(*forms)
    assert not receipt.already_known
    # Once deposited, the same items are refused: the keys are theirs.
    world.run_batch()
    assert all(v.refusals for v in world.ra.lots.verify(world.origin(), lot("lot-1", *forms)))


_ADDRESSES = [None, "a@acacias.example", "b@acacias.example"]
_ITEMS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(_ADDRESSES), st.sampled_from([AGENT, MEDECIN]), st.booleans()),
    min_size=1,
    max_size=9,
)


def test_check_and_deposit_agree_on_any_quarrel_over_keys_and_addresses(world: World) -> None:
    counter = iter(range(10**6))

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(_ITEMS)
    def agree(items: list[tuple[int, str | None, str, bool]]) -> None:
        round_ = next(counter)
        forms = tuple(
            world.form(
                "PRO_SIGN",
                4 * round_ + key,  # every round quarrels over keys of its own
                beneficiaire=who,
                adresse_email=None if address is None else f"{round_ // 3}-{address}",
                **({} if good else {"email_acteur": "none"}),
            )
            for key, address, who, good in items
        )
        verdicts = world.ra.lots.verify(world.origin(), lot("v", *forms))
        index = world.deposit(*forms, reference=f"round-{round_}").index
        world.register_pages()
        assert verified(verdicts) == deposited(world, index)
        if round_ % 2:
            world.ra.lots.cancel(world.origin(), index)

    agree()


def test_the_number_of_statements_does_not_grow_with_the_items(world: World) -> None:
    verify = world.with_policy(page_size=40).ra.lots.verify
    small, large = (
        lot("v", *(world.form(product, rank) for rank, product in enumerate((*PRODUITS,) * copies)))
        for copies in (1, 3)
    )
    assert_same_cost(world.db, partial(verify, world.origin(), small), partial(verify, world.origin(), large))


def test_it_tells_what_each_certificate_would_say_as_it_then_does(world: World) -> None:
    forms = [world.form(product, rank) for rank, product in enumerate(PRODUITS)]
    verdicts = world.ra.lots.verify(world.origin(), lot("v", *forms, world.form(key=20, email_acteur="none")))
    index = world.with_policy(at_once=20).issued(*forms)
    page = world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert len(page.retraits) == len(forms)
    for verdict, retrait in zip(verdicts, page.retraits, strict=False):
        certificate = x509.load_der_x509_certificate(retrait.der)
        detail = world.ra.demandes.read(world.acteurs["dr-leroux"], retrait.numero)
        assert (verdict.subject or "").replace("+", ", ") == ", ".join(
            f"{name}={value}" for name, value in detail.subject
        )
        assert alternatives_of(certificate) == [(one.nature, one.valeur) for one in verdict.alternatives]
    assert sum(1 for verdict in verdicts if verdict.alternatives) >= 5
    refused = verdicts[-1]
    assert (refused.subject, refused.alternatives, refused.warnings) == (None, (), ())


def alternatives_of(certificate: x509.Certificate) -> list[tuple[NatureNom, str]]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    found = []
    for one in names:
        if isinstance(one, x509.OtherName):
            found.append((NatureNom.UPN, one.value[2:].decode()))
        else:
            found.append((NatureNom.DNS if isinstance(one, x509.DNSName) else NatureNom.EMAIL, str(one.value)))
    return found


def warnings_of(verdict: Verdict) -> list[tuple[str, str | None]]:
    return [(one.code, one.champ) for one in verdict.warnings]


def test_a_name_that_nearly_is_that_of_insi_is_a_warning_on_org_auth_cli_alone(world: World) -> None:
    near = {"service_applicatif": "insi-auto"}
    verdicts = world.ra.lots.verify(
        world.origin(),
        lot(
            "v",
            world.form("ORG_AUTH_CLI", 0, **near),
            world.form("ORG_AUTH_CLI", 1, service_applicatif="INSI-AUTO"),
            world.form("ORG_SIGN", 2, **near),
            world.form("ORG_AUTH_CLI", 3, email_acteur="none", **near),
        ),
    )
    assert [warnings_of(verdict) for verdict in verdicts] == [[("AVT_WS_001", "serviceApplicatif")], [], [], []]
    assert "« insi-auto »" in verdicts[0].warnings[0].texte


def test_a_renewal_that_changes_the_subject_is_a_warning(world: World) -> None:
    old = renewable(world, "ORG_SIGN")
    (same,) = world.ra.lots.verify(world.origin(), lot("v", renewal(old, 50)))
    assert (same.refusals, same.warnings) == ((), ())
    before = same.subject
    set_columns(world, tables.Structure, tables.Structure.id_national == HOPITAL, raison_sociale="AUTRE NOM")
    (changed,) = world.ra.lots.verify(world.origin(), lot("v", renewal(old, 50)))
    assert warnings_of(changed) == [("AVT_WS_002", "renouvelle")]
    assert f"« {before} »" in changed.warnings[0].texte
    assert "O=AUTRE NOM" in (changed.subject or "")


def test_a_structure_that_nobody_knows_is_told_on_every_path(world: World) -> None:
    unknown = "10B0000000"
    form = world.form(structure=unknown)
    (verdict,) = world.ra.lots.verify(world.origin(), lot("v", form))
    assert [refusal.code for refusal in verdict.refusals] == ["ERR_IHM_005"]
    assert world.codes(world.deposit(form).index) == ["ERR_IHM_005"]
    for canal in (Canal.IHM, Canal.WS):
        with assert_refused(IgcError, Code.STRUCTURE_UNKNOWN, "structure"):
            world.ra.demandes.submit(world.origin(canal=canal), form)
    old = renewable(world, "ORG_SIGN", 7)
    close_structure(world, HOPITAL)
    (verdict,) = world.ra.lots.verify(world.origin(), lot("v", renewal(old, 51)))
    assert [refusal.code for refusal in verdict.refusals] == ["ERR_IHM_005"]


@pytest.mark.parametrize("structure", ["10B0000000", "0" * 20])
def test_a_search_for_a_structure_that_nobody_knows_says_so(world: World, structure: str) -> None:
    me = world.acteurs["dr-leroux"]
    searches = (
        lambda named: world.ra.demandes.search(me, SearchCriteria(all_offres=True, structure=named)),
        lambda named: world.ra.demandes.to_renew(me, RenewalCriteria(structure=named)),
        lambda named: world.ra.produits.search(me, ProduitCriteria(all_offres=True, structure=named)),
        lambda named: world.ra.revocations.search(
            me, RevocationCriteria(produit=CommonCriteria(all_offres=True, structure=named))
        ),
    )
    for search in searches:
        with assert_refused(IgcError, Code.STRUCTURE_UNKNOWN, "structure"):
            search(structure)
        # Of one that exists, that one has no right on it changes nothing: nothing is found.
        assert search(PHARMACIE).next_after is None
    world.deposit(world.form(structure=structure))
    close_structure(world, PHARMACIE)
    assert world.ra.demandes.search(me, SearchCriteria(all_offres=True, structure=PHARMACIE)).demandes == ()
