"""The certificates that demandes de révocation name: found within the sight of who asks, and held first of all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from registration.acteurs.visibility import may_know_of
from registration.rules.asked_revocation import Wish
from registration.rules.revocation import KEY_COMPROMISE
from registration.values import Acteur
from registration.vocabulary import EtatDemande, EtatProduit, EtatRevocation, Offre, Role, offre_of
from storage import tables
from storage.bulk import slices

AuthorityNames = Mapping[str, tuple[str, ...]]
"""Names of issuing authorities, in lower case, with the short names under which rows have them."""


def authority_names(chains: Mapping[str, tuple[bytes, ...]]) -> AuthorityNames:
    """What people call the authorities: their short names, common names and whole names (RFC 4514), from their chains.

    An authority that got a new key has its name twice.
    """
    found: dict[str, list[str]] = {}
    for short_name, chain in chains.items():
        subject = x509.load_der_x509_certificate(chain[0]).subject
        common = [str(attribute.value) for attribute in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        for name in {one.lower() for one in (short_name, *common, subject.rfc4514_string())}:
            found.setdefault(name, []).append(short_name)
    return {name: tuple(named) for name, named in found.items()}


_demande, _certificat, _revocation = tables.Demande, tables.Certificat, tables.DemandeRevocation
_COLUMNS = (
    _demande.id, _demande.etat, _demande.etat_produit, _demande.offre, _demande.id_structure, _demande.id_beneficiaire,
    _certificat.id.label("id_certificat"), _certificat.autorite, _certificat.serial, _certificat.not_after,
    _certificat.revoque_le, _certificat.raison_crl,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """A demande and its certificate, as far as it has one that is signed."""

    numero: int
    etat: EtatDemande
    offre: Offre | None
    structure: str | None
    beneficiaire: str | None
    produit: EtatProduit | None
    id_certificat: int
    autorite: str
    serial: str
    not_after: datetime
    revoque_le: datetime | None
    raison: str | None


class Targets:
    """What some wishes name: by number, or by authority and serial."""

    def __init__(self, by_numero: Mapping[int, Target], by_serial: Mapping[tuple[str, str], int]) -> None:
        self._by_numero = dict(by_numero)
        self._by_serial = by_serial

    def of(self, wish: Wish, names: AuthorityNames) -> Target | None:
        """The certificate of a wish; None when nothing that its acteur may know of answers to the name."""
        return self._by_numero.get(_numero_of(wish, self._by_serial, names))

    def put(self, target: Target) -> None:
        """What became of one in the meantime: a later wish of the same lot finds it so."""
        self._by_numero[target.numero] = target

    def all(self) -> list[Target]:
        """Each of them once."""
        return list(self._by_numero.values())


def find_targets(
    session: Session, acteur: Acteur, wishes: Sequence[Wish], names: AuthorityNames, *, hold: bool
) -> Targets:
    """Find them; with ``hold`` nobody changes these demandes and certificates before the end of the transaction."""
    by_serial = _by_serial(session, acteur, wishes, names)
    numeros = {wish.numero for wish in wishes if wish.numero is not None} | set(by_serial.values())
    if hold:
        compromised = {_numero_of(wish, by_serial, names) for wish in wishes if wish.raison == KEY_COMPROMISE}
        _hold(session, numeros | _of_the_same_keys(session, compromised))
    found: dict[int, Target] = {}
    for part in slices(sorted(numeros)):
        rows = session.execute(
            select(*_COLUMNS)
            .outerjoin(_certificat, (_certificat.id_demande == _demande.id) & _certificat.emis_le.is_not(None))
            .where(_demande.id.in_(part), may_know_of(acteur))
        )
        found |= {row.id: _as_target(row) for row in rows}
    return Targets(found, by_serial)


def hold_one(session: Session, numero: int, *, compromised: bool) -> Target | None:
    """The certificate of a demande, held as by ``find_targets``, for who has proved his right: no sight is asked."""
    _hold(session, {numero} | (_of_the_same_keys(session, {numero}) if compromised else set()))
    joined = (_certificat.id_demande == _demande.id) & _certificat.emis_le.is_not(None)
    row = session.execute(select(*_COLUMNS).outerjoin(_certificat, joined).where(_demande.id == numero)).one_or_none()
    return None if row is None else _as_target(row)


@dataclass(frozen=True, slots=True)
class Found:
    """A demande de révocation, as far as it decides who may act on it; without ``role`` it was asked for by code."""

    id_demande: int
    offre: Offre
    structure: str | None
    beneficiaire: str | None
    role: Role | None


def find_revocation(session: Session, acteur: Acteur, numero: int) -> Found | None:
    """One of a certificate that the acteur may know of; None for every other number."""
    return _found(session, acteur, _revocation.id == numero).get(numero)


def find_waiting(session: Session, acteur: Acteur, index: int) -> dict[int, Found]:
    """Those of a lot that wait for their day, of certificates that the acteur may know of, by numero."""
    return _found(session, acteur, _revocation.id_lot == index, _revocation.etat == EtatRevocation.VALIDEE.value)


def _found(session: Session, acteur: Acteur, *conditions: ColumnElement[bool]) -> dict[int, Found]:
    rows = session.execute(
        select(
            _revocation.id.label("numero"), _demande.id, _demande.offre, _demande.id_structure,
            _demande.id_beneficiaire, _revocation.role, _revocation.id_acteur,
        )
        .join(_demande, _demande.id == _revocation.id_demande)
        .where(*conditions, may_know_of(acteur))
    )  # fmt: skip
    return {
        row.numero: Found(
            row.id, offre, row.id_structure, row.id_beneficiaire, None if row.role is None else Role(row.role)
        )
        for row in rows
        # What somebody asked for by the code of revocation has no role, and no acteur either.
        if (offre := offre_of(row.offre)) is not None and (row.role is not None or row.id_acteur is None)
    }


def hold_demandes(session: Session, numeros: Collection[int]) -> None:
    """Hold the demandes of certificates, in the order in which everybody does."""
    _hold(session, numeros)


def _numero_of(wish: Wish, by_serial: Mapping[tuple[str, str], int], names: AuthorityNames) -> int:
    """The numero that a wish names, 0 when no row answers to its serial; of two keys of one name one signed it."""
    if wish.numero is not None:
        return wish.numero
    named = names.get((wish.autorite or "").strip().lower(), ())
    return next((by_serial[one, wish.serie] for one in named if wish.serie and (one, wish.serie) in by_serial), 0)


def _by_serial(
    session: Session, acteur: Acteur, wishes: Sequence[Wish], names: AuthorityNames
) -> dict[tuple[str, str], int]:
    serials = sorted({wish.serie for wish in wishes if wish.serie is not None})
    found: dict[tuple[str, str], int] = {}
    for part in slices(serials):
        rows = session.execute(
            select(_certificat.autorite, _certificat.serial, _demande.id)
            .join(_demande, _demande.id == _certificat.id_demande)
            .where(
                # Every authority named, so that the unique index serves.
                _certificat.autorite.in_(sorted({one for named in names.values() for one in named})),
                _certificat.serial.in_(part),
                _certificat.emis_le.is_not(None),
                may_know_of(acteur),
            )
        )
        found |= {(autorite, serial): numero for autorite, serial, numero in rows}
    return found


def _of_the_same_keys(session: Session, numeros: Collection[int]) -> set[int]:
    """A key is revoked as a whole: all its demandes are held at once, or two wishes would wait for each other."""
    found: set[int] = set()
    for part in slices(sorted(numeros)):
        keys = [
            key
            for key in session.scalars(select(_certificat.spki_sha256).where(_certificat.id_demande.in_(part)))
            if key is not None
        ]
        others = session.scalars(select(_certificat.id_demande).where(_certificat.spki_sha256.in_(keys)))
        found |= {numero for numero in others if numero is not None}
    return found


def _hold(session: Session, numeros: Collection[int]) -> None:
    for part in slices(sorted(numeros)):
        session.execute(
            select(_demande.id).where(_demande.id.in_(part)).order_by(_demande.id).with_for_update(key_share=True)
        ).all()


def _as_target(row: Any) -> Target:  # noqa: ANN401 -- a row of _COLUMNS
    return Target(
        numero=row.id,
        etat=EtatDemande(row.etat),
        offre=offre_of(row.offre),
        structure=row.id_structure,
        beneficiaire=row.id_beneficiaire,
        produit=None if row.etat_produit is None else EtatProduit(row.etat_produit),
        id_certificat=row.id_certificat or 0,
        autorite=row.autorite or "",
        serial=row.serial or "",
        not_after=row.not_after,
        revoque_le=row.revoque_le,
        raison=row.raison_crl,
    )


def read_certificats(session: Session, ids: Collection[int]) -> list[Any]:
    """Id, end and revocation of these certificates."""
    columns = (_certificat.id, _certificat.not_after, _certificat.revoque_le, _certificat.raison_crl)
    return [
        row for part in slices(sorted(ids)) for row in session.execute(select(*columns).where(_certificat.id.in_(part)))
    ]
