"""Who has signed in with Pro Santé Connect: the same acteur as the bearer of his cards, by his national id (guide §7).

Whoever calls this has verified the token: its signature, issuer, audience, nonce and time. As with a card, nobody is
registered; what must stand in the tables is entered at the first act (``porteurs.enter``).
"""

from __future__ import annotations

import hashlib

from sqlalchemy import bindparam, exists, literal, select, true

from registration.acteurs.habilitations import LIBELLE_LENGTH
from registration.acteurs.porteurs import Porteur
from registration.acteurs.reading import as_value
from registration.errors import AccessError, Code
from registration.rules.subjects import read_national_id, type_of_subject
from registration.values import Caller, Identite, Sujet
from registration.vocabulary import Plateforme, TypeActeurInscrit
from storage import tables
from storage.database import Database
from storage.moments import Prepared

_SERIE_LENGTH = 40
_acteur, _identite = tables.Acteur, tables.Identite
_known = exists().where(
    _identite.id_acteur == _acteur.id,
    _identite.issuer_sha256 == bindparam("issuer"),
    _identite.serial == bindparam("serial"),
)
_found = (
    select(
        _acteur.id, _acteur.plateforme, _acteur.type_acteur, _acteur.type_personne, _acteur.id_national,
        _acteur.libelle, _known.label("is_known"),
    )
    .where(
        _acteur.plateforme == bindparam("plateforme"),
        _acteur.type_acteur == TypeActeurInscrit.PERSONNE.value,
        _acteur.id_national == bindparam("personne"),
    )
    .subquery()
)  # fmt: skip
_one = select(literal(1).label("one")).subquery()
_STATUS = Prepared(
    select(exists(select(tables.Arret.id)).label("stopped"), *_found.c).select_from(_one).outerjoin(_found, true())
)


def identify_subject(db: Database, plateforme: Plateforme, sujet: Sujet) -> Caller:
    """The acteur and by which account he has come in: what the history keeps in place of a certificate.

    AccessError ERR_WS_027 for what names no person beyond doubt, ERR_WS_026 when the plateforme has stopped. Nothing is
    written.
    """
    porteur = _read(sujet)
    identite = _account(sujet)
    told = {"plateforme": plateforme.value, "personne": porteur.id_national}
    with db.view() as moment:
        (row,) = moment.rows(_STATUS, **told, issuer=bytes.fromhex(identite.emetteur), serial=identite.serie)
    if row.stopped:
        # The database may be older than the end of a right: nobody can say who may still do what.
        raise AccessError(Code.REVOCATION_STATUS_UNAVAILABLE)
    if row.id is None:
        return Caller(acteur=porteur.as_acteur(plateforme), identite=identite, to_enter=True)
    acteur = porteur.as_acteur(plateforme, row.id, row.libelle)
    return Caller(acteur=acteur, identite=identite, to_enter=not (row.is_known and acteur == as_value(row)))


def _read(sujet: Sujet) -> Porteur:
    ident = read_national_id(sujet)
    name = " ".join(f"{sujet.nom} {sujet.prenom}".split())
    return Porteur(
        id_national=ident,
        libelle=name[:LIBELLE_LENGTH] if name and name.isprintable() else ident,
        type_personne=type_of_subject(ident, sujet.roles, sujet.categories),
    )


def _account(sujet: Sujet) -> Identite:
    """In the form of a certificate: SHA-256 of who vouches for it, and what he calls it by, digested as well."""
    return Identite(
        emetteur=hashlib.sha256(sujet.emetteur.encode()).hexdigest(),
        serie=hashlib.sha256(sujet.sub.encode()).hexdigest()[:_SERIE_LENGTH],
    )
