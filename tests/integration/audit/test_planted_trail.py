"""Faults planted in what the audit trail tells: rows changed by somebody who has the database and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from registration.acteurs.habilitations import end_identity
from registration.life.fermetures import close
from registration.rules.revocation_code import hash_code
from registration.vocabulary import Offre, Plateforme, Usage
from storage import tables
from tests.integration.audit.conftest import ORG, Place
from tests.support.acteurs import HOPITAL, card_of
from tests.support.stored import key_of

pytestmark = pytest.mark.long

Plant = Callable[[Place], object]
PLANTED: dict[str, tuple[Plant, tuple[str, ...]]] = {}


def plants(*words: str) -> Callable[[Plant], Plant]:
    """Register a fault with words of each of its findings, in any order."""

    def register(plant: Plant) -> Plant:
        PLANTED[plant.__name__.strip("_").replace("_", " ")] = (plant, words)
        return plant

    return register


def next_list(place: Place) -> None:
    """The next CRL is out, and says what the database says by now: the worker had no published list to compare."""
    from batch.lists.crls import publish

    place.clock.advance(minutes=1)
    for file in (place.publication / "CRL").glob(f"{ORG}*"):
        file.unlink()
    publish(place.context, ORG)
    place.clock.advance(minutes=1)


@plants("révoqué ici pour keyCompromise, la base dit superseded")
def _a_reason_softened_before_the_next_list(place: Place) -> None:
    place.change(tables.Certificat, "revoked", raison_crl="superseded")
    next_list(place)


@plants("révoqué ici le ")
def _a_revocation_moved_before_the_next_list(place: Place) -> None:
    row = place.certificat("revoked")
    assert row is not None
    assert row.revoque_le is not None
    place.change(tables.Certificat, "revoked", revoque_le=row.revoque_le - timedelta(minutes=1))
    next_list(place)


@plants("la base dit une autre date pour le changement de raison")
def _a_change_of_reason_that_never_was(place: Place) -> None:
    place.change(tables.Certificat, "revoked", raison_modifiee_le=place.clock())
    next_list(place)


@plants("interdite ici, elle ne l'est plus dans la base")
def _a_blocked_key_freed(place: Place) -> None:
    place.sql("DELETE FROM cle_interdite")


@plants("interdite sans que la piste le dise")
def _a_key_blocked_in_silence(place: Place) -> None:
    with place.db.write() as session:
        session.add(tables.CleInterdite(spki_sha256=hashlib.sha256(b"x").digest(), cree_le=place.clock()))


@plants("l'acteur de la demande n'est pas celui de son enregistrement", "son acteur n'est pas celui de ses demandes")
def _a_demande_given_to_somebody_else(place: Place) -> None:
    place.change(tables.Demande, "waiting", id_acteur=place.world.acteurs["ide-marchand"].id)


@plants(
    "l'administrateur de la demande n'est pas celui de son enregistrement",
    "qui l'a déposé pour son acteur n'est pas qui a placé ses demandes",
)
def _an_administrateur_made_up(place: Place) -> None:
    place.change(tables.Demande, "waiting", id_administrateur=place.world.acteurs["administrateur"].id)


@plants(
    "qui l'a déposé pour son acteur n'est pas qui a placé ses demandes",
    "déposé pour un tiers par qui ne pouvait pas agir pour un tiers",
)
def _a_lot_that_somebody_deposited_for_its_acteur(place: Place) -> None:
    of_lot(place, "id_administrateur")


@plants("annulé pour un tiers par qui ne pouvait pas agir pour un tiers")
def _a_lot_that_somebody_cancelled_for_its_acteur(place: Place) -> None:
    of_lot(place, "annule_administrateur")


def of_lot(place: Place, column: str) -> None:
    ident, numero = place.world.acteurs["administrateur"].id, place.numeros["waiting"]
    place.sql(f"UPDATE lot SET {column} = {ident} WHERE id = (SELECT id_lot FROM demande WHERE id = {numero})")


@plants(
    "la date de retrait du certificat n'est pas celle de l'historique", "retiré avant d'être émis", "à une autre date"
)
def _withdrawn_before_it_was_issued(place: Place) -> None:
    row = place.certificat("ORG_SIGN")
    assert row is not None
    assert row.emis_le is not None
    place.change(tables.Certificat, "ORG_SIGN", retire_le=row.emis_le - timedelta(days=1))


@plants(
    "la date d'émission du certificat n'est pas celle de l'historique",
    "il a été émis à une autre date",
    "les dates du produit dans la demande ne sont pas celles de son certificat",
)
def _issued_at_another_time(place: Place) -> None:
    row = place.certificat("ORG_SIGN")
    assert row is not None
    assert row.emis_le is not None
    place.change(tables.Certificat, "ORG_SIGN", emis_le=row.emis_le + timedelta(seconds=5))


@plants(*["son code de révocation a été remplacé"] * 13)
def _a_revocation_code_replaced(place: Place) -> None:
    row = place.certificat("ORG_SIGN")
    assert row is not None
    place.sql(
        f"UPDATE code_revocation SET empreinte = '{hash_code('Un-autre-code-1')}' WHERE id = {row.id_code_revocation}"
    )


@plants("son code de révocation a été remplacé")
def _the_revocation_code_of_another_withdrawal(place: Place) -> None:
    other = place.certificat("revoked")
    assert other is not None
    place.change(tables.Certificat, "ORG_SIGN", id_code_revocation=other.id_code_revocation)


@plants("son acceptation n'est pas celle de cette ligne")
def _an_acceptance_forgotten(place: Place) -> None:
    place.change(tables.Certificat, "ORG_SIGN", id_acceptation=None)


@plants(*["son acceptation n'est pas celle de cette ligne"] * 13)
def _accepted_by_somebody_else(place: Place) -> None:
    row = place.certificat("ORG_SIGN")
    assert row is not None
    other = place.world.acteurs["administrateur"].id
    place.sql(f"UPDATE acceptation SET id_acteur = {other} WHERE id = {row.id_acceptation}")


@plants(*["son acceptation n'est pas celle de cette ligne"] * 13)
def _another_text_accepted(place: Place) -> None:
    row = place.certificat("ORG_SIGN")
    assert row is not None
    place.sql(f"UPDATE acceptation SET cgu_empreinte = '{'0' * 64}' WHERE id = {row.id_acceptation}")


@plants("retirée ici, elle ne l'est plus dans la base", "ne vont pas ensemble")
def _a_withdrawal_undone(place: Place) -> None:
    place.change(tables.Certificat, "ORG_SIGN", retire_le=None, id_code_revocation=None)


@plants("reconnu pour l'acteur ")
def _a_client_certificate_of_somebody_else(place: Place) -> None:
    other = place.world.acteurs["ide-marchand"].id
    serial = card_of(place.world.acteurs["inconnu"].id).serie
    place.sql(f"UPDATE identite SET id_acteur = {other} WHERE serial = '{serial}'")


@plants("reconnu sans que la piste le dise")
def _a_client_certificate_slipped_in(place: Place) -> None:
    with place.db.write() as session:
        ident = place.world.acteurs["inconnu"].id
        session.add(tables.Identite(id_acteur=ident, issuer_sha256=bytes(32), serial="ab" * 16))


@plants("il ne l'est plus dans la base")
def _a_client_certificate_removed(place: Place) -> None:
    place.sql(f"DELETE FROM identite WHERE id_acteur = {place.world.acteurs['inconnu'].id}")


@plants("donnée sans que la piste le dise")
def _an_habilitation_slipped_in(place: Place) -> None:
    with place.db.write() as session:
        session.add(
            tables.Habilitation(
                id_acteur=place.world.acteurs["inconnu"].id,
                role="ADMINISTRATEUR_TECHNIQUE",
                offre="ORG",
                id_structure=HOPITAL,
            )
        )


@plants("donnée sans que la piste le dise", "donnée selon la piste, elle n'est plus dans la base")
def _an_habilitation_widened(place: Place) -> None:
    ident = place.world.acteurs["administrateur"].id
    place.sql(f"UPDATE habilitation SET domaine = '*.example' WHERE id_acteur = {ident} AND offre = 'SERV'")


@plants("donnée selon la piste, elle n'est plus dans la base")
def _an_habilitation_removed(place: Place) -> None:
    ident = place.world.acteurs["administrateur"].id
    place.sql(f"DELETE FROM habilitation WHERE id_acteur = {ident} AND offre = 'SERV'")


@plants("ses dates ne sont pas celles que dit la piste")
def _an_habilitation_with_another_end(place: Place) -> None:
    ident = place.world.acteurs["administrateur"].id
    place.sql(
        f"UPDATE habilitation SET fin_le = '2031-01-01 00:00:00.000000' WHERE id_acteur = {ident} AND offre = 'SERV'"
    )


@plants("ses dates ne sont pas celles que dit la piste")
def _an_habilitation_given_back(place: Place) -> None:
    place.world.grant("inconnu", Offre.ORG, HOPITAL)
    place.world.withdraw_rights("inconnu")
    place.sql(f"UPDATE habilitation SET fin_le = NULL WHERE id_acteur = {place.world.acteurs['inconnu'].id}")


@plants("sa fin n'est pas celle que dit la piste")
def _a_client_certificate_given_back(place: Place) -> None:
    ident = place.world.acteurs["inconnu"].id
    with place.db.write() as session:
        assert end_identity(session, ident, card_of(ident), place.clock())
    place.sql(f"UPDATE identite SET fin_le = NULL WHERE id_acteur = {ident}")


@plants("la base et la piste ne disent pas la même")
def _a_product_opened_by_hand(place: Place) -> None:
    with place.db.write() as session:
        assert close(session, Plateforme.TEST, (Offre.PS, Usage.AUTH), place.clock(), "essai", None)
    place.sql("DELETE FROM fermeture")


@plants("n'est plus celui qui a été inscrit")
def _an_acteur_renamed(place: Place) -> None:
    ident = place.world.acteurs["inconnu"].id
    place.sql(f"UPDATE acteur SET libelle = 'AUTRE APPLICATION' WHERE id = {ident}")


@plants("inscrit sans que la piste le dise")
def _an_acteur_slipped_in(place: Place) -> None:
    with place.db.write() as session:
        session.add(tables.Acteur(plateforme="TEST", type_acteur="APPLICATION", libelle="INTRUS", id_national="X/1"))


@plants("le certificat client présenté n'était pas celui de")
def _a_step_with_the_certificate_of_another(place: Place) -> None:
    serial = card_of(place.world.acteurs["ide-marchand"].id).serie
    numero = place.numeros["waiting"]
    place.sql(f"UPDATE historique SET serie = '{serial}' WHERE id_demande = {numero} AND code_action = 'ACT_DCL_001'")


@plants("le certificat client présenté n'était pas celui de")
def _a_step_without_a_certificate(place: Place) -> None:
    numero = place.numeros["waiting"]
    place.sql(
        f"UPDATE historique SET serie = NULL, emetteur = NULL WHERE id_demande = {numero} "
        "AND code_action = 'ACT_DCL_001'"
    )


@plants("l'offre ou la structure n'est pas celle de l'habilitation", "structure de la ligne et du contenu")
def _a_demande_moved_to_another_structure(place: Place) -> None:
    place.change(tables.Demande, "waiting", id_structure="10B0990029")


@plants("la base en est au n° ", "porte un numéro qui n'a pas été tiré")
def _numbers_of_lists_go_back(place: Place) -> None:
    place.change(tables.Crl, ORG, dernier_numero=2)


def found(place: Place) -> list[str]:
    return [f"{one.topic} {one.subject} : {one.text}" for one in place.audit(trail=True).findings]


@pytest.mark.parametrize("case", PLANTED)
def test_a_planted_fault_is_found_and_named(embedded: Place, case: str) -> None:
    plant, words = PLANTED[case]
    plant(embedded)
    findings = found(embedded)
    left = list(findings)
    for word in words:
        fitting = [one for one in left if word in one]
        assert fitting, (word, findings)
        left.remove(fitting[0])
    assert left == []


@pytest.mark.parametrize(
    "case", ["a reason softened before the next list", "an habilitation widened", "a blocked key freed"]
)
def test_the_same_on_both_databases(place: Place, case: str) -> None:
    plant, words = PLANTED[case]
    plant(place)
    findings = found(place)
    assert len(findings) == len(words)
    assert all(any(word in one for one in findings) for word in words)


def test_a_reason_that_became_stronger_is_no_fault(embedded: Place) -> None:
    from registration.revocation.revoking import revoke

    row = embedded.certificat("ORG_SIGN")
    assert row is not None
    for raison in ("superseded", "keyCompromise"):
        embedded.clock.advance(minutes=1)
        with embedded.db.write() as session:
            revoke(session, {row.id: raison}, embedded.clock(), "essai")
    next_list(embedded)
    assert found(embedded) == []
    with embedded.db.read() as session:
        blocked = session.scalars(select(tables.CleInterdite.spki_sha256)).all()
    assert key_of(row) in {bytes(key) for key in blocked}


def test_rights_that_were_given_and_ended_by_the_door_are_no_fault(embedded: Place) -> None:
    world = embedded.world
    world.grant("inconnu", Offre.SERV, HOPITAL, "intranet.acacias.example")
    world.withdraw_rights("administrateur")
    acteur = world.acteurs["dr-leroux"]
    with embedded.db.write() as session:
        # The certificate has gone; what was done with it stays his.
        assert end_identity(session, acteur.id, card_of(acteur.id), embedded.clock())
    assert found(embedded) == []


def test_an_empty_trail_beside_certificates_is_a_fault(embedded: Place) -> None:
    from tests.support.trail import unlocked

    with unlocked(embedded.db, "piste_audit"):
        embedded.sql(
            "DELETE FROM piste_audit", f"UPDATE tete_audit SET numero = 0, empreinte = x'{'00' * 32}', historique = 0"
        )
    assert "PISTE piste : elle est vide, et des certificats existent" in found(embedded)
