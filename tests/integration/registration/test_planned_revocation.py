"""Revocation on a day: it waits in the database, is done once, however late, and can be given up or superseded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from registration.errors import AccessError, Code, ConflictError, IgcError, NotFoundError
from registration.revocation.due import any_due, revoke_due
from registration.revocation.revoking import revoke_of_demandes
from registration.revocation_views import RevocationResult
from registration.vocabulary import Avis, EtatProduit, ResultatRevocation
from storage import tables
from tests.support.assertions import all_done, assert_refused
from tests.support.concurrency import together
from tests.support.databases import count_rows
from tests.support.produits import conditions
from tests.support.revoking import active, certificat, produit, revocation, revocation_form
from tests.support.world import World, summary

DAY = "2026-12-15"
MIDNIGHT = datetime(2026, 12, 14, 23, 0, tzinfo=UTC)  # 00:00 in Paris on that day


def plan(world: World, numero: int, day: str = DAY, sender: str | None = None, **changes: object) -> RevocationResult:
    return world.ra.revocations.revoke(world.origin(sender), revocation_form(numero, date_effet=day, **changes))


def due(world: World) -> int:
    return revoke_due(world.db, world.clock)


def history(world: World, numero: int | None) -> list[tuple[str, str, str]]:
    return summary(world.ra.revocations.read(world.origin().acteur, numero or 0).historique)


def test_it_waits_for_midnight_in_paris_and_is_done_then(world: World) -> None:
    numero = active(world)
    asked = plan(world, numero)
    assert (asked.resultat, asked.effet_le, asked.revoque_le) == (ResultatRevocation.PROGRAMMEE, MIDNIGHT, None)
    assert (produit(world, numero), revocation(world, asked.numero).etat) == (EtatProduit.ACTIF, "VALIDEE")
    world.clock.now = MIDNIGHT - timedelta(microseconds=1)
    assert (any_due(world.db, world.clock.now), due(world)) == (False, 0)
    # The plateforme was down when the hour came.
    world.clock.now = MIDNIGHT + timedelta(hours=7)
    assert any_due(world.db, world.clock.now)
    assert due(world) == 1
    row = revocation(world, asked.numero)
    assert (row.etat, row.resultat, row.effet_le) == ("CLOSE", "REVOQUE", MIDNIGHT)
    assert certificat(world, numero).revoque_le == world.clock.now
    assert produit(world, numero) is EtatProduit.REVOQUE
    assert history(world, asked.numero) == [
        ("WS", "ACT_REV_001", "ENREGISTREE"),
        ("WS", "ACT_REV_001", "VALIDEE"),
        ("SYSTEM", "ACT_IGC_007", "CLOSE"),
    ]
    assert (any_due(world.db, world.clock.now), due(world)) == (False, 0)


def test_schedulers_that_meet_do_each_once(world: World) -> None:
    numeros = [active(world, key=key) for key in range(4)]
    asked = [plan(world, numero) for numero in numeros]
    world.clock.now = MIDNIGHT
    acts: list[Callable[[], object]] = [partial(due, world)] * 2
    assert sum(int(str(done)) for done in all_done(together(acts))) == len(numeros)
    assert {revocation(world, one.numero).resultat for one in asked} == {"REVOQUE"}
    for numero in numeros:
        assert [line.code_action for line in world.history(numero)].count("ACT_IGC_006") == 1


def test_the_last_day_of_validity_is_the_last_that_can_be_chosen(world: World) -> None:
    numero = active(world)
    last = certificat(world, numero).not_after.date()
    with pytest.raises(IgcError) as caught:
        plan(world, numero, (last + timedelta(days=2)).isoformat())
    assert caught.value.champ == "dateEffet"
    assert plan(world, numero, last.isoformat()).resultat is ResultatRevocation.PROGRAMMEE


def test_what_has_expired_before_it_was_done_is_not_processed(world: World) -> None:
    numero = active(world)
    asked = plan(world, numero)
    world.clock.now = certificat(world, numero).not_after
    assert due(world) == 1
    row = revocation(world, asked.numero)
    assert (row.etat, row.resultat, row.code_erreur) == ("NON_TRAITEE", "EXPIRE", "ERR_WS_062")
    assert certificat(world, numero).revoque_le is None
    assert history(world, asked.numero)[-1] == ("SYSTEM", "ACT_IGC_009", "NON_TRAITEE")


def test_the_same_day_again_gives_the_same_numero_and_another_one_is_refused(world: World) -> None:
    numero = active(world)
    asked = plan(world, numero)
    before = count_rows(world.db)
    assert plan(world, numero).numero == asked.numero
    with pytest.raises(ConflictError) as caught:
        plan(world, numero, "2026-12-16")
    assert (caught.value.code, str(asked.numero) in caught.value.text) == (Code.REVOCATION_PENDING, True)
    assert count_rows(world.db) == before


@pytest.mark.parametrize("motif", ["FIN_ACTIVITE", "VOL"])
def test_one_at_once_supersedes_it(world: World, motif: str) -> None:
    numero = active(world)
    asked = plan(world, numero)
    now = world.ra.revocations.revoke(world.origin(), revocation_form(numero, motif=motif))
    assert now.resultat is ResultatRevocation.REVOQUE
    row = revocation(world, asked.numero)
    assert (row.etat, row.resultat, row.remplacee_par) == ("CLOSE", "REMPLACEE", now.numero)
    world.clock.now = MIDNIGHT
    assert due(world) == 0


def test_an_operator_who_revokes_closes_it_too(world: World) -> None:
    numero = active(world)
    asked = plan(world, numero)
    with world.db.write() as session:
        revoke_of_demandes(session, [numero], "superseded", world.clock(), "essai")
    row = revocation(world, asked.numero)
    assert (row.etat, row.resultat, row.remplacee_par) == ("CLOSE", "REMPLACEE", None)


def test_a_key_that_is_compromised_elsewhere_closes_it_too(world: World) -> None:
    numero = active(world)
    asked = plan(world, numero)
    other = active(world, key=1)
    with world.db.write() as session:
        row = session.get_one(type(certificat(world, other)), certificat(world, other).id)
        row.spki_sha256 = certificat(world, numero).spki_sha256
    result = world.ra.revocations.revoke(world.origin(), revocation_form(other, motif="VOL"))
    assert result.resultat is ResultatRevocation.REVOQUE
    assert certificat(world, numero).raison_crl == "keyCompromise"
    assert revocation(world, asked.numero).resultat == "REMPLACEE"


# --- giving up ---


def test_who_may_revoke_may_give_it_up(world: World) -> None:
    numero = active(world)
    asked = plan(world, numero)
    assert asked.numero is not None
    assert world.ra.revocations.give_up(world.origin("administrateur"), asked.numero) is True
    row = revocation(world, asked.numero)
    assert (row.etat, row.resultat) == ("NON_TRAITEE", "ABANDONNEE")
    assert history(world, asked.numero)[-1] == ("WS", "ACT_REV_002", "NON_TRAITEE")
    assert world.ra.revocations.give_up(world.origin(), asked.numero) is False
    world.clock.now = MIDNIGHT
    assert due(world) == 0
    assert produit(world, numero) is EtatProduit.ACTIF
    # And the way is free again.
    assert plan(world, numero, "2026-12-20").resultat is ResultatRevocation.PROGRAMMEE


def test_nobody_else_gives_it_up(world: World) -> None:
    numero = active(world)
    asked = plan(world, numero)
    assert asked.numero is not None
    with assert_refused(NotFoundError, Code.REVOCATION_UNKNOWN):
        world.ra.revocations.give_up(world.origin("ide-marchand"), asked.numero)
    world.withdraw_rights("dr-leroux")
    with assert_refused(AccessError, Code.HABILITATION_MISSING):
        world.ra.revocations.give_up(world.origin(), asked.numero)
    assert revocation(world, asked.numero).etat == "VALIDEE"


def test_what_is_done_cannot_be_given_up(world: World) -> None:
    result = world.ra.revocations.revoke(world.origin(), revocation_form(active(world)))
    assert result.numero is not None
    with assert_refused(ConflictError, Code.REVOCATION_NOT_PENDING):
        world.ra.revocations.give_up(world.origin(), result.numero)


def told(world: World) -> set[tuple[str, str]]:
    with world.db.read() as session:
        return {(row.nature, row.destinataire or "") for row in session.query(tables.Avis) if row.id_demande}


def test_who_asked_is_told_at_the_address_he_typed_once_it_is_done(world: World) -> None:
    numero = world.place(world.form(email_informe="Garde@acacias.example"))
    world.run_batch()
    world.ra.retraits.withdraw(world.origin(), numero, conditions())
    plan(world, numero, email="autre@acacias.example")
    assert (Avis.REVOKED.value, "autre@acacias.example") not in told(world)
    world.clock.now = MIDNIGHT
    assert due(world) == 1
    mine = {address for nature, address in told(world) if nature == Avis.REVOKED.value}
    assert mine == {"acteur@acacias.example", "Garde@acacias.example", "autre@acacias.example"}
    # Who is told already has one mail, whatever the case in which he types.
    second = world.place(world.form(key=1))
    world.run_batch()
    world.ra.retraits.withdraw(world.origin(), second, conditions())
    world.ra.revocations.revoke(world.origin(), revocation_form(second, email="ACTEUR@acacias.example"))
    with world.db.read() as session:
        rows = session.query(tables.Avis).filter_by(id_demande=second, nature=Avis.REVOKED.value).all()
    assert [row.destinataire for row in rows] == ["acteur@acacias.example"]
