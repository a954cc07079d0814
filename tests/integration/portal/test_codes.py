"""Every code of the catalogue that the portal may show is shown on a real page, with its text."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
from sqlalchemy import update

from batch.issuing.own_certificates import enroll
from registration.authority import acteurs
from registration.directory.completing import Completing
from registration.directory.tables import TablesDirectory
from registration.errors import TEXTS, Code
from registration.life.fermetures import close, reopen
from registration.life.giving_up import give_up
from registration.reference.erreurs import ENTRIES
from registration.retraits.overdue import end_overdue
from registration.sessions.values import Porte
from registration.values import RevocationForm
from registration.vocabulary import Canal, Offre, Plateforme, Usage
from storage import tables
from storage.database import Database
from tests.integration.directory.test_completing import Elsewhere, Time
from tests.integration.portal import retiring
from tests.integration.portal.portes import served_doors
from tests.integration.portal.psc.forger import Forger, forging
from tests.integration.portal.site import Visitor, alert, served
from tests.integration.portal.test_door import SEAL
from tests.integration.portal.test_habilitations import ORG_HERE, ORG_THERE, PRO_HERE
from tests.integration.portal.test_tiers import helper, post, search, token
from tests.integration.portal.wizard import Wizard, ready
from tests.integration.portal.world import PortalWorld
from tests.support.acteurs import ALL_SENDERS, CLINIQUE, HOPITAL, MEDECIN
from tests.support.hierarchies import Hierarchy
from tests.support.pairs import Pair, write_pair
from tests.support.revoking import active
from tests.support.world import World, make_world

pytestmark = pytest.mark.long

Scenario = Callable[[PortalWorld, pytest.MonkeyPatch], requests.Response]
_numbers = count(1)


def somebody(world: PortalWorld, *habilitations: Any) -> tuple[str, requests.Session]:
    """One who has nothing but these."""
    name = f"codes-{next(_numbers)}"
    world.enroll(name, habilitations=habilitations or (ORG_HERE,))
    return name, world.session(name)


def at_step(number: int, **fields: str) -> Scenario:
    """A step of a good form, with this in its fields."""

    def send(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
        _, session = somebody(world)
        return ready(world, session).step(number, **fields)

    return send


def third(**fields: str) -> Scenario:
    """Step 3 of offre ORG, good but for this."""
    good = {"usage": "AUTH_CLI", "service_applicatif": "Essai", "email_acteur": "dsi@acacias.example"}
    return at_step(3, **good | fields)


def of_serv(usage: str, **fields: str) -> Scenario:
    """Step 3 of offre SERV with these fields."""

    def send(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
        _, session = somebody(world, (Offre.SERV, HOPITAL, "*acacias.example"))
        one = Wizard(world, session)
        one.choose("SERV", HOPITAL)
        return one.fill(usage, **{"service_applicatif": "Essai", **fields})

    return send


def bad_csr(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
    _, session = somebody(world)
    return ready(world, session).upload(b"pas une requete")


def lost_right(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
    name, session = somebody(world, ORG_HERE, ORG_THERE)
    one = ready(world, session)
    world.withdraw_rights(name)
    world.grant(name, *ORG_THERE[:2])
    return one.send()


def never_had(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
    _, session = somebody(world, ORG_THERE)
    one = Wizard(world, session)
    one.begin("ORG")
    return one.step(1, offre="ORG", structure=HOPITAL)


def closed(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
    _, session = somebody(world)
    one, produit = ready(world, session, usage="CONF"), (Offre.ORG, Usage.CONF)
    with world.db.write() as write:
        assert close(write, Plateforme.TEST, produit, datetime.now(UTC), "essai", None)
    answer = one.send()
    with world.db.write() as write:
        reopen(write, Plateforme.TEST, produit, datetime.now(UTC), "essai")
    return answer


def no_beneficiaire(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
    _, session = somebody(world, PRO_HERE)
    one = Wizard(world, session)
    one.begin("PRO")
    one.step(1, offre="PRO", structure=HOPITAL)
    return one.step(1, offre="PRO", structure=HOPITAL)


def nobody_there(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
    _, session = somebody(world, (Offre.PRO, CLINIQUE, "*@valdorge.example"))
    one = Wizard(world, session)
    one.begin("PRO")
    with changed(
        world, tables.Rattachement, tables.Rattachement.id_structure == CLINIQUE, disparu_le=datetime.now(UTC)
    ):
        return one.page(1)


def no_name(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
    _, session = somebody(world, ORG_HERE, ORG_THERE)
    one = Wizard(world, session)
    one.begin("ORG")
    one.step(1, offre="ORG", raison_sociale="H*", action="rechercher")
    return one.page(1)


def taken_address(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
    adresse = {"adresse_locale": f"boite{next(_numbers)}", "adresse_domaine": "acacias.example"}
    forms = []
    for service in ("Premier", "Second"):
        _, session = somebody(world, (Offre.SERV, HOPITAL, "*acacias.example"))
        one = Wizard(world, session)
        one.choose("SERV", HOPITAL)
        one.fill("S/MIME", service_applicatif=service, **adresse)
        one.upload()
        forms.append(one)
    assert forms[0].send().status_code == 303
    return forms[1].send()


def silent_directory(world: PortalWorld, patch: pytest.MonkeyPatch) -> requests.Response:
    """The tables do not know the structure any more, and the directory that might says nothing."""
    elsewhere = Elsewhere(TablesDirectory(world.db, Plateforme.PRODUCTION), is_silent=True)
    asking = Completing(
        world.db, elsewhere, Plateforme.TEST, fresh_seconds=3_600, retry_seconds=15, monotonic=Time(10_000.0)
    )
    _, session = somebody(world, ORG_THERE)
    one = ready(world, session, structure=CLINIQUE)
    demandes = world.ra.demandes
    patch.setattr(demandes, "_policy", msgspec.structs.replace(world.policy.lots, completion=asking))
    with changed(world, tables.Structure, tables.Structure.id_national == CLINIQUE, disparu_le=datetime.now(UTC)):
        return one.send()


@contextmanager
def changed(world: PortalWorld, table: Any, which: Any, **values: Any) -> Iterator[None]:
    """Rows changed past every rule inside the block; what they had was nothing."""
    for now in (values, dict.fromkeys(values)):
        with world.db.write() as write:
            write.execute(update(table).where(which).values(**now))
        if now is values:
            yield


def demande(world: PortalWorld) -> tuple[requests.Session, int]:
    """One placed by its form, for whose page the session asks."""
    _, session = somebody(world)
    one = ready(world, session)
    answer = one.send()
    assert answer.status_code == 303, answer.text
    return session, one.numero()


def too_late(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
    session, numero = demande(world)
    world.run_batch()
    with world.db.write() as write:
        which = tables.Demande.id == numero
        write.execute(update(tables.Demande).where(which).values(limite_retrait=datetime.now(UTC) - timedelta(1)))
    assert end_overdue(world.db, lambda: datetime.now(UTC)) == 1
    return session.get(f"{world.url}/suivi/demandes/{numero}")


def given_up(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
    session, numero = demande(world)
    with world.db.write() as write:
        give_up(write, [numero], datetime.now(UTC))
    return session.get(f"{world.url}/suivi/demandes/{numero}")


def not_searched(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
    session = helper(world, f"codes-{next(_numbers)}")
    hidden = token(session.get(f"{world.url}/tiers").text)
    return post(world, session, "/tiers", **hidden, numero=MEDECIN, action="selectionner")


def unknown_tiers(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
    return search(world, helper(world, f"codes-{next(_numbers)}"), "899700990999")


def page(path: str) -> Scenario:
    return lambda world, _patch: world.session("dr-leroux").get(world.url + path)


def by(make: Callable[[PortalWorld], Pair | None]) -> Scenario:
    """The home page, with what ``make`` gives to present."""
    return lambda world, _patch: world.session(make(world)).get(world.url)


def unfit(world: PortalWorld) -> Pair:
    folder = world.client("dr-leroux").key.parent
    return write_pair(folder, "codes-cachet", enroll(world.context, world.plateforme, SEAL))


def unregistered(world: PortalWorld) -> Pair:
    content = ALL_SENDERS["inconnu"].content
    folder = world.client("dr-leroux").key.parent
    return write_pair(folder, "codes-etranger", enroll(world.context, world.plateforme, content))


def revoked(world: PortalWorld) -> Pair:
    name, _ = somebody(world)
    world.revoke(name)
    return world.client(name)


def unknown_account(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
    """Pro Santé Connect vouches for an account without the form of a national id."""
    made: list[Forger] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        served_doors(
            world, Path(folder), start_issuer=lambda portes: forging(portes, made), portes=(Porte.CONNEXION,)
        ) as portes,
    ):
        made[0].change_userinfo = lambda said: said.update(SubjectNameID="")
        return made[0].log_in(portes.visitor())


def stopped(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
    with world.db.write() as write:
        write.add(tables.Arret(id=1, constate_le=datetime.now(UTC), raison="essai"))
    answer = world.session("dr-leroux").get(world.url)
    with world.db.write() as write:
        write.query(tables.Arret).delete()
    return answer


def busy(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
    _, session = somebody(world)
    one = ready(world, session)
    with changed(world, tables.Compteur, tables.Compteur.nom == "demande", plafond=0):
        return one.send()


def broken(world: PortalWorld, patch: pytest.MonkeyPatch) -> requests.Response:
    def fail(*_args: Any) -> None:
        raise RuntimeError("essai")

    patch.setattr(acteurs, "offres", fail)
    return world.session("dr-leroux").get(world.url)


def withdrawn(*, assisted: bool = False, **changes: str | None) -> Scenario:
    """What the second step of a withdrawal answers; of a key of a browser, the page of its file."""

    def send(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
        numero, session = retiring.place(world, csr_assistee=assisted), world.session("dr-leroux")
        answer = retiring.withdraw(world, session, numero, **changes)
        return retiring.get(world, session, answer.headers["location"]) if answer.status_code == 303 else answer

    return send


def not_requester(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
    session = world.session(retiring.somebody(world))
    return retiring.get(world, session, f"/retirer/{retiring.place(world)}")


def past(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
    """A certificate whose key is in a browser, revoked since."""
    numero, session = retiring.place(world, csr_assistee=True), world.session("dr-leroux")
    retiring.withdraw(world, session, numero)
    form = RevocationForm(numero=numero, motif="FIN_ACTIVITE", email="a@acacias.example", confirmation=True)
    world.ra.revocations.revoke(world.origin("dr-leroux", Canal.IHM), form)
    return retiring.get(world, session, f"/retirer/{numero}")


def key_step(*, session_is_over: bool) -> Scenario:
    """The step that makes a key, without a CSR, or after the session."""

    def send(world: PortalWorld, _patch: pytest.MonkeyPatch) -> requests.Response:
        path, session = f"/demander/{retiring.begin(world)}/etape-4/assistee", world.session("dr-leroux")
        csrf = retiring.token(retiring.get(world, session, path))
        if session_is_over:
            session.cookies.clear()
        return retiring.post(world, session, path, csrf_token=csrf, csr="")

    return send


# Told by the script of the page, which carries the sentences; test_browser_keys provokes each in a browser.
FILE_PAGE = withdrawn(assisted=True)

SCENARIOS: Mapping[Code, Scenario] = {
    Code.TIERS_NOT_SEARCHED: not_searched,
    Code.OFFRE_MISSING: at_step(1, offre="rien"),
    Code.STRUCTURE_UNKNOWN: at_step(1, offre="ORG", structure="10B9999999"),
    Code.BENEFICIAIRE_MISSING: no_beneficiaire,
    Code.NOBODY_IN_STRUCTURE: nobody_there,
    Code.EMAIL_SYNTAX: of_serv("S/MIME", adresse_locale="a b", adresse_domaine="acacias.example"),
    Code.EMAIL_TAKEN: taken_address,
    Code.FQDN_MISSING: of_serv("SSL_SERV"),
    Code.FQDN_SYNTAX: of_serv("SSL_SERV", fqdns__0__texte="a_b", fqdns__0__domaine="acacias.example"),
    Code.CSR_REFUSED: bad_csr,
    Code.CODE_REVOCATION_MISSING: withdrawn(code=""),
    Code.CODE_REVOCATION_MISMATCH: withdrawn(confirmation="autre"),
    Code.CODE_REVOCATION_WEAK: withdrawn(code="faible", confirmation="faible"),
    Code.CGU_NOT_ACCEPTED: withdrawn(acceptation=None),
    Code.RETRAIT_FAILED: too_late,
    Code.RETRAIT_NOT_REQUESTER: not_requester,
    Code.CLE_TIME_OVER: key_step(session_is_over=True),
    Code.CLE_IMPOSSIBLE: key_step(session_is_over=False),
    Code.CLE_STORE_CLOSED: FILE_PAGE,
    Code.CLE_UNREADABLE: FILE_PAGE,
    Code.CLE_NOT_HERE: FILE_PAGE,
    Code.CLE_OF_PAST_CERTIFICATE: past,
    Code.CLE_NOT_PACKED: FILE_PAGE,
    Code.CLE_OF_ANOTHER: FILE_PAGE,
    Code.CLE_PASSWORD_WRONG: FILE_PAGE,
    Code.TIERS_UNKNOWN: unknown_tiers,
    Code.PRODUCT_CLOSED: closed,
    Code.HABILITATION_LOST: lost_right,
    Code.DIRECTORY_AWAY: silent_directory,
    Code.SEARCH_TOO_WIDE: page("/suivi/demandes?etat=CLOSE"),
    Code.HABILITATION_MISSING: never_had,
    Code.EMAIL_ACTEUR_SYNTAX: third(email_acteur="sans arobase"),
    Code.EMAIL_INFORME_SYNTAX: third(email_informe="sans arobase"),
    Code.USAGE_MISSING: third(usage=""),
    Code.SERVICE_APPLICATIF_MISSING: third(service_applicatif=" "),
    Code.VALIDATION_FAILED: third(service_applicatif="Labo\u202eratoire"),
    Code.LOGIN_FAILED: by(lambda _world: None),
    Code.WORKSTATION_UNFIT: lambda world, _patch: world.session(None).get(f"{world.url}/poste/verification"),
    Code.SUBJECT_REFUSED: unknown_account,
    Code.CERTIFICATE_REFUSED: by(unfit),
    Code.CERTIFICATE_REVOKED: by(revoked),
    Code.CERTIFICATE_WRONG_PLATEFORME: by(lambda world: world.foreigner),
    Code.ACTEUR_UNKNOWN: by(unregistered),
    Code.REVOCATION_STATUS_UNAVAILABLE: stopped,
    Code.CRITERIA_INVALID: no_name,
    Code.DEMANDE_UNKNOWN: page("/suivi/demandes/999999999"),
    Code.NOT_PROCESSED: given_up,
    Code.BUSY: busy,
    Code.INTERNAL: broken,
}


def tried_too_often(world: World, visitor: Visitor) -> requests.Response:
    numero = active(world)
    for _ in range(5):
        visitor.prove(world, numero, code="faux")
    return visitor.prove(world, numero)


def proof_spent(world: World, visitor: Visitor) -> requests.Response:
    preuve = visitor.proof(world, active(world))
    assert visitor.confirm(preuve).ok
    return visitor.confirm(preuve)


WITHOUT_LOGIN: Mapping[Code, Callable[[World, Visitor], requests.Response]] = {
    Code.CODE_REFUSED: lambda world, visitor: visitor.prove(world, active(world), code="faux"),
    Code.CAPTCHA_REFUSED: lambda world, visitor: visitor.prove(world, active(world), copie="ZZZZZZ"),
    Code.CODE_TRIED_TOO_OFTEN: tried_too_often,
    Code.PROOF_SPENT: proof_spent,
}


def test_every_code_of_the_canal_has_its_scenario() -> None:
    assert SCENARIOS.keys() & WITHOUT_LOGIN.keys() == set()
    assert set(SCENARIOS) | set(WITHOUT_LOGIN) == {code for code, entry in ENTRIES.items() if Canal.IHM in entry.canaux}


@pytest.mark.parametrize("code", SCENARIOS)
def test_it_is_shown(world: PortalWorld, code: Code, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = SCENARIOS[code](world, monkeypatch)
    shown = unescape(answer.text)
    assert code.value in shown, shown
    # What is a page of its own has words of its own around the code, and never less than the reference to quote.
    assert TEXTS[code].partition("{")[0].strip() in shown or code is Code.INTERNAL, shown
    if code.startswith("ERR_IHM"):  # a code of messages is shown where the guide has none only
        assert "ERR_WS_" not in shown


@pytest.mark.parametrize("code", WITHOUT_LOGIN)
def test_it_is_shown_on_the_site_without_login(database: Database, hierarchy: Hierarchy, code: Code) -> None:
    little = make_world(database, hierarchy)
    with served(little) as visitor:
        shown = alert(WITHOUT_LOGIN[code](little, visitor))
    assert code.value in shown, shown
    assert TEXTS[code].partition("{")[0].strip() in shown, shown
