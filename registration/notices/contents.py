"""What a notice says: read at the moment when it is sent, so that nothing in it is out of date."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from cryptography import x509
from cryptography.x509.oid import NameOID
from sqlalchemy import select
from sqlalchemy.orm import Session

from pki.certificates.content import subject_text
from pki.errors import ProfileError
from registration.notices.scope import CANCELLATIONS, concerned
from registration.rules.validation import content_of
from registration.vocabulary import Avis, Canal, CodeAction, EtatProduit, RoleAvis
from storage import tables
from storage.bulk import slices
from storage.database import Database

_CN = NameOID.COMMON_NAME
_demande, _certificat = tables.Demande, tables.Certificat


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One demande, or its certificate, as a notice tells of it. ``sujet`` is one line, as the guide writes it."""

    numero: int
    reference: str | None
    index_lot: int | None
    offre: str
    usage: str
    sujet: str
    adresse: str | None
    fqdns: tuple[str, ...]
    demandeur: str
    cree_le: datetime
    autorite: str | None
    serie: str | None
    not_after: datetime | None
    limite: datetime | None
    est_a_retirer: bool
    revoque_le: datetime | None
    annulee_par: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice with all that it says; without items it has become pointless."""

    id: int
    essai: int
    avis: Avis
    plateforme: str
    role: RoleAvis
    destinataire: str
    index_lot: int | None
    reference_lot: str | None
    structure: str | None
    raison_sociale: str | None
    est_groupe: bool
    depuis: datetime | None
    jusqu_a: datetime | None
    items: tuple[Item, ...]


def read_notice(db: Database, row: tables.Avis) -> Notice:
    """What a notice that was taken says now. Of a certificate that is revoked meanwhile, no end is told."""
    with db.read() as session:
        found = session.execute(concerned(row, *_COLUMNS)).all()
        avis = Avis(row.nature)
        cancelled = _cancelled_by(session, [one.id for one in found]) if avis in CANCELLATIONS else {}
        authorities = _names_of(session, {one.autorite: one.id for one in found if one.emis_le})
        people = _requesters(session, {one.id_acteur for one in found})
        lot = None if row.id_lot is None else session.get(tables.Lot, row.id_lot)
        structure = (
            None if row.id_structure is None else session.get(tables.Structure, (row.plateforme, row.id_structure))
        )
    items = tuple(_item(one, authorities, people, cancelled) for one in found)
    return Notice(
        id=row.id,
        essai=row.essais,
        avis=avis,
        plateforme=row.plateforme,
        role=RoleAvis(row.role or RoleAvis.ACTEUR),
        destinataire=row.destinataire or "",
        index_lot=row.id_lot,
        reference_lot=None if lot is None else lot.reference,
        structure=row.id_structure,
        raison_sociale=None if structure is None else structure.raison_sociale,
        est_groupe=row.id_demande is None,
        depuis=row.depuis,
        jusqu_a=row.jusqu_a,
        items=items,
    )


_COLUMNS = (
    _demande.id,
    _demande.reference,
    _demande.id_lot,
    _demande.offre,
    _demande.usage,
    _demande.contenu,
    _demande.adresse_email,
    _demande.service_applicatif,
    _demande.fqdns,
    _demande.etat_produit,
    _demande.limite_retrait,
    _demande.id_acteur,
    _demande.cree_le,
    _certificat.autorite,
    _certificat.serial,
    _certificat.not_after,
    _certificat.emis_le,
    _certificat.revoque_le,
)


def _item(
    row: Any,  # noqa: ANN401 -- a row
    authorities: Mapping[str, str],
    people: Mapping[int, tuple[str, str]],
    cancelled: Mapping[int, str | None],
) -> Item:
    name, designated = people[row.id_acteur]
    by = cancelled.get(row.id)
    signed = row.emis_le is not None
    return Item(
        numero=row.id,
        reference=row.reference,
        index_lot=row.id_lot,
        offre=row.offre or "",
        usage=row.usage or "",
        sujet=_subject(row),
        adresse=row.adresse_email,
        fqdns=tuple(json.loads(row.fqdns)) if row.fqdns else (),
        demandeur=name,
        cree_le=row.cree_le,
        autorite=authorities.get(row.autorite, row.autorite) if signed else None,
        serie=row.serial if signed else None,
        not_after=row.not_after if signed else None,
        limite=row.limite_retrait,
        revoque_le=row.revoque_le,
        est_a_retirer=row.etat_produit == EtatProduit.A_RETIRER.value,
        annulee_par=name if by is not None and by == designated else by,
    )


def _subject(row: Any) -> str:  # noqa: ANN401 -- a row
    """The subject as the certificate has it; of what was cancelled before it was examined, the name that was asked."""
    try:
        return subject_text(content_of(row.contenu)) if row.contenu else row.service_applicatif or ""
    except (ProfileError, msgspec.ValidationError):
        return row.service_applicatif or ""


def _requesters(session: Session, ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """How a mail names each acteur, « NOM / PRÉNOM » or his label; and his label alone, as the history has it."""
    acteur, personne = tables.Acteur, tables.Personne
    found: dict[int, tuple[str, str]] = {}
    for part in slices(sorted(ids)):
        rows = session.execute(
            select(acteur.id, acteur.libelle, personne.nom, personne.prenom)
            .outerjoin(
                personne, (personne.plateforme == acteur.plateforme) & (personne.id_national == acteur.id_national)
            )
            .where(acteur.id.in_(part))
        )
        for row in rows:
            found[row.id] = (f"{row.nom} / {row.prenom}" if row.nom else row.libelle, row.libelle)
    return found


def _cancelled_by(session: Session, numeros: Sequence[int]) -> dict[int, str | None]:
    """Who cancelled each demande, without the national id that the history has beside the name; None: nobody did."""
    line = tables.Historique
    found: dict[int, str | None] = {}
    for part in slices(numeros):
        rows = session.execute(
            select(line.id_demande, line.canal, line.acteur).where(
                line.id_demande.in_(part), line.code_action == CodeAction.CANCELLED.value
            )
        )
        for row in rows:
            found[row.id_demande] = None if row.canal == Canal.SYSTEM.value else row.acteur.partition(" (")[0]
    return found


def _names_of(session: Session, numeros: Mapping[str, int]) -> dict[str, str]:
    """The name of each authority as its certificates have it; given with a demande of one of them."""
    found: dict[str, str] = {}
    for autorite, numero in numeros.items():
        der = session.scalar(select(_certificat.der).where(_certificat.id_demande == numero))
        names = [] if der is None else x509.load_der_x509_certificate(der).issuer.get_attributes_for_oid(_CN)
        found[autorite] = str(names[0].value) if names else autorite
    return found
