"""What Pro Santé Connect says of who has signed in: his national id and the type of person that he is, or a refusal.

Its claims are those of the session of an e-CPS or a card (Pro Santé Connect, userinfo): ``sub`` is
``f:<uuid>:<national id>``, ``SubjectNameID`` and ``preferred_username`` the national id (PS_IdNat, CI-SIS annex
« Sources des données personnes et structures » §5.4), ``SubjectRole`` a list of ``code^OID``, and each exercice of
``SubjectRefPro`` has a ``codeCategorieProfessionnelle`` (TRE_R09: C, M, E for a student).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from registration.errors import AccessError, Code
from registration.rules.limits import is_personne
from registration.values import Sujet
from registration.vocabulary import TypePersonne

_SUB = re.compile(r"f:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:([^:]*)", re.ASCII)
# A profession of the national tables, in the value set of roles (JDV_J65): staff and others have a word there.
_PROFESSION = re.compile(r"[1-9][0-9]\^1\.2\.250\.1\.213\.1\.1\.5\.5", re.ASCII)
_STUDENT = "E"
# PS_IdNat begins with the kind of its number. Kinds 2 and 9 are given to nobody since 2020; the others but ADELI and
# RPPS, which are those of professionals, are a structure's with its own number of the person.
_PROFESSIONALS = {"0": re.compile("0[0-9A-Z]{9}"), "8": re.compile("8[0-9]{11}")}
_FORMS = {**_PROFESSIONALS, **dict.fromkeys("13456", re.compile("[0-9A-Z]{1,30}/[0-9A-Z]{1,30}"))}


def read_national_id(sujet: Sujet) -> str:
    """The national id of a verified subject, letter by letter that of his card; nothing is trimmed or folded.

    AccessError ERR_WS_027 when it has not the form of one, or when ``sub`` names somebody else or nobody.
    """
    named = _SUB.fullmatch(sujet.sub)
    ident = sujet.subject_name_id
    form = _FORMS.get(ident[:1])
    has_form = is_personne(ident) and form is not None and form.fullmatch(ident) is not None
    if named is None or named[1] != ident or not has_form:
        raise AccessError(Code.SUBJECT_REFUSED)
    return ident


def type_of_subject(ident: str, roles: Sequence[str], categories: Sequence[str]) -> TypePersonne:
    """As his card's family would say it; whatever is not known makes him a member of staff, who has no right by type.

    A professional has the number and the role of one; he is in training (PF) when every exercice is a student's.
    """
    is_professional = ident[:1] in _PROFESSIONALS and any(_PROFESSION.fullmatch(role) for role in roles)
    if not is_professional or not categories:
        return TypePersonne.PE
    return TypePersonne.PF if set(categories) == {_STUDENT} else TypePersonne.PS
