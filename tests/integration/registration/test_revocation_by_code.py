"""Revocation by code, without login (guide §11.2): what is proved, what it allows, and what nobody learns by trying."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from registration.errors import Code, ConflictError, IgcError
from registration.revocation_views import RevocationCriteria
from registration.rules import revocation_code
from registration.vocabulary import EtatProduit, ResultatRevocation
from storage import tables
from storage.database import Database
from tests.support.assertions import all_done, assert_refused
from tests.support.by_code import a_try, proof_of, solved
from tests.support.concurrency import together
from tests.support.databases import count_rows
from tests.support.revoking import active, certificat, produit, revocation, revocation_form
from tests.support.world import World, summary


def revoke(world: World, numero: int, **changes: Any) -> Any:
    proved = world.par_code.prove(a_try(world, numero))
    return world.par_code.revoke(proof_of(world, proved), revocation_form(**changes))


def refused(world: World, numero: int, **changes: Any) -> IgcError:
    with pytest.raises(IgcError) as caught:
        world.par_code.prove(a_try(world, numero, **changes))
    return caught.value


def test_the_code_proves_and_revokes_and_the_history_names_nobody(world: World) -> None:
    numero = active(world)
    result = revoke(world, numero)
    assert (result.resultat, result.numero_produit) == (ResultatRevocation.REVOQUE, numero)
    row = revocation(world, result.numero)
    assert (row.etat, row.canal, row.id_acteur, row.role) == ("CLOSE", "IHM", None, None)
    assert certificat(world, numero).raison_crl == "cessationOfOperation"
    assert produit(world, numero) is EtatProduit.REVOQUE
    detail = world.ra.revocations.read(world.origin().acteur, result.numero)
    assert summary(detail.historique) == [
        ("IHM", "ACT_REV_001", "ENREGISTREE"),
        ("IHM", "ACT_REV_001", "VALIDEE"),
        ("SYSTEM", "ACT_IGC_007", "CLOSE"),
    ]
    first = detail.historique[0]
    assert (first.type_acteur, first.acteur, first.habilitations_acteur) == (
        "Porteur du code",
        "",
        "Code de révocation",
    )
    assert detail.revocation.demandeur is None


def test_an_administrator_finds_it_in_his_follow_up(world: World) -> None:
    result = revoke(world, active(world))
    page = world.ra.revocations.search(world.origin().acteur, RevocationCriteria(numero=result.numero))
    assert [one.numero for one in page.revocations] == [result.numero]


def test_what_is_proved_lets_the_certificate_be_recognised(world: World) -> None:
    numero = active(world)
    row = certificat(world, numero)
    shown = ":".join(row.serial.upper()[at : at + 2] for at in range(0, len(row.serial), 2))
    proved = world.par_code.prove(a_try(world, numero, serie=f" {shown} "))
    assert (proved.numero, proved.serial, proved.porteur) == (numero, row.serial, "Dossier patient")
    assert proved.autorite == world.hierarchy.authorities[row.autorite].common_name


def test_the_list_of_authorities_names_those_that_issue_and_no_root(world: World) -> None:
    issuing = {one.common_name for one in world.hierarchy.authorities.values() if not one.is_root}
    assert set(world.par_code.autorites) == issuing


def test_the_notice_goes_to_the_address_that_was_typed(world: World) -> None:
    revoke(world, active(world), email="porteur@ailleurs.example")
    with world.db.read() as session:
        told = {row.destinataire for row in session.query(tables.Avis).filter_by(nature="REVOCATION")}
    assert told == {"porteur@ailleurs.example", None}  # None: the digest of the lot it came from


def test_the_trail_tells_the_demande_and_no_code(world: World) -> None:
    numero = active(world)
    result = revoke(world, numero)
    row = certificat(world, numero)
    with world.db.read() as session:
        line = session.query(tables.PisteAudit).filter_by(acte="REVOCATION_PAR_CODE").one()
    assert line.contenu == f'{{"demande":{result.numero},"certificat":["{row.autorite}","{row.serial}"]}}'


# --- one answer, one cost ---


def wrong_inputs(world: World, production: World) -> dict[str, dict[str, Any]]:
    """By name, what differs from a right try of certificate 1; each certificate is of its own kind of trouble."""
    good, revoked, expired = active(world, key=1), active(world, key=2), active(world, key=3)
    (waiting,) = world.numeros(world.issued(world.form(key=4), reference="a-retirer"))
    elsewhere = active(production, key=5)
    world.ra.revocations.revoke(world.origin(), revocation_form(revoked))
    world.set_end([expired], world.clock())
    here = {"of": good}
    return {
        "authority": here | {"autorite": "AC de nulle part"},
        "another authority": here | {"autorite": world.par_code.autorites[-1]},
        "serial": here | {"serie": "0f" * 16},
        "no serial": here | {"serie": "pas un numéro"},
        "key identifier": here | {"serie": "ab" * 20},
        "code": here | {"code": "Sesame-ouvre-toi-2"},
        "no code": here | {"code": ""},
        "code nobody can type": here | {"code": "Sesame-ouvre-toi-1\0"},
        "half a character": here | {"code": "\ud800"},
        "not withdrawn": {"of": waiting},
        "revoked": {"of": revoked},
        "expired": {"of": expired},
        "other plateforme": {"of": elsewhere},
    }


@contextmanager
def counted(db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Statements in their order, and each slow hash with its parameters."""
    seen: list[str] = []
    scrypt = hashlib.scrypt

    def hashed(password: bytes, **options: Any) -> bytes:
        seen.append(f"scrypt {options['n']} {options['r']} {options['p']} {len(options['salt'])} {options['dklen']}")
        return scrypt(password, **options)

    def executed(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    monkeypatch.setattr(hashlib, "scrypt", hashed)
    event.listen(db.engine, "before_cursor_execute", executed)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", executed)
        monkeypatch.setattr(hashlib, "scrypt", scrypt)


def test_whatever_is_wrong_has_one_answer_at_one_cost(
    world: World, production: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, costs = {}, {}
    for rank, (name, given) in enumerate(wrong_inputs(world, production).items()):
        of = given.pop("of")
        source = production if name == "other plateforme" else world
        made = a_try(source, of, adresse=f"192.0.2.{rank}", **given)
        with counted(world.db, monkeypatch) as seen, pytest.raises(IgcError) as caught:
            world.par_code.prove(made)
        answers[name] = (caught.value.code, caught.value.text, caught.value.champ)
        # Of a list of authorities of one name only the number of parameters differs.
        costs[name] = [statement.partition("WHERE")[0] for statement in seen]
    assert set(answers.values()) == {(Code.CODE_REFUSED, IgcError(Code.CODE_REFUSED).text, None)}
    assert [name for name, cost in costs.items() if cost != costs["code"]] == []
    assert len([one for one in costs["code"] if one.startswith("scrypt")]) == 1


def test_the_decoy_costs_what_a_kept_hash_costs() -> None:
    kept, decoy = revocation_code.hash_code("Sesame-ouvre-toi-1"), revocation_code.decoy()
    assert kept.split("$")[:4] == decoy.split("$")[:4]
    assert len(kept) == len(decoy)
    assert not revocation_code.verify_code("", decoy)


def test_a_wrong_captcha_is_told_before_anything_is_hashed_or_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    numero = active(world)
    with counted(world.db, monkeypatch) as seen:
        assert refused(world, numero, captcha=solved(world, juste=False)).code is Code.CAPTCHA_REFUSED
    assert [one for one in seen if one.startswith("scrypt")] == []
    assert count_rows(world.db)["essai_code"] == 0


@pytest.mark.parametrize("juste", [True, False])
def test_a_captcha_serves_once_right_or_wrong(world: World, juste: bool) -> None:
    numero = active(world)
    captcha = solved(world, juste=juste)
    first = refused(world, numero, code="faux", captcha=captcha)
    assert first.code is (Code.CODE_REFUSED if juste else Code.CAPTCHA_REFUSED)
    again = solved(world)
    assert refused(world, numero, captcha=type(again)(captcha.jeton, again.fin_le, juste=True)).code is (
        Code.CAPTCHA_REFUSED
    )


def test_of_the_same_captcha_sent_by_many_at_once_one_is_taken(world: World) -> None:
    numero = active(world)
    captcha = solved(world)

    def send() -> Code:
        return refused(world, numero, code="faux", captcha=captcha).code

    codes = all_done(together([send] * 6))
    assert sorted(codes) == [Code.CODE_REFUSED] + [Code.CAPTCHA_REFUSED] * 5


# --- the proof ---


def test_a_proof_serves_once(world: World) -> None:
    numero = active(world)
    proof = proof_of(world, world.par_code.prove(a_try(world, numero)))
    world.par_code.revoke(proof, revocation_form(date_effet="2026-03-20"))
    with assert_refused(IgcError, Code.PROOF_SPENT):
        world.par_code.revoke(proof, revocation_form())
    assert certificat(world, numero).revoque_le is None


def test_of_one_proof_used_by_many_at_once_one_revokes(world: World) -> None:
    numero = active(world)
    proof = proof_of(world, world.par_code.prove(a_try(world, numero)))

    def send() -> str:
        try:
            return world.par_code.revoke(proof, revocation_form()).resultat.value
        except IgcError as error:
            return error.code.value

    assert sorted(all_done(together([send] * 5))) == [Code.PROOF_SPENT.value] * 4 + ["REVOQUE"]
    assert count_rows(world.db)["demande_revocation"] == 1


def test_a_refused_form_leaves_the_proof(world: World) -> None:
    proof = proof_of(world, world.par_code.prove(a_try(world, active(world))))
    for form, code in (
        (revocation_form(confirmation=False), Code.REVOCATION_NOT_CONFIRMED),
        (revocation_form(motif="VOL", date_effet="2026-03-20"), Code.FIELD_INVALID),
        (revocation_form(email="personne"), Code.EMAIL_ACTEUR_SYNTAX),
        (revocation_form(date_effet="2199-01-01"), Code.FIELD_INVALID),
    ):
        with assert_refused(IgcError, code):
            world.par_code.revoke(proof, form)
    assert world.par_code.revoke(proof, revocation_form()).resultat is ResultatRevocation.REVOQUE


def test_a_proof_is_for_its_certificate_and_its_code_alone(world: World, production: World) -> None:
    mine, other = active(world, key=1), active(world, key=2)
    proved = world.par_code.prove(a_try(world, mine))
    with assert_refused(IgcError, Code.PROOF_SPENT):
        world.par_code.revoke(proof_of(world, proved, numero=other), revocation_form())
    with assert_refused(IgcError, Code.PROOF_SPENT):
        production.par_code.revoke(proof_of(world, proved), revocation_form())
    result = world.par_code.revoke(proof_of(world, proved), revocation_form(other))
    assert result.numero_produit == mine


def test_a_proof_ends(world: World) -> None:
    proof = proof_of(world, world.par_code.prove(a_try(world, active(world))))
    world.clock.now = proof.fin_le
    with assert_refused(IgcError, Code.PROOF_SPENT):
        world.par_code.revoke(proof, revocation_form())


def test_what_was_revoked_between_the_steps_is_told(world: World) -> None:
    numero = active(world)
    proof = proof_of(world, world.par_code.prove(a_try(world, numero)))
    other = world.ra.revocations.revoke(world.origin(), revocation_form(numero))
    result = world.par_code.revoke(proof, revocation_form())
    assert (result.resultat, result.numero) == (ResultatRevocation.DEJA_REVOQUE, other.numero)


def test_a_code_of_a_lot_revokes_one_certificate(world: World) -> None:
    first, second = active(world, key=1), active(world, key=2)
    with world.db.write() as session:
        shared = session.get_one(tables.Certificat, certificat(world, first).id).id_code_revocation
        session.get_one(tables.Certificat, certificat(world, second).id).id_code_revocation = shared
    revoke(world, first)
    assert certificat(world, second).revoque_le is None


# --- a day ---


def test_on_a_day_it_waits_and_is_done_and_who_may_revoke_may_give_it_up(world: World) -> None:
    first, second = active(world, key=1), active(world, key=2)
    waits = revoke(world, first, date_effet="2026-03-20")
    assert waits.resultat is ResultatRevocation.PROGRAMMEE
    assert world.par_code.prove(a_try(world, first)).prevue_le == waits.effet_le
    with assert_refused(ConflictError, Code.REVOCATION_PENDING):
        revoke(world, first, date_effet="2026-03-21")
    assert revoke(world, first).resultat is ResultatRevocation.REVOQUE
    given_up = revoke(world, second, date_effet="2026-03-20")
    assert world.ra.revocations.give_up(world.origin(), given_up.numero)


def test_a_code_that_was_right_gives_its_try_back(world: World) -> None:
    numero = active(world)
    for _ in range(7):
        world.par_code.prove(a_try(world, numero))
        world.clock.advance(seconds=1)
    with world.db.read() as session:
        counts = {row.nature: row.nombre for row in session.query(tables.EssaiCode)}
    assert (counts["adresse"], counts["certificat"], counts["essai"], counts["refus"]) == (0, 0, 0, 0)
