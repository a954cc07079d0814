"""Give a demande de révocation up before its day (ours, domain.md): who may revoke the certificate may."""

from __future__ import annotations

from registration.acteurs.rights import load_rights
from registration.errors import AccessError, Code, ConflictError, NotFoundError
from registration.life import revocations
from registration.revocation.targets import Found, find_revocation, hold_demandes
from registration.rules.rights import Rights, Standing, revoking_standings
from registration.values import Origin
from registration.vocabulary import LABELS, EtatRevocation, ResultatRevocation
from runtime.clock import Clock
from storage.database import Database


def give_up_revocation(db: Database, origin: Origin, numero: int, clock: Clock) -> bool:
    """Have the certificate live on; False when it was given up before.

    ERR_WS_064 for what the acteur may not know of, ERR_IHM_026 without the right to revoke, ConflictError ERR_WS_065
    when it does not wait for its day any more.
    """
    with db.write() as session:
        session.connection()  # the wait for other writers comes before the date
        found = find_revocation(session, origin.acteur, numero)
        if found is None:
            raise NotFoundError(Code.REVOCATION_UNKNOWN)
        standing = _standing(origin, load_rights(session, origin.acteur), found)
        hold_demandes(session, [found.id_demande])
        etat, resultat = revocations.where_it_stands(session, numero)
        if resultat is ResultatRevocation.ABANDONNEE:
            return False
        if etat is not EtatRevocation.VALIDEE:
            raise ConflictError(Code.REVOCATION_NOT_PENDING, etat=LABELS[etat])
        revocations.give_up(session, origin, numero, clock(), standing)
    return True


def _standing(origin: Origin, rights: Rights, found: Found) -> Standing:
    """In the role of the demande where the acteur has it, else in one that he has: nobody chooses twice."""
    held = revoking_standings(origin.acteur, rights, found.offre, found.structure, found.beneficiaire)
    if not held:
        raise AccessError(Code.HABILITATION_MISSING)
    own = None if found.role is None else held.get(found.role)
    return own or next(iter(held.values()))
