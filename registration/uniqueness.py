"""One demande per public key, one porteur per protected address (guide §6.2, ERR_IHM_007, ERR_IHM_064).

Claims are rows whose primary key is the thing claimed, written with ON CONFLICT DO NOTHING in sorted order: two
senders at the same time cannot both win, and cannot deadlock. Only accepted demandes hold a key or an address, so
that an item refused for another reason may be sent again with the same CSR (ours).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from babel.dates import format_datetime, get_timezone
from sqlalchemy import Table, and_, bindparam, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from registration.blocked_keys import refuse_blocked
from registration.errors import Code, IgcError
from registration.shared_primes import refuse_shared_primes
from registration.slicing import slices
from registration.validation import Examined, porteur_of
from registration.vocabulary import EtatDemande, EtatProduit, Offre, Plateforme
from storage import tables
from storage.bulk import insert_rows

_LIVE_DEMANDE = (EtatDemande.ENREGISTREE, EtatDemande.VALIDEE, EtatDemande.TRANSMISE)
_LIVE_PRODUIT = (EtatProduit.A_RETIRER, EtatProduit.ACTIF)


@dataclass(slots=True)
class Candidate:
    """An examined form and the numero it will have; when nothing is stored, its position in the lot instead."""

    numero: int
    examined: Examined
    cree_le: datetime
    acteur: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a key: what ERR_IHM_007 says of the other demande (guide §13)."""

    numero: int
    acteur: str
    beneficiaire: str | None
    structure: str | None
    cree_le: datetime

    def refusal(self) -> IgcError:
        """The refusal of everybody else."""
        day = format_datetime(self.cree_le, "dd/MM/yyyy HH:mm", tzinfo=get_timezone("Europe/Paris"), locale="fr")
        raison = (
            f"la clé publique a déjà été présentée dans la demande n° {self.numero} "
            f"({self.acteur}, {self.beneficiaire or self.structure or '-'}, {day})."
        )
        return IgcError(Code.CSR_REFUSED, champ="csr", raison=raison)


@dataclass(slots=True)
class Claimed:
    """Who holds what, as far as the candidates at hand are concerned; grows with each one accepted."""

    addresses: dict[str, str] = field(default_factory=dict)
    keys: dict[bytes, Callable[[], IgcError]] = field(default_factory=dict)


def claim(session: Session, plateforme: Plateforme, candidates: Sequence[Candidate], now: datetime) -> None:
    """Claim address and key of each candidate without refusal, in their order; who loses gets its refusal appended."""
    _refuse_bad_keys(session, candidates)
    waiting = [candidate for candidate in candidates if not candidate.examined.refusals]
    held = _lock_addresses(session, plateforme, waiting)
    inserted = _insert_keys(session, plateforme, waiting)
    others = _key_holders(session, plateforme, inserted, mine={key: c.numero for key, c in inserted.items()})
    claimed = Claimed(
        addresses=_live_holders(session, plateforme, held, waiting, now),
        keys={key: holder.refusal for key, holder in others.items()},
    )
    winners = _judge(waiting, claimed, lambda candidate: _as_holder(candidate).refusal)
    _settle_addresses(session, plateforme, {a: p for a, p in claimed.addresses.items() if held[a] != p})
    _settle_keys(session, plateforme, {key: c for key, c in inserted.items() if key not in others}, winners)


def peek(
    session: Session, plateforme: Plateforme, candidates: Sequence[Candidate], earlier: Claimed, now: datetime
) -> None:
    """The refusals that ``claim`` would append, without writing; ``earlier`` carries the items of the lot before."""
    _refuse_bad_keys(session, candidates)
    waiting = [candidate for candidate in candidates if not candidate.examined.refusals]
    held = _held_addresses(session, plateforme, {address for address, _ in _wanted_addresses(waiting)})
    keys = [candidate.examined.csr.spki_sha256 for candidate in waiting if candidate.examined.csr is not None]
    holders = _key_holders(session, plateforme, keys, mine={})
    claimed = Claimed(
        addresses=_live_holders(session, plateforme, held, waiting, now) | earlier.addresses,
        keys={key: holder.refusal for key, holder in holders.items()} | earlier.keys,
    )
    winners = _judge(waiting, claimed, lambda candidate: lambda: _same_lot(candidate.numero))
    # Only what was won is carried on: a holder nobody contested here may turn out not to be in force any more.
    earlier.keys.update((key, claimed.keys[key]) for key in winners)
    earlier.addresses.update(_wanted_addresses(winners.values()))


def _refuse_bad_keys(session: Session, candidates: Sequence[Candidate]) -> None:
    """The refusals of keys that the policy, which sees one key at a time, cannot know of."""
    examined = [candidate.examined for candidate in candidates]
    refuse_shared_primes(examined)
    refuse_blocked(session, examined)


def _judge(
    waiting: Iterable[Candidate], claimed: Claimed, refusal_by: Callable[[Candidate], Callable[[], IgcError]]
) -> dict[bytes, Candidate]:
    """Accept the candidates in their order, each against all before; gives who won each key."""
    winners: dict[bytes, Candidate] = {}
    for candidate in waiting:
        examined = candidate.examined
        if examined.csr is None or examined.porteur is None:
            raise RuntimeError("a form without refusal has neither key nor porteur")
        address, key = examined.adresse_email, examined.csr.spki_sha256
        if address is not None and claimed.addresses.get(address, examined.porteur) != examined.porteur:
            examined.refusals.append(IgcError(Code.EMAIL_TAKEN, champ="adresseEmail"))
        elif key in claimed.keys:
            examined.refusals.append(claimed.keys[key]())
        else:
            winners[key] = candidate
            claimed.keys[key] = refusal_by(candidate)
            if address is not None:
                claimed.addresses[address] = examined.porteur
    return winners


def _same_lot(position: int) -> IgcError:
    return IgcError(Code.CSR_REFUSED, champ="csr", raison=f"la même clé est présentée à la position {position}.")


def _wanted_addresses(waiting: Iterable[Candidate]) -> list[tuple[str, str]]:
    """(address, porteur) of each candidate that asks for one."""
    return [
        (candidate.examined.adresse_email, candidate.examined.porteur or "")
        for candidate in waiting
        if candidate.examined.adresse_email is not None
    ]


def _lock_addresses(session: Session, plateforme: Plateforme, waiting: Iterable[Candidate]) -> dict[str, str]:
    """Make every wanted address a row, ours until the transaction ends; gives the porteur that stands in it.

    The lock is what lets one porteur only take over an address that has become free.
    """
    wanted: dict[str, str] = {}
    for address, porteur in _wanted_addresses(waiting):
        wanted.setdefault(address, porteur)
    rows = [
        {"plateforme": plateforme.value, "adresse": address, "porteur": wanted[address]} for address in sorted(wanted)
    ]
    insert_rows(session, tables.AdresseProtegee, rows, ignore_conflicts=True)
    return _held_addresses(session, plateforme, wanted, lock=True)


def _held_addresses(
    session: Session, plateforme: Plateforme, addresses: Iterable[str], *, lock: bool = False
) -> dict[str, str]:
    table = tables.AdresseProtegee
    found: dict[str, str] = {}
    for part in slices(sorted(addresses)):
        query = select(table.adresse, table.porteur).where(table.plateforme == plateforme, table.adresse.in_(part))
        rows = session.execute(query.order_by(table.adresse).with_for_update() if lock else query)
        found.update((address, porteur) for address, porteur in rows)
    return found


def _live_holders(
    session: Session, plateforme: Plateforme, held: dict[str, str], waiting: Iterable[Candidate], now: datetime
) -> dict[str, str]:
    """The porteur of each address that is not free; asked only where somebody else wants it."""
    rivalled = {address for address, porteur in _wanted_addresses(waiting) if held.get(address, porteur) != porteur}
    live = _live_porteurs(session, plateforme, rivalled, now)
    return {a: porteur for a, porteur in held.items() if a not in rivalled or (a, porteur) in live}


def _live_porteurs(
    session: Session, plateforme: Plateforme, addresses: Iterable[str], now: datetime
) -> set[tuple[str, str]]:
    """(address, porteur) of every demande on its way and every certificate in force with one of these addresses."""
    demande, certificat = tables.Demande, tables.Certificat
    in_force = and_(
        demande.etat_produit.in_(_LIVE_PRODUIT),
        exists().where(certificat.id_demande == demande.id, certificat.not_after > now),
    )
    found: set[tuple[str, str]] = set()
    for part in slices(sorted(addresses)):
        rows = session.execute(
            select(
                demande.adresse_email,
                demande.offre,
                demande.id_beneficiaire,
                demande.id_structure,
                demande.service_applicatif,
            ).where(
                demande.plateforme == plateforme,
                demande.adresse_email.in_(part),
                or_(demande.etat.in_(_LIVE_DEMANDE), in_force),
            )
        )
        found.update(
            (address or "", porteur_of(Offre(offre), beneficiaire, structure, service))
            for address, offre, beneficiaire, structure, service in rows
        )
    return found


def _settle_addresses(session: Session, plateforme: Plateforme, taken_over: dict[str, str]) -> None:
    """Write the new porteur of addresses that were free; the rows are locked since ``_lock_addresses``."""
    if taken_over:
        session.execute(
            _UPDATE_PORTEUR,
            [{"of": plateforme.value, "at": address, "now": porteur} for address, porteur in taken_over.items()],
        )


_ADRESSES = cast("Table", tables.AdresseProtegee.__table__)
_UPDATE_PORTEUR = (
    update(_ADRESSES)
    .where(_ADRESSES.c.plateforme == bindparam("of"), _ADRESSES.c.adresse == bindparam("at"))
    .values(porteur=bindparam("now"))
)


def _insert_keys(session: Session, plateforme: Plateforme, waiting: Iterable[Candidate]) -> dict[bytes, Candidate]:
    """Make every wanted key a row of the first candidate that has it; a key that is held keeps its row."""
    first: dict[bytes, Candidate] = {}
    for candidate in waiting:
        if candidate.examined.csr is not None:
            first.setdefault(candidate.examined.csr.spki_sha256, candidate)
    rows = [_key_row(plateforme, candidate) for _, candidate in sorted(first.items())]
    insert_rows(session, tables.ClePublique, rows, ignore_conflicts=True)
    return first


def _key_row(plateforme: Plateforme, candidate: Candidate) -> dict[str, Any]:
    csr = candidate.examined.csr
    if csr is None:
        raise RuntimeError("a candidate without key")
    return {
        "plateforme": plateforme.value,
        "spki_sha256": csr.spki_sha256,
        "id_demande": candidate.numero,
        "spki": csr.spki,
        "csr": csr.der,
    }


def _settle_keys(
    session: Session, plateforme: Plateforme, inserted: dict[bytes, Candidate], winners: dict[bytes, Candidate]
) -> None:
    """Take back the rows of candidates that lost by their address; a later candidate may have won the same key."""
    lost = [key for key, candidate in inserted.items() if winners.get(key) is not candidate]
    table = tables.ClePublique
    for part in slices(lost):
        session.execute(delete(table).where(table.plateforme == plateforme, table.spki_sha256.in_(part)))
    insert_rows(session, table, [_key_row(plateforme, winners[key]) for key in lost if key in winners])


def _as_holder(candidate: Candidate) -> Holder:
    examined = candidate.examined
    return Holder(
        numero=candidate.numero,
        acteur=candidate.acteur,
        beneficiaire=examined.beneficiaire,
        structure=examined.form.structure,
        cree_le=candidate.cree_le,
    )


def _key_holders(
    session: Session, plateforme: Plateforme, keys: Iterable[bytes], *, mine: dict[bytes, int]
) -> dict[bytes, Holder]:
    """Who holds each key, apart from the demandes of ``mine`` by key."""
    cle, demande, acteur = tables.ClePublique, tables.Demande, tables.Acteur
    owners: dict[int, bytes] = {}
    for part in slices(keys):
        rows = session.execute(
            select(cle.spki_sha256, cle.id_demande).where(cle.plateforme == plateforme, cle.spki_sha256.in_(part))
        )
        owners.update((numero, bytes(key)) for key, numero in rows if mine.get(bytes(key)) != numero)
    found: dict[bytes, Holder] = {}
    for numeros in slices(owners):
        details = session.execute(
            select(demande.id, acteur.libelle, demande.id_beneficiaire, demande.id_structure, demande.cree_le)
            .join(acteur, acteur.id == demande.id_acteur)
            .where(demande.id.in_(numeros))
        )
        found.update((owners[row[0]], Holder(*row)) for row in details)
    return found
