"""Renewal (guide §8.6): what is taken over, when, by whom, one at a time; both canals, both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from registration.errors import Code, IgcError
from registration.lots import deposit
from registration.rules.issuers import issuer_names
from registration.vocabulary import Canal, CodeAction, EtatDemande, EtatProduit, Offre
from storage import tables
from tests.integration.registration.renewing import (
    active,
    close_structure,
    end_of,
    renewable,
    renewal,
    set_columns,
    withdraw,
)
from tests.support.acteurs import AGENT, HOPITAL, PHARMACIE
from tests.support.acteurs import withdraw_rights as take_rights
from tests.support.assertions import the
from tests.support.clock import NOON
from tests.support.concurrency import overtake, together
from tests.support.produits import PRODUITS, lot
from tests.support.revoking import revocation_form
from tests.support.world import World

PRODUCT_COLUMNS = (
    "offre",
    "usage",
    "id_structure",
    "id_beneficiaire",
    "service_applicatif",
    "adresse_email",
    "fqdns",
    "upn",
)


def refusal(world: World, numero: int | None, key: int = 50, **changes: Any) -> IgcError:
    """Why the portal refuses the renewal."""
    with pytest.raises(IgcError) as told:
        world.place(renewal(numero, key, **changes))
    return told.value


@pytest.mark.parametrize("product", list(PRODUITS))
def test_the_product_is_taken_over_and_the_contacts_too(world: World, product: str) -> None:
    old = renewable(world, product, email_informe="garde@acacias.example")
    new = world.place(renewal(old))
    before, after = world.demande(old), world.demande(new)
    assert after.etat == EtatDemande.VALIDEE
    for name in (*PRODUCT_COLUMNS, "email_acteur", "email_informe", "adresse_cle", "contenu"):
        assert getattr(after, name) == getattr(before, name), name
    assert after.renouvelle == old
    world.run_batch()
    withdraw(world, new)
    # Both are in force until the old one ends.
    assert {world.demande(numero).etat_produit for numero in (old, new)} == {EtatProduit.ACTIF}


def test_contacts_may_be_given(world: World) -> None:
    new = world.place(
        renewal(renewable(world), email_acteur="autre@acacias.example", email_informe="x@acacias.example")
    )
    assert (world.demande(new).email_acteur, world.demande(new).email_informe) == (
        "autre@acacias.example",
        "x@acacias.example",
    )


def test_the_subject_is_that_of_the_directory_of_today(world: World) -> None:
    old = renewable(world)
    set_columns(world, tables.Structure, tables.Structure.id_national == HOPITAL, raison_sociale="CENTRE DES MIMOSAS")
    new = world.place(renewal(old))
    assert ("O", "CENTRE DES MIMOSAS") in world.ra.demandes.read(world.origin().acteur, new).subject


@pytest.mark.parametrize(
    ("shift", "code"),
    [
        (timedelta(days=-30), None),
        (timedelta(days=-30, microseconds=-1), Code.RENEWAL_OUTSIDE_WINDOW),
        (timedelta(0), None),
        (timedelta(days=10), None),
        (timedelta(days=10, microseconds=1), Code.RENEWAL_OUTSIDE_WINDOW),
    ],
)
def test_both_edges_of_the_window_are_inside_to_the_instant(world: World, shift: timedelta, code: Code | None) -> None:
    old = active(world)
    world.clock.now = end_of(world, old) + shift
    if code is None:
        world.place(renewal(old))
    else:
        assert refusal(world, old).code is code


@pytest.mark.parametrize(
    "end",
    [
        datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC),  # the day that the next three years have not
        datetime(2027, 3, 28, 1, 0, 0, tzinfo=UTC),  # the hour that Paris passes over
        datetime(2027, 10, 31, 0, 30, 0, tzinfo=UTC),  # the hour that Paris has twice
        datetime(2027, 3, 31, 12, 0, 0, tzinfo=UTC),  # thirty days before it is no 31st
    ],
)
def test_the_window_counts_hours_and_no_calendar(world: World, end: datetime) -> None:
    old = active(world)
    world.set_end([old], end)
    for moment, allowed in (
        (end - timedelta(hours=30 * 24, seconds=1), False),
        (end + timedelta(hours=10 * 24, seconds=1), False),
        (end + timedelta(hours=10 * 24), True),
    ):
        world.clock.now = moment
        if allowed:
            world.cancel(world.place(renewal(old)))
        else:
            assert refusal(world, old).code is Code.RENEWAL_OUTSIDE_WINDOW
    world.clock.now = end - timedelta(hours=30 * 24)
    world.place(renewal(old, 51))


def test_the_refusal_tells_both_ends_of_the_window(world: World) -> None:
    old = active(world)
    world.set_end([old], datetime(2027, 4, 10, 22, 30, tzinfo=UTC))
    # In Paris the clocks change between the two.
    assert "du 11/03/2027 23:30 au 21/04/2027 00:30" in refusal(world, old).text


def test_the_window_is_a_setting(world: World) -> None:
    wide = world.with_policy(renewal_window=timedelta(days=60))
    old = active(wide)
    world.clock.now = end_of(world, old) - timedelta(days=60)
    assert refusal(world, old).code is Code.RENEWAL_OUTSIDE_WINDOW
    wide.place(renewal(old))


def test_only_what_was_withdrawn_and_not_revoked_is_renewed(world: World) -> None:
    waiting = world.place(world.form(key=0))
    assert "aucun certificat" in refusal(world, waiting).text
    world.run_batch()
    told = refusal(world, waiting)
    assert (told.code, "à retirer" in told.text) == (Code.NOT_RENEWABLE, True)
    world.cancel(waiting)
    told = refusal(world, waiting)
    assert (told.code, "révoqué" in told.text) == (Code.NOT_RENEWABLE, True)


@pytest.mark.parametrize(
    ("champ", "changes"),
    [
        ("offre", {"offre": "ORG"}),
        ("usage", {"usage": "SIGN"}),
        ("structure", {"structure": HOPITAL}),
        ("beneficiaire", {"beneficiaire": AGENT}),
        ("serviceApplicatif", {"service_applicatif": ""}),
        ("adresseEmail", {"adresse_email": "a@acacias.example"}),
        ("fqdn", {"fqdns": ("www.acacias.example",)}),
        ("upn", {"upn": "a@acacias.example"}),
    ],
)
def test_no_field_of_the_product_may_be_given(world: World, champ: str, changes: dict[str, Any]) -> None:
    told = refusal(world, 1, **changes)
    assert (told.code, told.champ) == (Code.FIELD_FORBIDDEN, champ)


@pytest.mark.parametrize(
    "changes",
    [
        {"renouvelle": ""},
        {"renouvelle": "-1"},
        {"renouvelle": "0"},
        {"renouvelle": "٣"},
        {"renouvelle": "9" * 19},
        {"renouvelle": "un"},
        {"renouvelle": None, "renouvelle_serie": "0a"},
        {"renouvelle": None, "renouvelle_autorite": "AC"},
        {"renouvelle": None, "renouvelle_autorite": "AC", "renouvelle_serie": "xyz"},
        {"renouvelle": None, "renouvelle_autorite": "AC", "renouvelle_serie": "00"},
        {"renouvelle": None, "renouvelle_autorite": "AC", "renouvelle_serie": "f" * 40},
        {"renouvelle_autorite": "AC", "renouvelle_serie": "0a"},
    ],
)
def test_what_names_no_certificate_is_told(world: World, changes: dict[str, Any]) -> None:
    assert refusal(world, 1, **changes).code is Code.FIELD_INVALID


@pytest.mark.parametrize("numero", [99, 10**18 - 1])
def test_an_unknown_product_and_that_of_another_answer_alike(world: World, numero: int) -> None:
    told: list[IgcError] = []
    for named in (numero, renewable(world)):
        with pytest.raises(IgcError) as raised:
            world.place(renewal(named), sender="ide-marchand")
        told.append(raised.value)
    unknown, hidden = told
    assert unknown.code is Code.DEMANDE_UNKNOWN
    assert (unknown.text, unknown.champ) == (hidden.text, hidden.champ)


def test_a_certificate_is_named_by_its_authority_and_serial_in_any_notation(world: World) -> None:
    known = world.with_policy(issuers=issuer_names(world.hierarchy.authorities))
    old = renewable(known)
    row = world.certificat(old)
    subject = world.hierarchy.authorities[row.autorite].certificate.subject
    colons = ":".join(row.serial[at : at + 2] for at in range(0, len(row.serial), 2)).upper()
    for autorite, serie in (
        (row.autorite, row.serial),
        (row.autorite.upper(), colons),
        (subject.rfc4514_string(), f"0x00{row.serial}"),
        (f"  {subject.rfc4514_string().lower()} ", row.serial.lstrip("0").replace("a", "A ")),
    ):
        new = known.place(renewal(None, renouvelle_autorite=autorite, renouvelle_serie=serie))
        assert world.demande(new).renouvelle == old
        world.cancel(new)
        world.clock.advance(seconds=1)
        set_columns(
            world,
            tables.ClePublique,
            tables.ClePublique.id_demande == new,
            spki_sha256=bytes(28) + new.to_bytes(4, "big"),
        )
    with pytest.raises(IgcError) as told:
        known.place(renewal(None, renouvelle_autorite="AC d'ailleurs", renouvelle_serie=row.serial))
    assert told.value.code is Code.DEMANDE_UNKNOWN


# --- rights and directory of today ---


def test_whoever_may_ask_for_the_product_now_may_renew_it(world: World) -> None:
    old = renewable(world)
    new = world.place(renewal(old), sender="administrateur")
    assert world.demande(new).etat == EtatDemande.VALIDEE


def test_a_lost_right_refuses_on_each_canal_by_its_own_code(world: World) -> None:
    old = active(world)
    take_rights(world.db, world.acteurs["dr-leroux"], NOON)
    world.grant("dr-leroux", Offre.PRO, HOPITAL, "*@acacias.example")
    world.clock.now = end_of(world, old)
    index = world.deposit(renewal(old, 50)).index
    assert world.codes(index) == [Code.HABILITATION_MISSING]
    assert refusal(world, old, 51).code is Code.HABILITATION_LOST


def test_who_has_no_right_learns_nothing_of_the_state(world: World) -> None:
    """He sent it, so that it exists for him; that it cannot be renewed yet he is not told."""
    old = active(world, "SERV_SSL_SERV")
    take_rights(world.db, world.acteurs["dr-leroux"], NOON)
    world.grant("dr-leroux", Offre.PRO, HOPITAL, "*@acacias.example")
    (verdict,) = world.ra.lots.verify(world.origin(), lot("a", renewal(old)))
    assert {each.code for each in verdict.refusals} == {Code.HABILITATION_MISSING}


@pytest.mark.parametrize("product", ["SERV_SSL_SERV", "SERV_SMIME", "PRO_SIGN", "PRO_AUTH"])
def test_a_withdrawn_pattern_is_a_lost_right(world: World, product: str) -> None:
    old = active(world, product)
    offre = PRODUITS[product][0]
    take_rights(world.db, world.acteurs["dr-leroux"], NOON)
    world.grant("dr-leroux", offre, HOPITAL, "*@ailleurs.example" if offre is Offre.PRO else "*ailleurs.example")
    world.clock.now = end_of(world, old)
    index = world.deposit(renewal(old, 50)).index
    assert world.codes(index) == [Code.HABILITATION_MISSING]
    assert refusal(world, old, 51).code is Code.HABILITATION_LOST


def test_a_bearer_may_follow_and_not_renew(world: World) -> None:
    old = renewable(world, "PRO_AUTH")
    take_rights(world.db, world.acteurs["administrateur"], NOON)
    with pytest.raises(IgcError) as told:
        world.place(renewal(old), sender="administrateur")
    assert told.value.code is Code.HABILITATION_MISSING


def test_a_structure_that_vanished_and_a_beneficiaire_no_longer_attached(world: World) -> None:
    old = renewable(world, "PRO_AUTH")
    set_columns(world, tables.Rattachement, tables.Rattachement.id_personne == AGENT, disparu_le=world.clock())
    assert refusal(world, old).code is Code.BENEFICIAIRE_MISSING
    close_structure(world, HOPITAL)
    assert refusal(world, old).code is Code.STRUCTURE_UNKNOWN


def test_an_address_that_became_another_s_meanwhile(world: World) -> None:
    old = renewable(world, "SERV_SMIME")
    world.clock.now = end_of(world, old) + timedelta(days=1)
    world.place(world.form("SERV_SMIME", 1, service_applicatif="Un autre service"))
    assert refusal(world, old).code is Code.EMAIL_TAKEN


def test_the_old_key_is_refused_with_the_demande_it_stands_in(world: World) -> None:
    old = renewable(world)
    told = refusal(world, old, 0)
    assert told.code is Code.CSR_REFUSED
    assert f"demande n° {old} " in told.text
    assert "nouvelle clé" in told.text


# --- one at a time ---


def test_another_one_is_refused_while_one_is_open_or_active(world: World) -> None:
    old = renewable(world)
    first = world.place(renewal(old, 50))
    told = refusal(world, old, 51)
    assert (told.code, f"demande n° {first} (état Validée)" in told.text) == (Code.RENEWAL_TAKEN, True)
    world.run_batch()
    withdraw(world, first)
    told = refusal(world, old, 51)
    assert (told.code, f"demande n° {first}, dont le certificat est retiré" in told.text) == (Code.RENEWAL_TAKEN, True)


def test_a_cancellation_frees_the_way(world: World) -> None:
    old = renewable(world)
    world.cancel(world.place(renewal(old, 50)))
    second = world.place(renewal(old, 51))
    world.run_batch()
    world.cancel(second)
    third = world.place(renewal(old, 52))
    assert world.ra.demandes.read(world.origin().acteur, old).demande.renouvelee_par == third


def test_a_rejected_renewal_is_in_nobody_s_way(world: World) -> None:
    old = renewable(world)
    index = world.deposit(renewal(old, 0), renewal(old, 50)).index
    assert world.codes(index) == [Code.CSR_REFUSED, Code.RENEWAL_TAKEN]
    world.place(renewal(old, 51))


@pytest.mark.parametrize("large", [False, True])
def test_named_twice_in_a_lot_the_second_is_refused_with_the_position_of_the_first(world: World, large: bool) -> None:
    other, old = active(world, key=1), renewable(world)
    between = tuple(world.form(key=key) for key in range(10, 18)) if large else ()
    forms = (renewal(other, 50), renewal(old, 51), *between, renewal(old, 52))
    (*_, last) = world.ra.lots.verify(world.origin(), lot("a", *forms))
    index = world.deposit(*forms).index
    world.register_pages()
    assert world.codes(index) == [None, None, *[None] * len(between), Code.RENEWAL_TAKEN]
    for text_ in (world.demandes(index)[-1].texte_erreur or "", last.refusals[0].texte):
        assert "position 2" in text_


def test_members_of_a_lot_that_end_in_the_same_second_are_renewed_together(world: World) -> None:
    index = world.issued(*world.forms(6))
    numeros = world.numeros(index)
    for numero in numeros:
        withdraw(world, numero)
    assert len({end_of(world, numero) for numero in numeros}) == 1
    world.clock.now = end_of(world, numeros[0]) - timedelta(days=30)
    renewed = world.issued(*(renewal(numero, 20 + numero) for numero in numeros), reference="renouvellement")
    assert world.codes(renewed) == [None] * 6
    assert [row.renouvelle for row in world.demandes(renewed)] == numeros
    assert set(world.etats(renewed)) == {EtatDemande.TRANSMISE}


def test_pages_ask_the_rules_again(world: World) -> None:
    """The right ends between the deposit of a large lot and the registration of its pages."""
    numeros = [active(world, key=key) for key in range(5)]
    world.clock.now = end_of(world, numeros[0])
    index = world.deposit(*(renewal(numero, 20 + numero) for numero in numeros)).index
    take_rights(world.db, world.acteurs["dr-leroux"], NOON)
    world.register_pages()
    assert set(world.codes(index)) == {Code.HABILITATION_MISSING}


def test_a_deposit_of_renewals_is_idempotent(world: World) -> None:
    other, old = active(world, key=1), renewable(world)
    first, again = world.deposit(renewal(old)), world.deposit(renewal(old))
    assert (first.index, again.already_known) == (again.index, True)
    with pytest.raises(IgcError) as told:
        world.deposit(renewal(other))
    assert told.value.code is Code.LOT_CONFLICT


@pytest.mark.parametrize("rivals", [2, 5])
def test_of_renewals_at_the_same_moment_exactly_one_is_accepted(world: World, rivals: int) -> None:
    old = renewable(world)
    acts = [partial(world.deposit, renewal(old, 50 + rank), reference=f"r{rank}") for rank in range(rivals)]
    receipts = [each for each in together(acts) if not isinstance(each, Exception)]
    codes = [world.codes(receipt.index)[0] for receipt in receipts]
    assert sorted(code or "" for code in codes) == ["", *[Code.RENEWAL_TAKEN] * (rivals - 1)]


def test_who_comes_while_another_is_registered_waits_for_it_and_finds_it(world: World) -> None:
    old = renewable(world)
    first, second = overtake(
        world.db,
        lambda: deposit.submit(world.db, world.origin(), lot("a", renewal(old, 50)), world.clock(), world.policy.lots),
        "INSERT INTO demande",
        lambda: deposit.submit(world.db, world.origin(), lot("b", renewal(old, 51)), world.clock(), world.policy.lots),
    )
    assert world.codes(first.index) == [None]
    assert world.codes(second.index) == [Code.RENEWAL_TAKEN]


def test_the_database_has_one_renewal_at_a_time_whatever_forgets_to_ask(world: World) -> None:
    old = renewable(world)
    first, other = world.place(renewal(old)), world.place(world.form(key=60))
    with pytest.raises(IntegrityError), world.db.write() as session:
        session.execute(text("UPDATE demande SET renouvelle = :old WHERE id = :other"), {"old": old, "other": other})
    world.cancel(first)
    with world.db.write() as session:
        session.execute(text("UPDATE demande SET renouvelle = :old WHERE id = :other"), {"old": old, "other": other})


def test_what_was_rejected_has_nothing_to_renew_whatever_it_lacked(world: World) -> None:
    """Its sender, who has no right to what it names or does not name, is told of its state and not of its fields."""
    lacking: list[dict[str, Any]] = [{"offre": None}, {"structure": PHARMACIE}]
    for rank, changes in enumerate(lacking):
        (numero,) = world.numeros(world.deposit(world.form(**changes), reference=f"bad-{rank}").index)
        with pytest.raises(IgcError) as told:
            world.place(renewal(numero))
        assert (told.value.code, told.value.champ) == (Code.NOT_RENEWABLE, "renouvelle")
        assert "Rejetée" in told.value.text


# --- told ---


def test_the_link_is_told_both_ways_and_in_the_history(world: World) -> None:
    old = renewable(world)
    new = world.place(renewal(old))
    read = partial(world.ra.demandes.read, world.origin().acteur)
    assert (read(old).demande.renouvelee_par, read(old).demande.renouvelle) == (new, None)
    assert (read(new).demande.renouvelle, read(new).demande.renouvelee_par) == (old, None)
    assert world.steps(old)[-1] is CodeAction.RENEWAL_RECORDED
    line = read(old).historique[-1]
    assert (line.canal, line.etat, line.date) == (Canal.IHM, EtatDemande.CLOSE, world.clock())


def test_a_renewal_may_be_renewed(world: World) -> None:
    first = renewable(world)
    second = world.place(renewal(first, 50))
    world.run_batch()
    withdraw(world, second)
    world.clock.now = end_of(world, second)
    third = world.place(renewal(second, 51))
    assert world.demande(third).renouvelle == second


def test_verifying_tells_what_depositing_would_and_stores_nothing(world: World) -> None:
    old = renewable(world)
    early = active(world, key=1)
    forms = (renewal(old, 50), renewal(early, 51), renewal(99, 52), renewal(old, 0), world.form(key=53))
    verdicts = world.ra.lots.verify(world.origin(), lot("a", *forms))
    told = [tuple(each.code for each in verdict.refusals) for verdict in verdicts]
    assert [codes[0] if codes else None for codes in told] == [
        None, Code.RENEWAL_OUTSIDE_WINDOW, Code.DEMANDE_UNKNOWN, Code.RENEWAL_TAKEN, None,
    ]  # fmt: skip
    assert world.ra.demandes.read(world.origin().acteur, old).demande.renouvelee_par is None


def test_what_is_to_be_revoked_is_not_renewed_before_that_was_given_up(world: World) -> None:
    old = renewable(world)
    day = (world.clock.now + timedelta(days=5)).date().isoformat()
    asked = world.ra.revocations.revoke(world.origin(), revocation_form(old, date_effet=day))
    told = refusal(world, old)
    assert (told.code, "révocation est prévue le" in told.text) == (Code.NOT_RENEWABLE, True)
    world.ra.revocations.give_up(world.origin(), the(asked.numero))
    world.place(renewal(old, 51))
