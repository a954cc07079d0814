"""Bad items in a lot: each is refused with its code, none stops the others, nothing outgrows a column."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from registration.errors import Code
from registration.values import DemandeForm
from registration.vocabulary import EtatDemande, Offre, Usage
from storage import tables
from tests.support.acteurs import AGENT, HOPITAL, PHARMACIE
from tests.support.produits import lot
from tests.support.world import World

# U+FB2C has no composed form: NFC turns each into three characters.
GROWS_COMPOSED = "\ufb2c" * 64
# Folding the case of this letter gives three.
GROWS_FOLDED = "\u0390" * 64
LONG_FQDN = f"{'a' * 60}.{'b' * 60}.{'c' * 60}.acacias.example"


def test_what_is_too_long_for_a_certificate_is_refused_and_stored_cut(world: World) -> None:
    """A certificate's CN has at most 64 characters (RFC 5280 appendix A.1)."""
    index = world.issued(
        world.form("ORG_SIGN", 0, service_applicatif=GROWS_COMPOSED),
        world.form("SERV_SSL_SERV", 1, fqdns=(LONG_FQDN,)),
        world.form("SERV_SMIME", 2, service_applicatif=GROWS_FOLDED),
        world.form("ORG_SIGN", 3, service_applicatif="x" * 65),
        world.form(key=4),
    )
    rows = world.demandes(index)
    found = [(row.code_erreur, row.champ_erreur) for row in rows]
    assert found == [
        (Code.FIELD_INVALID.value, "serviceApplicatif"),
        (Code.FIELD_INVALID.value, "fqdn"),
        (None, None),
        (Code.FIELD_INVALID.value, "serviceApplicatif"),
        (None, None),
    ]
    assert all(len(row.service_applicatif or "") <= 64 for row in rows)
    assert all("64 caractères" in (row.texte_erreur or "") for row in rows if row.code_erreur)


def test_a_long_server_name_is_told_that_it_would_do_in_second_place(world: World) -> None:
    index = world.issued(
        world.form("SERV_SSL_SERV", 0, fqdns=(LONG_FQDN, "www.acacias.example")),
        world.form("SERV_SSL_SERV", 1, fqdns=("www.acacias.example", LONG_FQDN)),
    )
    first, second = world.demandes(index)
    assert (first.code_erreur, first.champ_erreur) == (Code.FIELD_INVALID.value, "fqdn")
    assert "64 caractères" in (first.texte_erreur or "")
    assert "en deuxième" in (first.texte_erreur or "")
    assert second.code_erreur is None


def test_a_limit_that_the_directory_breaks_is_told_with_its_number(world: World) -> None:
    with world.db.write() as session:
        session.execute(
            update(tables.Personne).where(tables.Personne.id_national == AGENT).values(prenom="Marie-" * 13)
        )
    (verdict,) = world.ra.lots.verify(world.origin(), lot("v", world.form("PRO_SIGN", 0)))
    (refusal,) = verdict.refusals
    assert (refusal.code, refusal.champ) == (Code.FIELD_INVALID.value, "beneficiaire")
    assert "prénom" in refusal.texte
    assert "64 caractères" in refusal.texte


HUGE = "1" + "Z" * 400
ODD = "a\x00b\x1b[31m\u202e"


TEXTS = (HUGE, ODD, "", " ", "'; --", "\ufffd" * 300)
KINDS = ((Offre.ORG, Usage.SIGN), (Offre.SERV, Usage.SSL_SERV), (Offre.PRO, Usage.AUTH), (Offre.PS, Usage.AUTH))


@pytest.mark.parametrize("at_once", [0, 300])
def test_whatever_stands_in_an_item_it_ends_as_a_refusal(world: World, at_once: int) -> None:
    """The contract forbids these; the rules must hold without it."""
    everywhere, single = [], []
    for text in TEXTS:
        values: dict[str, Any] = {
            "structure": text,
            "beneficiaire": text,
            "service_applicatif": text,
            "adresse_email": text,
            "fqdns": (text,),
            "upn": text,
            "email_acteur": text,
            "email_informe": text,
        }
        everywhere += [
            DemandeForm(offre=offre, usage=usage, csr=text.encode(), **{**values, "structure": structure})
            for offre, usage in KINDS
            for structure in (text, HOPITAL, None)
        ]
        single += [
            world.form(product, 20, **{name: value})
            for product in ("ORG_SIGN", "SERV_SMIME", "PRO_AUTH")
            for name, value in values.items()
        ]
    world = world.with_policy(max_items=300, at_once=at_once, page_size=50)
    index = world.issued(*everywhere, *single, world.form(key=0))
    etats = world.etats(index)
    assert etats[: len(everywhere)] == [EtatDemande.REJETEE] * len(everywhere)
    assert etats[-1] is EtatDemande.TRANSMISE
    assert EtatDemande.NON_TRAITEE not in etats
    assert len(world.ra.lots.list_demandes(world.acteurs["dr-leroux"], index, limit=300).demandes) == len(etats)
    for row in world.demandes(index):
        assert (row.texte_erreur or "").isprintable()


def test_the_first_of_several_reasons_is_the_one_that_is_kept(world: World) -> None:
    index = world.issued(world.form("SERV_SSL_SERV", email_acteur="none", structure=PHARMACIE, csr=b""))
    (row,) = world.demandes(index)
    assert (row.code_erreur, row.champ_erreur) == (Code.EMAIL_ACTEUR_SYNTAX.value, "emailActeur")


def test_a_structure_out_of_his_perimeter_is_forbidden_and_one_that_does_not_exist_unknown(world: World) -> None:
    verdicts = world.ra.lots.verify(
        world.origin(), lot("v", world.form(key=0, structure=PHARMACIE), world.form(key=1, structure="10B0999999"))
    )
    assert [[refusal.code for refusal in verdict.refusals] for verdict in verdicts] == [
        ["ERR_IHM_026"],
        ["ERR_IHM_005"],
    ]


PATTERNS = [
    ("*hopital.example", "evilhopital.example", False),
    ("*hopital.example", "www.hopital.example", True),
    ("*Hopital.EXAMPLE", "WWW.hopital.example", True),
    ("*.hopital.example", "hopital.example", False),
    ("www.hopital.example", "www.hopital.example", True),
    ("www.hopital.example", "a.www.hopital.example", False),
    ("*hôpital.example", "www.xn--hpital-ixa.example", True),
    ("*@hopital.example", "hopital.example", False),
    ("*example", "hopital.example", False),
    ("*", "hopital.example", False),
]


def test_the_habilitation_as_stored_decides(world: World) -> None:
    for pattern, fqdn, accepted in PATTERNS:
        world.withdraw_rights("ide-marchand")
        world.grant("ide-marchand", Offre.SERV, HOPITAL, pattern)
        asked = lot("v", world.form("SERV_SSL_SERV", fqdns=(fqdn,)))
        (verdict,) = world.ra.lots.verify(world.origin("ide-marchand"), asked)
        expected = [] if accepted else [Code.DOMAIN_NOT_ENTITLED.value]
        assert [refusal.code for refusal in verdict.refusals] == expected, (pattern, fqdn)
