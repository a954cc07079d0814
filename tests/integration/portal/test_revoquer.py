"""Revocation with login on the portal: who may, what is said at which field, and that it is done once (guide §11.1)."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
import requests

from registration.vocabulary import Offre, Usage
from tests.integration.portal.produits import active, place, pro_form, ps_form, revoke, revoked, withdrawn
from tests.integration.portal.test_tiers import helper, select
from tests.integration.portal.visits import Visit, filled, links, numeros, visit, words
from tests.integration.portal.world import XSS, PortalWorld, org_form
from tests.support.acteurs import CLINIQUE, HOPITAL, MEDECIN, PHARMACIENNE
from tests.support.revoking import certificat, revocation

GOOD = {"motif": "FIN_ACTIVITE", "email": "acteur@acacias.example", "confirmation": "y"}


@pytest.fixture
def admin(world: PortalWorld) -> Visit:
    return visit(world, "dr-leroux")


def tomorrow(world: PortalWorld, days: int = 2) -> date:
    return world.clock().date() + timedelta(days=days)


def send(who: Visit, numero: int, **changes: str | None) -> requests.Response:
    return who.send(f"/revoquer/{numero}", **{**GOOD, **changes})


def end_of(who: Visit, answer: requests.Response) -> str:
    assert answer.status_code == 303, words(answer.text)
    return who.get(answer.headers["location"])


def test_an_active_certificate_is_looked_for_revoked_and_told(world: PortalWorld, admin: Visit) -> None:
    numero = active(world, "À révoquer tout de suite")
    assert numero in numeros(admin.get("/revoquer"))
    page = admin.get("/revoquer?offre=ORG&service_applicatif=" + "%C3%80 r%C3%A9voquer*")
    assert numeros(page) == [numero]
    assert f"/revoquer/{numero}" in links(page)
    answer = send(admin, numero)
    end = end_of(admin, answer)
    asked = int(answer.headers["location"].rsplit("/", 1)[1])
    assert "Le certificat est révoqué" in words(end)
    assert f"Demande de révocation n°{asked}" in words(end)
    assert {f"/demander?comme={numero}", f"/suivi/revocations/{asked}"} <= links(end)
    assert certificat(world, numero).raison_crl == "cessationOfOperation"
    assert numero not in numeros(admin.get("/revoquer"))
    assert end == admin.get(answer.headers["location"]), "a reload does nothing"
    assert "Révoqué" in words(admin.get(f"/suivi/produits/{numero}"))


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"motif": None, "email": "", "confirmation": None}, {"motif", "email", "confirmation"}),
        ({"motif": "AUTRE"}, {"autre_motif"}),
        ({"motif": "AUTRE", "autre_motif": "x" * 256}, {"autre_motif"}),
        ({"motif": "AUTRE", "autre_motif": " \u200b "}, {"autre_motif"}),
        ({"autre_motif": "de trop"}, {"autre_motif"}),
        ({"quand": "differee"}, {"date_effet"}),
        ({"quand": "differee", "date_effet": "2020-01-01"}, {"date_effet"}),
        ({"quand": "differee", "date_effet": "2099-01-01"}, {"date_effet"}),
        ({"quand": "differee", "date_effet": "31/02/2027"}, {"date_effet"}),
        ({"date_effet": "2027-01-01"}, {"date_effet"}),
        ({"motif": "VOL", "quand": "differee", "date_effet": "{soon}"}, {"date_effet"}),
        ({"motif": "PERTE", "quand": "differee", "date_effet": "{soon}", "email": "@"}, {"date_effet", "email"}),
        ({"motif": "CESSATION", "quand": "hier"}, {"motif", "quand"}),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_done(
    world: PortalWorld, admin: Visit, changes: dict[str, str | None], fields: set[str]
) -> None:
    numero = still_active(world)
    path = f"/revoquer/{numero}"
    soon = tomorrow(world).isoformat()
    sent = {**filled(admin.get(path), path), **GOOD, **changes}
    answer = admin.post(path, {k: v.format(soon=soon) for k, v in sent.items() if v is not None})
    assert answer.status_code == 422
    with_errors = {name for name in fields if f'id="{name}-erreur"' in answer.text}
    assert with_errors == fields
    assert answer.text.count('class="invalid-feedback') == len(fields)
    assert certificat(world, numero).revoque_le is None


_KEPT: list[int] = []


def still_active(world: PortalWorld) -> int:
    if not _KEPT:
        _KEPT.append(active(world, "Toujours actif"))
    return _KEPT[0]


def test_a_deferred_one_waits_is_brought_forward_and_given_up(world: PortalWorld, admin: Visit) -> None:
    numero, day = active(world, "Service qui fermera"), tomorrow(world, 30)
    answer = send(admin, numero, motif="AUTRE", autre_motif=f"Fermeture {XSS}", quand="differee",
                  date_effet=day.isoformat())  # fmt: skip
    asked = int(answer.headers["location"].rsplit("/", 1)[1])
    end = end_of(admin, answer)
    assert "La révocation est prévue" in words(end)
    assert day.strftime("%d/%m/%Y") in words(end)
    assert "<img src=x" not in end
    # The same again is the same demande; another day is refused with the way out.
    again = send(admin, numero, motif="AUTRE", autre_motif=f"Fermeture {XSS}", quand="differee",
                 date_effet=day.isoformat())  # fmt: skip
    assert again.headers["location"] == answer.headers["location"]
    other = send(admin, numero, quand="differee", date_effet=tomorrow(world).isoformat())
    assert (other.status_code, "ERR_WS_067" in other.text) == (409, True)
    assert f"/suivi/revocations/{asked}/abandonner" in links(other.text)
    waiting = admin.get("/suivi/revocations?etat=VALIDEE")
    assert {f"/revoquer/{numero}", f"/suivi/revocations/{asked}/abandonner"} <= links(waiting)
    assert "<img src=x" not in waiting
    for path in (f"/suivi/produits/{numero}", f"/suivi/demandes/{numero}", f"/revoquer/{numero}"):
        assert f"prévue le {day:%d/%m/%Y}" in words(admin.get(path)), path
    # Given up, twice: once is enough.
    path = f"/suivi/revocations/{asked}/abandonner"
    form = filled(admin.get(path), path)
    for _ in range(2):
        answer = admin.post(path, form)
        assert "Cette révocation est abandonnée" in words(end_of(admin, answer))
    assert len(admin.world.ra.revocations.read(world.origin("dr-leroux").acteur, asked).historique) == 3
    # Asked for again and brought forward: the new one takes its place.
    _, second = revoke(world, numero, date_effet=day.isoformat())
    done = int(send(admin, numero).headers["location"].rsplit("/", 1)[1])
    assert revocation(world, second).remplacee_par == done
    page = admin.get(f"/suivi/revocations/{second}")
    assert f"/suivi/revocations/{done}" in links(page)
    late = admin.get(f"/suivi/revocations/{second}/abandonner", status=409)
    assert "ERR_WS_065" in late
    assert admin.post(f"/suivi/revocations/{second}/abandonner", form).status_code == 409


def test_a_double_click_revokes_once_and_says_so(world: PortalWorld, admin: Visit) -> None:
    numero = active(world, "Double clic")
    path = f"/revoquer/{numero}"
    form = {**filled(admin.get(path), path), **GOOD, "motif": "VOL"}
    places: list[str] = []
    threads = [threading.Thread(target=lambda: places.append(admin.post(path, form).headers["location"]))
               for _ in range(2)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    third = admin.post(path, form)
    places.append(third.headers["location"])
    (asked,) = {place.split("?")[0] for place in places}
    assert sum("deja" not in place for place in places) == 1
    page = admin.get(places[-1])
    assert "Ce certificat était déjà révoqué" in words(page)
    assert "votre envoi n'a rien changé" in words(page)
    assert numeros(admin.get(f"/suivi/revocations?numero_produit={numero}")) == [int(asked.rsplit("/", 1)[1])]


def test_what_was_revoked_says_when_and_why_and_a_theft_still_counts(world: PortalWorld, admin: Visit) -> None:
    numero, asked = revoked(world, "Révoqué sans bruit", motif="AUTRE", autre_motif="Serveur remplacé")
    page = admin.get(f"/revoquer/{numero}")
    assert "Ce certificat est déjà révoqué" in words(page)
    assert "Autre : Serveur remplacé" in words(page)
    assert f"/suivi/revocations/{asked}" in links(page)
    assert 'value="FIN_ACTIVITE"' not in page, "it would change nothing"
    edited = admin.post(f"/revoquer/{numero}", {**filled(page, f"/revoquer/{numero}"), **GOOD})
    assert edited.status_code == 422, "a motif that was not offered"
    end = end_of(admin, send(admin, numero, motif="VOL"))
    assert "Le motif de la révocation est aggravé" in words(end)
    assert certificat(world, numero).raison_crl == "keyCompromise"
    assert '<form method="post" action="/revoquer' not in admin.get(f"/revoquer/{numero}", status=409)


def test_what_is_not_active_leads_elsewhere(world: PortalWorld, admin: Visit) -> None:
    to_withdraw = place(world, org_form("Pas encore retirée"))
    page = admin.get(f"/revoquer/{to_withdraw}", status=409)
    assert f"/suivi/demandes/{to_withdraw}/annuler" in links(page)
    admin.send(f"/suivi/demandes/{to_withdraw}/annuler")
    gone = admin.get(f"/revoquer/{to_withdraw}")  # its certificate was revoked with it; a theft still counts
    assert "sans que personne ne l'ait demandé ici" in words(gone)
    unsigned = world.ra.demandes.submit(world.origin("dr-leroux"), org_form("Pas encore signée"))
    page = admin.get(f"/revoquer/{unsigned}", status=409)
    assert f"/suivi/demandes/{unsigned}/annuler" in links(page)
    answer = admin.post(f"/revoquer/{unsigned}", GOOD)
    assert answer.status_code == 409
    world.run_batch()


def test_who_is_bearer_and_administrator_says_which(world: PortalWorld, admin: Visit) -> None:
    numero = withdrawn(world, pro_form(beneficiaire=MEDECIN))
    missing = send(admin, numero)
    assert (missing.status_code, 'id="en_tant_que-erreur"' in missing.text) == (422, True)
    end = end_of(admin, send(admin, numero, en_tant_que="PORTEUR"))
    assert "En tant quePorteur du certificat" in words(end)
    page = admin.get("/suivi/revocations/" + admin_last(end) + "/historique")
    assert "Bénéficiaire : LEROUX CAMILLE" in words(page)
    other = withdrawn(world, pro_form(beneficiaire=MEDECIN, usage=Usage.SIGN))
    end = end_of(admin, send(admin, other, en_tant_que="ADMINISTRATEUR"))
    assert "Mandataire : LEROUX CAMILLE" in words(admin.get(f"/suivi/revocations/{admin_last(end)}/historique"))
    own = withdrawn(world, ps_form())
    assert "À quel titre" not in words(admin.get(f"/revoquer/{own}")), "nobody administers PS"


def admin_last(page: str) -> str:
    (path,) = (link for link in links(page) if link.startswith("/suivi/revocations/"))
    return path.rsplit("/", 1)[1]


def test_a_bearer_revokes_his_own_and_cannot_cancel(world: PortalWorld) -> None:
    bearer = visit(world, "ph-arnaud")
    numero = withdrawn(world, pro_form(beneficiaire=PHARMACIENNE))
    pending = place(world, pro_form(beneficiaire=PHARMACIENNE, usage=Usage.SIGN))
    assert numero in numeros(bearer.get("/revoquer"))
    page = bearer.get(f"/suivi/demandes/{pending}")
    assert not [link for link in links(page) if "annuler" in link or "retirer" in link or "revoquer" in link]
    bearer.get(f"/suivi/demandes/{pending}/annuler", status=403)
    token = filled(bearer.get(f"/revoquer/{numero}"), f"/revoquer/{numero}")
    assert bearer.post(f"/suivi/demandes/{pending}/annuler", token).status_code == 403
    assert "l'administrateur de la structure peut annuler" in words(bearer.get(f"/revoquer/{pending}", status=409))
    assert end_of(bearer, send(bearer, numero))
    assert certificat(world, numero).revoque_le is not None


def test_an_application_revokes_in_its_perimeter(world: PortalWorld) -> None:
    application = visit(world, "dpi-acacias")
    numero = active(world, "Par l'application")
    assert end_of(application, send(application, numero))
    own = withdrawn(world, ps_form(usage=Usage.SIGN))
    application.get(f"/revoquer/{own}", status=404)


def test_nobody_revokes_what_is_of_others(world: PortalWorld) -> None:
    numero, stranger = still_active(world), visit(world, "ide-marchand")
    mine = world.ra.demandes.submit(world.origin("ide-marchand"), org_form("Clinique", structure=CLINIQUE))
    world.run_batch()
    token = filled(stranger.get(f"/suivi/demandes/{mine}/annuler"), f"/suivi/demandes/{mine}/annuler")
    for name in (str(numero), "987654321", "0", "abc", "9" * 40):
        stranger.get(f"/revoquer/{name}", status=404)
        assert stranger.post(f"/revoquer/{name}", {**token, **GOOD}).status_code == 404
    _, asked = revoked(world, "D'autrui", date_effet=tomorrow(world, 9).isoformat())
    for suffix in ("", "/historique", "/abandonner"):
        stranger.get(f"/suivi/revocations/{asked}{suffix}", status=404)
    assert stranger.post(f"/suivi/revocations/{asked}/abandonner", token).status_code == 404
    stranger.get(f"/revoquer/fin/{asked}", status=404)
    assert certificat(world, numero).revoque_le is None


def test_a_form_of_elsewhere_or_without_its_token_revokes_nothing(world: PortalWorld, admin: Visit) -> None:
    numero = still_active(world)
    path = f"/revoquer/{numero}"
    form = {**filled(admin.get(path), path), **GOOD}
    assert admin.post(path, form, origin="https://evil.example").status_code == 403
    for token in ("", "20991231235959##deadbeef"):
        answer = admin.post(path, form | {"csrf_token": token})
        assert (answer.status_code, "ouvert il y a trop longtemps" in answer.text) == (422, True)
    other = visit(world, "ide-marchand")
    other.get("/demander")
    assert other.post(path, form).status_code == 404
    assert certificat(world, numero).revoque_le is None


def test_rights_that_were_lost_meanwhile_revoke_nothing(world: PortalWorld) -> None:
    world.enroll("partant", habilitations=((Offre.ORG, HOPITAL, None),))
    leaver = visit(world, "partant")
    sent_by_him = withdrawn(world, org_form("Sienne"), "partant")
    path = f"/revoquer/{sent_by_him}"
    form = {**filled(leaver.get(path), path), **GOOD}
    cancel = place(world, org_form("Sienne aussi"), "partant")
    cancel_form = filled(leaver.get(f"/suivi/demandes/{cancel}/annuler"), f"/suivi/demandes/{cancel}/annuler")
    world.withdraw_rights("partant")
    assert leaver.post(path, form).status_code == 403
    assert leaver.post(f"/suivi/demandes/{cancel}/annuler", cancel_form).status_code == 403
    leaver.get(path, status=403)
    assert certificat(world, sent_by_him).revoque_le is None


def test_who_acts_for_a_third_party_revokes_with_both_names(world: PortalWorld) -> None:
    numero = active(world, "Pour un tiers")
    session = helper(world, "aide-revocation")
    who = Visit(world, session)
    who.get(f"/revoquer/{numero}", status=404)
    select(world, session, MEDECIN)
    end = end_of(who, send(who, numero))
    history = words(who.get(f"/suivi/revocations/{admin_last(end)}/historique"))
    assert "Mandataire : LEROUX CAMILLE" in history
    assert "Pour ce tiers, par l'administrateur AIDE-REVOCATION ALIX" in history
