"""A key is compromised: which certificates and demandes it concerns, whom to tell, and the end of all of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID
from sqlalchemy import select
from sqlalchemy.orm import Session

from pki.certificates.reading import UNREADABLE
from registration.revocation.blocked_keys import blocked_among
from registration.revocation.revoking import Revocations, revoke_keys
from registration.rules.revocation import KEY_COMPROMISE, Outcome, judge
from registration.vocabulary import EtatDemande, Plateforme
from runtime.clock import Clock
from storage import tables
from storage.database import Database

_OPEN = (EtatDemande.VALIDEE.value, EtatDemande.TRANSMISE.value)


@dataclass(frozen=True, slots=True)
class Concerned:
    """A certificate of the key, or a demande that waits with it; who bears it, and where to write to him.

    ``outcome`` is what a revocation would lead to, None for a demande without a certificate.
    """

    outcome: Outcome | None
    numero: int | None
    autorite: str | None
    serial: str | None
    produit: str
    not_after: datetime | None
    structure: str | None
    porteur: str
    contacts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeySurvey:
    """What is known of a key before anything is done."""

    blocked: bool
    concerned: tuple[Concerned, ...]


def survey_key(db: Database, key: bytes, now: datetime) -> KeySurvey:
    """Everything that a key (SHA-256 of its SubjectPublicKeyInfo) certifies here, and would; nothing is written."""
    with db.read() as session:
        concerned = [*_certified(session, key, now), *_waiting(session, key)]
        return KeySurvey(blocked=bool(blocked_among(session, [key])), concerned=tuple(concerned))


def revoke_key(db: Database, key: bytes, clock: Clock, motif: str) -> Revocations:
    """Block a key, revoke all its certificates as compromised, end the demandes that wait with it.

    A key of which nothing is known is blocked all the same. Repeated, it changes nothing.
    """
    with db.write() as session:
        session.connection()  # the wait for other writers comes before the date
        return revoke_keys(session, {key}, clock(), motif)


def _certified(session: Session, key: bytes, now: datetime) -> list[Concerned]:
    certificat, demande, personne = tables.Certificat, tables.Demande, tables.Personne
    rows = session.execute(
        select(certificat, demande, personne)
        .outerjoin(demande, demande.id == certificat.id_demande)
        .outerjoin(personne, _is_beneficiaire())
        .where(certificat.spki_sha256 == key)
        .order_by(certificat.id)
    )
    return [_as_holder(row, demande, personne, now) for row, demande, personne in rows]


def _waiting(session: Session, key: bytes) -> list[Concerned]:
    """Demandes that are not at the CA yet."""
    certificat, demande, personne, cle = tables.Certificat, tables.Demande, tables.Personne, tables.ClePublique
    rows = session.execute(
        select(demande, personne)
        .join(cle, cle.id_demande == demande.id)
        .outerjoin(personne, _is_beneficiaire())
        .outerjoin(certificat, certificat.id_demande == demande.id)
        .where(
            # Both plateformes named, so that the primary key serves.
            cle.plateforme.in_(list(Plateforme)),
            cle.spki_sha256 == key,
            certificat.id.is_(None),
            demande.etat.in_(_OPEN),
        )
        .order_by(demande.id)
    )
    return [_as_holder(None, demande, personne, None) for demande, personne in rows]


def _is_beneficiaire() -> Any:  # noqa: ANN401 -- a condition
    demande, personne = tables.Demande, tables.Personne
    return (personne.plateforme == demande.plateforme) & (personne.id_national == demande.id_beneficiaire)


def _as_holder(
    row: tables.Certificat | None,
    demande: tables.Demande | None,
    personne: tables.Personne | None,
    now: datetime | None,
) -> Concerned:
    outcome = None
    if row is not None and now is not None:
        outcome = judge(
            KEY_COMPROMISE, revoque_le=row.revoque_le, raison_crl=row.raison_crl, not_after=row.not_after, now=now
        )
    contacts = (demande.email_acteur, demande.email_informe) if demande is not None else ()
    return Concerned(
        outcome=outcome,
        numero=demande.id if demande is not None else None,
        autorite=row.autorite if row is not None else None,
        serial=row.serial if row is not None else None,
        produit=row.produit if row is not None else f"{demande.offre} {demande.usage}" if demande is not None else "",
        not_after=row.not_after if row is not None else None,
        structure=demande.id_structure if demande is not None else None,
        porteur=_porteur(row, demande, personne),
        contacts=tuple(dict.fromkeys(contact for contact in contacts if contact)),
    )


def _porteur(row: tables.Certificat | None, demande: tables.Demande | None, personne: tables.Personne | None) -> str:
    if personne is not None:
        return f"{personne.nom} {personne.prenom} ({personne.id_national})"
    if demande is not None:
        names = json.loads(demande.fqdns) if demande.fqdns else []
        return demande.service_applicatif or ", ".join(names) or demande.id_beneficiaire or "-"
    return _common_name(row.der if row is not None else None)


def _common_name(der: bytes | None) -> str:
    """Who stands in a certificate that no demande asked for; "-" when it is not signed or not readable."""
    try:
        found = x509.load_der_x509_certificate(der or b"").subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except UNREADABLE:
        return "-"
    return str(found[0].value) if found else "-"
