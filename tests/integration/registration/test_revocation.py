"""The one door of every revocation: every reason, kind and state; keys; what is being signed; the trail."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from itertools import product
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import delete, select, update
from structlog.testing import capture_logs

from batch.issuing import demandes as issuing
from batch.issuing.own_certificates import enroll
from batch.queue import jobs
from pki.certificates.content import CertificateContent
from pki.issuing.issuance import IssuedCertificate
from pki.status.ocsp_response import Revoked
from pki.status.reasons import REASONS
from publication.statuses import StatusReader
from registration.errors import Code, ConflictError
from registration.revocation.blocked_keys import block_keys, blocked_among
from registration.revocation.by_key import revoke_key
from registration.revocation.revoking import Revocations, revoke, settle_compromised
from registration.rules.revocation import Outcome
from registration.vocabulary import CodeAction, EtatDemande, EtatProduit, Plateforme
from storage import tables
from tests.support.assertions import all_done, assert_refused, the
from tests.support.concurrency import together
from tests.support.csrs import csr
from tests.support.databases import assert_same_cost
from tests.support.produits import conditions
from tests.support.revocations import certificats, copies
from tests.support.stored import key_of
from tests.support.trail import refusing
from tests.support.world import World, summary

COMPROMISE = "keyCompromise"
TLS = CertificateContent(
    product="TLS_SERVER",
    common_name="ws.igc.example",
    dns_names=("ws.igc.example",),
    state="Paris (75)",
    organization="IGC EXEMPLE",
    organizational_unit="10B0000000",
)


def carry_out(world: World, raisons: dict[int, str], motif: str = "essai") -> Revocations:
    with world.db.write() as session:
        return revoke(session, raisons, world.clock(), motif)


def outcomes(done: Revocations) -> dict[int, Outcome]:
    return {one.id_certificat: one.outcome for one in done.certificates}


def of_tls_server(world: World) -> tables.Certificat:
    enroll(world.context, Plateforme.TEST, TLS)
    with world.db.read() as session:
        return session.scalars(select(tables.Certificat).where(tables.Certificat.produit == "TLS_SERVER")).one()


def blocked(world: World, *keys: bytes) -> set[bytes]:
    with world.db.read() as session:
        return blocked_among(session, keys)


def told(world: World, acte: str) -> list[dict[str, Any]]:
    line = tables.PisteAudit
    with world.db.read() as session:
        found = session.scalars(select(line.contenu).where(line.acte == acte).order_by(line.numero))
        return [json.loads(contenu) for contenu in found]


def moment(date: datetime) -> str:
    """As the audit trail writes a date."""
    return date.isoformat(timespec="microseconds")


def steps(world: World, numero: int) -> list[tuple[str, str]]:
    line = tables.Historique
    with world.db.read() as session:
        rows = session.execute(
            select(line.code_action, line.etat, line.acteur).where(line.id_demande == numero).order_by(line.id)
        ).all()
    assert {row.acteur for row in rows if row.code_action.startswith("ACT_IGC")} <= {""}
    return [(CodeAction(row.code_action).name, row.etat) for row in rows]


def test_every_reason_kind_and_state(world: World) -> None:
    index = world.issued(*world.forms(2))
    withdrawn, waiting = world.numeros(index)
    world.ra.retraits.withdraw(world.origin(), withdrawn, conditions())
    kinds = {"ACTIF": world.certificat(withdrawn).id, "A_RETIRER": world.certificat(waiting).id}
    kinds["TLS"] = of_tls_server(world).id
    now = world.clock.advance(days=1)
    first = {"revoque_le": world.clock.now.replace(hour=1), "raison_crl": "superseded"}
    states: dict[str, dict[str, Any]] = {
        "good": {},
        "revoked": first,
        "expired": {"not_after": now},
        "expired and revoked": first | {"not_after": now},
    }
    wanted: dict[int, tuple[str, str, str]] = {}
    for kind, reason, state in product(kinds, REASONS, states):
        (ident,) = copies(world.db, kinds[kind], 1, **states[state])
        wanted[ident] = (kind, reason, state)
    done = carry_out(world, {ident: reason for ident, (_, reason, _) in wanted.items()})
    assert {one.id_certificat for one in done.certificates} == set(wanted)
    keys = [key_of(row) for row in certificats(world.db, list(wanted))]
    are_blocked = blocked(world, *keys)
    for row, (kind, reason, state) in zip(certificats(world.db, list(wanted)), wanted.values(), strict=True):
        outcome = outcomes(done)[row.id]
        stronger = state == "revoked" and reason == COMPROMISE
        expected = {"good": Outcome.REVOKED, "expired": Outcome.EXPIRED}.get(state, Outcome.UNCHANGED)
        assert outcome is (Outcome.STRENGTHENED if stronger else expected), (kind, reason, state)
        stands = {"good": (now, reason), "expired": (None, None)}.get(state, (first["revoque_le"], "superseded"))
        assert (row.revoque_le, row.raison_crl) == ((first["revoque_le"], reason) if stronger else stands)
        assert row.raison_modifiee_le == (now if stronger else None)
        # Whoever says that a key is compromised has it blocked, whatever became of this certificate.
        assert (row.spki_sha256 in are_blocked) == (reason == COMPROMISE)
        if kind != "TLS" and state == "good":
            now_etat = EtatDemande.CLOSE if kind == "ACTIF" else EtatDemande.ANNULEE
            numero = the(row.id_demande)
            other = world.demande(numero)
            assert (other.etat, other.etat_produit) == (now_etat.value, EtatProduit.REVOQUE.value)
            assert steps(world, numero)[-1] == ("CERTIFICATE_REVOKED", now_etat.value)
    # And nothing else changed.
    assert {world.certificat_by_id(ident).revoque_le for ident in kinds.values()} == {None}


def test_what_waits_for_its_retrait_is_cancelled_and_what_was_withdrawn_stays_closed(world: World) -> None:
    index = world.issued(*world.forms(2))
    withdrawn, waiting = world.numeros(index)
    world.ra.retraits.withdraw(world.origin(), withdrawn, conditions())
    carry_out(world, {world.certificat(numero).id: "cessationOfOperation" for numero in (withdrawn, waiting)})
    assert world.etats(index) == [EtatDemande.CLOSE, EtatDemande.ANNULEE]
    assert summary(world.history(withdrawn))[-1:] == [("SYSTEM", "ACT_IGC_006", "CLOSE")]
    assert summary(world.history(waiting))[-2:] == [
        ("SYSTEM", "ACT_DCL_006", "ANNULEE"),
        ("SYSTEM", "ACT_IGC_006", "ANNULEE"),
    ]
    for numero in (withdrawn, waiting):
        with assert_refused(ConflictError, Code.NOT_WITHDRAWABLE):
            world.ra.retraits.withdraw(world.origin(), numero, conditions())


def test_a_second_revocation_changes_only_the_reason_and_only_to_compromise(world: World) -> None:
    (numero,) = world.numeros(world.issued(world.form()))
    row = world.certificat(numero)
    carry_out(world, {row.id: "superseded"})
    revoked, history = world.clock.now, steps(world, numero)
    world.clock.advance(days=1)
    assert outcomes(carry_out(world, {row.id: "affiliationChanged"}))[row.id] is Outcome.UNCHANGED
    assert outcomes(carry_out(world, {row.id: COMPROMISE}))[row.id] is Outcome.STRENGTHENED
    changed = world.clock.now
    world.clock.advance(days=1)
    for raison in REASONS:
        assert outcomes(carry_out(world, {row.id: raison}))[row.id] is Outcome.UNCHANGED
    after = world.certificat_by_id(row.id)
    assert (after.revoque_le, after.raison_crl, after.raison_modifiee_le) == (revoked, COMPROMISE, changed)
    assert blocked(world, key_of(row)) == {key_of(row)}
    # The demande learns nothing new; the audit trail has both, once each.
    assert steps(world, numero) == history
    assert [line["certificats"] for line in told(world, "REVOCATION")] == [
        [[row.autorite, row.serial, "superseded", moment(revoked)]],
        [[row.autorite, row.serial, COMPROMISE, moment(revoked)]],
    ]


def test_the_trail_names_what_was_revoked_and_blocked(world: World) -> None:
    (numero,) = world.numeros(world.issued(world.form()))
    row = world.certificat(numero)
    many = copies(world.db, row.id, 200)
    carry_out(world, dict.fromkeys([row.id, *many], COMPROMISE), "fichier liste.csv")
    lines = told(world, "REVOCATION")
    assert [one for line in lines for one in line["certificats"]] == [
        [each.autorite, each.serial, COMPROMISE, moment(world.clock.now)]
        for each in certificats(world.db, [row.id, *many])
    ]
    assert {line["motif"] for line in lines} == {"fichier liste.csv"}
    keys = {key for line in told(world, "CLE_INTERDITE") for key in line["cles"]}
    assert keys == {key_of(each).hex() for each in certificats(world.db, [row.id, *many])}


@pytest.mark.parametrize("damage", ["refusing", "cut"])
def test_with_a_broken_trail_revoking_still_works_and_the_log_tells_it(world: World, damage: str) -> None:
    (numero,) = world.numeros(world.issued(world.form()))
    row = world.certificat(numero)
    many = copies(world.db, row.id, 200)
    if damage == "cut":
        with world.db.write() as session:
            session.execute(update(tables.TeteAudit).values(empreinte=b"\x01" * 32))
    broken = refusing(world.db, "piste_audit") if damage == "refusing" else contextlib.nullcontext()
    with broken, capture_logs() as logs:
        carry_out(world, dict.fromkeys([row.id, *many], COMPROMISE))
    rows = certificats(world.db, [row.id, *many])
    assert {each.raison_crl for each in rows} == {COMPROMISE}
    assert told(world, "REVOCATION") == []
    texts = [entry["what"] for entry in logs if entry["event"] == "act without a line of the audit trail"]
    # The log cuts long texts: none may be so long.
    assert max(map(len, texts)) < 16_000
    assert [each.serial for each in rows if not any(each.serial in text for text in texts)] == []
    assert world.demande(numero).etat_produit == EtatProduit.REVOQUE.value


@pytest.mark.parametrize("raison", [COMPROMISE, "superseded"])
def test_the_number_of_statements_does_not_grow_with_the_certificates(world: World, raison: str) -> None:
    (numero,) = world.numeros(world.issued(world.form()))
    few, many = (dict.fromkeys(copies(world.db, world.certificat(numero).id, size), raison) for size in (3, 140))
    assert assert_same_cost(world.db, partial(carry_out, world, few), partial(carry_out, world, many)) <= 23


# --- what is not signed yet ---


def handed_over(world: World, monkeypatch: pytest.MonkeyPatch, count: int = 2) -> int:
    """The index of a lot whose serials and bytes are stored; the worker died before it signed."""

    def lost(*_arguments: object) -> None:
        raise ConnectionError

    index = world.deposit(*world.forms(count)).index
    with monkeypatch.context() as patched, contextlib.suppress(ConnectionError):
        patched.setattr(issuing, "_sign", lost)
        issuing.issue_chunk(world.context, world.numeros(index))
    return index


@pytest.mark.parametrize("raison", ["superseded", COMPROMISE])
def test_an_intent_that_is_revoked_never_comes_to_life(
    world: World, monkeypatch: pytest.MonkeyPatch, raison: str
) -> None:
    index = handed_over(world, monkeypatch)
    gone, stays = world.numeros(index)
    row = world.certificat(gone)
    assert (row.der, row.emis_le) == (None, None)
    carry_out(world, {row.id: raison})
    given_up = raison == COMPROMISE
    assert world.etats(index) == [EtatDemande.NON_TRAITEE if given_up else EtatDemande.ANNULEE, EtatDemande.TRANSMISE]
    assert world.codes(index) == [Code.CSR_REFUSED.value if given_up else None, None]
    if given_up:
        assert "interdite" in the(world.demandes(index)[0].texte_erreur)
    # Somebody may hold the signature of a worker that died: OCSP and CRL say it at once.
    reader = StatusReader(world.db)
    status = reader.status(reader.row(row.autorite, int(row.serial, 16)))
    assert isinstance(status, Revoked)
    assert status.reason is REASONS[raison]
    reader.close()
    world.run_batch()
    assert world.certificat(gone).der is None
    assert world.certificat(stays).der is not None


@pytest.mark.parametrize("raison", ["superseded", COMPROMISE])
def test_an_intent_revoked_while_it_is_signed_is_stored_as_revoked(
    world: World, monkeypatch: pytest.MonkeyPatch, raison: str
) -> None:
    index = world.deposit(*world.forms(2)).index
    gone, stays = world.numeros(index)
    sign = issuing._sign

    def revoke_then_sign(*arguments: Any) -> IssuedCertificate:
        monkeypatch.setattr(issuing, "_sign", sign)
        carry_out(world, {world.certificat(gone).id: raison})
        world.clock.advance(minutes=1)
        return sign(*arguments)

    monkeypatch.setattr(issuing, "_sign", revoke_then_sign)
    revoked = world.clock.now
    world.run_batch()
    row = world.certificat(gone)
    assert row.der is not None
    assert (row.revoque_le, row.raison_crl) == (revoked, raison)
    etat = EtatDemande.NON_TRAITEE if raison == COMPROMISE else EtatDemande.ANNULEE
    assert (world.demande(gone).etat, world.demande(gone).etat_produit) == (etat.value, "REVOQUE")
    ended = "NOT_PROCESSED" if raison == COMPROMISE else "CANCELLED"
    assert steps(world, gone)[-2:] == [(ended, etat.value), ("CERTIFICATE_REVOKED", etat.value)]
    assert world.demande(stays).etat_produit == EtatProduit.A_RETIRER.value


# --- keys ---


def test_a_compromised_key_takes_everything_along(world: World) -> None:
    """Two demandes of one key, the second not signed yet, and a certificate that no demande asked for."""
    (first,) = world.numeros(world.issued(world.form(key=0)))
    key = key_of(world.certificat(first))
    with world.db.write() as session:
        session.execute(delete(tables.ClePublique).where(tables.ClePublique.id_demande == first))
    second_lot = world.deposit(world.form(key=0), world.form(key=1), reference="lot-2").index
    second, other = world.numeros(second_lot)
    tls = of_tls_server(world)
    with world.db.write() as session:
        session.execute(update(tables.Certificat).where(tables.Certificat.id == tls.id).values(spki_sha256=key))
    done = revoke_key(world.db, key, world.clock, "essai")
    assert outcomes(done) == {world.certificat(first).id: Outcome.REVOKED, tls.id: Outcome.REVOKED}
    assert done.given_up == (second,)
    world.run_batch()
    assert world.etats(second_lot) == [EtatDemande.NON_TRAITEE, EtatDemande.TRANSMISE]
    assert world.codes(second_lot) == [Code.CSR_REFUSED.value, None]
    assert world.demande(other).etat_produit == EtatProduit.A_RETIRER.value
    assert {world.certificat_by_id(ident).raison_crl for ident in outcomes(done)} == {COMPROMISE}
    # Nobody presents it again.
    third = world.deposit(world.form(key=0), reference="lot-3").index
    assert world.etats(third) == [EtatDemande.REJETEE]
    again = revoke_key(world.db, key, world.clock, "essai")
    assert {one.outcome for one in again.certificates} == {Outcome.UNCHANGED}
    assert again.given_up == ()


def test_revoking_one_certificate_as_compromised_revokes_the_others_of_its_key(world: World) -> None:
    (numero,) = world.numeros(world.issued(world.form()))
    row = world.certificat(numero)
    (twin,) = copies(world.db, row.id, 1, spki_sha256=row.spki_sha256)
    (former,) = copies(
        world.db, row.id, 1, spki_sha256=row.spki_sha256, revoque_le=row.emis_le, raison_crl="superseded"
    )
    assert outcomes(carry_out(world, {row.id: COMPROMISE})) == {
        row.id: Outcome.REVOKED,
        twin: Outcome.REVOKED,
        former: Outcome.STRENGTHENED,
    }


def test_a_key_of_which_nothing_is_known_is_blocked_beforehand(world: World) -> None:
    key = hashlib.sha256(_spki(world, 7)).digest()
    assert revoke_key(world.db, key, world.clock, "essai") == Revocations((), ())
    assert world.etats(world.deposit(world.form(key=7)).index) == [EtatDemande.REJETEE]


def _spki(_world: World, number: int) -> bytes:
    from cryptography import x509

    public = x509.load_der_x509_csr(csr(number)).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_the_batch_finishes_what_a_compromise_left_over(world: World) -> None:
    """A key blocked without its revocations, and a revocation without its block: as a race or another hand leaves them."""
    index = world.issued(*world.forms(3))
    one, two, three = (world.certificat(numero) for numero in world.numeros(index))
    with world.db.write() as session:
        block_keys(session, {key_of(one): None}, world.clock(), "essai")
        session.execute(
            update(tables.Certificat)
            .where(tables.Certificat.id == two.id)
            .values(revoque_le=world.clock(), raison_crl=COMPROMISE)
        )
    (twin,) = copies(world.db, two.id, 1, spki_sha256=two.spki_sha256, revoque_le=None, raison_crl=None)
    jobs.install(world.context)
    jobs.publish_crls()
    raisons = [world.certificat_by_id(ident).raison_crl for ident in (one.id, two.id, twin, three.id)]
    assert raisons == [COMPROMISE, COMPROMISE, COMPROMISE, None]
    assert blocked(world, *map(key_of, (one, two, three))) == {key_of(one), key_of(two)}
    assert settle_compromised(world.db, world.clock()) == 0


def test_a_key_compromised_while_the_batch_signs_it_is_never_left_valid(world: World) -> None:
    for number in range(3):
        index = world.deposit(*world.forms(3, first_key=3 * number), reference=f"lot-{number}").index
        with world.db.read() as session:
            cle = tables.ClePublique
            keys = session.scalars(select(cle.spki_sha256).where(cle.id_demande.in_(world.numeros(index)))).all()
        acts: list[Callable[[], object]] = [partial(revoke_key, world.db, key, world.clock, "essai") for key in keys]
        all_done(together([world.run_batch, *acts]))
        world.run_batch()
        settle_compromised(world.db, world.clock())
        with world.db.read() as session:
            row = tables.Certificat
            rows = session.scalars(select(row).where(row.id_demande.in_(world.numeros(index)))).all()
        assert {row.raison_crl for row in rows} <= {COMPROMISE}
        assert set(world.etats(index)) <= {EtatDemande.NON_TRAITEE, EtatDemande.ANNULEE}
