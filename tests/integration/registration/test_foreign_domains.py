"""Nobody gets a name in a domain of somebody else: UPN of persons, protected addresses of offre PS (decision 22)."""

from __future__ import annotations

import pytest

from registration.errors import Code
from registration.values import DemandeForm
from registration.vocabulary import Offre, Plateforme, Usage
from tests.support.acteurs import CLINIQUE, HOPITAL
from tests.support.databases import statements
from tests.support.produits import lot
from tests.support.world import World

RESERVED, NOT_ENTITLED, UPN_REFUSED = (
    Code.DOMAIN_RESERVED.value, Code.DOMAIN_NOT_ENTITLED.value, Code.UPN_DOMAIN_REFUSED.value,
)  # fmt: skip
STRANGER = "ph-arnaud"  # orders for herself, administers nothing


def refusals(world: World, *forms: DemandeForm, sender: str = STRANGER) -> list[list[tuple[str, str | None]]]:
    """(code, champ) of every refusal of each item, as a deposit would give them."""
    verdicts = world.ra.lots.verify(world.origin(sender), lot("v", *forms))
    return [[(one.code, one.champ) for one in verdict.refusals] for verdict in verdicts]


def address_refused(world: World, address: str, sender: str = STRANGER) -> bool:
    (found,) = refusals(world, world.form("PS_SIGN", 0, adresse_email=address), sender=sender)
    assert found in ([], [(RESERVED, "adresseEmail")])
    return bool(found)


def upn_refusal(world: World, upn: str, product: str = "PS_AUTH", sender: str = STRANGER) -> str | None:
    (found,) = refusals(world, world.form(product, 0, upn=upn), sender=sender)
    assert [champ for _, champ in found] == ["upn"] * len(found)
    return found[0][0] if found else None


@pytest.mark.parametrize("usage", [Usage.SIGN, Usage.CONF])
def test_a_ps_gets_no_address_of_a_hospital_and_the_hospital_gets_its_own(world: World, usage: Usage) -> None:
    """The attack: administrateur@ of a hospital for anybody with a card, then 064 for the hospital's own order."""
    taken = world.form(f"PS_{usage.name}", 0, adresse_email="Administrateur@Acacias.example")
    index = world.issued(taken, sender=STRANGER, reference="attack")
    (row,) = world.demandes(index)
    assert (row.code_erreur, row.champ_erreur) == (RESERVED, "adresseEmail")
    assert "acacias.example" in (row.texte_erreur or "")
    theirs = world.form("PRO_SIGN", 1, adresse_email="administrateur@acacias.example")
    assert world.codes(world.issued(theirs, sender="dpi-acacias", reference="own")) == [None]


@pytest.mark.parametrize(
    ("offre", "pattern", "refused", "free"),
    [
        (Offre.PRO, "*@h.example", ["h.example", "H.EXAMPLE"], ["a.h.example", "evilh.example", "h.example.evil.org"]),
        (Offre.PRO, "*h.example", ["h.example", "a.h.example", "a.b.h.example"], ["evilh.example"]),
        (Offre.PRO, "*.h.example", ["a.h.example", "a.b.h.example"], ["h.example", "evil-h.example"]),
        (Offre.PRO, "h.example", [], ["h.example"]),  # a form that offre PRO does not know: it covers nothing
        (Offre.SERV, "h.example", ["h.example"], ["a.h.example"]),
        (Offre.SERV, "*h.example", ["h.example", "mail.h.example"], ["evilh.example"]),
        (Offre.SERV, "*.h.example", ["mail.h.example"], ["h.example"]),
        (Offre.PRO, "*@Hôpital.example", ["hôpital.example", "xn--hpital-ixa.example", "HÔPITAL.EXAMPLE"], ["h.example"]),
        (Offre.PRO, "*@xn--hpital-ixa.example", ["hôpital.example", "ho\u0302pital.example"], ["hopital.example"]),
        (Offre.SERV, "*example", [], ["h.example"]),  # covers nothing, for nobody
    ],
)  # fmt: skip
def test_what_the_pattern_of_somebody_else_covers(
    world: World, offre: Offre, pattern: str, refused: list[str], free: list[str]
) -> None:
    world.grant("ide-marchand", offre, CLINIQUE, pattern)
    assert {domain: address_refused(world, f"direction@{domain}") for domain in refused + free} == (
        dict.fromkeys(refused, True) | dict.fromkeys(free, False)
    )


def test_who_holds_the_domain_himself_may_take_an_address_in_it(world: World) -> None:
    """Offre PRO would give it to her anyway; that others hold the domain too changes nothing."""
    assert not address_refused(world, "camille@acacias.example", sender="dr-leroux")
    world.withdraw_rights("dr-leroux")
    assert address_refused(world, "camille@acacias.example", sender="dr-leroux")


def test_rights_of_the_other_plateforme_reserve_nothing(world: World, production: World) -> None:
    production.grant("ide-marchand", Offre.PRO, CLINIQUE, "*@autre.example")
    assert production.plateforme is Plateforme.PRODUCTION
    assert not address_refused(world, "direction@autre.example")
    assert address_refused(production, "direction@autre.example")


def test_a_right_withdrawn_reserves_nothing_any_more(world: World) -> None:
    world.grant("ide-marchand", Offre.PRO, CLINIQUE, "*@autre.example")
    assert address_refused(world, "direction@autre.example")
    world.withdraw_rights("ide-marchand")
    assert not address_refused(world, "direction@autre.example")


def test_the_patterns_of_others_are_one_statement_and_none_without_an_address(world: World) -> None:
    def cost(count: int, product: str) -> int:
        forms = [world.form(product, rank) for rank in range(count)]
        with statements(world.db.engine) as sent:
            refusals(world.with_policy(page_size=40), *forms)
        return sum("habilitation.domaine" in statement and "acteur" in statement for statement in sent)

    with_address, without = cost(3, "PS_SIGN"), cost(3, "PS_AUTH")
    assert with_address == cost(9, "PS_SIGN") == without + 1


UPNS = [
    ("*@acacias.example", "hugo@acacias.example", None),
    ("*@acacias.example", "Hugo@ACACIAS.example", None),
    ("*acacias.example", "hugo@ad.acacias.example", None),
    ("*@acacias.example", "hugo@ad.acacias.example", NOT_ENTITLED),
    ("*@acacias.example", "administrateur@hopital.example", NOT_ENTITLED),
    ("*@acacias.example", "administrateur@evilacacias.example", NOT_ENTITLED),
    ("*@acacias.example", "administrateur@acacias.example.evil.org", NOT_ENTITLED),
    ("*.acacias.example", "hugo@acacias.example", NOT_ENTITLED),
    ("acacias.example", "hugo@acacias.example", NOT_ENTITLED),
]


@pytest.mark.parametrize(("pattern", "upn", "code"), UPNS)
def test_the_upn_of_a_pro_lies_in_a_domain_of_his_administrateur(
    world: World, pattern: str, upn: str, code: str | None
) -> None:
    world.withdraw_rights("dr-leroux")
    world.grant("dr-leroux", Offre.PRO, HOPITAL, pattern)
    assert upn_refusal(world, upn, "PRO_AUTH", "dr-leroux") == code


def test_rights_on_another_structure_or_offre_give_no_upn(world: World) -> None:
    world.withdraw_rights("dr-leroux")
    world.grant("dr-leroux", Offre.PRO, HOPITAL, "*@acacias.example")
    world.grant("dr-leroux", Offre.PRO, CLINIQUE, "*@valdorge.example")
    world.grant("dr-leroux", Offre.SERV, HOPITAL, "*serv.example")
    assert upn_refusal(world, "hugo@valdorge.example", "PRO_AUTH", "dr-leroux") == NOT_ENTITLED
    assert upn_refusal(world, "hugo@serv.example", "PRO_AUTH", "dr-leroux") == NOT_ENTITLED


@pytest.mark.parametrize("sender", [STRANGER, "dr-leroux"])
def test_a_ps_has_no_upn_unless_an_operator_allows_its_domain(world: World, sender: str) -> None:
    strict = world.with_policy(ps_upn_domains=())
    for upn in ("administrateur@acacias.example", "camille@cabinet.example", "a@b.example"):
        assert upn_refusal(strict, upn, sender=sender) == UPN_REFUSED
    (found,) = refusals(strict, strict.form("PS_AUTH", 0, upn=None), sender=sender)
    assert found == []


@pytest.mark.parametrize(
    ("allowed", "upn", "code"),
    [
        ("cabinet.example", "camille@cabinet.example", None),
        ("cabinet.example", "camille@CABINET.example", None),
        ("cabinet.example", "camille@sub.cabinet.example", UPN_REFUSED),
        ("*cabinet.example", "camille@sub.cabinet.example", None),
        ("*cabinet.example", "camille@evilcabinet.example", UPN_REFUSED),
        ("*.cabinet.example", "camille@cabinet.example", UPN_REFUSED),
        ("cabinet.example", "administrateur@acacias.example", UPN_REFUSED),
    ],
)
def test_an_operator_allows_upn_domains_of_ps(world: World, allowed: str, upn: str, code: str | None) -> None:
    assert upn_refusal(world.with_policy(ps_upn_domains=(allowed,)), upn) == code


def test_the_upn_is_certified_as_typed_its_domain_in_lower_case(world: World) -> None:
    index = world.issued(world.form("PRO_AUTH", 0, upn="Hugo.Bertin@ACACIAS.Example"))
    (row,) = world.demandes(index)
    assert (row.upn, row.code_erreur) == ("Hugo.Bertin@acacias.example", None)
