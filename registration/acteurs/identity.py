"""Who stands behind a client certificate: our CA, in force, not revoked nor its CA, of this plateforme, registered.

Asked at every request, because a resumed TLS session or a kept-alive connection never asks again. Everything that
cannot be decided is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, exists, literal, or_, select, true

from pki.authority import Authority, find_issuer, links_above
from pki.certificates.client_certificate import read_client_certificate
from pki.certificates.profiles import CATEGORY_TEST
from pki.certificates.serials import serial_hex
from pki.errors import AuthorityError, CertificateError, CrlError
from registration.acteurs.reading import as_value
from registration.errors import AccessError, Code
from registration.values import Caller, Identite
from registration.vocabulary import Plateforme
from storage import tables
from storage.database import Database
from storage.moments import Moment, Prepared
from storage.stored_lists import StoredLists

_CACHE = 4096


@dataclass(frozen=True, slots=True)
class Peer:
    """What never changes about a certificate; the rest is asked of the database each time.

    ``above`` are the authorities above its issuer, each with the serial of the certificate below it in the chain.
    """

    authority: str
    above: tuple[tuple[str, str], ...]
    issuer_sha256: bytes
    serial: str
    plateforme: Plateforme
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
        not_before=max(certificate.not_valid_before_utc, begins),
        not_after=min(certificate.not_valid_after_utc, ends),
    )


@lru_cache(maxsize=8)
def _status(length: int) -> Prepared:
    """Our revocation and the registered acteur, on one row for each current CRL of the chain, or on a single one.

    On each row also whether the plateforme has stopped. ``length`` is how many authorities the chain has: their names
    are the parameters ``chain_0``, ``chain_1`` and so on.
    """
    acteur, identite = tables.Acteur, tables.Identite
    certificat, crl = tables.Certificat, tables.Crl
    one = select(literal(1).label("one")).subquery()
    registered = (
        select(
            acteur.id, acteur.plateforme, acteur.type_acteur, acteur.type_personne, acteur.id_national, acteur.libelle
        )
        .join(identite, identite.id_acteur == acteur.id)
        .where(
            identite.issuer_sha256 == bindparam("issuer"),
            identite.serial == bindparam("serial"),
            acteur.plateforme == bindparam("plateforme"),
            or_(identite.fin_le.is_(None), identite.fin_le > bindparam("now")),
        )
        .subquery()
    )
    chain = [bindparam(f"chain_{place}", type_=crl.autorite.type) for place in range(length)]
    return Prepared(
        select(
            exists(select(tables.Arret.id)).label("stopped"),
            certificat.revoque_le,
            crl.autorite,
            crl.numero,
            crl.next_update,
            *registered.c,
        )
        .select_from(one)
        .outerjoin(
            certificat, (certificat.autorite == bindparam("authority")) & (certificat.serial == bindparam("serial"))
        )
        .outerjoin(crl, crl.autorite.in_(chain))
        .outerjoin(registered, true())
    )


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

    def identify(self, der: bytes | None, now: datetime) -> Caller:
        """The registered acteur and what he presented; AccessError ERR_WS_020 to 024 and 026 say which check failed."""
        if der is None:
            raise AccessError(Code.NO_CERTIFICATE)
        peer = self._parse(der)
        if peer is None:
            raise AccessError(Code.CERTIFICATE_REFUSED)
        if peer.plateforme is not self._plateforme:
            raise AccessError(Code.CERTIFICATE_WRONG_PLATEFORME)
        if not peer.not_before - timedelta(minutes=5) <= now < peer.not_after:
            raise AccessError(Code.CERTIFICATE_REVOKED)
        with self._db.view() as moment:
            rows = moment.rows(_status(len(peer.chain)), **self._parameters(peer, now))
            if rows[0].stopped:
                # The database may be older than a revocation: nobody can say who is still good.
                raise AccessError(Code.REVOCATION_STATUS_UNAVAILABLE)
            self._check_lists(moment, peer, rows, now)
        if rows[0].id is None:
            raise AccessError(Code.ACTEUR_UNKNOWN)
        identite = Identite(emetteur=peer.issuer_sha256.hex(), serie=peer.serial)
        return Caller(acteur=as_value(rows[0]), identite=identite)

    def _check_lists(self, moment: Moment, peer: Peer, rows: Sequence[Any], now: datetime) -> None:
        lists = {row.autorite: row for row in rows if row.autorite is not None}
        links = ((peer.authority, peer.serial), *peer.above)
        if rows[0].revoque_le is not None or any(
            serial in self._listed(moment, name, lists[name].numero) for name, serial in links if name in lists
        ):
            raise AccessError(Code.CERTIFICATE_REVOKED)
        # No current CRL: nobody can say that the certificate is still good, so it is not. An offline root may never
        # have had one carried here; once there is one, it must be current too.
        if peer.authority not in lists or any(row.next_update <= now for row in lists.values()):
            raise AccessError(Code.REVOCATION_STATUS_UNAVAILABLE)

    def _parameters(self, peer: Peer, now: datetime) -> dict[str, object]:
        return {
            "authority": peer.authority,
            **{f"chain_{place}": name for place, name in enumerate(peer.chain)},
            "serial": peer.serial,
            "issuer": peer.issuer_sha256,
            "plateforme": self._plateforme.value,
            "now": now,
        }

    def _parse_certificate(self, der: bytes) -> Peer | None:
        return read_peer(self._authorities, der)

    def _listed(self, moment: Moment, authority: str, numero: int) -> frozenset[str]:
        known = self._lists.known_serials(authority, numero)
        if known is not None:
            return known
        try:
            return self._lists.serials(moment.session, authority, numero)
        except CrlError:
            raise AccessError(Code.REVOCATION_STATUS_UNAVAILABLE) from None
