"""Revocation by code on the site without login (guide §11.2): the proof, and the revocation that it allows.

Whatever is wrong with what was typed (authority, serial, code, a certificate that nobody has withdrawn, that is
revoked or has expired, or one of the other plateforme) has one answer, ERR_IHM_015, at one cost: the same statements
and one slow hash, compared with a decoy where there is none.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from cryptography import x509
from cryptography.x509.oid import NameOID
from sqlalchemy import select
from sqlalchemy.orm import Session

from registration.errors import Code, IgcError
from registration.life import revocations
from registration.life.jetons import spend
from registration.life.numbers import numbered
from registration.revocation.asking import Asked, Plan, World, carry_out, result_of, settle
from registration.revocation.targets import AuthorityNames, Target, Targets, hold_one
from registration.revocation.tries import Keys, return_try, take
from registration.revocation_views import RevocationResult
from registration.rules.asked_revocation import Wish, judge_form
from registration.rules.code_tries import TryPolicy
from registration.rules.proved_revocation import BY_CODE, CodeTry, Proof, ProvedCertificat, is_revocable_by_code
from registration.rules.revocation import KEY_COMPROMISE
from registration.rules.revocation_code import decoy, verify_code
from registration.rules.rights import Rights
from registration.values import Origin, RevocationForm, porteur_du_code
from registration.vocabulary import Acte, Canal, EtatProduit, Plateforme, offre_of, usage_of
from registration.wording import moment
from runtime.clock import Clock
from storage import tables
from storage.database import Database
from storage.trail import note

log = structlog.get_logger()
_demande, _certificat, _code = tables.Demande, tables.Certificat, tables.CodeRevocation
_NO_AUTHORITY = ("",)


def prove_code(
    db: Database, plateforme: Plateforme, given: CodeTry, names: AuthorityNames, clock: Clock, policy: TryPolicy
) -> ProvedCertificat:
    """The certificate in use that authority, serial and code name together.

    In this order, each before the next one costs anything: ERR_WS_026 while the plateforme is stopped (a database that
    is not the one of before would give numbers twice, and does not know what was revoked); ERR_IHM_016 for a captcha
    that is wrong or has served; ERR_WS_070 when this address has to wait (``rules.code_tries``), with the hour of its
    next try; ERR_IHM_015.
    """
    named = names.get(given.autorite.strip().lower(), _NO_AUTHORITY)
    keys = Keys(plateforme, given.adresse, f"{' '.join(named)}\n{given.serial}")
    _admit(db, given, keys, clock, policy)
    with db.read() as session:
        row = _find(session, plateforme, named, given.serial)
    stored = row.empreinte if row is not None and row.empreinte is not None else decoy()
    is_right = verify_code(given.code, stored)
    now = clock()
    if row is None or row.empreinte is None or not is_right or not _is_in_use(row, now):
        raise IgcError(Code.CODE_REFUSED)
    with db.write() as session:
        return_try(session, keys, now)
        waiting = revocations.waiting_for(session, [row.id]).get(row.id)
    return _proved(row, None if waiting is None else waiting.effet_le)


def revoke_by_code(
    db: Database, plateforme: Plateforme, proof: Proof, form: RevocationForm, clock: Clock
) -> RevocationResult:
    """Revoke the certificate of a proof at once, or have it revoked on a day, as ``asking.revoke_one`` does.

    The proof serves once: ERR_WS_071 for one that has, is too old, or whose certificate is not what it was. Then the
    refusals of ``judge_form``; ERR_WS_026 as of ``prove_code``; ConflictError ERR_WS_062 for what has expired
    meanwhile, 067 when another day waits. None of these spends it. The history names no acteur, the audit trail tells
    the demande.
    """
    judged = judge_form(_of_proof(form, proof), clock())
    if not isinstance(judged, Wish):
        raise judged[0]
    origin = Origin(acteur=porteur_du_code(plateforme), canal=Canal.IHM)
    with db.read() as session:  # before a number is taken
        _refuse_stopped(session)
    with numbered(db, demandes=1) as (session, numero, _):
        _refuse_stopped(session)
        now = clock()
        if now >= proof.fin_le or not spend(session, proof.jeton, proof.fin_le):
            raise IgcError(Code.PROOF_SPENT)
        target = hold_one(session, proof.numero, compromised=judged.raison == KEY_COMPROMISE)
        if target is None or not _is_still_proved(session, plateforme, proof, target):
            raise IgcError(Code.PROOF_SPENT)
        plan, asked = Plan(is_lot=False), Asked(form, numero, wish=judged, standing=BY_CODE)
        plan.asked.append(asked)
        settle(_world(session, origin, target, now), plan, asked, judged, target)
        result = result_of(asked)
        # What gives the number of an earlier demande, or none, has nothing to record.
        if result.numero == numero:
            carry_out(session, origin, plan, now)
            told = {"demande": numero, "certificat": [target.autorite, target.serial]}
            note(session, Acte.REVOKED_BY_CODE.value, now, told, essential=False)
    return result


def display_names(chains: Mapping[str, tuple[bytes, ...]]) -> tuple[str, ...]:
    """What the list of authorities shows: the common name of each that issues or has issued, each name once.

    A root, whose chain ends with itself, issues to nobody.
    """
    issuing = (chain[0] for chain in chains.values() if len(chain) > 1)
    subjects = (x509.load_der_x509_certificate(der).subject for der in issuing)
    return tuple(sorted({name for subject in subjects if (name := _first(subject, NameOID.COMMON_NAME))}))


def _refuse_stopped(session: Session) -> None:
    """As the first statement of a transaction that writes it also waits for others, before the date is taken."""
    if session.scalar(select(tables.Arret.id).limit(1)) is not None:
        raise IgcError(Code.REVOCATION_STATUS_UNAVAILABLE)


def _admit(db: Database, given: CodeTry, keys: Keys, clock: Clock, policy: TryPolicy) -> None:
    """Spend the captcha and take a try, in one transaction that is committed whatever comes of it."""
    captcha = given.captcha
    with db.write() as session:
        _refuse_stopped(session)
        now = clock()
        is_solved = spend(session, captcha.jeton, captcha.fin_le) and captcha.juste and now < captcha.fin_le
        later = take(session, keys, now, policy) if is_solved else None
    if not is_solved:
        raise IgcError(Code.CAPTCHA_REFUSED)
    if later is not None:
        log.warning("a revocation code is tried too often", until=later)
        raise IgcError(Code.CODE_TRIED_TOO_OFTEN, heure=moment(later))


def _find(session: Session, plateforme: Plateforme, named: tuple[str, ...], serial: str) -> Any:  # noqa: ANN401 -- a row
    """The certificate of a serial, with its code; the authorities have names in common, serials they have not."""
    return session.execute(
        select(
            _demande.id.label("numero"), _demande.offre, _demande.usage, _demande.etat_produit,
            _certificat.id, _certificat.autorite, _certificat.serial, _certificat.der, _certificat.not_before,
            _certificat.not_after, _certificat.retire_le, _certificat.revoque_le, _code.empreinte,
        )
        .join(_demande, _demande.id == _certificat.id_demande)
        .outerjoin(_code, _code.id == _certificat.id_code_revocation)
        .where(
            # Every authority named, so that the unique index serves.
            _certificat.autorite.in_(named),
            _certificat.serial == serial,
            _certificat.emis_le.is_not(None),
            _demande.plateforme == plateforme.value,
        )
        .limit(1)
    ).one_or_none()  # fmt: skip


def _is_in_use(row: Any, now: datetime) -> bool:  # noqa: ANN401 -- a row
    produit = None if row.etat_produit is None else EtatProduit(row.etat_produit)
    return is_revocable_by_code(produit, row.retire_le, row.revoque_le, row.not_after, now)


def _proved(row: Any, prevue_le: datetime | None) -> ProvedCertificat:  # noqa: ANN401 -- a row
    certificate = x509.load_der_x509_certificate(row.der)
    return ProvedCertificat(
        numero=row.numero,
        empreinte=_digest(row.empreinte),
        autorite=_first(certificate.issuer, NameOID.COMMON_NAME) or row.autorite,
        serial=row.serial,
        porteur=_first(certificate.subject, NameOID.COMMON_NAME) or "",
        organisation=_first(certificate.subject, NameOID.ORGANIZATION_NAME),
        offre=offre_of(row.offre),
        usage=usage_of(row.usage),
        not_before=row.not_before,
        not_after=row.not_after,
        prevue_le=prevue_le,
    )


def _first(name: x509.Name, oid: x509.ObjectIdentifier) -> str | None:
    return next((str(attribute.value) for attribute in name.get_attributes_for_oid(oid)), None)


def _digest(empreinte: str) -> str:
    return hashlib.sha256(empreinte.encode()).hexdigest()


def _of_proof(form: RevocationForm, proof: Proof) -> RevocationForm:
    """Nothing of the form can name another certificate, or a role."""
    return RevocationForm(
        numero=proof.numero,
        motif=form.motif,
        autre_motif=form.autre_motif,
        date_effet=form.date_effet,
        email=form.email,
        confirmation=form.confirmation,
    )


def _is_still_proved(session: Session, plateforme: Plateforme, proof: Proof, target: Target) -> bool:
    """Asked again at the act, while the demande is held: the plateforme, and that the code kept is the same one."""
    kept = session.scalar(
        select(_code.empreinte)
        .join(_certificat, _certificat.id_code_revocation == _code.id)
        .join(_demande, _demande.id == _certificat.id_demande)
        .where(_certificat.id == target.id_certificat, _demande.plateforme == plateforme.value)
    )
    return kept is not None and hmac.compare_digest(_digest(kept), proof.empreinte)


def _world(session: Session, origin: Origin, target: Target, now: datetime) -> World:
    ident = target.id_certificat
    return World(
        acteur=origin.acteur,
        rights=Rights(),
        names={},
        now=now,
        targets=Targets({target.numero: target}, {}),
        waiting=revocations.waiting_for(session, [ident]),
        earlier=revocations.done_for(session, [ident]),
    )
