"""Logging in with Pro Santé Connect against a real OpenID provider: in, refused, out by either side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registration.sessions.values import Porte
from tests.integration.portal.portes import Portes, log_in, provider, send_form, served_doors
from tests.integration.portal.world import PortalWorld
from tests.support.acteurs import MEDECIN
from tests.support.processes import wait_until

pytestmark = pytest.mark.needs("npm")
COOKIE = "__Host-portail-connexion"


@pytest.fixture(scope="module")
def portes(world: PortalWorld, npm_packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portes]:
    with served_doors(world, tmp_path_factory.mktemp("psc"), start_issuer=provider) as served:
        yield served


def test_who_logs_in_is_the_bearer_of_his_card_and_lands_where_he_wanted(portes: Portes) -> None:
    session, page = log_in(portes, MEDECIN, f"/suivi/demandes?index_lot={portes.world.lot}")
    assert page.status_code == 200, page.text
    assert page.url == f"{portes.connexion}/suivi/demandes?index_lot={portes.world.lot}"
    assert "<strong>LEROUX CAMILLE</strong>" in page.text
    assert "Messagerie du laboratoire" in page.text
    assert "connecté avec Pro Santé Connect" in session.get(portes.connexion).text


def test_who_refuses_is_told_what_to_do(portes: Portes) -> None:
    session, page = log_in(portes, MEDECIN, act="refuser")
    assert page.status_code == 403
    assert "ERR_IHM_002" in page.text
    assert "Réessayer avec Pro Santé Connect" in page.text
    assert COOKIE not in session.cookies


def test_leaving_ends_both_sessions(portes: Portes) -> None:
    session, _ = log_in(portes, MEDECIN)
    stolen = session.cookies[COOKIE]
    left = portes.post(session, f"{portes.connexion}/deconnexion")
    assert left.headers["location"].startswith(f"{portes.issuer}/session/end?")
    asked = session.get(left.headers["location"], timeout=30)
    page = send_form(session, asked, logout="yes")
    assert page.url.startswith(f"{portes.connexion}/deconnexion"), page.text
    assert "Vous êtes déconnecté" in page.text
    thief = portes.visitor()
    thief.cookies.set(COOKIE, stolen)
    assert thief.get(portes.connexion).url.endswith("/connexion?suite=/")
    again = session.get(f"{portes.connexion}/psc/connexion", timeout=30)
    assert "Identifiant national" in again.text, "the provider asks anew"


def test_who_leaves_at_the_provider_is_out_here_too(portes: Portes) -> None:
    session, _ = log_in(portes, MEDECIN)
    other, _ = log_in(portes, MEDECIN)
    asked = session.get(f"{portes.issuer}/session/end", timeout=30)
    send_form(session, asked, logout="yes")
    wait_until(
        lambda: "/connexion" in session.get(portes.connexion, timeout=30).url, seconds=20, what="the back channel"
    )
    assert other.get(portes.connexion, timeout=30).url == f"{portes.connexion}/", "another browser's is another session"


def test_a_code_serves_once(portes: Portes) -> None:
    session = portes.visitor()
    asked = session.get(f"{portes.connexion}/psc/connexion", timeout=30)
    step = session.post(
        asked.url, data={"identifiant": MEDECIN, "geste": "confirmer"}, allow_redirects=False, timeout=30
    )
    back = session.get(step.headers["location"], allow_redirects=False, timeout=30).headers["location"]
    assert back.startswith(f"{portes.connexion}/psc/retour?")
    under_way = {"Cookie": f"__Host-portail-psc={session.cookies.get('__Host-portail-psc')}"}
    assert session.get(back, allow_redirects=False, timeout=30).status_code == 303
    replay = portes.visitor().get(back, headers=under_way, allow_redirects=False, timeout=30)
    assert (replay.status_code, "ERR_IHM_002" in replay.text) == (403, True)
    assert COOKIE not in replay.headers.get("set-cookie", "").split("=")[0]


def test_an_issuer_behind_another_certificate_is_not_believed(world: PortalWorld, tmp_path: Path) -> None:
    (tmp_path / "autre.pem").write_bytes(world.foreigner.certificate.read_bytes())
    options = {"psc": {"ca_file": tmp_path / "autre.pem"}}
    with served_doors(world, tmp_path, start_issuer=provider, portes=(Porte.CONNEXION,), **options) as elsewhere:
        page = elsewhere.visitor().get(f"{elsewhere.connexion}/psc/connexion", timeout=30)
    assert (page.status_code, "ne répond pas pour le moment" in page.text) == (503, True)
