"""Applications: registered with a first client certificate, renewed with a second one, ended.

What an operator does here counts at the application's next request, for the canals ask at each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pki.authority import Authority
from pki.certificates.reading import UNREADABLE
from registration.acteurs.habilitations import (
    LIBELLE_LENGTH,
    Profile,
    end,
    end_identity,
    enter_acteur,
    register_identity,
)
from registration.acteurs.identity import Peer, PeerChecker
from registration.acteurs.listing import (
    application_ids,
    find_application,
    habilitations_of,
    identities_in_force,
    registered_for,
)
from registration.acteurs.refusals import ActeurRefusedError, check_text, near
from registration.errors import AccessError, Code
from registration.values import Identite
from registration.vocabulary import Offre, Plateforme, TypeActeurInscrit, Usage, product_code
from registration.wording import moment
from storage import tables
from storage.database import Database
from storage.tables.acteurs import MOTIF_LENGTH

PRODUCT = product_code(Offre.ORG, Usage.AUTH_CLI)
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]{0,63}")
_PRIVATE_KEY = b"PRIVATE KEY-----"
_REASONS = {
    Code.CERTIFICATE_REFUSED: (
        "ce n'est pas un certificat client d'une AC que le service web reconnaît (pki.authorities_dir, "
        "ws.client_ca_dir)"
    ),
    Code.CERTIFICATE_WRONG_PLATEFORME: "ce certificat est de l'autre plateforme",
    Code.CERTIFICATE_REVOKED: "ce certificat est révoqué, ou n'est pas en vigueur",
    Code.REVOCATION_STATUS_UNAVAILABLE: (
        "son AC n'a pas de CRL en vigueur ici : personne ne peut dire s'il est révoqué (igc check-publication)"
    ),
}


class Ended(NamedTuple):
    """How much an application had when it was ended."""

    certificates: int
    habilitations: int


def certificate_of(data: bytes) -> bytes:
    """The certificate of a file, PEM or DER, as DER; of a chain the first, as in every TLS file.

    ActeurRefusedError for anything else, and for a file with a private key in it.
    """
    if _PRIVATE_KEY in data:
        raise ActeurRefusedError("ce fichier contient une clé privée, qui ne se donne à personne : le certificat seul")
    try:
        if b"-----BEGIN" in data:
            return x509.load_pem_x509_certificates(data)[0].public_bytes(Encoding.DER)
        return x509.load_der_x509_certificate(data).public_bytes(Encoding.DER)
    except UNREADABLE:
        raise ActeurRefusedError("ni certificat PEM, ni certificat DER") from None


class Applications:
    """The applications of one plateforme; ``authorities`` are those whose client certificates are recognised."""

    def __init__(self, db: Database, plateforme: Plateforme, authorities: Mapping[str, Authority]) -> None:
        self._db, self._plateforme, self._authorities = db, plateforme, authorities
        self._peers = PeerChecker(db, authorities, plateforme)

    def register(self, id_national: str, libelle: str, certificate: bytes, now: datetime) -> Peer:
        """Enter an application by its certificate (DER); what the certificate says is in the result.

        ActeurRefusedError, with the reason: an id that is taken or has a bad form, a certificate that the canals would
        refuse (issuer, dates, revocation, plateforme), or one that was registered before.
        """
        check_id(id_national)
        libelle = check_text(libelle, "libellé", LIBELLE_LENGTH)
        peer = self._check_certificate(certificate, now)
        with _doubles_told(), self._db.write() as session:
            if find_application(session, self._plateforme, id_national) is not None:
                raise ActeurRefusedError(
                    f"{id_national} : déjà inscrite ; un nouveau certificat s'y ajoute par `igc application renew`",
                    "identifiant",
                )
            profile = Profile(id_national=id_national, libelle=libelle, type_acteur=TypeActeurInscrit.APPLICATION)
            ident = enter_acteur(session, self._plateforme, profile, (), now)
            register_identity(session, ident, _identite(peer), now, peer.not_after)
        return peer

    def renew(self, id_national: str, certificate: bytes, now: datetime, *, old_until: datetime | None = None) -> Peer:
        """Add a certificate (DER) to an application; those that it had go on, until ``old_until`` when it is given.

        ActeurRefusedError as ``register``, and when there is no such application or ``old_until`` is past.
        """
        peer = self._check_certificate(certificate, now)
        if old_until is not None and old_until <= now:
            raise ActeurRefusedError("la fin des anciens certificats est passée")
        with _doubles_told(), self._db.write() as session:
            acteur = self._get(session, id_national)
            if old_until is not None:
                for issuer, serial in identities_in_force(session, acteur.id, now):
                    old = Identite(emetteur=issuer.hex(), serie=serial)
                    end_identity(session, acteur.id, old, now, at=old_until, motif=f"remplacé par {peer.serial}")
            register_identity(session, acteur.id, _identite(peer), now, peer.not_after)
        return peer

    def end(self, id_national: str, now: datetime, motif: str) -> Ended:
        """No certificate of the application opens anything any more, and it has no habilitation; its lots stay.

        ActeurRefusedError when there is no such application, or nothing left to end.
        """
        motif = check_motif(motif)
        with self._db.write() as session:
            acteur = self._get(session, id_national)
            certificates = identities_in_force(session, acteur.id, now)
            rights = habilitations_of(session, acteur.id, now)
            if not certificates and not rights:
                raise ActeurRefusedError(f"{id_national} : déjà terminée")
            for issuer, serial in certificates:
                end_identity(session, acteur.id, Identite(emetteur=issuer.hex(), serie=serial), now, motif=motif)
            for right in rights:
                end(session, acteur.id, right, now, motif)
        return Ended(len(certificates), len(rights))

    def end_certificate(self, id_national: str, serial: str, now: datetime, motif: str) -> None:
        """One certificate of the application opens nothing any more; the others go on.

        ActeurRefusedError when the application or, among those in force, the serial is not known. It is not revoked.
        """
        motif = check_motif(motif)
        wanted = re.sub(r"[ :]", "", serial).lower().removeprefix("0x").lstrip("0")
        with self._db.write() as session:
            acteur = self._get(session, id_national)
            held = identities_in_force(session, acteur.id, now)
            found = [one for one in held if one[1].lstrip("0") == wanted]
            if not found:
                known = ", ".join(one for _, one in held) or "aucun"
                raise ActeurRefusedError(f"{id_national} n'a pas de certificat {serial} en vigueur (il a : {known})")
            for issuer, number in found:
                end_identity(session, acteur.id, Identite(emetteur=issuer.hex(), serie=number), now, motif=motif)

    def is_known(self, id_national: str) -> bool:
        """Whether an application has this id."""
        with self._db.read() as session:
            return find_application(session, self._plateforme, id_national) is not None

    def _get(self, session: Session, id_national: str) -> tables.Acteur:
        acteur = find_application(session, self._plateforme, id_national)
        if acteur is None:
            others = near(id_national, application_ids(session, self._plateforme))
            raise ActeurRefusedError(f"aucune application {id_national}{others}")
        return acteur

    def _check_certificate(self, der: bytes, now: datetime) -> Peer:
        """Everything that the canals check of it, but that it is registered."""
        read = self._peers.read(der)
        if read is not None and (read.is_of_cards or read.porteur is not None):
            raise ActeurRefusedError("c'est le certificat d'une personne : elle se connecte avec, sans être inscrite")
        try:
            caller = self._peers.identify(der, now)
        except AccessError as error:
            peer = self._peers.read(der)
            if error.code is not Code.ACTEUR_UNKNOWN or peer is None:
                raise ActeurRefusedError(_told(error, peer)) from None
        else:
            raise ActeurRefusedError(f"ce certificat est déjà inscrit pour {caller.acteur.libelle}")
        products = self._authorities[peer.authority].products
        if products and PRODUCT not in products:
            raise ActeurRefusedError(f"{peer.authority} ne délivre pas de certificat d'application ({PRODUCT})")
        with self._db.read() as session:
            former = registered_for(session, peer.issuer_sha256, peer.serial)
        if former is not None:
            when = f" et terminé le {moment(former[1])}" if former[1] is not None else " sur une autre plateforme"
            raise ActeurRefusedError(f"ce certificat a été inscrit pour {former[0]}{when} : en présenter un autre")
        return peer


def check_id(id_national: str) -> None:
    """ActeurRefusedError for what cannot be the id of an application."""
    if not _ID.fullmatch(id_national):
        raise ActeurRefusedError(
            f"identifiant « {id_national} » : 64 caractères au plus, lettres sans accent, chiffres ou . _ / -, comme "
            "10B0990011/DPI",
            "identifiant",
        )


def check_motif(motif: str) -> str:
    """The reason as it is kept; ActeurRefusedError when there is none."""
    return check_text(motif, "motif (--reason)", MOTIF_LENGTH)


@contextmanager
def _doubles_told() -> Iterator[None]:
    """Two operators may register one certificate, or one id, at the same moment: the second is told."""
    try:
        yield
    except IntegrityError:
        raise ActeurRefusedError("ce certificat ou cet identifiant vient d'être inscrit par ailleurs") from None


def _identite(peer: Peer) -> Identite:
    return Identite(emetteur=peer.issuer_sha256.hex(), serie=peer.serial)


def _told(error: AccessError, peer: Peer | None) -> str:
    text = _REASONS.get(error.code, error.text)
    if error.code is Code.CERTIFICATE_REVOKED and peer is not None:
        text += f" (du {moment(peer.not_before)} au {moment(peer.not_after)})"
    return text
