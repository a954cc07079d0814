"""Give demandes de révocation up before their day (ours, domain.md): who may revoke the certificate may."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from registration.acteurs.rights import load_rights
from registration.errors import AccessError, Code, ConflictError, NotFoundError
from registration.life import revocations
from registration.revocation.targets import Found, find_revocation, find_waiting, hold_demandes
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
        revocations.give_up(session, origin, {numero: standing}, clock())
    return True


def give_up_waiting(session: Session, origin: Origin, index: int, now: datetime) -> int:
    """Give up what the acteur may of what waits for its day in a lot; gives how many. The caller holds the lot.

    ERR_IHM_026 when something of what he knows waits, and he may revoke nothing of it.
    """
    waiting = find_waiting(session, origin.acteur, index)
    rights = load_rights(session, origin.acteur)
    standings = {numero: _held(origin, rights, found) for numero, found in waiting.items()}
    allowed = {numero: standing for numero, standing in standings.items() if standing is not None}
    if waiting and not allowed:
        raise AccessError(Code.HABILITATION_MISSING)
    hold_demandes(session, {waiting[numero].id_demande for numero in allowed})
    # The day of one may have come, or somebody may have given it up, before it was held.
    left = {one.numero for one in revocations.lock_waiting(session, sorted(allowed)).values()}
    revocations.give_up(session, origin, {numero: allowed[numero] for numero in left}, now)
    return len(left)


def _standing(origin: Origin, rights: Rights, found: Found) -> Standing:
    standing = _held(origin, rights, found)
    if standing is None:
        raise AccessError(Code.HABILITATION_MISSING)
    return standing


def _held(origin: Origin, rights: Rights, found: Found) -> Standing | None:
    """In the role of the demande where the acteur has it, else in one that he has: nobody chooses twice."""
    held = revoking_standings(origin.acteur, rights, found.offre, found.structure, found.beneficiaire)
    own = None if found.role is None else held.get(found.role)
    return own or next(iter(held.values()), None)
