"""What is read and done from the follow-up: cancellation, download, detail, next acts, CSV, pages, their price."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import update

from pki.containers.pkcs7 import read_certs_only
from portal_ihm.shell.labels import datetime_fr
from registration.vocabulary import Canal, EtatDemande, Offre, Usage
from storage import tables
from storage.bulk import insert_rows
from tests.integration.portal.produits import active, place, pro_form, revoke, revoked, server_form, withdrawn
from tests.integration.portal.visits import Visit, filled, links, numeros, visit, words
from tests.integration.portal.world import FORMULA, XSS, PortalWorld, org_form
from tests.support.acteurs import HOPITAL, PHARMACIE, PHARMACIENNE
from tests.support.databases import reserve, statements
from tests.support.produits import conditions
from tests.support.revoking import certificat


@pytest.fixture
def admin(world: PortalWorld) -> Visit:
    return visit(world, "dr-leroux")


def test_a_demande_is_cancelled_after_a_question(world: PortalWorld, admin: Visit) -> None:
    numero = place(world, server_form("annuler.acacias.example", email_informe="informe@acacias.example"))
    path = f"/suivi/demandes/{numero}/annuler"
    assert path in links(admin.get(f"/suivi/demandes?numero={numero}"))
    page = words(admin.get(path))
    for told in (f"N° demande{numero}", "Canal / OffreIHM / SERV", "FQDNannuler.acacias.example", "ÉtatTransmise"):
        assert told in page
    assert "Un mail l'annoncera à acteur@acacias.example et à informe@acacias.example." in page
    assert world.demande(numero).etat == EtatDemande.TRANSMISE.value, "asking does nothing"
    form = filled(admin.get(path), path)
    first, second = admin.post(path, form), admin.post(path, form)
    assert [answer.status_code for answer in (first, second)] == [303, 303]
    assert "Cette demande est annulée. Un mail l'annonce à" in words(admin.get(first.headers["location"]))
    assert "était déjà annulée : rien n'a changé" in words(admin.get(second.headers["location"]))
    assert [line.code_action for line in world.history(numero, "dr-leroux")].count("ACT_DCL_006") == 1
    assert certificat(world, numero).revoque_le is not None, "its certificate was signed"
    assert "ERR_WS_035" in admin.get(path, status=409)
    assert path not in links(admin.get(f"/suivi/demandes/{numero}"))


def test_it_is_too_late_to_cancel_what_is_withdrawn(world: PortalWorld, admin: Visit) -> None:
    numero = place(world, org_form("Retirée entre-temps"))
    path = f"/suivi/demandes/{numero}/annuler"
    form = filled(admin.get(path), path)
    other = active(world, "Autre")
    world.ra.retraits.withdraw(world.origin("dr-leroux", Canal.IHM), numero, conditions())
    for page in (admin.post(path, form), admin.post(f"/suivi/demandes/{other}/annuler", form)):
        assert page.status_code == 409
        assert "ERR_WS_035" in page.text
        assert [link for link in links(page.text) if link.startswith("/revoquer/")]
    assert world.demande(numero).etat == EtatDemande.CLOSE.value


def test_a_query_that_says_cancelled_is_not_believed(world: PortalWorld, admin: Visit) -> None:
    numero = place(world, org_form("Pas annulée"))
    assert "annulée" not in words(admin.get(f"/suivi/demandes/{numero}?annulee=oui")).replace("Pas annulée", "")
    _, asked = revoked(world, "Pas abandonnée")
    page = words(admin.get(f"/suivi/revocations/{asked}?abandonnee=oui"))
    assert "Cette révocation est abandonnée" not in page


def test_an_administrator_of_the_perimeter_cancels_what_another_asked_for(world: PortalWorld) -> None:
    numero = place(world, org_form("D'un collègue"))
    other = visit(world, "dpi-acacias")
    page = other.get(f"/suivi/demandes/{numero}")
    assert f"/retirer/{numero}" not in links(page), "who asked for it withdraws it"
    assert other.send(f"/suivi/demandes/{numero}/annuler").status_code == 303
    stranger = visit(world, "ide-marchand")
    stranger.get(f"/suivi/demandes/{numero}/annuler", status=404)


@pytest.mark.parametrize("suffix", ["p7b", "pem"])
def test_an_active_certificate_is_downloaded_by_who_may_follow_it(
    world: PortalWorld, admin: Visit, suffix: str
) -> None:
    numero = withdrawn(world, pro_form(beneficiaire=PHARMACIENNE, usage=Usage.CONF))
    path = f"/suivi/produits/{numero}/certificat.{suffix}"
    for who in ("dr-leroux", "ph-arnaud", "dpi-acacias"):
        answer = visit(world, who).download(path)
        name = r'attachment; filename="igc-certificat-TEST-PRO-CONF-\d+-\d{8}-\d{6}\.' + suffix + '"'
        assert re.fullmatch(name, answer.headers["content-disposition"])
        if suffix == "p7b":
            certificates = read_certs_only(answer.content)
        else:
            certificates = [one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(answer.content)]
        assert certificates[0] == certificat(world, numero).der
        assert (len(certificates) > 1) == (suffix == "p7b"), "with its chain"
    assert path in links(admin.get(f"/suivi/produits/{numero}"))
    visit(world, "ide-marchand").download(path, status=404)
    pending = place(world, org_form(f"À retirer {suffix}"))
    gone, _ = revoked(world, f"Révoqué {suffix}")
    for other in (pending, gone):
        assert "ERR_WS_049" in admin.download(f"/suivi/produits/{other}/certificat.{suffix}", status=409).text
        assert not [link for link in links(admin.get(f"/suivi/produits/{other}")) if "certificat." in link]


def test_the_next_acts_follow_state_and_right(world: PortalWorld, admin: Visit) -> None:
    numero = world.ra.demandes.submit(world.origin("dr-leroux", Canal.IHM), org_form("Cycle de vie"))

    def offered(kind: str, who: Visit = admin) -> set[str]:
        acts = {"retirer", "annuler", "renouveler", "revoquer", "demander", "certificat.p7b", "certificat.pem"}
        found = links(who.get(f"/suivi/{kind}/{numero}"))
        return {act for act in acts if any(act in link.replace("?", "/").split("/") for link in found)}

    assert offered("demandes") == {"annuler", "demander"}
    world.run_batch()
    assert offered("demandes") == {"retirer", "annuler", "demander"}
    world.ra.retraits.withdraw(world.origin("dr-leroux", Canal.IHM), numero, conditions())
    files = {"certificat.p7b", "certificat.pem"}
    assert offered("demandes") == offered("produits") == {"revoquer", "demander", *files}
    ends(world, numero, datetime.now(UTC) + timedelta(days=20))
    assert offered("produits") == {"renouveler", "revoquer", "demander", *files}
    row = admin.get(f"/suivi/produits?numero={numero}")
    assert f"/renouveler/{numero}" in links(row)
    ends(world, numero, datetime.now(UTC) - timedelta(days=2))
    assert offered("produits") == {"renouveler", "demander"}
    assert numeros(admin.get(f"/suivi/produits?numero={numero}&etat=EXPIRE")) == [numero]
    assert numeros(admin.get(f"/suivi/demandes?numero={numero}&etat_produit=EXPIRE")) == [numero]
    assert numeros(admin.get(f"/suivi/produits?numero={numero}&etat=ACTIF")) == []
    assert "a expiré le" in words(admin.get(f"/revoquer/{numero}", status=409))
    ends(world, numero, datetime.now(UTC) - timedelta(days=11))
    assert offered("produits") == {"demander"}


def ends(world: PortalWorld, numero: int, end: datetime) -> None:
    """Have its certificate end at this moment."""
    demande, certificate = tables.Demande, tables.Certificat
    with world.db.write() as session:
        session.execute(update(certificate).where(certificate.id_demande == numero).values(not_after=end))
        session.execute(update(demande).where(demande.id == numero).values(produit_fin_le=end))


def test_the_detail_of_a_certificate_names_all_that_it_says(world: PortalWorld, admin: Visit) -> None:
    numero = withdrawn(world, server_form("un.acacias.example", "deux.acacias.example"))
    page, row = words(admin.get(f"/suivi/produits/{numero}")), certificat(world, numero)
    serial = " ".join(row.serial[start : start + 4] for start in range(0, 32, 4))
    for told in (
        f"Numéro de série{serial}",
        "AC émettriceTEST AC IGC EXEMPLE",
        f"Fin de validité{datetime_fr(row.not_after)}",
        "Email de l'acteuracteur@acacias.example",
        "cn=un.acacias.example",
        "Nom de serveur (DNS)un.acacias.example",
        "Nom de serveur (DNS)deux.acacias.example",
    ):
        assert told in page, told
    upn = withdrawn(world, pro_form(upn="hugo@acacias.example"))
    for kind in ("produits", "demandes"):
        assert "UPNhugo@acacias.example" in words(admin.get(f"/suivi/{kind}/{upn}"))
    assert "UPNhugo@acacias.example" in words(admin.get(f"/suivi/demandes/{upn}"))


def test_old_and_new_of_a_renewal_lead_to_each_other(world: PortalWorld, admin: Visit) -> None:
    old = active(world, "À renouveler")
    ends(world, old, datetime.now(UTC) + timedelta(days=20))
    new = world.ra.demandes.submit(
        world.origin("dr-leroux", Canal.IHM),
        org_form("x", offre=None, usage=None, structure=None, service_applicatif=None, renouvelle=str(old)),
    )
    for kind in ("demandes", "produits"):
        page = admin.get(f"/suivi/{kind}/{old}")
        assert f"/suivi/demandes/{new}" in links(page)
        assert f"/renouveler/{old}" not in links(page), "one at a time"
    assert f"/suivi/produits/{old}" in links(admin.get(f"/suivi/demandes/{new}"))
    assert f"/suivi/demandes/{new}" in links(admin.get(f"/suivi/produits?numero={old}"))


def test_the_three_csv_hold_neither_formula_nor_power_of_ten(world: PortalWorld, admin: Visit) -> None:
    numero = withdrawn(world, org_form(FORMULA, usage=Usage.SIGN))
    bearer = withdrawn(world, pro_form(beneficiaire=PHARMACIENNE, usage=Usage.SIGN))
    revocations = [revoke(world, numero, motif="AUTRE", autre_motif="=1+1")[1], revoke(world, bearer)[1]]
    rows = {
        "demandes": [numero, bearer],
        "produits": [numero, bearer],
        "revocations": revocations,
    }
    for name, (one, other) in rows.items():
        (row,) = admin.csv(f"/suivi/{name}.csv?numero={one}")
        assert row["Service applicatif"] == f"'{FORMULA}", name
        (row,) = admin.csv(f"/suivi/{name}.csv?numero={other}")
        assert row["Identifiant bénéficiaire"] == f"'{PHARMACIENNE}", "8,997E+11 in a spreadsheet"
        assert row["Bénéficiaire"] == "ARNAUD INES"
    (row,) = admin.csv(f"/suivi/revocations.csv?numero={revocations[0]}")
    assert row["Autre motif"] == "'=1+1"


def test_hostile_texts_stay_texts_on_every_page(world: PortalWorld, admin: Visit) -> None:
    numero, asked = revoked(world, XSS, motif="AUTRE", autre_motif=XSS)
    pending = world.ra.demandes.submit(world.origin("dr-leroux", Canal.IHM), org_form(XSS))
    query = "service_applicatif=%22%3E%3Cscript%3E&raison_sociale=%3Cscript%3Ea*"
    for path, status in (
        ("/suivi/demandes", 200),
        ("/suivi/produits", 200),
        ("/suivi/revocations", 200),
        (f"/suivi/produits/{numero}", 200),
        (f"/suivi/produits/{numero}/historique", 200),
        (f"/suivi/revocations/{asked}", 200),
        (f"/suivi/revocations/{asked}/historique", 200),
        (f"/suivi/revocations/{asked}/abandonner", 409),
        (f"/suivi/demandes/{pending}", 200),
        (f"/suivi/demandes/{pending}/annuler", 200),
        (f"/revoquer/{numero}", 200),
        (f"/revoquer/fin/{asked}", 200),
        (f"/suivi/demandes?{query}", 422),
        (f"/suivi/produits/{numero}?{query}", 200),
    ):
        page = admin.get(path, status=status)
        assert "<img src=x" not in page, path
        assert "<script" not in page, path


@pytest.fixture(scope="module")
def officine(world: PortalWorld) -> Visit:
    """An administrator of a structure of which nothing is there, until a test puts it there."""
    world.enroll("officine-vide", habilitations=((Offre.ORG, PHARMACIE, None), (Offre.PRO, PHARMACIE, None)))
    return visit(world, "officine-vide")


def test_nothing_one_and_twenty_rows(world: PortalWorld, officine: Visit) -> None:
    for name, text in (("demandes", "Aucune demande trouvée"), ("produits", "Aucun certificat trouvé"),
                       ("revocations", "Aucune révocation trouvée")):  # fmt: skip
        page = officine.get(f"/suivi/{name}?offre=PRO")
        assert text in words(page)
        assert "<table" not in page
        assert officine.csv(f"/suivi/{name}.csv?offre=PRO") == []
    first = fill(world, "officine-vide", 1)
    page = officine.get("/suivi/demandes?offre=PRO")
    assert (numeros(page), "1 demande trouvée" in words(page), "Par page" in page) == ([first], True, False)
    fill(world, "officine-vide", 20)
    page = officine.get("/suivi/demandes?offre=PRO")
    assert len(numeros(page)) == 20
    assert "21 demandes trouvées" in words(page)
    assert len(numeros(officine.get("/suivi/demandes?offre=PRO&taille=50"))) == 21
    following = re.search(r'rel="next" href="(\?[^"]+)"', page)
    assert following is not None
    assert numeros(officine.get("/suivi/demandes" + following[1].replace("&amp;", "&"))) == [first]


def fill(world: PortalWorld, who: str, count: int) -> int:
    """Rows of demandes as they are when they were cancelled; the first numero."""
    first, now = reserve(world.db, "demande", count), datetime.now(UTC)
    row = {
        "plateforme": "TEST", "canal": "IHM", "offre": "PRO", "usage": "SIGN", "etat": "ANNULEE",
        "id_acteur": world.origin(who).acteur.id, "id_structure": PHARMACIE, "id_beneficiaire": PHARMACIENNE,
        "email_acteur": "officine@pont.example", "cree_le": now, "modifie_le": now,
    }  # fmt: skip
    with world.db.write() as session:
        insert_rows(session, tables.Demande, [row | {"id": first + rank} for rank in range(count)])
    return first


# Each with what the door itself asks: who it is, whom he acts for, what the menu shows.
PRICES = {
    "/suivi": 7,
    "/suivi/demandes?offre=TOUTES": 7,
    "/suivi/demandes?numero={numero}": 3,
    "/suivi/produits?offre=TOUTES": 7,
    "/suivi/revocations?etat=VALIDEE": 7,
    "/revoquer": 7,
    "/suivi/demandes/{numero}": 4,
    "/suivi/demandes/{numero}/historique": 3,
    "/suivi/produits/{numero}": 5,
    "/revoquer/{numero}": 5,
}


@pytest.mark.parametrize("path", PRICES)
def test_a_page_asks_the_database_so_many_questions_however_much_it_shows(
    world: PortalWorld, admin: Visit, path: str
) -> None:
    target = path.format(numero=the_active(world))
    admin.get(target)
    with statements(world.db.engine) as of_the_door:
        admin.get("/rien", status=404)
    with statements(world.db.engine) as sent:
        admin.get(target)
    assert len(sent) - len(of_the_door) <= PRICES[path], [" ".join(one.split())[:200] for one in sent]


_ACTIVE: list[int] = []


def the_active(world: PortalWorld) -> int:
    if not _ACTIVE:
        _ACTIVE.append(active(world, "Compté"))
    return _ACTIVE[0]


def test_a_page_of_a_hundred_costs_no_more_questions_than_one_of_one(world: PortalWorld, admin: Visit) -> None:
    def cost(query: str) -> int:
        with statements(world.db.engine) as sent:
            admin.get(f"/suivi/demandes?{query}")
        return len(sent)

    assert cost(f"structure={HOPITAL}&offre=TOUTES&taille=100") <= cost("offre=TOUTES&taille=20")
