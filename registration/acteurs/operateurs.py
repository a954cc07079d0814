"""The one door of who may enter the operators' room of the portal: named and ended by the command line alone.

It is a right of its own: an administrateur has it no more than an administrateur technique, no application ever has it,
and who acts for a third party has neither that one's nor, for the time, his own.
"""

from __future__ import annotations

from registration.acteurs.naming import NamedLine, Naming
from registration.errors import AccessError, Code
from registration.values import Caller
from registration.vocabulary import Acte
from storage import tables
from storage.database import Database

OperateurLine = NamedLine

_naming = Naming(
    tables.Operateur,
    (Acte.OPERATOR_NAMED, Acte.OPERATOR_ENDED),
    "est une application : seule une personne entre dans l'espace d'exploitation",
)
is_operateur = _naming.holds
name_operateur = _naming.name
end_operateur = _naming.dismiss
list_operateurs = _naming.list_all


def may_operate(db: Database, caller: Caller) -> bool:
    """Whether who presents the certificate may be in the room now: in his own name, and named."""
    if caller.administrateur is not None:
        return False
    with db.read() as session:
        return is_operateur(session, caller.acteur)


def admit(db: Database, caller: Caller) -> None:
    """AccessError (ERR_IHM_026) unless ``may_operate``; asked again before every look and every act."""
    if not may_operate(db, caller):
        raise AccessError(Code.HABILITATION_MISSING)
