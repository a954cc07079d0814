"""What userinfo says of who has logged in, as the registration authority reads it."""

from __future__ import annotations

from typing import Any

import msgspec

from portal_ihm.login.psc.config import PscError
from registration.values import Sujet


class _Exercice(msgspec.Struct, frozen=True):
    codeCategorieProfessionnelle: str | None = None  # noqa: N815 -- the name is that of the claim


class _Reference(msgspec.Struct, frozen=True):
    exercices: tuple[_Exercice, ...] = ()


class _Userinfo(msgspec.Struct, frozen=True, kw_only=True):
    sub: str
    subject_name_id: str = msgspec.field(name="SubjectNameID")
    roles: tuple[str, ...] = msgspec.field(name="SubjectRole", default=())
    reference: _Reference = msgspec.field(name="SubjectRefPro", default=_Reference())
    family_name: str = ""
    given_name: str = ""


def read_sujet(issuer: str, sub: str, userinfo: dict[str, Any]) -> Sujet:
    """The subject that ``sub`` of the ID token names; PscError when userinfo is of another one (Core 1.0 §5.3.2)."""
    try:
        said = msgspec.convert(userinfo, _Userinfo)
    except msgspec.ValidationError:
        raise PscError("userinfo incomplete") from None
    if said.sub != sub:
        raise PscError("userinfo of another subject")
    categories = (exercice.codeCategorieProfessionnelle for exercice in said.reference.exercices)
    return Sujet(
        emetteur=issuer,
        sub=sub,
        subject_name_id=said.subject_name_id,
        roles=said.roles,
        categories=tuple(category for category in categories if category is not None),
        nom=said.family_name,
        prenom=said.given_name,
    )
