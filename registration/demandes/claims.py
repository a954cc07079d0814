"""One demande per public key, one porteur per protected address (guide §6.2, ERR_IHM_007, ERR_IHM_064).

Claims are rows whose primary key is the thing claimed, written with ON CONFLICT DO NOTHING in sorted order: two
senders at the same time cannot both win, and cannot deadlock. Only accepted demandes hold a key or an address, so
that an item refused for another reason may be sent again with the same CSR (ours).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import Table, and_, bindparam, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from registration.acteurs.visibility import may_follow
from registration.demandes.candidates import Candidate
from registration.demandes.shared_primes import refuse_shared_primes
from registration.errors import Code, IgcError
from registration.life.giving_up import key_refusal
from registration.revocation.blocked_keys import blocked_among
from registration.rules.renewal import needs_new_key
from registration.rules.validation import Accepted, porteur_of
from registration.values import Acteur
from registration.vocabulary import EtatDemande, EtatProduit, Offre, Plateforme
from registration.wording import moment
from storage import tables
from storage.bulk import insert_rows, slices

_LIVE_DEMANDE = (EtatDemande.ENREGISTREE, EtatDemande.VALIDEE, EtatDemande.TRANSMISE)
_LIVE_PRODUIT = (EtatProduit.A_RETIRER, EtatProduit.ACTIF)


class _Wish(NamedTuple):
    """An accepted candidate, and what it wants: its key, and perhaps a protected address."""

    candidate: Candidate
    accepted: Accepted

    @property
    def key(self) -> bytes:
        return self.accepted.csr.spki_sha256

    @property
    def address(self) -> str | None:
        """As addresses are compared; what the certificate carries is what was typed."""
        return self.accepted.values.adresse_cle


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Who holds a key: what ERR_IHM_007 says of the other demande (guide §13), to those who may follow it."""

    numero: int
    acteur: str
    beneficiaire: str | None
    structure: str | None
    cree_le: datetime
    visible: bool = True

    def refusal(self) -> IgcError:
        """The refusal of everybody else."""
        if not self.visible:
            raison = "la clé publique a déjà été présentée dans une autre demande."
            return IgcError(Code.CSR_REFUSED, champ="csr", raison=raison)
        raison = (
            f"la clé publique a déjà été présentée dans la demande n° {self.numero} "
            f"({self.acteur}, {self.beneficiaire or self.structure or '-'}, {moment(self.cree_le)})."
        )
        return IgcError(Code.CSR_REFUSED, champ="csr", raison=raison)


@dataclass(slots=True)
class Claimed:
    """Who holds what, as far as the candidates at hand are concerned; grows with each one accepted."""

    addresses: dict[str, str] = field(default_factory=dict)
    keys: dict[bytes, Callable[[], IgcError]] = field(default_factory=dict)


def claim(session: Session, acteur: Acteur, candidates: Sequence[Candidate], now: datetime) -> None:
    """Claim address and key of each accepted candidate of ``acteur``, in their order; who loses is refused."""
    plateforme = acteur.plateforme
    _refuse_bad_keys(session, candidates)
    wishes = _wishes(candidates)
    held = _lock_addresses(session, plateforme, wishes)
    inserted = _insert_keys(session, plateforme, wishes)
    mine = {key: wish.candidate.numero for key, wish in inserted.items()}
    others = _key_holders(session, acteur, inserted, mine=mine)
    claimed = Claimed(
        addresses=_live_holders(session, plateforme, held, wishes, now),
        keys={key: holder.refusal for key, holder in others.items()},
    )
    winners = _judge(wishes, claimed, lambda wish: _as_holder(wish).refusal)
    _settle_addresses(session, plateforme, {a: p for a, p in claimed.addresses.items() if held[a] != p})
    _settle_keys(session, plateforme, {key: wish for key, wish in inserted.items() if key not in others}, winners)


def peek(session: Session, acteur: Acteur, candidates: Sequence[Candidate], earlier: Claimed, now: datetime) -> None:
    """The refusals that ``claim`` would give, without writing; ``earlier`` carries the items of the lot before."""
    plateforme = acteur.plateforme
    _refuse_bad_keys(session, candidates)
    wishes = _wishes(candidates)
    held = _held_addresses(session, plateforme, {address for address, _ in _wanted_addresses(wishes)})
    holders = _key_holders(session, acteur, [wish.key for wish in wishes], mine={})
    claimed = Claimed(
        addresses=_live_holders(session, plateforme, held, wishes, now) | earlier.addresses,
        keys={key: holder.refusal for key, holder in holders.items()} | earlier.keys,
    )
    winners = _judge(wishes, claimed, lambda wish: lambda: _same_lot(wish.candidate.numero))
    # Only what was won is carried on: a holder nobody contested here may turn out not to be in force any more.
    earlier.keys.update((key, claimed.keys[key]) for key in winners)
    earlier.addresses.update(_wanted_addresses(winners.values()))


def _wishes(candidates: Iterable[Candidate]) -> list[_Wish]:
    return [_Wish(candidate, candidate.verdict) for candidate in candidates if isinstance(candidate.verdict, Accepted)]


def _refuse_bad_keys(session: Session, candidates: Sequence[Candidate]) -> None:
    """The refusals of keys that the policy, which sees one key at a time, cannot know of."""
    refuse_shared_primes(candidates)
    wishes = _wishes(candidates)
    blocked = blocked_among(session, {wish.key for wish in wishes})
    for wish in wishes:
        if wish.key in blocked:
            wish.candidate.refuse(key_refusal())


def _judge(
    wishes: Iterable[_Wish], claimed: Claimed, refusal_by: Callable[[_Wish], Callable[[], IgcError]]
) -> dict[bytes, _Wish]:
    """Accept the wishes in their order, each against all before; gives who won each key."""
    winners: dict[bytes, _Wish] = {}
    for wish in wishes:
        porteur = wish.accepted.porteur
        if wish.address is not None and claimed.addresses.get(wish.address, porteur) != porteur:
            wish.candidate.refuse(IgcError(Code.EMAIL_TAKEN, champ="adresseEmail"))
        elif wish.key in claimed.keys:
            refusal = claimed.keys[wish.key]()
            wish.candidate.refuse(needs_new_key(refusal) if wish.candidate.renouvelle else refusal)
        else:
            winners[wish.key] = wish
            claimed.keys[wish.key] = refusal_by(wish)
            if wish.address is not None:
                claimed.addresses[wish.address] = porteur
    return winners


def _same_lot(position: int) -> IgcError:
    return IgcError(Code.CSR_REFUSED, champ="csr", raison=f"la même clé est présentée à la position {position}.")


def _wanted_addresses(wishes: Iterable[_Wish]) -> list[tuple[str, str]]:
    """(address, porteur) of each wish for one."""
    return [(wish.address, wish.accepted.porteur) for wish in wishes if wish.address is not None]


def _lock_addresses(session: Session, plateforme: Plateforme, wishes: Iterable[_Wish]) -> dict[str, str]:
    """Make every wanted address a row, ours until the transaction ends; gives the porteur that stands in it.

    The lock is what lets one porteur only take over an address that has become free.
    """
    wanted: dict[str, str] = {}
    for address, porteur in _wanted_addresses(wishes):
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
        rows = session.execute(query.order_by(table.adresse).with_for_update(key_share=True) if lock else query)
        found.update((address, porteur) for address, porteur in rows)
    return found


def _live_holders(
    session: Session, plateforme: Plateforme, held: dict[str, str], wishes: Iterable[_Wish], now: datetime
) -> dict[str, str]:
    """The porteur of each address that is not free; asked only where somebody else wants it."""
    rivalled = {address for address, porteur in _wanted_addresses(wishes) if held.get(address, porteur) != porteur}
    live = _live_porteurs(session, plateforme, rivalled, now)
    return {a: porteur for a, porteur in held.items() if a not in rivalled or (a, porteur) in live}


def _live_porteurs(
    session: Session, plateforme: Plateforme, addresses: Iterable[str], now: datetime
) -> set[tuple[str, str]]:
    """(address, porteur) of every demande on its way and every certificate in force with one of these addresses."""
    found: set[tuple[str, str]] = set()
    for part in slices(sorted(addresses)):
        rows = session.execute(_LIVE, {"plateforme_": plateforme.value, "addresses": part, "now": now})
        found.update(
            # A demande on its way has an offre.
            (address or "", porteur_of(Offre(offre or ""), beneficiaire, structure, service))
            for address, offre, beneficiaire, structure, service in rows
        )
    return found


_demande, _certificat = tables.Demande, tables.Certificat
_LIVE = select(
    _demande.adresse_cle, _demande.offre, _demande.id_beneficiaire, _demande.id_structure, _demande.service_applicatif
).where(
    _demande.plateforme == bindparam("plateforme_"),
    _demande.adresse_cle.in_(bindparam("addresses", expanding=True)),
    or_(
        _demande.etat.in_(_LIVE_DEMANDE),
        and_(
            _demande.etat_produit.in_(_LIVE_PRODUIT),
            exists().where(_certificat.id_demande == _demande.id, _certificat.not_after > bindparam("now")),
        ),
    ),
)


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


def _insert_keys(session: Session, plateforme: Plateforme, wishes: Iterable[_Wish]) -> dict[bytes, _Wish]:
    """Make every wanted key a row of the first wish for it; a key that is held keeps its row."""
    first: dict[bytes, _Wish] = {}
    for wish in wishes:
        first.setdefault(wish.key, wish)
    rows = [_key_row(plateforme, wish) for _, wish in sorted(first.items())]
    insert_rows(session, tables.ClePublique, rows, ignore_conflicts=True)
    return first


def _key_row(plateforme: Plateforme, wish: _Wish) -> dict[str, Any]:
    csr = wish.accepted.csr
    return {
        "plateforme": plateforme.value,
        "spki_sha256": csr.spki_sha256,
        "id_demande": wish.candidate.numero,
        "spki": csr.spki,
        "csr": csr.der,
    }


def _settle_keys(
    session: Session, plateforme: Plateforme, inserted: dict[bytes, _Wish], winners: dict[bytes, _Wish]
) -> None:
    """Take back the rows of wishes that lost by their address; a later one may have won the same key."""
    lost = [key for key, wish in inserted.items() if winners.get(key) is not wish]
    table = tables.ClePublique
    for part in slices(lost):
        session.execute(delete(table).where(table.plateforme == plateforme, table.spki_sha256.in_(part)))
    insert_rows(session, table, [_key_row(plateforme, winners[key]) for key in lost if key in winners])


def _as_holder(wish: _Wish) -> KeyHolder:
    return KeyHolder(
        numero=wish.candidate.numero,
        acteur=wish.candidate.acteur,
        beneficiaire=wish.accepted.values.beneficiaire,
        structure=wish.accepted.form.structure,
        cree_le=wish.candidate.cree_le,
    )


def _key_holders(
    session: Session, acteur: Acteur, keys: Iterable[bytes], *, mine: dict[bytes, int]
) -> dict[bytes, KeyHolder]:
    """Who holds each key, apart from the demandes of ``mine`` by key."""
    cle, demande, holder = tables.ClePublique, tables.Demande, tables.Acteur
    owners: dict[int, bytes] = {}
    for part in slices(keys):
        rows = session.execute(
            select(cle.spki_sha256, cle.id_demande).where(
                cle.plateforme == acteur.plateforme, cle.spki_sha256.in_(part)
            )
        )
        owners.update((numero, bytes(key)) for key, numero in rows if mine.get(bytes(key)) != numero)
    found: dict[bytes, KeyHolder] = {}
    for numeros in slices(owners):
        details = session.execute(
            select(
                demande.id,
                holder.libelle,
                demande.id_beneficiaire,
                demande.id_structure,
                demande.cree_le,
                may_follow(acteur),
            )
            .join(holder, holder.id == demande.id_acteur)
            .where(demande.id.in_(numeros))
        )
        found.update((owners[row[0]], KeyHolder(*row[:5], visible=bool(row[5]))) for row in details)
    return found
