"""The follow-up as CSV: what the search gives and no more, page by page, with every refusal before the first byte."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from registration import exports
from registration.errors import Code, IgcError
from registration.exports import BOM
from registration.revocation_views import RevocationCriteria
from registration.views import ProduitCriteria, RenewalCriteria, SearchCriteria
from registration.vocabulary import EtatRevocation, Offre
from tests.integration.registration.renewing import renewable, renewal
from tests.integration.registration.test_revocation_lots import many, submit
from tests.support.acteurs import HOPITAL
from tests.support.produits import conditions
from tests.support.revoking import active, revocation_form
from tests.support.world import World

EVERY = SearchCriteria(all_offres=True)
Rows = list[dict[str, str]]


def read(chunks: Iterator[bytes]) -> Rows:
    text = b"".join(chunks).decode()
    assert text.startswith(BOM)
    return list(csv.DictReader(io.StringIO(text.removeprefix(BOM), newline=""), delimiter=";"))


def test_revocations_have_the_columns_of_the_guide_first(world: World) -> None:
    numero = active(world)
    planned = revocation_form(numero, date_effet="2026-12-15", motif="AUTRE", autre_motif="=1+1")
    index = submit(world, planned, revocation_form(numero, motif="VOL"), revocation_form(10**9)).index
    chunks = world.ra.revocations.export(world.origin().acteur, RevocationCriteria())
    rows = read(chunks)
    assert list(rows[0])[:12] == [
        "N° produit", "Canal", "Date de création", "Date d'effet de révocation", "Offre", "Usage",
        "Adresse email protégée", "Structure", "Bénéficiaire", "Demandeur", "État", "Motif",
    ]  # fmt: skip
    # What was refused names no certificate that anybody might follow, as in the search.
    stolen, superseded = rows
    assert (stolen["N° produit"], stolen["Motif"], stolen["État"], stolen["Résultat"]) == (
        str(numero), "Vol", "Close", "REVOQUE",
    )  # fmt: skip
    assert (superseded["Autre motif"], superseded["Date d'effet de révocation"]) == ("'=1+1", "15/12/2026 00:00")
    assert superseded["Remplacée par"] == stolen["N° demande de révocation"]
    assert {row["Index lot"] for row in rows} == {str(index)}
    assert stolen["Identifiant structure"] == HOPITAL
    assert "None" not in "".join("".join(row.values()) for row in rows)


def test_every_page_comes_in_the_order_of_the_search(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "PAGE", 3)
    numeros = many(world, 8)
    submit(world, *[revocation_form(numero) for numero in numeros])
    world.run_batch()
    acteur = world.origin().acteur
    chunks = list(world.ra.revocations.export(acteur, RevocationCriteria(etat=EtatRevocation.CLOSE)))
    assert len(chunks) == 1 + 3
    rows = read(iter(chunks))
    found = world.ra.revocations.search(acteur, RevocationCriteria(), limit=50).revocations
    assert [row["N° demande de révocation"] for row in rows] == [str(view.numero) for view in found]
    assert sorted(int(row["N° produit"]) for row in rows) == sorted(numeros)
    produits = read(world.ra.produits.export(acteur, ProduitCriteria(all_offres=True)))
    views = world.ra.produits.search(acteur, ProduitCriteria(all_offres=True), limit=50).produits
    assert [row["N° produit"] for row in produits] == [str(view.numero) for view in views]
    assert len(produits) > 3


def test_produits_and_what_is_to_renew_show_the_link(world: World) -> None:
    old = renewable(world)
    acteur = world.origin().acteur
    (listed,) = read(world.ra.demandes.export_to_renew(acteur, RenewalCriteria()))
    assert listed["N° demande"] == str(old)
    new = world.place(renewal(old))
    world.run_batch()
    world.ra.retraits.withdraw(world.origin(), new, conditions())
    rows = {row["N° produit"]: row for row in read(world.ra.produits.export(acteur, ProduitCriteria(all_offres=True)))}
    assert (rows[str(old)]["Renouvelé par"], rows[str(new)]["Renouvelle le produit"]) == (str(new), str(old))
    assert (rows[str(old)]["Renouvelle le produit"], rows[str(new)]["Renouvelé par"]) == ("", "")
    assert rows[str(new)]["AC émettrice"]
    assert read(world.ra.demandes.export_to_renew(acteur, RenewalCriteria())) == []
    for numero, renews, renewed in ((old, None, new), (new, old, None)):
        view = world.ra.produits.read(acteur, numero).produit
        assert (view.renouvelle, view.renouvelee_par) == (renews, renewed)


def test_refusals_come_before_the_first_byte(world: World) -> None:
    acteur = world.origin().acteur
    wide = SearchCriteria()
    acts: list[Callable[[], object]] = [
        partial(world.ra.demandes.export, acteur, wide),
        partial(world.ra.produits.export, acteur, ProduitCriteria()),
    ]
    for act in acts:
        with pytest.raises(IgcError) as caught:
            act()
        assert caught.value.code is Code.SEARCH_TOO_WIDE


def test_rights_are_those_of_each_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who loses them while his file is made gets no line more."""
    monkeypatch.setattr(exports, "PAGE", 2)
    world.issued(*world.forms(5))
    chunks = world.ra.demandes.export(world.origin().acteur, EVERY)
    begun = next(chunks) + next(chunks)
    world.withdraw_rights("dr-leroux")
    assert len(read(iter([begun, *chunks]))) == 2
    assert read(world.ra.demandes.export(world.origin().acteur, EVERY)) == []


def test_strangers_get_a_line_of_names_alone(world: World) -> None:
    submit(world, revocation_form(active(world)))
    stranger = world.origin("ph-arnaud").acteur
    assert read(world.ra.revocations.export(stranger, RevocationCriteria())) == []
    assert read(world.ra.produits.export(stranger, ProduitCriteria(offre=Offre.ORG))) == []
