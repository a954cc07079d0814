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

from sqlalchemy import Select, bindparam, literal, select, true
from sqlalchemy.orm import Session

from pki.authority import Authority, find_issuer, links_above
from pki.client_certificate import read_client_certificate
from pki.crl_reading import read_crl
from pki.errors import AuthorityError, CertificateError, CrlError
from pki.profiles import CATEGORY_TEST
from pki.serials import serial_hex
from registration.acteurs import as_value
from registration.errors import AccessError, Code
from registration.values import Acteur
from registration.vocabulary import Plateforme
from storage import tables
from storage.database import Database

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


def _status_query() -> Select[Any]:
    """Our revocation and the registered acteur, on one row for each current CRL of the chain, or on a single one."""
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
        )
        .subquery()
    )
    return (
        select(certificat.revoque_le, crl.autorite, crl.numero, crl.next_update, *registered.c)
        .select_from(one)
        .outerjoin(
            certificat, (certificat.autorite == bindparam("authority")) & (certificat.serial == bindparam("serial"))
        )
        .outerjoin(crl, crl.autorite.in_(bindparam("chain", expanding=True)))
        .outerjoin(registered, true())
    )


_STATUS = _status_query()


class PeerChecker:
    """Checks against the CAs of ``authorities`` (both plateformes, to say clearly when it is the other one)."""

    def __init__(self, db: Database, authorities: Mapping[str, Authority], plateforme: Plateforme) -> None:
        """``authorities`` are the CAs that may issue client certificates, as ``load_authorities`` gives them."""
        self._db = db
        self._authorities = authorities
        self._plateforme = plateforme
        self._parse = lru_cache(maxsize=_CACHE)(self._parse_certificate)
        self._crl_serials: dict[tuple[str, int], frozenset[str]] = {}

    def identify(self, der: bytes | None, now: datetime) -> Acteur:
        """The registered acteur, or AccessError: ERR_WS_020 to 024 and 026 say which check failed."""
        if der is None:
            raise AccessError(Code.NO_CERTIFICATE)
        peer = self._parse(der)
        if peer is None:
            raise AccessError(Code.CERTIFICATE_REFUSED)
        if peer.plateforme is not self._plateforme:
            raise AccessError(Code.CERTIFICATE_WRONG_PLATEFORME)
        if not peer.not_before - timedelta(minutes=5) <= now < peer.not_after:
            raise AccessError(Code.CERTIFICATE_REVOKED)
        with self._db.read() as session:
            rows = session.execute(_STATUS, self._parameters(peer)).all()
            self._check_lists(session, peer, rows, now)
        if rows[0].id is None:
            raise AccessError(Code.ACTEUR_UNKNOWN)
        return as_value(rows[0])

    def _check_lists(self, session: Session, peer: Peer, rows: Sequence[Any], now: datetime) -> None:
        lists = {row.autorite: row for row in rows if row.autorite is not None}
        links = ((peer.authority, peer.serial), *peer.above)
        if rows[0].revoque_le is not None or any(
            serial in self._listed(session, name, lists[name].numero) for name, serial in links if name in lists
        ):
            raise AccessError(Code.CERTIFICATE_REVOKED)
        # No current CRL: nobody can say that the certificate is still good, so it is not. An offline root may never
        # have had one carried here; once there is one, it must be current too.
        if peer.authority not in lists or any(row.next_update <= now for row in lists.values()):
            raise AccessError(Code.REVOCATION_STATUS_UNAVAILABLE)

    def _parameters(self, peer: Peer) -> dict[str, object]:
        return {
            "authority": peer.authority,
            "chain": [peer.authority, *(name for name, _ in peer.above)],
            "serial": peer.serial,
            "issuer": peer.issuer_sha256,
            "plateforme": self._plateforme.value,
        }

    def _parse_certificate(self, der: bytes) -> Peer | None:
        try:
            certificate = read_client_certificate(der)
            authority = find_issuer(self._authorities, certificate)
            above = links_above(self._authorities, authority)
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

    def _listed(self, session: Session, authority: str, numero: int) -> frozenset[str]:
        known = self._crl_serials.get((authority, numero))
        if known is None:
            der = session.scalars(select(tables.Crl.der).where(tables.Crl.autorite == authority)).one()
            try:
                crl = read_crl(self._authorities[authority], der)
            except CrlError:
                raise AccessError(Code.REVOCATION_STATUS_UNAVAILABLE) from None
            known = frozenset(serial_hex(entry.serial_number) for entry in crl)
            self._crl_serials = {key: serials for key, serials in self._crl_serials.items() if key[0] != authority} | {
                (authority, numero): known
            }
        return known
