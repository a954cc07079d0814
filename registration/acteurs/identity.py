"""Who stands behind a client certificate: our CA, in force, not revoked nor its CA, of this plateforme, and whose.

A card is its bearer's, by the national id that its authority certifies; so is a certificate that a person withdrew for
himself. Any other one is whose it was registered for. Asked at every request, because a resumed TLS session or a
kept-alive connection never asks again. Everything that cannot be decided is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import lru_cache
from typing import Any

from sqlalchemy import Subquery, bindparam, exists, literal, or_, select, true

from pki.authority import Authority, find_issuer, links_above
from pki.certificates.client_certificate import read_client_certificate
from pki.certificates.holders import certifies_cards
from pki.certificates.profiles import CATEGORY_TEST
from pki.certificates.serials import serial_hex
from pki.errors import AuthorityError, CertificateError, CrlError
from registration.acteurs.porteurs import Porteur, read_porteur
from registration.acteurs.reading import as_value
from registration.errors import AccessError, Code, NotAtOnceError
from registration.values import Caller, Identite
from registration.vocabulary import EtatProduit, Plateforme, TypeActeurInscrit
from storage import tables
from storage.database import Database
from storage.moments import Moment, Prepared
from storage.stored_lists import StoredLists

_CACHE = 4096


@dataclass(frozen=True, slots=True)
class Peer:
    """What never changes about a certificate; the rest is asked of the database each time.

    ``above`` are the authorities above its issuer, each with the serial of the certificate below it in the chain.
    ``porteur`` is the person that it certifies, None where it is of no such form; ``is_of_cards`` is about the issuer.
    """

    authority: str
    above: tuple[tuple[str, str], ...]
    issuer_sha256: bytes
    serial: str
    plateforme: Plateforme
    porteur: Porteur | None
    is_of_cards: bool
    not_before: datetime
    not_after: datetime

    @property
    def chain(self) -> tuple[str, ...]:
        """The issuer and those above."""
        return (self.authority, *(name for name, _ in self.above))


def read_peer(authorities: Mapping[str, Authority], der: bytes) -> Peer | None:
    """A client certificate of one of these authorities; None for any other. What changes in time is not asked here."""
    try:
        certificate = read_client_certificate(der)
        authority = find_issuer(authorities, certificate)
        above = links_above(authorities, authority)
    except (CertificateError, AuthorityError):
        return None
    begins, ends = authority.chain_term
    return Peer(
        authority=authority.short_name,
        above=above,
        issuer_sha256=authority.name_hash,
        serial=serial_hex(certificate.serial_number),
        plateforme=Plateforme.TEST if authority.settings.category == CATEGORY_TEST else Plateforme.PRODUCTION,
        porteur=read_porteur(authority, certificate),
        is_of_cards=certifies_cards(authority),
        not_before=max(certificate.not_valid_before_utc, begins),
        not_after=min(certificate.not_valid_after_utc, ends),
    )


class _Way(Enum):
    """By what an acteur is found."""

    REGISTERED = auto()  # (issuer, serial)
    CARD = auto()  # national id
    OWN_CERTIFICATE = auto()  # national id, and the demande


_acteur, _identite = tables.Acteur, tables.Identite
_COLUMNS = (
    _acteur.id, _acteur.plateforme, _acteur.type_acteur, _acteur.type_personne, _acteur.id_national, _acteur.libelle,
)  # fmt: skip


def _found(way: _Way) -> Subquery:
    """The acteur in at most one row, and whether it is known that he presents this certificate."""
    presented = (_identite.issuer_sha256 == bindparam("issuer")) & (_identite.serial == bindparam("serial"))
    if way is _Way.REGISTERED:
        return (
            select(*_COLUMNS, true().label("is_known"))
            .join(_identite, _identite.id_acteur == _acteur.id)
            .where(
                presented,
                _acteur.plateforme == bindparam("plateforme"),
                or_(_identite.fin_le.is_(None), _identite.fin_le > bindparam("now")),
            )
            .subquery()
        )
    known = exists().where(presented, _identite.id_acteur == _acteur.id)
    found = select(*_COLUMNS, known.label("is_known")).where(
        _acteur.plateforme == bindparam("plateforme"),
        _acteur.type_acteur == TypeActeurInscrit.PERSONNE.value,
        _acteur.id_national == bindparam("personne"),
    )
    if way is _Way.CARD:
        return found.subquery()
    # Whoever asks for a certificate has its key. One that an administrator asked for in the name of somebody else
    # names that person and is not his to act by.
    certificat, demande = tables.Certificat, tables.Demande
    withdrawn = (
        exists()
        .where(certificat.autorite == bindparam("authority"), certificat.serial == bindparam("serial"))
        .where(demande.id == certificat.id_demande, demande.id_beneficiaire == _acteur.id_national)
        .where(demande.id_acteur == _acteur.id, demande.id_administrateur.is_(None))
        .where(demande.etat_produit == EtatProduit.ACTIF.value)
    )
    return found.where(withdrawn).subquery()


@lru_cache(maxsize=16)
def _status(length: int, way: _Way) -> Prepared:
    """Our revocation and the acteur, on one row for each current CRL of the chain, or on a single one.

    On each row also whether the plateforme has stopped. ``length`` is how many authorities the chain has: their names
    are the parameters ``chain_0``, ``chain_1`` and so on.
    """
    certificat, crl = tables.Certificat, tables.Crl
    one = select(literal(1).label("one")).subquery()
    acteur = _found(way)
    chain = [bindparam(f"chain_{place}", type_=crl.autorite.type) for place in range(length)]
    return Prepared(
        select(
            exists(select(tables.Arret.id)).label("stopped"),
            certificat.revoque_le,
            crl.autorite,
            crl.numero,
            crl.next_update,
            *acteur.c,
        )
        .select_from(one)
        .outerjoin(
            certificat, (certificat.autorite == bindparam("authority")) & (certificat.serial == bindparam("serial"))
        )
        .outerjoin(crl, crl.autorite.in_(chain))
        .outerjoin(acteur, true())
    )


def _way(peer: Peer) -> _Way:
    if peer.porteur is None:
        return _Way.REGISTERED
    return _Way.CARD if peer.is_of_cards else _Way.OWN_CERTIFICATE


def _by_card(peer: Peer, porteur: Porteur, identite: Identite, row: Any) -> Caller:  # noqa: ANN401 -- a row
    if row.id is None:
        return Caller(acteur=porteur.as_acteur(peer.plateforme), identite=identite, to_enter=True)
    acteur = porteur.as_acteur(peer.plateforme, row.id, row.libelle)
    is_stored = row.is_known and acteur == as_value(row)
    return Caller(acteur=acteur, identite=identite, to_enter=not is_stored)


class PeerChecker:
    """Checks against the CAs of ``authorities`` (both plateformes, to say clearly when it is the other one)."""

    def __init__(self, db: Database, authorities: Mapping[str, Authority], plateforme: Plateforme) -> None:
        """``authorities`` are the CAs that may issue client certificates, as ``load_authorities`` gives them."""
        self._db = db
        self._authorities = authorities
        self._plateforme = plateforme
        self._parse = lru_cache(maxsize=_CACHE)(self._parse_certificate)
        self._lists = StoredLists(db, authorities)

    def read(self, der: bytes) -> Peer | None:
        """What a certificate says, when one of the authorities issued it."""
        return self._parse(der)

    def identify(self, der: bytes | None, now: datetime, *, at_once: bool = False) -> Caller:
        """The acteur and what he presented; AccessError ERR_WS_020 to 024 and 026 say which check failed.

        Nothing is written: a person of whom no row says anything is told by his card alone. NotAtOnceError, when
        ``at_once`` is asked, where a list has to be read first that this process does not know yet.
        """
        if der is None:
            raise AccessError(Code.NO_CERTIFICATE)
        peer = self._parse(der)
        if peer is None or (peer.is_of_cards and peer.porteur is None):
            raise AccessError(Code.CERTIFICATE_REFUSED)
        if peer.plateforme is not self._plateforme:
            raise AccessError(Code.CERTIFICATE_WRONG_PLATEFORME)
        if not peer.not_before - timedelta(minutes=5) <= now < peer.not_after:
            raise AccessError(Code.CERTIFICATE_REVOKED)
        with self._db.view() as moment:
            way = _way(peer)
            rows = moment.rows(_status(len(peer.chain), way), **self._parameters(peer, way, now))
            if rows[0].stopped:
                # The database may be older than a revocation: nobody can say who is still good.
                raise AccessError(Code.REVOCATION_STATUS_UNAVAILABLE)
            self._check_lists(moment, peer, rows, now, at_once=at_once)
        identite = Identite(emetteur=peer.issuer_sha256.hex(), serie=peer.serial)
        if way is _Way.CARD and peer.porteur is not None:
            return _by_card(peer, peer.porteur, identite, rows[0])
        if rows[0].id is None:
            raise AccessError(Code.ACTEUR_UNKNOWN)
        return Caller(acteur=as_value(rows[0]), identite=identite, to_enter=not rows[0].is_known)

    def _check_lists(self, moment: Moment, peer: Peer, rows: Sequence[Any], now: datetime, *, at_once: bool) -> None:
        lists = {row.autorite: row for row in rows if row.autorite is not None}
        links = ((peer.authority, peer.serial), *peer.above)
        if rows[0].revoque_le is not None or any(
            serial in self._listed(moment, name, lists[name].numero, at_once=at_once)
            for name, serial in links
            if name in lists
        ):
            raise AccessError(Code.CERTIFICATE_REVOKED)
        # No current CRL: nobody can say that the certificate is still good, so it is not. An offline root may never
        # have had one carried here; once there is one, it must be current too.
        if peer.authority not in lists or any(row.next_update <= now for row in lists.values()):
            raise AccessError(Code.REVOCATION_STATUS_UNAVAILABLE)

    def _parameters(self, peer: Peer, way: _Way, now: datetime) -> dict[str, object]:
        found_by = (
            {"now": now}
            if way is _Way.REGISTERED
            else {"personne": None if peer.porteur is None else peer.porteur.id_national}
        )
        return {
            **found_by,
            "authority": peer.authority,
            **{f"chain_{place}": name for place, name in enumerate(peer.chain)},
            "serial": peer.serial,
            "issuer": peer.issuer_sha256,
            "plateforme": self._plateforme.value,
        }

    def _parse_certificate(self, der: bytes) -> Peer | None:
        return read_peer(self._authorities, der)

    def _listed(self, moment: Moment, authority: str, numero: int, *, at_once: bool) -> frozenset[str]:
        known = self._lists.known_serials(authority, numero)
        if known is not None:
            return known
        if at_once:
            raise NotAtOnceError
        try:
            return self._lists.serials(moment.session, authority, numero)
        except CrlError:
            raise AccessError(Code.REVOCATION_STATUS_UNAVAILABLE) from None
