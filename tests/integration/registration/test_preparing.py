"""What who fills in a form is told beforehand: what is open to him, what would be refused, what would be certified."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registration.errors import IgcError
from registration.life.fermetures import close
from registration.values import DemandeForm, Origin
from registration.vocabulary import Canal, GenreBrouillon, Offre, Usage, product_code
from tests.integration.registration.renewing import active, end_of, renewable, renewal
from tests.integration.registration.test_brouillons import who
from tests.support.acteurs import AGENT, CLINIQUE, HOPITAL, MEDECIN, PHARMACIENNE
from tests.support.csrs import csr, small_csr
from tests.support.databases import count_rows, statements
from tests.support.produits import PRODUITS, lot
from tests.support.world import World


def origin(world: World, name: str = "dr-leroux", *, offered: frozenset[str] = frozenset()) -> Origin:
    return Origin(acteur=world.acteurs[name], canal=Canal.IHM, offered=offered)


def refused(world: World, *args: str | None, name: str = "dr-leroux", offered: str = "") -> tuple[str, str | None]:
    offre, *rest = args
    given = origin(world, name, offered=frozenset({offered} if offered else ()))
    with pytest.raises(IgcError) as caught:
        world.ra.demandes.ouverture(given, Offre(offre or ""), *rest)
    return caught.value.code.value, caught.value.champ


def codes(world: World, form: DemandeForm, name: str = "dr-leroux") -> list[tuple[str, str | None]]:
    return [(one.code.value, one.champ) for one in world.ra.demandes.foresee(origin(world, name), form).refusals]


def test_what_is_open(world: World) -> None:
    serv = world.ra.demandes.ouverture(origin(world), Offre.SERV, HOPITAL)
    assert (serv.raison_sociale, serv.beneficiaire) == ("CENTRE HOSPITALIER DES ACACIAS", None)
    assert [(one.domaine, one.saisie.value) for one in serv.domaines] == [("acacias.example", "FACULTATIVE")]
    assert serv.domaines_serveur == serv.domaines
    pro = world.ra.demandes.ouverture(origin(world), Offre.PRO, HOPITAL, PHARMACIENNE)
    assert (pro.beneficiaire, pro.beneficiaire_libelle) == (PHARMACIENNE, "ARNAUD INES")
    # *@d names addresses, and no server.
    assert [(one.domaine, one.saisie.value) for one in pro.domaines] == [("acacias.example", "NON_MODIFIABLE")]
    assert pro.domaines_serveur == ()
    assert world.ra.demandes.ouverture(origin(world), Offre.PRO, HOPITAL).beneficiaire is None
    own = world.ra.demandes.ouverture(origin(world), Offre.PS, None)
    assert (own.structure, own.beneficiaire, own.beneficiaire_libelle) == (None, MEDECIN, "LEROUX CAMILLE")
    with world.db.write() as session:
        assert close(session, world.plateforme, (Offre.ORG, Usage.SIGN), world.clock(), "essai", None)
    assert world.ra.demandes.ouverture(origin(world), Offre.ORG, HOPITAL).fermes == {Usage.SIGN}


def test_what_is_not_open_is_refused_as_a_demande_would_be(world: World) -> None:
    assert refused(world, "ORG", HOPITAL, name="ide-marchand") == ("ERR_IHM_026", "structure")
    assert refused(world, "ORG", HOPITAL, name="ide-marchand", offered=HOPITAL) == ("ERR_IHM_020", "structure")
    assert refused(world, "SERV", CLINIQUE, name="ide-marchand") == ("ERR_IHM_020", "structure")
    assert refused(world, "ORG", "10B9999999") == ("ERR_IHM_005", "structure")
    assert refused(world, "PRO", HOPITAL, "899700990099") == ("ERR_IHM_006", "beneficiaire")
    assert refused(world, "PS", None, name="dpi-acacias") == ("ERR_IHM_026", "offre")


@pytest.mark.parametrize("product", PRODUITS)
def test_a_form_without_its_csr_is_judged_as_if_it_had_one(world: World, product: str) -> None:
    form = world.form(product, csr=None)
    without, with_one = (world.ra.demandes.foresee(origin(world), one) for one in (form, world.form(product, key=1)))
    assert without == with_one
    assert without.refusals == ()
    (verdict,) = world.ra.lots.verify(origin(world), lot("apercu", world.form(product, key=1)))
    assert (without.alternatives, without.warnings) == (verdict.alternatives, verdict.warnings)
    assert dict(without.subject)["C"] == "FR"
    assert product_code(*PRODUITS[product][:2]) == product
    assert count_rows(world.db)["demande"] == 0


def test_what_would_be_refused(world: World) -> None:
    taken = world.place(world.form("SERV_SMIME"))
    assert taken
    assert codes(world, world.form("SERV_SIGN", csr=None, service_applicatif="Autre")) == [
        ("ERR_IHM_064", "adresseEmail")
    ]
    assert codes(world, world.form(csr=csr(0))) == [("ERR_IHM_007", "csr")]
    assert codes(world, world.form(csr=small_csr())) == [("ERR_IHM_007", "csr")]
    assert codes(world, world.form(csr=None, service_applicatif=None, email_acteur="x")) == [
        ("ERR_IHM_061", "serviceApplicatif")
    ]
    assert codes(world, world.form("PRO_AUTH", csr=None, beneficiaire=AGENT, upn="x@ailleurs.example")) == [
        ("ERR_WS_039", "upn")
    ]


def test_a_renewal_before_its_csr(world: World) -> None:
    numero = renewable(world)
    apercu = world.ra.demandes.foresee(origin(world), renewal(numero, csr=None))
    assert (apercu.refusals, dict(apercu.subject)["CN"]) == ((), "Dossier patient")
    world.clock.now = end_of(world, numero) - timedelta(days=31)
    assert codes(world, renewal(numero, csr=None)) == [("ERR_WS_043", "renouvelle")]
    assert codes(world, renewal(numero, csr=None), "ide-marchand") == [("ERR_WS_032", "renouvelle")]


def test_who_empties_the_field_wants_nobody_informed(world: World) -> None:
    numero = active(world, email_informe="secretariat@acacias.example")
    world.clock.now = end_of(world, numero)
    for key, sans_informe, expected in ((50, False, "secretariat@acacias.example"), (51, True, None)):
        new = world.place(renewal(numero, key, sans_informe=sans_informe))
        assert world.demande(new).email_informe == expected
        world.cancel(new)


def test_the_cost_does_not_grow_with_the_perimeter(world: World) -> None:
    def ask() -> None:
        world.ra.demandes.ouverture(origin(world), Offre.SERV, HOPITAL)
        world.ra.demandes.foresee(origin(world), world.form(csr=None))

    ask()
    with statements(world.db.engine) as before:
        ask()
    for rank in range(300):
        world.grant("dr-leroux", Offre.ORG, f"10B{rank:07d}")
    with statements(world.db.engine) as after:
        ask()
    assert len(after) == len(before) <= 20


def test_forms_under_way_are_his_own_and_not_over(world: World) -> None:
    forms, mine = world.ra.brouillons, who(world, "dr-leroux")
    genres = {GenreBrouillon.DEMANDE, GenreBrouillon.RENOUVELLEMENT}
    first = forms.begin(mine, GenreBrouillon.DEMANDE, {"etape1": {"offre": "ORG"}})
    forms.begin(mine, GenreBrouillon.LOT, {})
    forms.begin(who(world, "ph-arnaud"), GenreBrouillon.DEMANDE, {})
    world.clock.advance(days=1)
    second = forms.begin(mine, GenreBrouillon.RENOUVELLEMENT, {})
    assert [one.id for one in forms.under_way(mine, genres)] == [second.id, first.id]
    assert [one.id for one in forms.under_way(mine, genres, limit=1)] == [second.id]
    assert forms.under_way(who(world, "dr-leroux", administrateur="ph-arnaud"), genres) == ()
    world.ra.demandes.submit(origin(world), world.form(), brouillon=second.id)
    world.clock.advance(days=2)
    assert [one.id for one in forms.under_way(mine, genres)] == [first.id]
    world.clock.advance(days=1)
    assert forms.under_way(mine, genres) == ()
