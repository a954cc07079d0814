"""Revocation of one certificate as a demande of its own (guide §11.1), at once; who may, and what he is told."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from registration.errors import AccessError, Code, ConflictError, IgcError, NotFoundError
from registration.revocation_views import RevocationCriteria, RevocationResult
from registration.views import CommonCriteria, PersonneCriteria
from registration.vocabulary import EtatProduit, EtatRevocation, ResultatRevocation
from tests.support.acteurs import AGENT, HOPITAL
from tests.support.assertions import all_done, assert_refused
from tests.support.concurrency import together
from tests.support.databases import count_rows
from tests.support.revoking import active, certificat, produit, revocation, revocation_form
from tests.support.world import World, summary


def revoke(world: World, numero: int | None, sender: str | None = None, **changes: Any) -> RevocationResult:
    return world.ra.revocations.revoke(world.origin(sender), revocation_form(numero, **changes))


def test_at_once_the_certificate_is_revoked_and_the_demande_close(world: World) -> None:
    numero = active(world)
    world.clock.advance(days=1)
    result = revoke(world, numero)
    assert (result.resultat, result.numero_produit) == (ResultatRevocation.REVOQUE, numero)
    row, certificate = revocation(world, result.numero), certificat(world, numero)
    assert (certificate.revoque_le, certificate.raison_crl) == (world.clock.now, "cessationOfOperation")
    assert (result.autorite, result.serial) == (certificate.autorite, certificate.serial)
    assert (result.revoque_le, result.raison) == (world.clock.now, "cessationOfOperation")
    assert (row.etat, row.motif, row.effet_le, row.differee) == ("CLOSE", "FIN_ACTIVITE", world.clock.now, False)
    assert (row.role, row.email, row.canal) == ("ADMINISTRATEUR_TECHNIQUE", "acteur@acacias.example", "WS")
    assert produit(world, numero) is EtatProduit.REVOQUE
    assert summary(world.history(numero))[-1] == ("SYSTEM", "ACT_IGC_006", "CLOSE")


def test_its_history_stands_under_its_own_numero(world: World) -> None:
    numero = active(world)
    result = revoke(world, numero)
    assert result.numero is not None
    assert result.numero > numero
    detail = world.ra.revocations.read(world.origin().acteur, result.numero)
    assert summary(detail.historique) == [
        ("WS", "ACT_REV_001", "ENREGISTREE"),
        ("WS", "ACT_REV_001", "VALIDEE"),
        ("SYSTEM", "ACT_IGC_007", "CLOSE"),
    ]
    assert {line.numero_demande for line in detail.historique} == {result.numero}
    first = detail.historique[0]
    assert first.type_acteur == "Mandataire"
    assert (first.habilitations_acteur or "").endswith(f" {HOPITAL}")
    assert detail.revocation.numero_produit == numero
    assert detail.revocation.etat is EtatRevocation.CLOSE


@pytest.mark.parametrize(
    ("motif", "raison"), [("VOL", "keyCompromise"), ("PERTE", "keyCompromise"), ("AUTRE", "unspecified")]
)
def test_each_motif_has_its_reason(world: World, motif: str, raison: str) -> None:
    numero = active(world)
    text = "panne du serveur" if motif == "AUTRE" else None
    result = revoke(world, numero, motif=motif, autre_motif=text)
    assert (certificat(world, numero).raison_crl, result.raison) == (raison, raison)
    assert revocation(world, result.numero).autre_motif == text


def test_by_authority_and_serial_as_a_viewer_shows_it(world: World) -> None:
    numero = active(world)
    row = certificat(world, numero)
    shown = " ".join(row.serial.upper()[at : at + 2] for at in range(0, len(row.serial), 2))
    result = revoke(world, None, autorite=row.autorite.lower(), serie=shown)
    assert (result.resultat, result.numero_produit) == (ResultatRevocation.REVOQUE, numero)


def test_an_authority_has_several_names(world: World) -> None:
    numero = active(world)
    row = certificat(world, numero)
    authority = world.hierarchy.authorities[row.autorite].certificate
    common = authority.subject.rfc4514_string()
    assert revoke(world, None, autorite=common, serie=row.serial).numero_produit == numero


# --- who may ---


@pytest.mark.parametrize("product", ["PS_AUTH", "PRO_AUTH"])
def test_who_bears_it_may_always(world: World, product: str) -> None:
    if product == "PS_AUTH":
        numero, sender = active(world, product, sender="ph-arnaud"), "ph-arnaud"
    else:
        numero, sender = active(world, product, beneficiaire="899700990029"), "ph-arnaud"
    world.withdraw_rights(sender)
    result = revoke(world, numero, sender)
    assert result.resultat is ResultatRevocation.REVOQUE
    assert result.numero is not None
    first = world.ra.revocations.read(world.origin(sender).acteur, result.numero).historique[0]
    assert (first.type_acteur, first.habilitations_acteur) == ("Bénéficiaire", "Porteur CL")
    assert revocation(world, result.numero).role == "PORTEUR_CL"


def test_who_bears_and_administers_chooses_and_the_history_follows(world: World) -> None:
    numero = active(world, "PRO_AUTH", beneficiaire=AGENT)
    with pytest.raises(IgcError) as caught:
        revoke(world, numero, "administrateur")
    assert (caught.value.code, caught.value.champ) == (Code.FIELD_INVALID, "enTantQue")
    result = revoke(world, numero, "administrateur", en_tant_que="ADMINISTRATEUR")
    assert result.numero is not None
    first = world.ra.revocations.read(world.origin("administrateur").acteur, result.numero).historique[0]
    assert first.type_acteur == "Mandataire"
    assert (first.habilitations_acteur or "").startswith("Administrateur technique PRO ")


def test_an_administrator_has_no_say_on_offre_ps(world: World) -> None:
    numero = active(world, "PS_AUTH", sender="ph-arnaud")
    with assert_refused(NotFoundError, Code.DEMANDE_UNKNOWN):
        revoke(world, numero, "administrateur")


def test_a_right_that_is_gone_is_gone(world: World) -> None:
    numero = active(world)
    world.withdraw_rights("dr-leroux")
    with assert_refused(AccessError, Code.HABILITATION_MISSING):
        revoke(world, numero)
    assert certificat(world, numero).revoque_le is None


def test_to_a_stranger_it_does_not_exist(world: World) -> None:
    numero = active(world)
    row = certificat(world, numero)
    by_serial: dict[str, Any] = {"autorite": row.autorite, "serie": row.serial}
    for known, unknown in (
        (partial(revoke, world, numero), partial(revoke, world, 10**9)),
        (partial(revoke, world, None, **by_serial), partial(revoke, world, None, **by_serial | {"serie": "12ab"})),
        (partial(revoke, world, None, **by_serial), partial(revoke, world, None, **by_serial | {"autorite": "rien"})),
    ):
        told = []
        for act in (known, unknown):
            with pytest.raises(NotFoundError) as caught:
                act(sender="ide-marchand")
            told.append((caught.value.code, caught.value.text))
        assert told[0] == told[1]


def test_of_the_other_plateforme_nothing_is_known(world: World, production: World) -> None:
    numero = active(world)
    with assert_refused(NotFoundError, Code.DEMANDE_UNKNOWN):
        revoke(production, numero)


# --- only what is active ---


def test_what_is_to_be_withdrawn_is_to_be_cancelled(world: World) -> None:
    waiting = world.deposit(world.form(key=1), reference="waiting").index
    (unsigned,) = world.numeros(waiting)
    with pytest.raises(ConflictError) as caught:
        revoke(world, unsigned)
    assert (caught.value.code, str(unsigned) in caught.value.text) == (Code.REVOCATION_TO_CANCEL, True)
    world.run_batch()
    with assert_refused(ConflictError, Code.REVOCATION_TO_CANCEL):
        revoke(world, unsigned)
    assert produit(world, unsigned) is EtatProduit.A_RETIRER


def test_what_has_expired_or_never_was_is_not_active(world: World) -> None:
    numero = active(world)
    rejected = world.deposit(world.form(key=2, email_acteur="none"), reference="bad").index
    world.run_batch()
    with assert_refused(ConflictError, Code.REVOCATION_NOT_ACTIVE):
        revoke(world, world.numeros(rejected)[0])
    world.clock.now = certificat(world, numero).not_after
    with assert_refused(ConflictError, Code.REVOCATION_NOT_ACTIVE):
        revoke(world, numero)


def test_repeated_it_is_told_and_recorded_no_more(world: World) -> None:
    numero = active(world)
    first = revoke(world, numero)
    before = count_rows(world.db)
    world.clock.advance(days=2)
    again = revoke(world, numero)
    assert again.resultat is ResultatRevocation.DEJA_REVOQUE
    assert (again.numero, again.motif, again.revoque_le) == (first.numero, first.motif, first.revoque_le)
    assert count_rows(world.db) == before


def test_what_was_cancelled_is_told_as_revoked_without_a_number(world: World) -> None:
    index = world.issued(world.form())
    world.ra.lots.cancel(world.origin(), index)
    result = revoke(world, world.numeros(index)[0])
    assert (result.resultat, result.numero) == (ResultatRevocation.DEJA_REVOQUE, None)
    assert result.raison == "cessationOfOperation"


def test_theft_makes_an_earlier_reason_stronger(world: World) -> None:
    numero = active(world)
    first = revoke(world, numero)
    world.clock.advance(hours=1)
    second = revoke(world, numero, motif="VOL")
    assert (second.resultat, second.raison) == (ResultatRevocation.RAISON_CHANGEE, "keyCompromise")
    assert second.revoque_le == first.revoque_le == certificat(world, numero).revoque_le
    third = revoke(world, numero, motif="PERTE")
    assert (third.resultat, third.numero) == (ResultatRevocation.DEJA_REVOQUE, second.numero)


def test_a_refused_form_leaves_no_trace(world: World) -> None:
    numero = active(world)
    before = count_rows(world.db)
    for changes in ({"confirmation": False}, {"motif": "X"}, {"email": "x"}, {"date_effet": "2026-02-30"}):
        with pytest.raises(IgcError):
            revoke(world, numero, **changes)
    assert count_rows(world.db) == before


def test_two_at_the_same_moment_revoke_once(world: World) -> None:
    numero = active(world)
    acts: list[Callable[[], object]] = [partial(revoke, world, numero), partial(revoke, world, numero, motif="VOL")]
    results = all_done(together(acts))
    assert certificat(world, numero).raison_crl == "keyCompromise"
    found = {result.resultat for result in results if isinstance(result, RevocationResult)}
    assert found <= {ResultatRevocation.REVOQUE, ResultatRevocation.RAISON_CHANGEE, ResultatRevocation.DEJA_REVOQUE}
    assert len([line for line in world.history(numero) if line.code_action == "ACT_IGC_006"]) == 1


# --- follow-up ---


def test_the_search_knows_criteria_pages_and_rights(world: World) -> None:
    numeros = [active(world, key=key) for key in range(3)]
    own = active(world, "PS_AUTH", 5, sender="ph-arnaud")
    results = [revoke(world, numero) for numero in numeros]
    theirs = revoke(world, own, "ph-arnaud")
    search = world.ra.revocations.search
    mine = world.origin().acteur
    page = search(mine, RevocationCriteria(), limit=2)
    assert [view.numero for view in page.revocations] == [results[2].numero, results[1].numero]
    rest = search(mine, RevocationCriteria(), limit=2, after=page.next_after)
    assert [view.numero for view in rest.revocations] == [results[0].numero]
    assert rest.next_after is None
    assert [view.numero for view in search(world.origin("ph-arnaud").acteur, RevocationCriteria()).revocations] == [
        theirs.numero
    ]
    for criteria in (
        RevocationCriteria(numero=results[1].numero),
        RevocationCriteria(numero_produit=numeros[1]),
    ):
        assert [view.numero for view in search(mine, criteria).revocations] == [results[1].numero]
    assert search(mine, RevocationCriteria(etat=EtatRevocation.VALIDEE)).revocations == ()
    assert search(mine, RevocationCriteria(until=world.clock.now)).revocations == ()
    assert len(search(mine, RevocationCriteria(since=world.clock.now)).revocations) == 3


def test_names_are_those_of_the_certificate_and_of_who_had_it_revoked(world: World) -> None:
    numero = active(world, "PRO_AUTH", 1, sender="dpi-acacias")
    result = revoke(world, numero, "dr-leroux")
    mine = world.origin("dr-leroux").acteur

    def found(**named: Any) -> list[int | None]:
        criteria = RevocationCriteria(produit=CommonCriteria(all_offres=True, **named))
        return [view.numero for view in world.ra.revocations.search(mine, criteria).revocations]

    (view,) = world.ra.revocations.search(mine, RevocationCriteria()).revocations
    nom, _, prenom = (view.beneficiaire_libelle or "").partition(" ")
    assert view.raison_sociale == "CENTRE HOSPITALIER DES ACACIAS"
    assert view.demandeur == "LEROUX CAMILLE"
    for named in (
        {"raison_sociale": "centre hosp*"},
        {"beneficiaire": PersonneCriteria(nom=nom.lower(), prenom=f"{prenom[:2]}*")},
        {"demandeur": PersonneCriteria(nom="Leroux", prenom="camille")},
        {"demandeur": PersonneCriteria(id_national=mine.id_national)},
    ):
        assert found(**named) == [result.numero], named
    for named in (
        {"raison_sociale": "clinique*"},
        {"beneficiaire": PersonneCriteria(nom="leroux")},
        {"demandeur": PersonneCriteria(nom=nom)},
    ):
        assert found(**named) == [], named


def test_a_revocation_of_others_cannot_be_read(world: World) -> None:
    result = revoke(world, active(world))
    assert result.numero is not None
    for acteur, numero in ((world.origin("ide-marchand").acteur, result.numero), (world.origin().acteur, 10**9)):
        with assert_refused(NotFoundError, Code.REVOCATION_UNKNOWN):
            world.ra.revocations.read(acteur, numero)
