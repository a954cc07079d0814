"""One demande per public key, one porteur per protected address (guide §6.2, ERR_IHM_007, ERR_IHM_064).

Claims are rows whose primary key is the thing claimed, written with ON CONFLICT DO NOTHING in sorted order: two
senders at the same time cannot both win, and cannot deadlock. Only accepted demandes hold a key, so that an item
refused for another reason may be sent again with the same CSR (ours).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from babel.dates import format_datetime, get_timezone
from sqlalchemy import and_, exists, or_, select, update
from sqlalchemy.orm import Session

from registration.blocked_keys import refuse_blocked
from registration.errors import Code, IgcError
from registration.slicing import slices
from registration.validation import Examined
from registration.vocabulary import EtatDemande, EtatProduit, Plateforme
from storage import tables
from storage.bulk import insert_rows

_LIVE_DEMANDE = (EtatDemande.ENREGISTREE, EtatDemande.VALIDEE, EtatDemande.TRANSMISE)
_LIVE_PRODUIT = (EtatProduit.A_RETIRER, EtatProduit.ACTIF)


@dataclass(slots=True)
class Candidate:
    """An examined form and the numero it will have."""

    numero: int
    examined: Examined
    cree_le: datetime
    acteur: str


def claim(session: Session, plateforme: Plateforme, candidates: Sequence[Candidate], now: datetime) -> None:
    """Claim address and key of each candidate without refusal; who loses gets its refusal appended."""
    refuse_blocked(session, [candidate.examined for candidate in candidates])
    _claim_addresses(session, plateforme, candidates, now)
    _claim_keys(session, plateforme, candidates)


def peek(
    session: Session,
    plateforme: Plateforme,
    candidates: Sequence[Candidate],
    seen: dict[bytes | str, Any],
    now: datetime,
) -> None:
    """The refusals that ``claim`` would append, without writing; ``seen`` carries the earlier items of the same lot."""
    refuse_blocked(session, [candidate.examined for candidate in candidates])
    holders = _address_holders(session, plateforme, candidates, now)
    keys = _key_holders(session, plateforme, [c.examined.csr.spki_sha256 for c in candidates if c.examined.csr])
    for candidate in candidates:
        examined = candidate.examined
        if examined.refusals or examined.csr is None:
            continue
        address = examined.adresse_email
        if address is not None and holders.get(address, seen.get(address, examined.porteur)) != examined.porteur:
            examined.refusals.append(IgcError(Code.EMAIL_TAKEN, champ="adresseEmail"))
            continue
        key = examined.csr.spki_sha256
        if key in keys:
            examined.refusals.append(_key_refusal(keys[key]))
        elif key in seen:
            examined.refusals.append(
                IgcError(Code.CSR_REFUSED, champ="csr", raison=f"la même clé est présentée à la position {seen[key]}.")
            )
        else:
            seen[key] = candidate.numero
            if address is not None:
                seen.setdefault(address, examined.porteur)


def _claim_addresses(session: Session, plateforme: Plateforme, candidates: Sequence[Candidate], now: datetime) -> None:
    wanted: dict[str, str] = {}
    for candidate in candidates:
        examined = candidate.examined
        if not examined.refusals and examined.adresse_email is not None:
            wanted.setdefault(examined.adresse_email, examined.porteur or "")
    if not wanted:
        return
    rows = [
        {"plateforme": plateforme.value, "adresse": address, "porteur": wanted[address]} for address in sorted(wanted)
    ]
    insert_rows(session, tables.AdresseProtegee, rows, ignore_conflicts=True)
    held = _held_addresses(session, plateforme, wanted)
    for address, porteur in held.items():
        if porteur != wanted[address] and not _is_live(session, plateforme, address, porteur, now):
            table = tables.AdresseProtegee
            session.execute(
                update(table)
                .where(table.plateforme == plateforme, table.adresse == address, table.porteur == porteur)
                .values(porteur=wanted[address])
            )
            held[address] = wanted[address]
    for candidate in candidates:
        examined = candidate.examined
        if not examined.refusals and examined.adresse_email and held[examined.adresse_email] != examined.porteur:
            examined.refusals.append(IgcError(Code.EMAIL_TAKEN, champ="adresseEmail"))


def _address_holders(
    session: Session, plateforme: Plateforme, candidates: Sequence[Candidate], now: datetime
) -> dict[str, str]:
    wanted = {c.examined.adresse_email for c in candidates if c.examined.adresse_email is not None}
    held = _held_addresses(session, plateforme, wanted)
    return {
        address: porteur for address, porteur in held.items() if _is_live(session, plateforme, address, porteur, now)
    }


def _held_addresses(session: Session, plateforme: Plateforme, addresses: Iterable[str]) -> dict[str, str]:
    table = tables.AdresseProtegee
    found: dict[str, str] = {}
    for part in slices(list(addresses)):
        rows = session.execute(
            select(table.adresse, table.porteur).where(table.plateforme == plateforme, table.adresse.in_(part))
        )
        found.update((address, porteur) for address, porteur in rows)
    return found


def _is_live(session: Session, plateforme: Plateforme, address: str, porteur: str, now: datetime) -> bool:
    """Whether ``porteur`` still holds a demande on its way or a certificate in force with this address."""
    demande, certificat = tables.Demande, tables.Certificat
    in_force = and_(
        demande.etat_produit.in_(_LIVE_PRODUIT),
        exists().where(certificat.id_demande == demande.id, certificat.not_after > now),
    )
    rows = session.execute(
        select(demande.id_beneficiaire, demande.id_structure, demande.service_applicatif).where(
            demande.plateforme == plateforme,
            demande.adresse_email == address,
            or_(demande.etat.in_(_LIVE_DEMANDE), in_force),
        )
    )
    return any(
        porteur in {f"P:{beneficiaire}", f"S:{structure}:{(service or '').casefold()}"}
        for beneficiaire, structure, service in rows
    )


def _claim_keys(session: Session, plateforme: Plateforme, candidates: Sequence[Candidate]) -> None:
    wanted: dict[bytes, Candidate] = {}
    duplicates: list[tuple[Candidate, bytes]] = []
    for candidate in candidates:
        csr = candidate.examined.csr
        if candidate.examined.refusals or csr is None:
            continue
        if wanted.setdefault(csr.spki_sha256, candidate) is not candidate:
            duplicates.append((candidate, csr.spki_sha256))
    if not wanted:
        return
    rows = [
        {
            "plateforme": plateforme.value,
            "spki_sha256": key,
            "id_demande": candidate.numero,
            "spki": candidate.examined.csr.spki,
            "csr": candidate.examined.csr.der,
        }
        for key, candidate in sorted(wanted.items())
        if candidate.examined.csr is not None
    ]
    insert_rows(session, tables.ClePublique, rows, ignore_conflicts=True)
    holders = _key_holders(session, plateforme, list(wanted), others_than=wanted)
    for key, holder in holders.items():
        wanted[key].examined.refusals.append(_key_refusal(holder))
    for candidate, key in duplicates:
        candidate.examined.refusals.append(_key_refusal(holders.get(key, _as_holder(wanted[key]))))


_Holder = tuple[int, str, str | None, str | None, datetime]


def _as_holder(candidate: Candidate) -> _Holder:
    examined = candidate.examined
    return (candidate.numero, candidate.acteur, examined.beneficiaire, examined.form.structure, candidate.cree_le)


def _key_holders(
    session: Session,
    plateforme: Plateforme,
    keys: Sequence[bytes],
    others_than: dict[bytes, Candidate] | None = None,
) -> dict[bytes, _Holder]:
    """Who holds each key, apart from the candidates of ``others_than`` themselves."""
    cle, demande, acteur = tables.ClePublique, tables.Demande, tables.Acteur
    owners: dict[bytes, int] = {}
    for part in slices(keys):
        rows = session.execute(
            select(cle.spki_sha256, cle.id_demande).where(cle.plateforme == plateforme, cle.spki_sha256.in_(part))
        )
        owners.update((bytes(key), numero) for key, numero in rows)
    if others_than is not None:
        owners = {key: numero for key, numero in owners.items() if others_than[key].numero != numero}
    found: dict[bytes, _Holder] = {}
    for part in slices(list(owners)):
        numeros = {owners[key]: key for key in part}
        details = session.execute(
            select(demande.id, acteur.libelle, demande.id_beneficiaire, demande.id_structure, demande.cree_le)
            .join(acteur, acteur.id == demande.id_acteur)
            .where(demande.id.in_(numeros))
        )
        for numero, libelle, beneficiaire, structure, cree_le in details:
            found[numeros[numero]] = (numero, libelle, beneficiaire, structure, cree_le)
    return found


def _key_refusal(holder: _Holder) -> IgcError:
    """ERR_IHM_007 names the other demande: numero, acteur, beneficiaire or structure, date (guide §13)."""
    numero, acteur, beneficiaire, structure, date = holder
    day = format_datetime(date, "dd/MM/yyyy HH:mm", tzinfo=get_timezone("Europe/Paris"), locale="fr")
    raison = (
        f"la clé publique a déjà été présentée dans la demande n° {numero} "
        f"({acteur}, {beneficiaire or structure or '-'}, {day})."
    )
    return IgcError(Code.CSR_REFUSED, champ="csr", raison=raison)
