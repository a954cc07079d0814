"""Demandes de révocation under the auditor: in order as they come, and each fault planted in them is found."""

from __future__ import annotations

from datetime import timedelta

import pytest

from batch.lists.crls import publish
from registration.values import RevocationLotForm
from tests.integration.audit.conftest import Place
from tests.support.by_code import a_try, proof_of
from tests.support.revoking import revocation_form
from tests.support.world import World

pytestmark = pytest.mark.long

_LATER = timedelta(days=3)


def live(place: Place) -> dict[str, int]:
    """Every way that a demande de révocation can go; gives their numeros."""
    world, numeros = place.world, place.numeros
    ra, origin = world.ra.revocations, world.origin()
    day = (world.clock.now + _LATER).date().isoformat()
    made = {
        "done": ra.revoke(origin, revocation_form(numeros["ORG_SIGN"])),
        "stolen": ra.revoke(origin, revocation_form(numeros["ORG_SIGN"], motif="VOL")),
        "planned": ra.revoke(origin, revocation_form(numeros["ORG_CONF"], date_effet=day)),
        "superseded": ra.revoke(origin, revocation_form(numeros["SERV_CONF"], date_effet=day)),
        "given up": ra.revoke(origin, revocation_form(numeros["SERV_SIGN"], date_effet=day)),
    }
    found = {name: result.numero or 0 for name, result in made.items()}
    ra.give_up(origin, found["given up"])
    forms = (
        revocation_form(numeros["SERV_CONF"]),
        revocation_form(numeros["ORG_SIGN"]),
        revocation_form(10**9),
        revocation_form(numeros["SERV_SMIME"], motif="AUTRE", autre_motif="panne"),
    )
    found["by code"] = _by_code(world, numeros["PRO_CONF"])
    index = ra.submit(origin, RevocationLotForm(reference="rev-1", revocations=forms)).index
    views = ra.list_lot(origin.acteur, index).revocations
    found |= dict(zip(("of a lot", "again", "refused", "other"), (view.numero for view in views), strict=True))
    world.run_batch()
    world.clock.advance(seconds=5)
    for name in world.hierarchy.signers:
        publish(place.context, name)
    return found


def _by_code(world: World, numero: int) -> int:
    proved = world.par_code.prove(a_try(world, numero))
    return world.par_code.revoke(proof_of(world, proved), revocation_form()).numero or 0


def test_what_happened_is_in_order(place: Place) -> None:
    found = live(place)
    report = place.audit(trail=True)
    assert [str(one) for one in report.findings] == []
    assert report.checked["demandes de révocation"] == len(found)


PLANTED = {
    "refused": ("resultat = 'REVOQUE'", "état NON_TRAITEE avec le résultat REVOQUE"),
    "done": ("resultat = 'REFUSEE', etat = 'NON_TRAITEE'", "sa dernière ligne dit CLOSE"),
    "stolen": ("motif = 'AUTRE', id_demande = 1", "celui d'une autre demande"),
    "other": ("motif = 'FIN_ACTIVITE'", "motif FIN_ACTIVITE, et le certificat est révoqué pour unspecified"),
    "planned": ("effet_le = '2026-01-01 00:00:00.000000'", "son jour est passé"),
    "by code": ("role = 'PORTEUR_CL'", "sans acteur, et son enregistrement n'est pas celui d'un porteur du code"),
    "again": ("role = 'PORTEUR_CL'", "le rôle PORTEUR_CL n'est pas celui"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_row_that_says_otherwise_is_named(embedded: Place, name: str) -> None:
    numero = live(embedded)[name]
    change, told = PLANTED[name]
    embedded.sql(f"UPDATE demande_revocation SET {change} WHERE id = {numero}")
    found = [one for one in embedded.audit().findings if one.subject == f"demande de révocation n° {numero}"]
    assert [one.text for one in found if told in one.text], [str(one) for one in found]


def test_lines_that_cannot_be_are_named(embedded: Place) -> None:
    numeros = live(embedded)
    for name, statement in (
        ("done", "DELETE FROM historique WHERE id_demande = {} AND etat = 'VALIDEE'"),
        ("of a lot", "UPDATE historique SET acteur = 'MALLORY' WHERE id_demande = {} AND code_action = 'ACT_IGC_007'"),
        ("given up", "DELETE FROM historique WHERE id_demande = {}"),
    ):
        embedded.sql(statement.format(numeros[name]))
    found = {one.subject: one.text for one in embedded.audit().findings if one.subject.startswith("demande de")}
    assert set(found) == {f"demande de révocation n° {numeros[name]}" for name in ("done", "of a lot", "given up")}


def test_a_certificate_that_came_back_to_life_is_named(embedded: Place) -> None:
    numero = live(embedded)["done"]
    embedded.sql(
        f"UPDATE certificat SET revoque_le = NULL, raison_crl = NULL WHERE id_demande = {embedded.numeros['ORG_SIGN']}"
    )
    texts = [one.text for one in embedded.audit().findings if one.subject == f"demande de révocation n° {numero}"]
    assert texts == ["résultat REVOQUE, et le certificat n’est pas révoqué"]


def test_a_revocation_that_is_gone_leaves_its_lines_and_its_lot(embedded: Place) -> None:
    numero = live(embedded)["of a lot"]
    embedded.sql(f"DELETE FROM demande_revocation WHERE id = {numero}")
    texts = [one.text for one in embedded.audit().findings]
    assert any("d'une demande qui n'existe pas" in text for text in texts)
    assert any("déposé avec 4 demande(s), la base en a 3" in text for text in texts)
    assert any("les nombres gardés ne sont pas ceux" in text for text in texts)


def test_what_nobody_asked_for_is_named_unless_the_trail_tells_it(embedded: Place) -> None:
    numeros = live(embedded)
    done, code = numeros["done"], numeros["by code"]
    first = f"WHERE id_demande = {done} AND code_action = 'ACT_REV_001'"
    embedded.sql(
        f"UPDATE demande_revocation SET id_acteur = NULL, role = NULL WHERE id = {done}",
        "UPDATE historique SET type_acteur = 'Porteur du code', acteur = '', habilitations_acteur = "
        f"'Code de révocation' {first}",
        f"UPDATE demande_revocation SET id_acteur = 1 WHERE id = {code}",
    )
    found = [str(one) for one in embedded.audit(trail=True).findings]
    assert [one for one in found if f"n° {done}" in one and "la piste ne dit pas qu'elle s'est faite par code" in one]
    assert [one for one in found if f"n° {code} : faite par code ici" in one]
